"""Tells what its interpreter was made with, and tries what may be restricted."""
import json
import os
import signal
import sys
import threading

import mod_wsgi

marks = getattr(json, "marks", [])  # of every script of this interpreter
json.marks = marks
local = threading.local()


def ask(stream):
    """What using the stream raises, or its name."""
    try:
        return stream.name
    except OSError as error:
        return "OSError: %s" % error


def register():
    """What registering a handler gives back, and what then is registered."""
    def handler(number, frame):
        pass

    before = signal.getsignal(signal.SIGTERM)
    try:
        given = signal.signal(signal.SIGTERM, handler)
    except ValueError as error:
        return "ValueError: %s" % error
    after = signal.getsignal(signal.SIGTERM)
    return "%s, %s" % ("given back" if given is handler else "another", "unchanged" if before is after else "changed")


def facts():
    return {
        "pid": os.getpid(), "interpreter": mod_wsgi.application_group, "version": "%d.%d" % sys.version_info[:2],
        "optimize": sys.flags.optimize, "dont_write_bytecode": sys.dont_write_bytecode, "warnings": sys.warnoptions,
        "hash": str(hash("a")), "interval": sys.getswitchinterval(), "path": sys.path, "package": list(mod_wsgi.__path__),
        "prefix": sys.prefix, "executable": sys.executable, "eggs": os.environ.get("PYTHON_EGG_CACHE", ""),
        "stdin": ask(sys.stdin), "stdout": ask(sys.stdout), "stderr": ask(sys.stderr), "raw_stdout": ask(sys.__stdout__),
        "types": [type(s).__name__ for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)],
    }


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/mark":
        marks.append(mod_wsgi.application_group)
        body = str(len(marks))
    elif path == "/local":
        local.count = getattr(local, "count", 0) + 1
        body = "%d %d" % (threading.get_ident(), local.count)
    elif path == "/signal":
        body = register()
    elif path == "/inside":
        import inside_the_venv
        body = "found" if inside_the_venv else ""
    elif path == "/fallback":
        sys.__stdout__.write("by the way of the fallback\n")
        body = ""
    else:
        body = json.dumps(facts())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("ascii")]
