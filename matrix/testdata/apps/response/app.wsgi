"""Answers with the status and headers that the path names, and the body "body"."""

PLAIN = [("Content-Type", "text/plain")]

ANSWERS = {
    "plain": ("200 OK", PLAIN),
    "no-type": ("200 OK", []),
    "no-content": ("204 No Content", PLAIN),
    "not-modified": ("304 Not Modified", [("ETag", '"x"')]),
    "found": ("302 Found", PLAIN + [("Location", "/elsewhere?x=1")]),
    "absolute": ("302 Found", PLAIN + [("Location", "http://example.com/a")]),
    "custom": ("299 Quite Well", PLAIN),
    "odd": ("999 Odd", PLAIN),
    "bare": ("404", PLAIN),
    "words": ("200 Error", PLAIN),
    "error": ("503 Later", PLAIN),
    "cookies": ("200 OK", PLAIN + [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")]),
    "challenge": ("401 No", PLAIN + [("WWW-Authenticate", "Basic realm=a"), ("WWW-Authenticate", "Bearer")]),
    "repeated": ("200 OK", PLAIN + [("X-A", "1"), ("X-A", "2")]),
    "many": ("200 OK", PLAIN + [("X-%d" % n, str(n)) for n in range(25)]),
    "long": ("200 OK", PLAIN + [("X-Long", "x" * 20000)]),
    "absolute-200": ("200 OK", PLAIN + [("Location", "http://example.com/a")]),
    "relative": ("302 Found", PLAIN + [("Location", "next?x=1")]),
    "local": ("200 OK", PLAIN + [("Location", "/static/f?x=1"), ("Content-Length", "4"), ("X-Own", "1")]),
    "lost": ("200 OK", PLAIN + [("Location", "/static/none")]),
    "bytes": ("200 OK", PLAIN + [("X-Bytes", "\u20ac".encode("utf-8").decode("latin-1") + "\xff\x80")]),
    "large": ("200 OK", PLAIN + [("X-Large", "x" * 40960)]),
    "latin": ("200 OK", PLAIN + [("X-Latin", "caf\xe9")]),
    "status-header": ("200 OK", PLAIN + [("Status", "404 Nope")]),
    "type": ("200 OK", [("Content-Type", "Text/X-Odd; Charset=UTF-8")]),
    "etag": ("200 OK", PLAIN + [("ETag", '"x"'), ("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")]),
}


def application(environ, start_response):
    start_response(*ANSWERS[environ["PATH_INFO"][1:]])
    return [b"body"]
