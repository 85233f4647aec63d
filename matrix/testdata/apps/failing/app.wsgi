"""Breaks the rules in the way that the path names."""
import itertools
import os
import sys

PLAIN = [("Content-Type", "text/plain")]
closed = []


class Result:
    """An iterable that notes each close()."""

    def __init__(self, name, blocks, error=None):
        self.name, self.blocks, self.error = name, blocks, error

    def __iter__(self):
        for block in self.blocks:
            yield block
        if self.error:
            raise self.error

    def close(self):
        closed.append(self.name)


def boom():
    raise ZeroDivisionError("boom")


def before(environ, start_response):
    boom()


def no_traceback(environ, start_response):
    sys.modules["traceback"] = None   # whoever imports it gets an ImportError
    boom()


def started(environ, start_response):
    start_response("200 OK", PLAIN)
    boom()


def first_block(environ, start_response):
    start_response("200 OK", PLAIN)
    return Result("first_block", [], ZeroDivisionError("boom"))


def after(environ, start_response):
    start_response("200 OK", PLAIN)
    return Result("after", [b"part"], ZeroDivisionError("boom"))


def fine(environ, start_response):
    start_response("200 OK", PLAIN)
    return Result("fine", [b"fi", b"ne"])


def bad_close(environ, start_response):
    class Bad(Result):
        def close(self):
            boom()

    start_response("200 OK", PLAIN)
    return Bad("bad_close", [b"whole"])


def no_start(environ, start_response):
    return [b"body"]


def no_start_empty(environ, start_response):
    return []


def none(environ, start_response):
    start_response("200 OK", PLAIN)


def text(environ, start_response):
    start_response("200 OK", PLAIN)
    return ["text"]


def text_later(environ, start_response):
    start_response("200 OK", PLAIN)
    return Result("text_later", [b"bytes", "text"])


def number_later(environ, start_response):
    start_response("200 OK", PLAIN)
    return Result("number_later", [b"bytes", 1])


def endless(environ, start_response):
    start_response("200 OK", PLAIN)
    return Result("endless", itertools.repeat(b"x" * 65536))


def continued(environ, start_response):
    start_response("100 X", PLAIN)
    return [b"never"]


def hinted(environ, start_response):
    start_response("103 Early", PLAIN)
    return [b"never"]


def number(environ, start_response):
    start_response("200 OK", PLAIN)
    return [1]


def array(environ, start_response):
    start_response("200 OK", PLAIN)
    return [bytearray(b"x")]


def raw_bytes(environ, start_response):
    start_response("200 OK", PLAIN)
    return b"bytes"


def system_exit(environ, start_response):
    sys.exit(3)


def replaced(environ, start_response):
    start_response("200 OK", PLAIN)
    try:
        boom()
    except ZeroDivisionError:
        start_response("500 Replaced", PLAIN + [("X-Replaced", "yes")], sys.exc_info())
    return [b"replaced"]


def reraised(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"part")
    try:
        boom()
    except ZeroDivisionError:
        start_response("500 Replaced", PLAIN, sys.exc_info())
    return [b"never"]


def twice(environ, start_response):
    start_response("404 First", PLAIN + [("X-First", "yes")])
    start_response("200 Second", PLAIN + [("X-Second", "yes")])
    return [b"second"]


def twice_late(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"part ")
    try:
        start_response("200 OK", PLAIN)
    except RuntimeError:
        return [b"RuntimeError"]
    return [b"accepted"]


def bad_length(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", environ["QUERY_STRING"])])
    return [b"12345"]


def two_lengths(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "5"), ("Content-Length", "6")])
    return [b"12345"]


def show(environ, start_response):
    start_response("200 OK", PLAIN)
    return [",".join(closed).encode("ascii"), b" %d" % os.getpid()]


def application(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)
