"""Logs without end while it is loaded, in the process that finds a file to say so."""
import os
import sys

HERE = os.path.dirname(__file__)


def note(name):
    with open(os.path.join(HERE, "notes", name), "w") as file:
        file.write(str(os.getpid()))


try:
    os.rename(os.path.join(HERE, "notes", "stall"), os.path.join(HERE, "notes", "stalled"))
except FileNotFoundError:
    pass
else:
    note("loading")
    while not os.path.exists(os.path.join(HERE, "go")):
        print("still loading", file=sys.stderr, flush=True)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/wait":
        note("waiting")
        while not os.path.exists(os.path.join(HERE, "go")):
            pass
    elif environ["PATH_INFO"] == "/large":
        for _ in range(64):
            yield b"x" * (1 << 20)
    else:
        yield b"%d" % os.getpid()
