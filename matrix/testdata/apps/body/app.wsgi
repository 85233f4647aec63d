"""Reads the request body in the way that the path names; answers with repr()."""
import hashlib
from urllib.parse import parse_qsl


def digest(read, size):
    sum, count = hashlib.sha256(), 0
    for block in iter(lambda: read(size), b""):
        sum.update(block)
        count += len(block)
    return count, sum.hexdigest()


def refused(call, *args):
    try:
        call(*args)
    except Exception as error:
        return type(error).__name__
    return "accepted"


WAYS = {
    "read": lambda i: i.read(),
    "read-minus": lambda i: i.read(-1),
    "split": lambda i: (i.read(10), i.read()),
    "zero": lambda i: (i.read(0), i.read()),
    "end": lambda i: (i.read(), i.read(), i.read(5), i.readline(), i.readlines(), list(i)),
    "readline": lambda i: (i.readline(), i.readline(), i.readline(), i.readline()),
    "readline-5": lambda i: (i.readline(5), i.readline(5), i.readline()),
    "readlines": lambda i: i.readlines(),
    "readlines-1": lambda i: (i.readlines(1), i.read()),
    "iterate": lambda i: [line for line in i],
    "closed": lambda i: (i.close(), i.read()),
    "wrong": lambda i: (refused(i.read, "x"), refused(i.readline, b""), refused(i.readlines, 1.5)),
    "lacks": lambda i: [n for n in ("seek", "tell", "write", "fileno") if hasattr(i, n)],
    "sha256": lambda i: digest(i.read, 65536),
    "form": lambda i: parse_qsl(i.read().decode("ascii")),
    "type": lambda i: type(i).__module__ + "." + type(i).__name__,
}


def application(environ, start_response):
    result = repr(WAYS[environ["PATH_INFO"][1:]](environ["wsgi.input"])).encode("ascii")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(result)))])
    return [result]
