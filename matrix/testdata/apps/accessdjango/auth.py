"""The users of a Django site, by Django's own handler for this purpose."""
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:access?mode=memory&cache=shared"}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"], SECRET_KEY="matrix", USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

from django.contrib.auth.handlers.modwsgi import check_password, groups_for_user  # noqa: E402, F401
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

# What keeps the database in memory for all threads.
connection.ensure_connection()
kept = connection.connection
call_command("migrate", verbosity=0)
editors = Group.objects.create(name="editors")
for name in ("editor", "reader", "inactive"):
    user = User.objects.create_user(name, password="secret", is_active=name != "inactive")
    if name != "reader":
        user.groups.add(editors)
