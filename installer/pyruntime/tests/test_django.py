"""manage.py runmodwsgi: what the settings of a project become. Django is stood in for."""

import importlib
import pathlib
import sys
import types
import unittest
from unittest import mock

NAME = "mod_wsgi.express.management.commands.runmodwsgi"


class Settings(unittest.TestCase):
    def setUp(self):
        self.project = types.SimpleNamespace(
            WSGI_APPLICATION="shop.wsgi.application", BASE_DIR=pathlib.Path("/srv/it's"), STATIC_URL="static/", STATIC_ROOT=None
        )
        modules = {name: types.ModuleType(name) for name in ("django", "django.conf", "django.core", "django.core.management", "django.core.management.base")}
        modules["django.conf"].settings = types.SimpleNamespace(_wrapped=self.project)
        for name in ("WSGI_APPLICATION", "BASE_DIR"):
            setattr(modules["django.conf"].settings, name, getattr(self.project, name))
        modules["django.core.management.base"].BaseCommand = object
        modules["django.core.management.base"].CommandError = ValueError
        patch = mock.patch.dict(sys.modules, modules)
        patch.start()
        self.addCleanup(patch.stop)
        sys.modules.pop(NAME, None)
        self.command = importlib.import_module(NAME)

    def words(self, **values):
        options = [{"name": name, "repeatable": name == "url-alias"} for name in ("mount-point", "working-directory", "url-alias", "port")]
        return self.command.arguments(options, {"mod_wsgi_" + name.replace("_", "-"): value for name, value in values.items()})

    def aliases(self, words):
        return [(words[i + 1], words[i + 2]) for i, word in enumerate(words) if word == "--url-alias"]

    def test_application_and_folder(self):
        self.assertEqual(self.words(), ["--application-type=module", "--entry-point=shop.wsgi", "--callable-object=application", "--working-directory=/srv/it's"])
        self.assertNotIn("--working-directory=/srv/it's", self.words(working_directory="/x"))

    def test_files(self):
        both = [("/static", "/srv/s"), ("/media", "/srv/m")]
        for name, project, mount, want in (
            ("as startproject has it, collected", {"STATIC_ROOT": "/srv/s"}, None, both[:1]),
            ("path objects", {"STATIC_ROOT": pathlib.Path("/srv/s"), "STATIC_URL": "/static/"}, None, both[:1]),
            ("below the mount point", {"STATIC_ROOT": "/srv/s"}, "/shop/", [("/shop/static", "/srv/s")]),
            ("not what begins with a slash", {"STATIC_ROOT": "/srv/s", "STATIC_URL": "/static/"}, "/shop", both[:1]),
            ("on another server", {"STATIC_ROOT": "/srv/s", "STATIC_URL": "https://cdn.example.org/"}, None, []),
            ("WhiteNoise", {"STATIC_ROOT": "/srv/s", "MIDDLEWARE": ["whitenoise.middleware.WhiteNoiseMiddleware"]}, None, []),
            ("media unasked", {"STATIC_ROOT": "/srv/s", "MEDIA_URL": "/media/", "MEDIA_ROOT": "/srv/m"}, None, both[:1]),
            ("media", {"STATIC_ROOT": "/srv/s", "MEDIA_URL": "media/", "MEDIA_ROOT": "/srv/m", "MOD_WSGI_EXPRESS_MEDIA": True}, None, both),
            ("media without a URL would be everything", {"MEDIA_URL": "/", "MEDIA_ROOT": "/srv/m", "MOD_WSGI_EXPRESS_MEDIA": True}, None, []),
        ):
            with self.subTest(name):
                self.setUp()
                for key, value in project.items():
                    setattr(self.project, key, value)
                self.assertEqual(self.aliases(self.words(mount_point=mount)), want)

    def test_the_users_own_come_behind(self):
        self.project.STATIC_ROOT = "/srv/s"
        words = self.words(url_alias=[["/a", "/b"]], port=8080)
        self.assertEqual(self.aliases(words), [("/static", "/srv/s"), ("/a", "/b")])
        self.assertEqual(words[-1], "--port=8080")

    def test_no_application(self):
        self.command.settings.WSGI_APPLICATION = None
        with self.assertRaisesRegex(ValueError, "WSGI_APPLICATION must name the application"):
            self.words()


if __name__ == "__main__":
    unittest.main()
