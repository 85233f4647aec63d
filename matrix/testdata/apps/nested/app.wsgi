"""Streams a page in which mod_include finds requests for /part, and fails at /fail."""


def page(start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    yield b"<"
    yield b'<!--#include virtual="/part?100000" -->'
    yield b"-" * 200000
    yield b'<!--#include virtual="/part?3" -->'
    yield b">"


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/page":
        return page(start_response)
    if path == "/fail":
        environ["wsgi.input"].read()
        raise RuntimeError("on purpose")
    status = "200 OK"
    if path == "/sorry":
        status = "500 Internal Server Error"
        body = environ["wsgi.input"].read()
        found = [environ["REQUEST_METHOD"], environ["REDIRECT_URL"], environ.get("CONTENT_LENGTH"), body]
        data = repr(found).encode()
    else:
        data = b"x" * int(environ["QUERY_STRING"])
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]
