"""Tells about the process it runs in."""
import atexit
import json
import locale
import os
import signal
import sys


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink("/proc/self/fd/" + name)
        except OSError:
            pass
    return found


def say_goodbye():
    print("the process %d is over" % os.getpid())


def application(environ, start_response):
    if environ["PATH_INFO"] == "/atexit":
        atexit.register(say_goodbye)
    elif environ["PATH_INFO"] == "/raw":
        os.write(2, b"written to descriptor 2\n")
    mask = os.umask(0)
    os.umask(mask)
    body = json.dumps({
        "pid": os.getpid(), "ppid": os.getppid(), "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
        "euid": os.geteuid(), "umask": mask, "cwd": os.getcwd(), "path": sys.path, "argv": sys.argv,
        "executable": sys.executable, "prefix": sys.prefix, "environ": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL), "descriptors": descriptors(),
        "signal": signal.signal(signal.SIGTERM, signal.SIG_IGN) is signal.SIG_IGN if environ["PATH_INFO"] == "/signal" else None,
        "stdin": os.readlink("/proc/self/fd/0"),
    })
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode("ascii")]
