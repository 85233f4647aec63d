"""Sends headers that are the server's business, with a body of one length or in blocks."""

HEADERS = {
    "transfer-encoding": ("Transfer-Encoding", "chunked"),
    "connection": ("Connection", "keep-alive, X-Secret"),
    "keep-alive": ("Keep-Alive", "timeout=100"),
    "upgrade": ("Upgrade", "h2c"),
    "trailer": ("Trailer", "X-Late"),
    "te": ("TE", "trailers"),
    "proxy-connection": ("Proxy-Connection", "keep-alive"),
}


def application(environ, start_response):
    name, value = HEADERS[environ["PATH_INFO"][1:]]
    start_response("200 OK", [("Content-Type", "text/plain"), (name, value), ("X-After", "yes")])
    body = [b"bo", b"dy"]
    return iter(body) if environ["QUERY_STRING"] else body
