"""What applications do to the gateway that it must bear."""
import os
import sys
import threading

kept = {}


class Still:
    """A file that stays open from one response to the next."""

    def __init__(self, f):
        self.read, self.tell, self.fileno = f.read, f.tell, f.fileno


def still(environ, start):
    if "file" not in kept:
        kept["file"] = open(__file__, "rb")
    f = kept["file"]
    start("200 OK", [("X-Before", str(os.lseek(f.fileno(), 0, os.SEEK_CUR)))])
    return environ["wsgi.file_wrapper"](Still(f))


def both(environ, start):
    write = start("200 OK", [])

    def run():
        for _ in range(20):
            write(b"w" * 70000)
    t = threading.Thread(target=run)
    t.start()
    while True:
        print("l" * 3000, file=environ["wsgi.errors"])
        if not t.is_alive():
            break
    return []


def strange(environ, start):
    def run():
        print("one", "record", sep="-")
        print("ends in ", end="", file=sys.stderr)
        print("mid-line", end="", file=sys.stderr)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    start("200 OK", [])
    return [b"strange"]


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/")](environ, start_response)
