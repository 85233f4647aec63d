"""One behaviour per path; host_driver.py asks for them."""
import io
import os
import sys
import threading
import time

kept = {}
local = threading.local()


class Closing:
    def __init__(self, items):
        self.items = iter(items)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.items)

    def close(self):
        print("close called", file=sys.stderr)


def plain(start, body, *headers):
    start("200 OK", [("Content-Type", "text/plain")] + list(headers))
    return [body]


def hello(environ, start):
    return plain(start, b"Hello, world!")


def post(environ, start):
    import hashlib
    data = environ["wsgi.input"].read()
    return plain(start, ("%d %s" % (len(data), hashlib.sha256(data).hexdigest())).encode())


def lines(environ, start):
    i = environ["wsgi.input"]
    out = [i.read(0), i.readline(), i.readline(3), i.read(2)] + i.readlines(1)
    out += list(i) + [i.read(), i.read(5)]
    i.close()
    return plain(start, repr(out).encode())


def stream(environ, start):
    start("200 OK", [])

    def blocks():
        for n in range(3):
            yield b"block %d\n" % n
            yield b""
    return blocks()


def echo(environ, start):
    start("200 OK", [])
    i = environ["wsgi.input"]
    return iter(lambda: i.read(50000), b"")


def write(environ, start):
    w = start("200 OK", [])
    w(b"one ")
    w(b"")
    w(b"two ")
    return [b"three"]


def wrapper(environ, start):
    f = open(os.path.join(os.path.dirname(__file__), "app.wsgi"), "rb")
    q = environ["QUERY_STRING"]
    headers = []
    if q == "offset":
        f.seek(10)
    if q == "length":
        headers = [("Content-Length", "7")]
    if q == "bytesio":
        f = io.BytesIO(b"from memory")
    if q == "gzip":
        import gzip
        f = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"unpacked")))
    w = start("200 OK", headers)
    if q == "written":
        w(b"first ")
        f.seek(0, 2)
    return environ["wsgi.file_wrapper"](f, 4096)


def fail(environ, start):
    start("200 OK", [])
    deeper()


def deeper():
    try:
        {}["inner"]
    except KeyError as e:
        raise ValueError("outer failure") from e


def fail_late(environ, start):
    start("200 OK", [])
    yield b"some"
    deeper()


def leave(environ, start):
    sys.exit("gone")


def nothing(environ, start):
    return []


def none(environ, start):
    start("200 OK", [])


def bare(environ, start):
    start("200 OK", [])
    return {"str": "text", "bytes": b"text", "int": [1], "late": iter([b"ok", 1])}[
        environ["QUERY_STRING"]]


def length(environ, start):
    start("200 OK", [("Content-Length", "5")])
    return {"short": [b"abc"], "long": [b"abcdefgh"], "exact": [b"abcde"],
            "gen-short": (b"x" for _ in "abc"), "gen-long": (b"xx" for _ in "abcd")}[
        environ["QUERY_STRING"]]


def bodies(environ, start):
    kind = environ["QUERY_STRING"]
    start({"204": "204 No Content", "304": "304 Not Modified"}.get(kind, "200 OK"), [])
    return {"empty": [], "tuple": (b"a", b"b"), "iter": iter([]), "204": [b"x"], "304": [b"x"],
            "large": [b"x" * 100000], "many": [b"y" * 40000] * 3, "close": Closing([b"z"]),
            "closefail": Closing((1 / 0 for _ in "a"))}[kind]


def statuses(environ, start):
    """Every row of the table of start_response; the text is what was refused."""
    out = []

    def bad(*args):
        try:
            start(*args)
            out.append("accepted %r" % (args,))
        except Exception as e:
            out.append("%s: %s" % (type(e).__name__, e))
    ok = "200 OK"
    for s in (b"200 OK", "200 \u0100", "OK", "2000 X", "20 X", "200OK", "200 a\r\nX: y",
              "103 Early", "100 X", "", "200 a\x00b"):
        bad(s, [])
    for h in ((), {}, "x", None, [1], [["a", "b"]], [("a",)], [("a", "b", "c")], [(1, "b")],
              [("a", 1)], [("a\u0100", "b")], [("a", "\u0100")], [("", "b")], [("a b", "c")],
              [("a:b", "c")], [("a\t", "c")], [("a", "b\rc")], [("a", "b\nc")], [("a", "b\x00")],
              [("Content-Length", "abc")], [("Content-Length", "+5")], [("Content-Length", "-1")],
              [("Content-Length", "")], [("Content-Length", "9" * 30)],
              [("Content-Length", "5"), ("content-length", "6")]):
        bad(ok, h)
    bad(ok, [], 1)
    bad(ok)
    out.append("then")
    for s in ("200", "999 Odd", "200 "):
        bad(s, [])
    start(ok, [("X-A", "1"), ("X-A", "\xe9"), ("Connection", "close"),
               ("Transfer-Encoding", "chunked"), ("TE", "x")])
    return ["\n".join(out).encode()]


def again(environ, start):
    q = environ["QUERY_STRING"]
    start("200 OK", [("X-First", "1")])
    if q == "replace":
        start("404 Gone", [("X-Second", "1")])
        return [b"replaced"]
    if q == "info":
        try:
            1 / 0
        except ZeroDivisionError:
            start("500 Oops", [], sys.exc_info())
        return [b"info"]
    return late(start, q)


def late(start, q):
    yield b"out"
    try:
        1 / 0
    except ZeroDivisionError:
        start("500 Oops", [], sys.exc_info() if q == "late-info" else None)


def keep(environ, start):
    kept.update(start=start, input=environ["wsgi.input"], errors=environ["wsgi.errors"],
                write=start("200 OK", []))
    return [b"kept"]


def use(environ, start):
    out = []
    for f in (lambda: kept["start"]("200 OK", []), lambda: kept["write"](b"x"),
              lambda: kept["input"].read(), lambda: kept["input"].readline(),
              lambda: next(kept["input"]), lambda: kept["errors"].write("kept errors\n")):
        try:
            out.append(repr(f()))
        except Exception as e:
            out.append(type(e).__name__)
    return plain(start, " ".join(out).encode())


def log(environ, start):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    e = environ["wsgi.errors"]
    e.write("a partial line, ")
    e.write("ended\n")
    e.writelines(["two\n", "lines\n"])
    e.buffer.write(memoryview(b"buffer \x00 nul\n"))
    e.write("\n")
    e.write("\udc80 surrogate\n")
    e.close()
    e.write("x" * 20000 + "\n")
    e.flush()
    threading.Thread(target=lambda: print("from a thread")).start()
    time.sleep(0.05)
    e.write("unfinished")
    return plain(start, repr((e.isatty(), type(e).__name__, type(e.buffer).__name__)).encode())


def strange(environ, start):
    """Threads that run no requests print in pieces and stop in mid-line: one
    ends there, the other waits when the process ends."""
    def run():
        print("one", "record", sep="-")
        print("\x1b[31mred", file=sys.stderr)
        print("ends in ", end="")
        print("mid-line", end="")
    printed = threading.Event()

    def stay():
        print("stays in mid-line", end="")
        printed.set()
        threading.Event().wait()
    t = threading.Thread(target=run)
    t.start()
    t.join()
    threading.Thread(target=stay, daemon=True).start()
    printed.wait()
    return plain(start, b"strange")


def both(environ, start):
    """One thread writes while the other logs: each frame must stay whole."""
    w = start("200 OK", [])

    def run():
        for _ in range(50):
            w(b"w" * 70000)
    t = threading.Thread(target=run)
    t.start()
    going = True
    while going:
        going = t.is_alive()
        print("l" * 3000)
    t.join()
    return []


class Still:
    """A file that stays open from one response to the next."""

    def __init__(self, f):
        self.read, self.tell, self.fileno = f.read, f.tell, f.fileno


def still(environ, start):
    f = kept.setdefault("still", open(__file__, "rb"))
    before = os.lseek(f.fileno(), 0, os.SEEK_CUR)
    start("200 OK", [("X-Before", str(before))])
    return environ["wsgi.file_wrapper"](Still(f))


def changing(environ, start):
    start("200 OK", [])
    kept["blocks"] = [b"x" * 400000] * 20
    return kept["blocks"]


def spoil(environ, start):
    kept["blocks"][10:] = [12345] * 10
    return plain(start, b"spoilt")


class Broken:
    def __iter__(self):
        raise TypeError("of its own")


def broken(environ, start):
    start("200 OK", [])
    return Broken()


def hints(environ, start):
    hint = environ["wsgi.early_hints"]
    kept["hint"] = hint
    out = [hint([("Link", "</a.css>; rel=preload"), ("Connection", "x")]), hint([]),
           hint([("Link", "</b.css>")])]
    for bad in ("x", (), [1], [("a",)], [("a", 1)], [("a b", "c")], [("a", "b\r\nc: d")],
                [("a", "\0")], [("Content-Length", "5")], [("a", "b" * 70000)]):
        try:
            out.append(hint(bad))
        except Exception as e:
            out.append(type(e).__name__)
    start("200 OK", [("X-A", "1")])
    yield repr(out).encode()
    try:
        hint([("a", "b")])
    except RuntimeError as e:
        yield str(e).encode()


def hint_late(environ, start):
    try:
        kept["hint"]([("a", "b")])
    except RuntimeError as e:
        return plain(start, str(e).encode())


def env(environ, start):
    return plain(start, repr({k: v for k, v in environ.items()
                              if isinstance(v, (str, bool, int, float, tuple))}).encode())


def modules(environ, start):
    import apache
    import mod_wsgi
    names = sorted(n for n in dir(mod_wsgi) if not n.startswith("__"))
    main = threading.main_thread() is threading.current_thread()
    return plain(start, repr((mod_wsgi.version, mod_wsgi.process_group, mod_wsgi.__path__,
                              mod_wsgi.application_group, names, sys.argv, main,
                              apache.__name__, __name__, __file__, sys.path[:3],
                              sys.prefix, sys.executable)).encode())


def threads(environ, start):
    kept.setdefault("threads", set()).add(threading.get_ident())
    local.n = getattr(local, "n", 0) + 1
    time.sleep(0.05)
    return plain(start, b"%d %d" % (len(kept["threads"]), local.n))


def meet(environ, start):
    kept.setdefault("meeting", threading.Barrier(3)).wait(20)
    return plain(start, b"met")


def sleep(environ, start):
    time.sleep(float(environ["QUERY_STRING"]))
    return plain(start, b"slept")


def signals(environ, start):
    import signal
    f = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return plain(start, repr(f).encode())


def fork(environ, start):
    import subprocess
    out = subprocess.check_output([sys.executable, "-c", "print('child')"])
    pid = os.fork()
    if pid == 0:
        time.sleep(30)
        os._exit(0)
    os.kill(pid, 15)
    return plain(start, out + b"%d" % os.waitpid(pid, 0)[1])


def share(environ, start):
    """Another thread uses the input while this one does."""
    got = []
    i = environ["wsgi.input"]
    t = [threading.Thread(target=lambda: got.append(i.read(1000))) for _ in range(4)]
    for x in t:
        x.start()
    for x in t:
        x.join()
    return plain(start, b"%d" % sum(map(len, got)))


def environment(environ, start):
    return plain(start, repr(dict(os.environ)).encode())


def ident(environ, start):
    uid, gid, groups = os.getuid(), os.getgid(), os.getgroups()
    mask = os.umask(0)
    os.umask(mask)
    status = open("/proc/self/status").read()
    caps = [x for x in status.splitlines() if x.startswith(("CapEff", "CapPrm", "NoNewPrivs"))]
    fds = sorted(int(n) for n in os.listdir("/proc/self/fd"))
    return plain(start, repr((uid, gid, groups, oct(mask), os.getcwd(), caps, fds,
                              os.environ.get("HOME"))).encode())


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/") or "hello"
    return globals()[name.replace("-", "_")](environ, start_response)


application.__test__ = True


class Instance:
    def __call__(self, environ, start_response):
        return plain(start_response, b"instance")


instance = Instance()
