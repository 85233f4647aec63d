"""Drives one wsgi-host as supervisor and relay would, and checks what it does.

    python3 host_driver.py .../wsgi-host [-v] [TEST ...]

Needs a C compiler (CC) and Python 3.9. Plain sockets and frames on this side,
so that both halves of the protocol are written twice.
"""
import array
import ast
import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.join(HERE, "..", "src")
PLAIN = ["wsgi_wire.c", "wsgi_board.c", "wsgi_options.c", "wsgi_access.c", "wsgi_control.c"]
INTERFACE = 2
RELOADING, HTTPS, HEAD, MEMFD = 2, 4, 8, 1
OK, APP_ERROR, SHORT, LOAD_FAILED, NO_CALLABLE = range(5)
CANCELLED = 6
WAIT = 20


def build_helper(folder):
    out = os.path.join(folder, "helper.so")
    cc = os.environ.get("CC", "cc").split()
    subprocess.run(cc + ["-std=gnu99", "-D_GNU_SOURCE", "-O1", "-g", "-fPIC", "-shared", "-pthread",
                         "-I", SRC, "-o", out, os.path.join(HERE, "host_helper.c")]
                   + [os.path.join(SRC, f) for f in PLAIN], check=True)
    lib = ctypes.CDLL(out, use_errno=True)
    lib.helper_config.restype = ctypes.c_long
    lib.wsgi_board_create.argtypes = [ctypes.c_uint32] * 3 + [ctypes.c_void_p] * 2
    for name in ("wsgi_slot_begin", "wsgi_cell_claim", "wsgi_cell_queue", "wsgi_cell_abandon",
                 "wsgi_cell_done", "wsgi_cell_read", "wsgi_cell_release", "wsgi_board_unmap"):
        getattr(lib, name).restype = ctypes.c_uint32
    return lib


def frame(kind, code=0, data=b""):
    return struct.pack("<BBHI", ord(kind), 0, code, len(data)) + data


class Answer:
    """The frames of one answer, put together."""

    def __init__(self):
        self.status = self.reason = self.length = self.end = self.refused = None
        self.headers, self.logs, self.body, self.pieces = [], [], b"", []
        self.sizes = []
        self.files = 0
        self.hints = []

    def text(self):
        return self.body.decode()


class Host:
    """One daemon process, with a group of its own."""

    def __init__(self, lib, program, folder, options="threads=4", preload=None, log_level=7,
                 wrapper=(), env=None, slots=4):
        self.lib, self.folder = lib, folder
        self.board, fd = ctypes.c_void_p(), ctypes.c_int()
        assert lib.wsgi_board_create(slots, 64, 64, ctypes.byref(self.board),
                                     ctypes.byref(fd)) == 0
        self.incarnation = lib.wsgi_slot_begin(self.board, 0) & 0xffff
        self.queue, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(WAIT)
        self.log_path = os.path.join(folder, "error.log")
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o666)
        null = os.open("/dev/null", os.O_RDONLY)
        high = [fcntl.fcntl(x, fcntl.F_DUPFD, 100) for x in
                (null, log, log, far.fileno(), fd.value, control.fileno())]
        argv = list(wrapper) + [program]
        self.pid = os.posix_spawn(
            argv[0], argv, os.environ if env is None else env,
            file_actions=[(os.POSIX_SPAWN_DUP2, h, i) for i, h in enumerate(high)])
        for h in high + [null, log, fd.value]:
            os.close(h)
        far.close()
        control.close()
        self.status = None
        self.pair = {}
        self.cells = {}
        self.configure(options, preload, log_level)

    def configure(self, options, preload, log_level):
        buf, err = ctypes.create_string_buffer(131072), ctypes.create_string_buffer(512)
        n = self.lib.helper_config(
            b"test", options.encode(), os.path.join(self.folder, "runtime").encode(),
            preload.encode() if preload else None, log_level, 0, self.incarnation,
            buf, ctypes.c_size_t(len(buf)), err, ctypes.c_size_t(512))
        assert n > 0, err.value
        self.control.send(struct.pack("<BBH", INTERFACE, ord("c"), 0) + buf.raw[:n])

    def message(self):
        """The next (type, code) from the host; ('', 0) at its end."""
        data = self.control.recv(1024)
        return (chr(data[1]), struct.unpack_from("<H", data, 2)[0]) if data else ("", 0)

    def ready(self):
        got = self.message()
        assert got == ("r", 0), (got, self.wait(1), self.log())
        return self

    def cell(self):
        me = threading.get_ident()
        if me not in self.cells:
            self.cells[me] = self.lib.wsgi_cell_claim(self.board, os.getpid())
        return self.cells[me]

    def send(self, path="/", script=None, group="", env=(), body=b"", flags=RELOADING, query="",
             name="application", inline=True, length=None, ticket=None):
        """Queue a request; returns the near end of its answer."""
        script = script or os.path.join(self.folder, "app.wsgi")
        pairs = [("REQUEST_METHOD", "POST" if body else "GET"), ("SCRIPT_NAME", ""),
                 ("PATH_INFO", path), ("QUERY_STRING", query), ("SERVER_NAME", "localhost"),
                 ("SERVER_PORT", "80"), ("SERVER_PROTOCOL", "HTTP/1.1"), ("HTTP_HOST", "h"),
                 ("DOCUMENT_ROOT", "/d\u00e9"), ("SCRIPT_FILENAME", script),
                 ("apache.version", "bad"), ("mod_wsgi.request_id", "abc")] + list(env)

        def text(s):
            return s.encode() if isinstance(s, str) else s
        head = b"".join(struct.pack("<I", len(text(s))) + text(s)
                        for s in (script, group, name, ""))
        head += struct.pack("<I", len(pairs)) + b"".join(
            struct.pack("<II", len(text(k)), len(text(v))) + text(k) + text(v) for k, v in pairs)
        near, far = socket.socketpair()
        near.settimeout(WAIT)
        cell = self.cell()
        if ticket is None:
            ticket = self.lib.wsgi_cell_queue(self.board, cell)
        if length is None:
            length = len(body) if body else -1
        now = int(time.time() * 1e6)
        inline = inline and 0 < len(body) <= 16384
        fds = [far.fileno()]
        memfd = None
        if len(head) > 48000:
            flags |= MEMFD
            memfd = os.memfd_create("head")
            os.write(memfd, head)
            fds.append(memfd)
        packet = struct.pack("<BBHIIIIIqQQ", INTERFACE, flags, 0, cell, ticket, len(head),
                             len(body) if inline else 0, 0, length, now, now)
        packet += b"" if flags & MEMFD else head
        packet += body if inline else b""
        self.queue.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                       array.array("i", fds))])
        far.close()
        if memfd is not None:
            os.close(memfd)
        return near

    def receive(self, near, body=b"", chunked=False, error=None, stop=None):
        """Follow the answer to its end, giving it BODY when it asks."""
        a, buf, at, fds = Answer(), b"", 0, []
        while a.end is None and a.refused is None:
            data, aux, _, _ = near.recvmsg(262144, 1024)
            for _, _, got in aux:
                fds += array.array("i", got)
            if not data:
                break
            a.sizes.append(len(data))
            buf += data
            while len(buf) >= 8:
                kind, _, code, n = struct.unpack_from("<BBHI", buf)
                if len(buf) < 8 + n:
                    break
                payload, buf, kind = buf[8:8 + n], buf[8 + n:], chr(kind)
                if kind == "H":
                    a.status = code
                    a.length, count, size = struct.unpack_from("<qII", payload)
                    a.reason, p = payload[16:16 + size].decode("latin-1"), 16 + size
                    for _ in range(count):
                        k, v = struct.unpack_from("<II", payload, p)
                        p += 8
                        a.headers.append((payload[p:p + k].decode("latin-1"),
                                          payload[p + k:p + k + v].decode("latin-1")))
                        p += k + v
                    assert p == len(payload)
                elif kind == "I":
                    assert a.status is None and code == 103
                    a.hints.append(payload[4:])
                elif kind == "D":
                    assert a.status is not None
                    a.body += payload
                    a.pieces.append(payload)
                    if stop == "data":
                        return a
                elif kind == "F":
                    offset, size = struct.unpack("<QQ", payload)
                    fd = fds.pop(0)
                    a.body += os.pread(fd, size, offset)
                    os.lseek(fd, 0, os.SEEK_END)      # as whoever reads it may
                    os.close(fd)
                    a.files += 1
                elif kind == "L":
                    a.logs.append((code, payload.decode()))
                elif kind == "W":
                    want, = struct.unpack("<I", payload)
                    part = body[at:at + want]
                    at += len(part)
                    with contextlib.suppress(BrokenPipeError):    # it may have lost interest
                        if part:
                            near.sendall(frame("b", 0, part))
                        if len(part) < want:
                            near.sendall(frame("x", error) if error else frame("e"))
                elif kind == "R":
                    a.refused = code
                elif kind == "E":
                    a.end = code
        assert not buf and not fds
        return a

    def request(self, path="/", **kw):
        body = kw.get("body", b"")
        extra = {k: kw.pop(k) for k in ("chunked", "error", "stop") if k in kw}
        with self.send(path, **kw) as near:
            a = self.receive(near, body, **extra)
        self.lib.wsgi_cell_done(self.board, self.cell())
        return a

    def taken(self):
        """Wait until the host has taken the request of this thread."""
        end = time.monotonic() + WAIT
        while self.lib.wsgi_cell_read(self.board, self.cell(), None, None) == 1:
            assert time.monotonic() < end, self.log()
            time.sleep(0.002)     # the board has no way to wait

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait(self, seconds=WAIT):
        """The exit status, or None after that time."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status) \
                    if hasattr(os, "waitstatus_to_exitcode") else status
            else:
                time.sleep(0.01)      # a process has no other way to say it to its parent
        return self.status

    def stop(self, sig=signal.SIGTERM):
        if self.status is None:
            os.kill(self.pid, sig)
        return self.wait()

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.queue.close()
        self.control.close()

    def rss(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


TESTS = []


def test(f):
    TESTS.append(f)
    return f


class Bench:
    """What a test needs to make hosts."""

    def __init__(self, lib, program, folder):
        self.lib, self.program, self.folder = lib, program, folder
        self.hosts = []
        self.app = os.path.join(folder, "app.wsgi")

    def start(self, options="threads=4", **kw):
        h = Host(self.lib, self.program, self.folder, options, **kw)
        self.hosts.append(h)
        return h


def eq(got, want):
    assert got == want, "got %r, want %r" % (got, want)


def has(text, part):
    assert part in text, "%r is not in %r" % (part, text)


def clean_stop(h):
    eq(h.stop(), 0)
    log = h.log()
    has(log, "stopping process")
    for word in ("Sanitizer", "runtime error"):
        assert word not in log, log


@test
def hello(b):
    h = b.start().ready()
    for _ in range(3):
        a = h.request()
        eq((a.status, a.reason, a.length, a.body, a.end), (200, "OK", 13, b"Hello, world!", OK))
        eq(a.headers, [("Content-Type", "text/plain")])
        eq(len(a.sizes), 1 if not a.logs else len(a.sizes))
    eq(h.request(flags=0).sizes, [len(a.body) + 8 * 3 + 16 + 2 + 8 + 12 + 10])
    eq(h.request(name="instance").body, b"instance")
    clean_stop(h)


@test
def bodies_in(b):
    h = b.start().ready()
    import hashlib
    for n in (0, 1, 11, 8192, 16384, 16385, 65536, 1000000, 5000000):
        data = os.urandom(n)
        want = ("%d %s" % (n, hashlib.sha256(data).hexdigest())).encode()
        eq(h.request("/post", body=data).body, want)
        eq(h.request("/post", body=data, inline=False).body, want)
        if n:
            eq(h.request("/post", body=data, inline=False, length=-2).body, want)
    text = b"first\nsecond line\nthird\nfourth\nfifth\nrest"
    want = repr([b"", b"first\n", b"sec", b"on", b"d line\n", b"third\n", b"fourth\n", b"fifth\n",
                 b"rest", b"", b""]).encode()
    for kw in ({}, {"inline": False}, {"inline": False, "length": -2}):
        eq(h.request("/lines", body=text, **kw).body, want)
    data = os.urandom(3000000)
    eq(h.request("/echo", body=data).body, data)
    eq(h.request("/hello", body=data).body, b"Hello, world!")
    eq(h.request("/share", body=b"x" * 10000, inline=False).body, b"4000")
    for error in (104, 110):
        a = h.request("/post", body=b"x" * 20, length=50000, inline=False, error=error)
        eq((a.status, a.end), (None, CANCELLED))
    eq(h.request("/hello").body, b"Hello, world!")
    clean_stop(h)


@test
def bodies_out(b):
    h = b.start().ready()
    a = h.request("/stream")
    eq((a.length, a.pieces, a.end), (-1, [b"block %d\n" % n for n in range(3)], OK))
    a = h.request("/write")
    eq((a.length, a.body), (-1, b"one two three"))
    for kind, length, body in (("empty", 0, b""), ("tuple", 2, b"ab"), ("iter", 0, b""),
                               ("204", -1, b""), ("304", -1, b""), ("large", 100000, b"x" * 100000),
                               ("many", 120000, b"y" * 120000), ("close", -1, b"z")):
        a = h.request("/bodies", query=kind)
        eq((kind, a.length, a.body, a.end), (kind, length, body, OK))
    has(str(a.logs), "close called")
    for kind in ("tuple", "large", "close"):
        a = h.request("/bodies", query=kind, flags=HEAD)
        eq((a.body, a.end), (b"", OK))
    eq(h.request("/bodies", query="tuple", flags=HEAD).length, 2)
    a = h.request("/bodies", query="closefail")
    eq((a.end, a.status), (APP_ERROR, None))
    for kind, body, end in (("short", b"abc", SHORT), ("long", b"abcde", OK),
                            ("exact", b"abcde", OK), ("gen-short", b"xxx", SHORT),
                            ("gen-long", b"xxxxx", OK)):
        a = h.request("/length", query=kind)
        eq((kind, a.length, a.body, a.end), (kind, 5, body, end))
    has(str(h.request("/length", query="short").logs), "WSGIM0612")
    clean_stop(h)


@test
def files(b):
    h = b.start().ready()
    with open(b.app, "rb") as f:
        text = f.read()
    a = h.request("/wrapper")
    eq((a.files, a.length, a.body == text, a.end), (1, len(text), True, OK))
    a = h.request("/wrapper", query="offset")
    eq((a.files, a.length, a.body == text[10:]), (1, len(text) - 10, True))
    a = h.request("/wrapper", query="length")
    eq((a.files, a.length, a.body), (1, 7, text[:7]))
    a = h.request("/wrapper", query="bytesio")
    eq((a.files, a.length, a.body), (0, -1, b"from memory"))
    a = h.request("/wrapper", query="gzip")
    eq((a.files, a.body), (0, b"unpacked"))
    a = h.request("/wrapper", query="written")
    eq((a.files, a.body), (0, b"first "))
    a = h.request("/wrapper", flags=HEAD)
    eq((a.files, a.length, a.body), (0, len(text), b""))
    clean_stop(h)


@test
def exceptions(b):
    h = b.start().ready()
    a = h.request("/fail")
    eq((a.status, a.end), (None, APP_ERROR))
    text = "\n".join(t for _, t in a.logs)
    for part in ("processing WSGI script '%s': ValueError: outer failure" % b.app,
                 "Traceback (most recent call last)", "in deeper", "in fail", "KeyError: 'inner'",
                 "direct cause"):
        has(text, part)
    eq({level for level, _ in a.logs if level != 6}, {3})
    a = h.request("/fail_late")
    eq((a.status, a.body, a.end), (200, b"some", APP_ERROR))
    a = h.request("/leave")
    eq(a.end, APP_ERROR)
    has(a.logs[0][1], "SystemExit ignored while processing WSGI script")
    has(str(h.request("/nothing").logs), "start_response was not called")
    has(str(h.request("/none").logs), "the application returned NoneType")
    for kind, part in (("str", "returned str itself"), ("bytes", "returned bytes itself"),
                       ("int", "must yield bytes, not int")):
        a = h.request("/bare", query=kind)
        eq((a.status, a.end), (None, APP_ERROR))
        has(str(a.logs), part)
    a = h.request("/bare", query="late")
    eq((a.body, a.end), (b"ok", APP_ERROR))
    a = h.request(name="nowhere")
    eq(a.end, NO_CALLABLE)
    has(a.logs[0][1], "has no callable 'nowhere'")
    eq(h.request().body, b"Hello, world!")
    clean_stop(h)


STATUSES = """TypeError UnicodeEncodeError ValueError ValueError ValueError ValueError ValueError
ValueError ValueError ValueError ValueError
TypeError TypeError TypeError TypeError TypeError TypeError ValueError ValueError TypeError
TypeError UnicodeEncodeError UnicodeEncodeError ValueError ValueError ValueError ValueError
ValueError ValueError ValueError ValueError ValueError ValueError ValueError ValueError ValueError
RuntimeError TypeError""".split()


@test
def start_response(b):
    h = b.start().ready()
    a = h.request("/statuses")
    eq(a.end, OK)
    refused, accepted = a.text().split("\nthen\n")
    eq([x.split(":")[0] for x in refused.split("\n")], STATUSES)
    has(refused, "b'2000 X'")
    eq(accepted.count("accepted"), 3)
    eq(a.headers, [("X-A", "1"), ("X-A", "\xe9")])
    eq(sum("WSGIM0620" in t for _, t in a.logs), 1)
    eq([t for _, t in h.request("/statuses").logs if "WSGIM0620" in t], [])
    a = h.request("/again", query="replace")
    eq((a.status, a.headers, a.body), (404, [("X-Second", "1")], b"replaced"))
    eq(h.request("/again", query="info").status, 500)
    a = h.request("/again", query="late-info")
    eq((a.body, a.end), (b"out", APP_ERROR))
    has(str(a.logs), "ZeroDivisionError")
    has(str(h.request("/again", query="late").logs), "called again after")
    clean_stop(h)


@test
def kept_objects(b):
    h = b.start("threads=1").ready()
    eq(h.request("/keep").body, b"kept")
    eq(h.request("/use").body, b"RuntimeError RuntimeError RuntimeError RuntimeError RuntimeError 12")
    clean_stop(h)


@test
def logging(b):
    h = b.start("threads=1").ready()
    h.request()
    a = h.request("/log")
    lines = [t for level, t in a.logs]
    eq({level for level, t in a.logs}, {3})
    for want in ("to stdout", "to stderr", "a partial line, ended", "two", "lines",
                 "buffer \\x00 nul", "", "\\udc80 surrogate", "unfinished"):
        assert want in lines, (want, lines)
    eq(sum(t.count("x") for t in lines if set(t) == {"x"}), 20000)
    has(h.log(), "from a thread")
    eq(a.body, b"(False, 'TextIOWrapper', 'Log')")
    clean_stop(h)


@test
def strange_threads(b):
    h = b.start("threads=1").ready()
    eq(h.request("/strange").body, b"strange")
    clean_stop(h)
    lines = [line.split("'test'] ", 1)[-1] for line in h.log().split("\n")]
    for want in ("one-record", "\\x1b[31mred", "ends in mid-line"):
        eq((want, lines.count(want)), (want, 1))
    assert "" not in lines[:-1], lines


@test
def writing_and_logging(b):
    h = b.start("threads=1").ready()
    a = h.request("/both")
    eq((len(a.body), a.end), (50 * 70000, OK))
    eq({t for _, t in a.logs if t.startswith("l")}, {"l" * 3000})
    clean_stop(h)


@test
def file_position(b):
    h = b.start("threads=1").ready()
    for _ in range(3):
        a = h.request("/still")
        eq((a.files, dict(a.headers)["X-Before"]), (1, "0"))
        with open(b.app, "rb") as f:
            eq(a.body, f.read())
    clean_stop(h)


@test
def spoilt_results(b):
    h = b.start("threads=1").ready()
    with h.send("/changing") as near:
        h.taken()
        time.sleep(0.2)               # it is full of what has been sent, and waits
        a = h.receive(near)
    eq(a.end, APP_ERROR)
    has(str(a.logs), "other than bytes while it was sent")
    has(str(h.request("/broken").logs), "TypeError: of its own")
    clean_stop(h)


@test
def early_hints(b):
    h = b.start("threads=1").ready()
    a = h.request("/hints")
    eq(a.hints, [struct.pack("<II", 4, n) + b"Link" + v for n, v in
                 ((21, b"</a.css>; rel=preload"), (8, b"</b.css>"))])
    eq((a.status, a.headers, a.end), (200, [("X-A", "1")], OK))
    eq(a.pieces, [repr([None] * 3 + ["TypeError"] * 3 + ["ValueError", "TypeError"]
                       + ["ValueError"] * 5).encode(),
                  b"early hints after the response headers were sent"])
    has(h.request("/hint-late").text(), "has ended")
    clean_stop(h)


@test
def replaced_module(b):
    h = b.start("threads=1").ready()
    path = os.path.join(b.folder, "replaced.py")
    write(path, "import sys\nclass M:\n def application(self, e, s):\n  s('200 OK', [])\n"
          "  return [b'odd']\nsys.modules[__name__] = M()\n")
    for _ in range(2):
        eq(h.request(script=path).body, b"odd")
    clean_stop(h)


@test
def environ(b):
    h = b.start("threads=3\nprocesses=2").ready()
    a = h.request("/env", env=[("wsgi.version", "bad"), ("HTTP_X", b"\xe9"), ("wsgi.other", "1"),
                               ("mod_wsgi.thread_id", "x"), ("HTTPS_X", "1")], flags=HTTPS)
    d = ast.literal_eval(a.text())
    for k, v in {"wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.multithread": True,
                 "wsgi.multiprocess": True, "wsgi.run_once": False, "wsgi.input_terminated": True,
                 "apache.version": (2, 4, 57), "mod_wsgi.version": (6, 0, 5),
                 "mod_wsgi.process_group": "test", "mod_wsgi.application_group": "",
                 "mod_wsgi.callable_object": "application", "mod_wsgi.handler_script": "",
                 "mod_wsgi.request_id": "abc", "HTTP_X": "\xe9",
                 "HTTPS_X": "1"}.items():
        eq((k, d[k]), (k, v))
    assert "wsgi.other" not in d
    assert 1 <= d["mod_wsgi.thread_id"] <= 3
    times = [d["mod_wsgi." + k + "_start"] for k in ("request", "queue", "daemon", "application")]
    eq(times, sorted(times))
    eq(os.fsencode(d["DOCUMENT_ROOT"]), "/d\u00e9".encode())
    for n in range(300):             # more names than the cache has places for
        a = h.request("/env", env=[("HTTP_X_%d" % i, str(i)) for i in range(n, n + 10)], flags=0)
        eq(ast.literal_eval(a.text())["HTTP_X_%d" % (n + 5)], str(n + 5))
    a = h.request("/env", env=[("HTTP_BIG", "x" * 200000)])
    eq(len(ast.literal_eval(a.text())["HTTP_BIG"]), 200000)
    clean_stop(h)


@test
def modules(b):
    h = b.start("threads=1\nhome=%s\npython-path=%s:%s" % (b.folder, b.folder + "/one",
                                                           b.folder + "/two")).ready()
    import hashlib
    a = h.request("/modules")
    m = ast.literal_eval(a.text())
    eq(m[0], (6, 0, 5))
    eq(m[1:4], ("test", [b.folder + "/runtime/mod_wsgi"], ""))
    eq(m[4], ["FileWrapper", "application_group", "maximum_processes", "process_group",
              "threads_per_process", "version"])
    eq(m[5:7], (["mod_wsgi"], False))
    eq(m[8], "_mod_wsgi_" + hashlib.md5(b.app.encode()).hexdigest())
    eq(m[9], b.app)
    eq(m[10], [b.folder, b.folder + "/one", b.folder + "/pth"])
    a = h.request("/signals")
    has(a.text(), "SIG_IGN")
    has(str(a.logs), "registration of a handler for signal 15 ignored")
    has(str(a.logs), "in signals")
    eq(h.request("/fork").body, b"child\n15")
    eq(h.request().body, b"Hello, world!")
    clean_stop(h)


@test
def interpreters(b):
    h = b.start("threads=4").ready()
    a = h.request("/keep", group="one")
    eq(h.request("/keep", group="one").body, b"kept")
    eq(h.request("/use", group="two").body, b" ".join([b"KeyError"] * 6))
    eq(ast.literal_eval(h.request("/modules", group="two").text())[3], "two")
    eq(h.request("/use").body, b" ".join([b"KeyError"] * 6))
    for i in range(200):
        eq(h.request("/hello", group="g%d" % (i % 5)).body, b"Hello, world!")
    eq(h.log().count("interpreter created"), 7)
    clean_stop(h)
    eq(h.log().count("interpreter ended"), 7)


def parallel(n, f):
    out, threads = [], []

    def run():
        out.append(f())
    for _ in range(n):
        threads.append(threading.Thread(target=run))
        threads[-1].start()
    for t in threads:
        t.join()
    return out


@test
def threads(b):
    h = b.start("threads=3").ready()
    h.request()
    out = parallel(12, lambda: h.request("/threads").text().split())
    eq(max(int(n) for n, _ in out), 3)
    assert max(int(n) for _, n in out) > 1, out
    t = time.monotonic()
    parallel(3, lambda: h.request("/sleep", query="0.5"))
    assert time.monotonic() - t < 1.2
    clean_stop(h)


def write(path, text, mtime=None):
    with open(path + ".new", "w") as f:
        f.write(text)
    if mtime is not None:
        os.utime(path + ".new", (mtime, mtime))
    os.replace(path + ".new", path)


SCRIPT = "import time\n%s\ndef application(e, s):\n s('200 OK', [])\n return [b'%s']\n"


@test
def loading(b):
    h = b.start("threads=5").ready()
    path = os.path.join(b.folder, "own name's.py")
    write(path, "import django_that_is_not_there\n")
    a = h.request(script=path)
    eq((a.status, a.end), (None, LOAD_FAILED))
    eq(a.logs[0][1].split(" (process")[0], "Loading WSGI script '%s'" % path)
    has(a.logs[1][1], "WSGIM0601: Target WSGI script '%s' cannot be loaded: ModuleNotFoundError: "
        "No module named 'django_that_is_not_there'" % path)
    has(str(a.logs), "Traceback")
    write(path, "try:\n import nonesuch\nexcept ImportError as e:\n raise RuntimeError('x') from e\n")
    has(h.request(script=path).logs[1][1], "cannot be loaded: ModuleNotFoundError: No module")
    write(path, "def x(:\n")
    has(h.request(script=path).logs[1][1], "SyntaxError")
    write(path, "import sys\nsys.exit(3)\n")
    has(h.request(script=path).logs[1][1], "SystemExit")
    has(h.request(script=path + ".gone").logs[1][1], "FileNotFoundError")
    write(path, "# -*- coding: latin-1 -*-\n" + SCRIPT % ("time.sleep(0.3)", "good"))
    out = parallel(5, lambda: h.request(script=path))
    eq({a.body for a in out}, {b"good"})
    eq(sum(t.startswith("Loading") for a in out for _, t in a.logs), 1)
    clean_stop(h)


@test
def preload(b):
    path = os.path.join(b.folder, "pre.py")
    write(path, SCRIPT % ("print('preloaded')", "pre"))
    h = b.start("threads=1", preload=path).ready()
    has(h.log(), "preloaded")
    a = h.request(script=path)
    eq((a.body, a.logs), (b"pre", []))
    clean_stop(h)


def reload_by(b, change, want_reload=True, text=SCRIPT % ("", "one")):
    path = os.path.join(b.folder, "reload.py")
    write(path, text)
    h = b.start("threads=2").ready()
    h.request(script=path)
    change(path)
    a = h.request(script=path)
    if not want_reload:
        eq((a.refused, a.body), (None, b"one"))
        return h, a
    eq((a.refused, a.end, a.status), (1, None, None))
    eq(h.message(), ("q", 4))
    eq(h.wait(), 0)
    has(h.log(), "script_reload")
    return h, a


@test
def reloading(b):
    reload_by(b, lambda p: write(p, SCRIPT % ("", "two")))
    reload_by(b, lambda p: os.utime(p, (1, 1)))
    reload_by(b, os.unlink)
    reload_by(b, lambda p: None, text=SCRIPT % (
        "def reload_required(path):\n assert path == __file__\n return True", "one"))
    reload_by(b, lambda p: None, False)[0].close()
    h, a = reload_by(b, lambda p: None, False, SCRIPT % (
        "def reload_required(path):\n 1/0", "one"))
    has(str(a.logs), "reload_required() of WSGI script")
    has(str(a.logs), "ZeroDivisionError")
    path = os.path.join(b.folder, "reload.py")
    os.utime(path, (5, 5))
    eq(h.request(script=path, flags=0).body, b"one")
    h.close()


@test
def abandoned(b):
    h = b.start("threads=1").ready()
    h.request()
    h.request("/keep")
    cell = h.cell()
    busy = h.send("/sleep", query="0.3")
    other = {}

    def late():
        near = h.send("/use")
        other["cell"] = h.cell()
        eq(h.lib.wsgi_cell_abandon(h.board, h.cell(), 1) & 1, 1)
        other["answer"] = h.receive(near)
    t = threading.Thread(target=late)
    t.start()
    t.join()
    eq(other["answer"].sizes, [])
    eq(h.receive(busy).body, b"slept")
    assert cell != other["cell"]
    clean_stop(h)


@test
def client_gone(b):
    h = b.start("threads=1").ready()
    h.request()
    for query in ("close", "large", "many"):
        os.kill(h.pid, signal.SIGSTOP)
        h.send("/bodies", query=query).close()
        os.kill(h.pid, signal.SIGCONT)
        h.taken()
    with h.send("/echo", body=b"x" * 300000) as near:
        h.taken()
    a = h.request("/hello")
    eq(a.body, b"Hello, world!")
    has(h.log(), "close called")
    assert "Traceback" not in h.log(), h.log()
    clean_stop(h)


@test
def stopping(b):
    h = b.start("threads=3").ready()
    near = h.send("/sleep", query="0.7")
    a = [None]
    t = threading.Thread(target=lambda: a.__setitem__(0, h.receive(near)))
    t.start()
    h.taken()
    eq(h.stop(), 0)
    t.join()
    eq(a[0].body, b"slept")
    has(h.log(), "shutdown_signal")
    h = b.start("threads=3").ready()
    h.request()
    near = h.send("/sleep", query="0.7")
    h.taken()
    os.kill(h.pid, signal.SIGUSR1)
    eq(h.receive(near).body, b"slept")
    eq(h.wait(), 0)
    has(h.log(), "graceful_signal")
    h = b.start("threads=2\nshutdown-timeout=1").ready()
    near = h.send("/sleep", query="30")
    h.taken()
    eq(h.stop(), 74)
    has(h.log(), "WSGIM0511")
    eq(h.receive(near).end, None)


@test
def ends(b):
    h = b.start().ready()
    h.queue.close()
    eq(h.wait(), 0)
    has(h.log(), "no process of Apache is left")
    h = b.start().ready()
    h.control.close()
    eq(h.wait(), 0)
    has(h.log(), "supervisor is gone")
    h = b.start()
    h.control.close()
    assert h.wait() in (0, 70), h.status


@test
def limits(b):
    h = b.start("threads=2\nmaximum-requests=3").ready()
    for _ in range(3):
        eq(h.request().body, b"Hello, world!")
    eq(h.message(), ("q", 5))
    eq(h.wait(), 0)
    h = b.start("threads=2\nrestart-interval=1").ready()
    eq(h.message(), ("q", 5))
    eq(h.wait(), 0)
    h = b.start("threads=2\ninactivity-timeout=1").ready()
    eq(h.message(), ("q", 5))
    eq(h.wait(), 0)
    h = b.start("threads=1\nrequest-timeout=1\nshutdown-timeout=1\ngraceful-timeout=10").ready()
    t = time.monotonic()
    h.send("/sleep", query="30")
    eq(h.message(), ("q", 6))
    eq(h.wait(), 74)
    assert 2 < time.monotonic() - t < 5, time.monotonic() - t
    has(h.log(), "stack of thread")
    has(h.log(), "in sleep")
    path = os.path.join(b.folder, "slow.py")
    write(path, SCRIPT % ("time.sleep(30)", "x"))
    h = b.start("threads=2\nstartup-timeout=1\nshutdown-timeout=1", preload=path)
    eq(h.message(), ("q", 7))
    eq(h.wait(), 74)


@test
def garbage(b):
    h = b.start("threads=2").ready()
    for data in (b"", b"x", os.urandom(48), os.urandom(60000), b"\x01" + b"\0" * 200):
        near, far = socket.socketpair()
        if data:
            h.queue.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                      array.array("i", [far.fileno()]))])
        far.close()
        near.close()
    h.queue.send(b"no descriptor at all")
    eq(h.request().body, b"Hello, world!")
    with h.send("/post", body=b"x" * 100, inline=False) as near:
        near.sendall(b"\xff" * 100)
        eq(h.receive(near).end, CANCELLED)
    eq(h.request().body, b"Hello, world!")
    clean_stop(h)


@test
def identity(b):
    if os.getuid() != 0:
        return "needs root"
    os.chmod(b.folder, 0o755)
    h = b.start("threads=1\nuser=nobody\ngroup=nogroup\numask=027\nhome=/tmp").ready()
    m = ast.literal_eval(h.request("/ident").text())
    import grp
    import pwd
    nobody, group = pwd.getpwnam("nobody"), grp.getgrnam("nogroup")
    eq(m[:2], (nobody.pw_uid, group.gr_gid))
    eq(m[3:5], ("0o27", "/tmp"))
    eq({x.split()[1] for x in m[5]}, {"0000000000000000", "1"})
    eq(m[7], nobody.pw_dir)
    clean_stop(h)
    for options, part in (("user=no-such-user-here", "no-such-user"),
                          ("user=nobody\nhome=/nowhere/at/all", "/nowhere/at/all")):
        h = b.start("threads=1\n" + options)
        eq(h.wait(), 71)
        has(h.log(), part)
        has(h.log(), "WSGIM0505")
    h = b.start("threads=1")
    eq(h.wait(), 71)


@test
def python_home(b):
    h = b.start("threads=1\npython-home=" + b.folder)
    eq(h.wait(), 72)
    has(h.log(), "WSGIM0507: daemon process 'test': Python ")
    python = subprocess.run([b.program, "--version"], stdout=subprocess.PIPE, check=True,
                            universal_newlines=True).stdout
    version = python.split("Python ")[1].strip()
    h = b.start("threads=1").ready()
    executable = ast.literal_eval(h.request("/modules").text())[12]
    got = subprocess.run([executable, "-c", "import sys; print(sys.version.split()[0])"],
                         stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
    eq(got.strip(), version)
    clean_stop(h)
    venv = os.path.join(b.folder, "a venv")
    made = subprocess.run([executable, "-m", "venv", "--without-pip", venv],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        return "venv: " + made.stdout.decode()
    h = b.start("threads=1\npython-home=" + venv).ready()
    m = ast.literal_eval(h.request("/modules").text())
    eq(m[11:13], (venv, venv + "/bin/python"))
    assert "WSGIM06" not in h.log(), h.log()
    clean_stop(h)


@test
def memory(b):
    if "ASAN_OPTIONS" in os.environ:
        return "a sanitizer keeps freed memory"
    h = b.start("threads=4").ready()

    def many(n):
        for _ in range(n):
            h.request(flags=RELOADING)
            h.request("/stream")
            h.request("/fail")
            h.request("/post", body=b"x" * 100)
            h.request("/post", body=b"x" * 20000)
    many(150)
    before = h.rss()
    parallel(4, lambda: many(500))
    assert h.rss() - before < 1500, (before, h.rss())
    fds = len(os.listdir("/proc/%d/fd" % h.pid))
    assert fds < 16, os.listdir("/proc/%d/fd" % h.pid)
    clean_stop(h)


@test
def system_calls(b):
    strace = shutil.which("strace")
    if strace is None:
        return "no strace"
    h = b.start("threads=1").ready()
    for _ in range(20):
        h.request()
    out = os.path.join(b.folder, "strace")
    p = subprocess.Popen([strace, "-f", "-c", "-o", out, "-p", str(h.pid)],
                         stderr=subprocess.PIPE, universal_newlines=True)
    if "attached" not in p.stderr.readline():
        p.kill()
        p.communicate()
        return "strace cannot attach"
    for _ in range(1000):
        h.request()
    p.send_signal(signal.SIGINT)
    p.communicate()
    with open(out) as f:
        text = f.read()
    calls = {}
    for line in text.splitlines()[2:]:
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    stray = sum(calls.values()) - 1000 * 4
    assert stray < 50, calls
    clean_stop(h)


def prepare(folder):
    shutil.copy(os.path.join(HERE, "hostapp", "app.wsgi"), folder)
    for name in ("one", "two", "pth", "runtime/mod_wsgi"):
        os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, "one", "extra.pth"), "w") as f:
        f.write(os.path.join(folder, "pth") + "\n")


def run(f, lib, program, verbose):
    folder = os.path.realpath(tempfile.mkdtemp(prefix="host test '"))
    os.chmod(folder, 0o755)
    prepare(folder)
    bench = Bench(lib, program, folder)
    if os.getuid() == 0 and f is not identity:
        real = bench.start
        bench.start = lambda options="threads=4", **kw: real(
            options + ("" if "user=" in options else "\nuser=nobody"), **kw)
    t = time.monotonic()
    try:
        skipped = f(bench)
        print("%-5s %s (%.1fs)%s" % ("skip" if skipped else "ok", f.__name__, time.monotonic() - t,
                                     ": " + skipped if skipped else ""), flush=True)
        return True
    except Exception as e:
        import traceback
        traceback.print_exc()
        print("FAIL  %s: %s" % (f.__name__, e), flush=True)
        if bench.hosts and verbose:
            print(bench.hosts[-1].log())
        return False
    finally:
        for h in bench.hosts:
            with contextlib.suppress(Exception):
                h.close()
        shutil.rmtree(folder, ignore_errors=True)


def main(argv):
    verbose = "-v" in argv
    argv = [a for a in argv if a != "-v"]
    if not argv:
        sys.exit(__doc__)
    program, names = os.path.abspath(argv[0]), argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        lib = build_helper(folder)
        failed = [f.__name__ for f in TESTS if (not names or f.__name__ in names)
                  and not run(f, lib, program, verbose)]
    sys.exit("failed: " + " ".join(failed) if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
