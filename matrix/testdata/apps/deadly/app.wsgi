"""Grows, and dies in several ways."""
import ctypes
import os
import resource
import time

kept = []


def end_by_segv():
    ctypes.string_at(1)


def end_by_abort():
    os.abort()


def end_by_exit():
    os._exit(3)


def end_by_kill():
    os.kill(os.getpid(), 9)


def end_by_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    end_by_segv()


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what == "grow":
        kept.append(bytearray(b"x") * (80 << 20))
    elif what:
        globals()["end_by_" + what]()
        time.sleep(20)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
