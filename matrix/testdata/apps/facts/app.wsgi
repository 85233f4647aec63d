"""What the Python at run time is: compared with what was asked for."""
import importlib
import json
import os
import sys

IMPORTS = "math _socket _ssl pyexpat _sqlite3 _ctypes zlib".split()


def libpython():
    with open("/proc/self/maps") as maps:
        return sorted({line.split()[-1] for line in maps if "/libpython" in line})


def tried(name):
    try:
        importlib.import_module(name)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    return ""


def application(environ, start_response):
    gil = getattr(sys, "_is_gil_enabled", lambda: True)
    body = json.dumps({
        "version": "%d.%d.%d" % sys.version_info[:3],
        "hexversion": sys.hexversion,
        "abiflags": sys.abiflags,
        "gil": gil(),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "path": sys.path,
        "libpython": libpython(),
        "imports": {name: tried(name) for name in IMPORTS if environ["QUERY_STRING"] != "none"},
        "process_group": environ["mod_wsgi.process_group"],
        "module": list(environ["mod_wsgi.version"]),
        "pid": os.getpid(),
        "uid": os.getuid(),
    })
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode("ascii")]
