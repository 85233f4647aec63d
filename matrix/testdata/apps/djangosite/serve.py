"""The same site on the port given, by the server of "manage.py runserver": what the module's answers are compared with."""
import os
import sys
import types

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "app.wsgi")
# ROOT_URLCONF is the script: it has to be a module that can be imported.
site = sys.modules["site_under_test"] = types.ModuleType("site_under_test")
site.__file__ = path
with open(path, encoding="utf-8") as source:
    exec(compile(source.read(), path, "exec"), site.__dict__)

from django.core.servers.basehttp import run  # noqa: E402

run("127.0.0.1", int(sys.argv[1]), site.application, threading=True)
