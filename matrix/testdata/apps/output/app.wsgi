"""Gives its body in the way that the path names."""
import os
import time

HERE = os.path.dirname(__file__)
BLOCK = bytes(range(256)) * 256
PLAIN = [("Content-Type", "text/plain")]


def gate(name):
    """Wait until the test has made the file NAME."""
    while not os.path.exists(os.path.join(HERE, name)):
        time.sleep(0.002)


def stream(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"one"
    gate("second" + environ["QUERY_STRING"])
    yield b"two"
    gate("third" + environ["QUERY_STRING"])
    yield b"three"


def big(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(320):
        yield BLOCK


def sized(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(320 * len(BLOCK)))])
    return [BLOCK] * 320


def text(environ, start_response):
    """Compresses well: in one block, in many, or with its length."""
    how, body = environ["QUERY_STRING"], b"compressible " * 1000
    start_response("200 OK", PLAIN + ([("Content-Length", str(len(body)))] if how == "length" else []))
    return [body] if how != "blocks" else (body[at:at + 1300] for at in range(0, len(body), 1300))


def single(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"one block"]


def in_tuple(environ, start_response):
    start_response("200 OK", PLAIN)
    return (b"a ", b"tuple")


def nothing(environ, start_response):
    start_response("200 OK", PLAIN)
    return []


class Iterator:
    def __init__(self):
        self.left = [b"it", b"er", b"ator"]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)


def iterator(environ, start_response):
    start_response("200 OK", PLAIN)
    return Iterator()


def write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    assert write(b"written ") is None
    write(b"")
    write(b"twice ")
    return [b"and returned"]


def write_only(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"written")
    return []


def write_str(environ, start_response):
    write = start_response("200 OK", PLAIN)
    try:
        write("text")
    except TypeError:
        return [b"TypeError"]
    return [b"accepted"]


def empty_blocks(environ, start_response):
    """start_response may come as late as the first block that is not empty."""
    yield b""
    yield b""
    start_response("200 OK", PLAIN)
    yield b""
    yield b"late"
    yield b""
    yield b" head"


def application(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)
