"""Asks for its own reloading while the file "again" exists, and raises while "raise" does."""
import os

HERE = os.path.dirname(__file__)
loaded = os.urandom(8).hex()


def reload_required(path):
    if os.path.exists(os.path.join(HERE, "raise")):
        raise ValueError("cannot tell")
    again = os.path.join(HERE, "again")
    if not os.path.exists(again):
        return False
    os.unlink(again)
    return True


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [loaded.encode("ascii")]
