"""Waits for files that the test makes; tells how far it came by files of its own."""
import os
import time

HERE = os.path.dirname(__file__)


def note(name):
    with open(os.path.join(HERE, "notes", name), "w") as file:
        file.write(str(os.getpid()))


def gate(name):
    while not os.path.exists(os.path.join(HERE, name)):
        time.sleep(0.002)


def before(start_response):
    note("before")
    gate("go")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done %d" % os.getpid()]


def during(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    note("during")
    gate("go")
    yield b" ended"


def application(environ, start_response):
    if environ["PATH_INFO"] == "/before":
        return before(start_response)
    if environ["PATH_INFO"] == "/during":
        return during(start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
