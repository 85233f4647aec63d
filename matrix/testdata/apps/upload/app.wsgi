"""Takes bodies in, each path in its own way; notes what it saw in files for the test."""
import errno
import hashlib
import os
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = [("Content-Type", "text/plain")]


def note(name, text):
    """A line more in the note: whole, or not there yet."""
    with open(os.path.join(HERE, "notes", name), "a") as file:
        file.write(text + "\n")


def blocks(environ, size=65536):
    return iter(lambda: environ["wsgi.input"].read(size), b"")


def failure(call, *args):
    """What the call raised, by its names."""
    try:
        return "no error, %r" % call(*args)[:20]
    except OSError as error:
        return "OSError " + errno.errorcode.get(error.errno, "without a number")
    except RuntimeError:
        return "RuntimeError"


def sha256(environ, start):
    sum, count = hashlib.sha256(), 0
    for block in blocks(environ):
        sum.update(block)
        count += len(block)
    start("200 OK", TEXT)
    return [repr((count, sum.hexdigest())).encode("ascii")]


def echo(environ, start):
    """Block by block, without a length."""
    start("200 OK", TEXT)
    return blocks(environ)


def lines(environ, start):
    """Each line as soon as it is there."""
    start("200 OK", TEXT)
    for line in environ["wsgi.input"]:
        yield b"got " + line


def between(environ, start):
    """Answers at length when it has read some, and then reads the rest."""
    sum, input = hashlib.sha256(), environ["wsgi.input"]
    for _ in range(6):
        sum.update(input.read(65536))
    start("200 OK", TEXT)
    yield b"x" * (4 << 20)
    sum.update(input.readline())
    for block in blocks(environ, 1000):
        sum.update(block)
    yield sum.hexdigest().encode("ascii")


def twice(environ, start):
    """Goes on reading after the error, and answers as if nothing were wrong."""
    took, input = 0, environ["wsgi.input"]
    note("reading", str(os.getpid()))
    try:
        for block in blocks(environ, 100):
            took += len(block)
    except OSError:
        pass
    note("twice", "%d; %s; %s; %s; %s" % (
        took, failure(input.read), failure(input.read, 10), failure(input.readline), failure(input.readlines)))
    start("200 OK", TEXT)
    return [b"the application's own words"]


def uncaught(environ, start):
    took = sum(len(block) for block in blocks(environ, 100))
    start("200 OK", TEXT)
    return [b"the application's own words: %d" % took]


def begun(environ, start):
    """Has answered in part before it reads to the end."""
    start("200 OK", TEXT)
    yield b"begun"
    for block in blocks(environ, 100):
        pass
    yield b"ended"


def refuse(environ, start):
    status = environ["QUERY_STRING"]
    note("ran", environ["PATH_INFO"])
    start(status + " Unread", TEXT)
    return [b"unread"]


def begin(environ, start):
    """Reads a little and answers."""
    got = environ["wsgi.input"].read(10)
    start("200 OK", TEXT)
    return [got]


def nothing(environ, start):
    """Asks for no byte at all."""
    environ["wsgi.input"].read(0)
    start("200 OK", TEXT)
    return [b"asked"]


kept = {}


def keep(environ, start):
    """A thread waits for the end of the request, and then reads."""
    input, ended = environ["wsgi.input"], threading.Event()
    kept["input"] = input

    def late():
        ended.wait(20)
        note("thread", failure(input.read))

    threading.Thread(target=late).start()

    class Result(list):
        pass

    kept["ended"] = ended
    start("200 OK", TEXT)
    return Result([input.read(4)])


def late(environ, start):
    """The same in another request, with a body of its own."""
    kept["ended"].set()
    input = kept["input"]
    calls = [failure(input.read), failure(input.read, 5), failure(input.readline), failure(input.readlines), failure(next, input)]
    calls.append(repr(environ["wsgi.input"].read()))
    start("200 OK", TEXT)
    return ["; ".join(calls).encode("ascii")]


def pid(environ, start):
    start("200 OK", TEXT)
    return [b"%d" % os.getpid()]


WAYS = {f.__name__: f for f in (
    sha256, echo, lines, between, twice, uncaught, begun, refuse, begin, nothing, keep, late, pid)}


def application(environ, start_response):
    way = WAYS.get(environ["PATH_INFO"].split("/")[1])
    if way is None:
        note("ran", environ["PATH_INFO"])
        start_response("200 OK", TEXT)
        return [b"not asked for"]
    return way(environ, start_response)
