"""What the benchmark asks of every server: one application, a path for each workload."""

import json
import os
import sys

TEN_KB = b"x" * 10240
ONE_MB = b"x" * 1048576
BIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "100M")


def hello(environ):
    return b"Hello World!"


def ten_kb(environ):
    return TEN_KB


def one_mb(environ):
    return ONE_MB


def upload(environ):
    length = int(environ["CONTENT_LENGTH"])
    return b"%d" % len(environ["wsgi.input"].read(length))


def upload_big(environ):
    got = 0
    body = environ["wsgi.input"]
    left = int(environ["CONTENT_LENGTH"])
    while left > 0:
        chunk = body.read(min(left, 65536))
        if not chunk:
            break
        left -= len(chunk)
        got += len(chunk)
    return b"%d" % got


def cpu(environ):
    """The same amount of work each time, some two milliseconds."""
    x = 1
    for _ in range(30000):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return b"%d" % x


def about(environ):
    gil = getattr(sys, "_is_gil_enabled", None)
    return json.dumps({
        "pid": os.getpid(),
        "python": sys.version.split()[0],
        "gil": True if gil is None else gil(),
        "group": environ.get("mod_wsgi.process_group", ""),
    }).encode()


PATHS = {
    "/hello": hello, "/10k": ten_kb, "/1M": one_mb, "/upload": upload,
    "/cpu": cpu, "/upload100": upload_big, "/about": about,
}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/download100":
        size = os.path.getsize(BIG)
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
        return environ["wsgi.file_wrapper"](open(BIG, "rb"), 65536)
    body = PATHS[path](environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
