"""Gives long downloads, and tells how each went.

/generator, /write and /bytes?COUNT are downloads in blocks of 64 KiB; /show is
what became of them.
"""
import json

BLOCK = bytes(range(256)) * 256
PLAIN = [("Content-Type", "application/octet-stream")]
told = {"generator": 0, "closed": 0, "write": 0, "raised": "", "bytes": 0}


class Endless:
    def __iter__(self):
        while True:
            told["generator"] += 1
            yield BLOCK

    def close(self):
        told["closed"] += 1


def write(start_response):
    write = start_response("200 OK", PLAIN)
    try:
        while True:
            told["write"] += 1
            write(BLOCK)
    except OSError:
        told["raised"] = "OSError"
        raise


def count(n):
    for _ in range(n):
        told["bytes"] += 1
        yield BLOCK


def application(environ, start_response):
    what = environ["PATH_INFO"][1:]
    if what == "write":
        return write(start_response)
    start_response("200 OK", PLAIN)
    if what == "generator":
        return Endless()
    if what == "bytes":
        return count(int(environ["QUERY_STRING"]))
    return [json.dumps(told).encode("ascii")]
