"""``manage.py runmodwsgi``: serve the project with mod_wsgi-express.

The options are those of ``mod_wsgi-express start-server``, which is asked for
them. What to serve comes from the settings of the project.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ... import cli

__all__ = ["Command", "arguments"]

TYPES = {"int": int, "float": float, "str": str}
DEST = "mod_wsgi_"
# The settings say it.
OURS = ("application-type", "entry-point", "callable-object")
# Files that visitors have sent are for everybody only if the project says so: a
# view of the project may ask who may see them.
MEDIA = "MOD_WSGI_EXPRESS_MEDIA"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


def _options():
    """What start-server knows, as the program says."""
    try:
        out = subprocess.run([cli.find(), "x-options"], stdout=subprocess.PIPE, check=True).stdout
        return json.loads(out)
    except (OSError, ValueError, cli.ProgramError, subprocess.CalledProcessError) as error:
        raise CommandError("the options of mod_wsgi-express cannot be had: %s" % error)


def _add(parser, option):
    """Have *parser* know one option, unless Django has one of that name."""
    name, keys = "--" + option["name"], {"dest": DEST + option["name"], "help": option["help"].replace("%", "%%")}
    if name in parser._option_string_actions:
        return
    if option["type"] == "bool":
        keys.update(action="store_true", default=False)
    else:
        keys.update(default=None, type=TYPES[option["type"]])
        if option["repeatable"]:
            keys["action"] = "append"
        if option["arity"] == 2:
            keys.update(nargs=2, metavar=tuple((option.get("metavar") or "KEY VALUE").split()[:2]))
        elif option.get("metavar"):
            keys["metavar"] = option["metavar"]
    parser.add_argument(name, **keys)


def _given(options, values):
    """The words of what was given on the command line."""
    words = []
    for option in options:
        name, value = option["name"], values.get(DEST + option["name"])
        if value is None or value is False or name in OURS:
            continue
        if value is True:
            words.append("--" + name)
            continue
        for item in value if option["repeatable"] else [value]:
            items = item if isinstance(item, (list, tuple)) else [item]
            if len(items) == 1:
                words.append("--%s=%s" % (name, items[0]))
            else:
                words += ["--" + name] + [str(i) for i in items]
    return words


def _application():
    """Module and callable of WSGI_APPLICATION."""
    module, _, name = (getattr(settings, "WSGI_APPLICATION", None) or "").rpartition(".")
    if not module or not name:
        raise CommandError("the setting WSGI_APPLICATION must name the application, such as 'project.wsgi.application'")
    return module, name


def _folder():
    """Where the project is."""
    base = getattr(settings, "BASE_DIR", None)
    if base:
        return os.fspath(base)
    top = os.environ.get("DJANGO_SETTINGS_MODULE", "").partition(".")[0]
    spec = importlib.util.find_spec(top) if top else None
    if spec is None or not spec.origin:
        raise CommandError("the folder of the project is not known: set BASE_DIR, or give --working-directory")
    file = os.path.abspath(spec.origin)
    return os.path.dirname(os.path.dirname(file) if spec.submodule_search_locations else file)


def _setting(name):
    """The setting as the project has it: Django puts a prefix before relative URLs."""
    return getattr(getattr(settings, "_wrapped", settings), name, None)


def _files(mount_point):
    """The words that have Apache serve the files of the project, if it is to do so."""
    used = list(_setting("MIDDLEWARE") or _setting("MIDDLEWARE_CLASSES") or ())
    words = []
    if WHITENOISE not in used:
        words += _alias("STATIC", mount_point)
    if _setting(MEDIA):
        words += _alias("MEDIA", mount_point)
    return words


def _alias(kind, mount_point):
    url, root = _setting(kind + "_URL"), _setting(kind + "_ROOT")
    if not url or not root or "//" in url:          # no files, or on another server
        return []
    if not url.startswith("/"):
        url = "/" + "/".join(part for part in (mount_point.strip("/"), url) if part)
    if kind == "MEDIA" and not url.strip("/"):      # Django's default is ""
        return []
    return ["--url-alias", url.rstrip("/") or "/", os.path.abspath(os.fspath(root))]


def arguments(options, values):
    """The words behind ``start-server`` for this project."""
    module, name = _application()
    given = _given(options, values)
    words = ["--application-type=module", "--entry-point=" + module, "--callable-object=" + name]
    if values.get(DEST + "working-directory") is None:
        words.append("--working-directory=" + _folder())
    if values.get(DEST + "python-executable") is None and any(o["name"] == "python-executable" for o in options):
        words.append("--python-executable=" + sys.executable)
    return words + _files(values.get(DEST + "mount-point") or "/") + given


class Command(BaseCommand):
    """The command; it ends as the server does."""

    help = "Serve the project with a private Apache and mod_wsgi."
    requires_system_checks = []

    def add_arguments(self, parser):
        """Take the options of the program."""
        self.options = _options()
        group = parser.add_argument_group("mod_wsgi-express")
        group._option_string_actions = parser._option_string_actions
        for option in self.options:
            try:
                _add(group, option)
            except argparse.ArgumentError:
                raise CommandError("Django and mod_wsgi-express both have an option --%s" % option["name"])

    def handle(self, *args, **values):
        """Become the server."""
        try:
            cli.start(*arguments(self.options, values))
        except (OSError, cli.ProgramError) as error:
            raise CommandError("mod_wsgi-express cannot be run: %s" % error)
