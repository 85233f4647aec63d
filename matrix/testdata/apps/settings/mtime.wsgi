"""Takes away what its freshness is told by, when it is asked to."""
import os

loaded = os.urandom(8).hex()


def application(environ, start_response):
    if environ["PATH_INFO"] == "/forget":
        del globals()["__mtime__"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [loaded.encode("ascii")]
