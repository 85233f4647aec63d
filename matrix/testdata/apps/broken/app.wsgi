"""Breaks its response in the way that the path names, on a connection that may go on."""
import os
import signal
import socket
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = ("Content-Type", "text/plain")
kept = []


def length(n):
    return [PLAIN, ("Content-Length", str(n))]


def failing(error, *blocks):
    """An iterator of BLOCKS that ends with ERROR."""
    yield from blocks
    raise error


class Closing:
    def __iter__(self):
        return iter([b"whole"])

    def close(self):
        raise ZeroDivisionError("close")


# ---- failures before and after the head


def raises(environ, start):
    raise ZeroDivisionError("early")


def raises_started(environ, start):
    start("200 OK", length(500))
    raise ZeroDivisionError("started")


def raises_block(environ, start):
    start("200 OK", [PLAIN])
    return failing(ZeroDivisionError("late"), b"begun")


def raises_block_of_length(environ, start):
    start("200 OK", length(500))
    return failing(ZeroDivisionError("late"), b"begun")


def raises_complete(environ, start):
    start("200 OK", length(5))
    return failing(ZeroDivisionError("too late"), b"begun")


def raises_written(environ, start):
    start("200 OK", [PLAIN])(b"begun")
    raise ZeroDivisionError("written")


def raises_again(environ, start):
    start("200 OK", length(500))(b"begun")
    try:
        raise ZeroDivisionError("again")
    except ZeroDivisionError:
        start("500 Replaced", [PLAIN], sys.exc_info())
    return []


def exits_block(environ, start):
    start("200 OK", [PLAIN])
    return failing(SystemExit(3), b"begun")


def close_raises(environ, start):
    start("200 OK", [PLAIN])
    return Closing()


def text_block(environ, start):
    start("200 OK", length(500))
    return iter([b"begun", "text"])


def number_block(environ, start):
    start("200 OK", [PLAIN])
    return iter([b"begun", 1])


# ---- lengths


def short_list(environ, start):
    start("200 OK", length(500))
    return [b"begun"]


def short_blocks(environ, start):
    start("200 OK", length(500))
    return iter([b"be", b"gun"])


def short_written(environ, start):
    start("200 OK", length(500))(b"begun")
    return []


def short_file(environ, start):
    start("200 OK", length(500))
    return environ["wsgi.file_wrapper"](open(os.path.join(HERE, "five"), "rb"))


def short_nothing(environ, start):
    start("200 OK", length(500))
    return []


def long_list(environ, start):
    start("200 OK", length(5))
    return [b"whole" * 200]


def long_blocks(environ, start):
    start("200 OK", length(5))
    return iter([b"who", b"leHTTP/1.1 200 OK\r\n\r\n", b"GHOST" * 9])


def long_written(environ, start):
    write = start("200 OK", length(5))
    write(b"whole")
    write(b"GHOST")
    return [b"GHOST"]


def long_nothing(environ, start):
    start("200 OK", length(0))
    return [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGHOST"]


def bad_length(environ, start):
    start("200 OK", [PLAIN, ("Content-Length", "5 ")])
    return [b"whole"]


def two_lengths(environ, start):
    start("200 OK", [PLAIN, ("Content-Length", "5"), ("Content-Length", "500")])
    return [b"whole"]


def no_content(environ, start):
    start("204 None", length(5))
    return [b"GHOST"]


def not_modified(environ, start):
    start("304 Not", length(5))
    return iter([b"GHOST", b"GHOST"])


# ---- framing that is not the application's


def coded(environ, start):
    start("200 OK", [PLAIN, ("Transfer-Encoding", "chunked")])
    return [b"5\r\nGHOST\r\n0\r\n\r\n"]


def kept_alive(environ, start):
    start("200 OK", [PLAIN, ("Connection", "keep-alive"), ("Keep-Alive", "max=100")])
    return failing(ZeroDivisionError("late"), b"begun")


def split(environ, start):
    start("200 OK", [PLAIN, ("X-A", "b\r\n\r\nGHOST")])
    return [b"whole"]


# ---- after the end


def keeps_write(environ, start):
    kept.append(start("200 OK", [PLAIN]))
    return [b"whole"]


def keeps_stream(environ, start):
    write = start("200 OK", [PLAIN])
    write(b"who")
    kept.append(write)
    return iter([b"le"])


def thread(environ, start):
    write = start("200 OK", [PLAIN])

    def more():
        try:
            while True:
                write(b"T")
        except (RuntimeError, OSError):
            pass

    threading.Thread(target=more, daemon=True).start()
    return iter([b"whole"])


def forks(environ, start):
    """The child comes back out of the application, as if it were the server."""
    start("200 OK", [PLAIN])
    child = os.fork()
    if child == 0:
        return [b"GHOST"]
    os.waitpid(child, 0)
    return [b"whole"]


def forks_exits(environ, start):
    write = start("200 OK", [PLAIN])
    child = os.fork()
    if child == 0:
        try:
            write(b"GHOST")
        finally:
            sys.exit(0)
    os.waitpid(child, 0)
    return iter([b"wh", b"ole"])


def forks_block(environ, start):
    start("200 OK", [PLAIN])
    yield b"who"
    child = os.fork()
    if child == 0:
        yield b"GHOST"
    else:
        os.waitpid(child, 0)
        yield b"le"


def forks_raises(environ, start):
    start("200 OK", [PLAIN])
    child = os.fork()
    if child == 0:
        environ["wsgi.errors"].write("of the child\n")
        raise ZeroDivisionError("in the child")
    os.waitpid(child, 0)
    return [b"wh", b"ole"]


# ---- the process itself


def dies(how):
    def block(environ, start):
        start("200 OK", length(500) if "length" in environ["QUERY_STRING"] else [PLAIN])
        yield b"begun"
        how()
        threading.Event().wait()  # another thread may be the one that the signal finds
    return block


killed = dies(lambda: os.kill(os.getpid(), signal.SIGKILL))
crashed = dies(lambda: os.kill(os.getpid(), signal.SIGSEGV))
left = dies(lambda: os._exit(9))


def killed_early(environ, start):
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


# ---- frames that no daemon process would send


def frame(kind, code=0, data=b""):
    return struct.pack("<cBHI", kind, 0, code, len(data)) + data


def head(status, *pairs, length=-1, count=None):
    data = struct.pack("<qI", length, len(pairs) if count is None else count) + struct.pack("<I", 2) + b"OK"
    for name, value in pairs:
        data += struct.pack("<II", len(name), len(value)) + name + value
    return frame(b"H", status, data)


FRAMES = {
    "unknown": frame(b"Z"),
    "endless": b"D\0\0\0\xff\xff\xff\xff",
    "headless": frame(b"D", 0, b"GHOST"),
    "fileless": head(200) + frame(b"F", 0, bytes(16)),
    "interim": head(100),
    "beyond": head(1000),
    "truncated": frame(b"H", 200, b"\0\0\0"),
    "counted": head(200, count=1000),
    "negative": head(200, length=-5),
    "lines": head(200, (b"X-A", b"b\r\nX-Ghost: GHOST")),
    "name": head(200, (b"X A", b"b")),
    "twice": head(200) + head(200),
    "hints": frame(b"I", 103, b"\xff\xff\xff\xff"),
    "ended": frame(b"E"),
}


def answer():
    """The stream on which this request is answered."""
    for name in sorted(os.listdir("/proc/self/fd"), key=int, reverse=True):
        try:
            with socket.socket(fileno=os.dup(int(name))) as s:
                if s.family == socket.AF_UNIX and s.type == socket.SOCK_STREAM:
                    return int(name)
        except OSError:
            pass
    raise LookupError("no stream")


def rogue(environ, start):
    os.write(answer(), FRAMES[environ["QUERY_STRING"]])
    start("200 OK", [PLAIN])
    return [b"GHOST"]


# ---- and what must never be taken for a part of it


def second(environ, start):
    """As long as what is missing from the others, and more."""
    for write in kept:
        try:
            write(b"GHOST")
        except RuntimeError:
            pass
    start("200 OK", length(600) + [("X-Second", "yes")])
    return [b"2" * 600]


def ghost(environ, start):
    start("200 OK", [PLAIN])
    return [b"GHOST"]


def application(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)
