"""The smallest useful WSGI application: twelve bytes of text."""

__all__ = ["application"]


def application(environ, start_response):
    """Answer every request with ``Hello World!``."""
    body = b"Hello World!"
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))],
    )
    return [body]
