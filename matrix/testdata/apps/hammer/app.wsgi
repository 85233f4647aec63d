"""Everything that an application can ask of the gateway, from many threads at a time."""
import io
import json
import os
import sys
import threading

kept = []                         # objects of other requests, which are over


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def body(environ, start_response):
    data = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % len(data)]


def lines(environ, start_response):
    n = sum(1 for _ in environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % n]


def shared(environ, start_response):
    """Two threads of the application read one body."""
    sizes, stream = [], environ["wsgi.input"]

    def read():
        while True:
            piece = stream.read(100)
            if not piece:
                break
            sizes.append(len(piece))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % sum(sizes)]


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for n in range(20):
        yield b"x" * 100


def write(environ, start_response):
    put = start_response("200 OK", [("Content-Type", "text/plain")])
    put(b"one ")
    put(b"two")
    return []


def wrapped(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"y" * 50000))


def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


def printed(environ, start_response):
    environ["wsgi.errors"].write("hammered by thread %s\n" % environ["mod_wsgi.thread_id"])
    print("hammered too", file=sys.stderr)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"printed"]


def keep(environ, start_response):
    """Objects of requests that are over, used by the thread of another."""
    kept.append((environ["wsgi.input"], start_response, environ))
    if len(kept) > 8:
        old, start, env = kept.pop(0)
        for use in (lambda: old.read(), lambda: start("200 OK", []), lambda: env["wsgi.early_hints"]([])):
            try:
                use()
            except RuntimeError:
                pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"kept"]


def module(environ, start_response):
    import mod_wsgi
    answer = [mod_wsgi.process_group, mod_wsgi.application_group, list(mod_wsgi.version)]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].rpartition("/")[2]](environ, start_response)
