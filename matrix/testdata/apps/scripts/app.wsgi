"""A script that knows its names."""
import hashlib
import sys


def application(environ, start_response):
    want = "_mod_wsgi_" + hashlib.md5(__file__.encode()).hexdigest()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr((__name__ == want, sys.modules.get(__name__) is not None, __file__ == environ["SCRIPT_FILENAME"])).encode("ascii")]
