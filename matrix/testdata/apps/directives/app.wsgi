"""Does what the last part of the path names: for directives that change what comes of it."""
import os

PLAIN = ("Content-Type", "text/plain")


def sevens(environ, start):
    parts = list(iter(lambda: environ["wsgi.input"].read(7), b""))
    start("200 OK", [PLAIN])
    return [repr((environ.get("CONTENT_LENGTH"), [len(p) for p in parts], b"".join(parts))).encode("ascii")]


def caught(environ, start):
    try:
        environ["wsgi.input"].read()
        said = "all of it"
    except OSError as error:
        said = type(error).__name__
    start("200 OK", [PLAIN])
    return [b"the application saw ", said.encode("ascii")]


def method(environ, start):
    start("200 OK", [PLAIN, ("X-Method", environ["REQUEST_METHOD"])])
    return [b"a body for whoever wants one " * 50]


def status(code):
    def answer(environ, start):
        start(code, [PLAIN, ("Set-Cookie", "a=b"), ("X-Own", "1")])
        return [b"the application's own words"]
    return answer


def big(environ, start):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "big")
    start("200 OK", [PLAIN])
    return environ["wsgi.file_wrapper"](open(path, "rb"))


def name(environ, start):
    start("200 OK", [PLAIN])
    return [__name__.encode("ascii")]


WAYS = {
    "sevens": sevens, "caught": caught, "method": method, "big": big, "name": name,
    "404": status("404 Nothing Here"), "503": status("503 Tired"), "401": status("401 Who"), "200": status("200 OK"),
}


def application(environ, start_response):
    return WAYS[environ["PATH_INFO"].rsplit("/", 1)[-1]](environ, start_response)
