"""One wsgi-host and its other side: what a case of the host tests works with.

Plain sockets and frames on this side, so that both halves of the protocol are
written twice.
"""
import array
import contextlib
import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.join(HERE, "..", "src")
PLAIN = ["wsgi_wire.c", "wsgi_frames.c", "wsgi_board.c", "wsgi_board_slot.c", "wsgi_options.c",
         "wsgi_options_set.c", "wsgi_options_values.c", "wsgi_settings.c", "wsgi_access.c",
         "wsgi_board_thread.c", "wsgi_control.c", "wsgi_numbers.c", "wsgi_server.c"]
INTERFACE = 3
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
        self.far = far            # as the supervisor: a request is queued whether there is a host or none
        control.close()
        self.status = None
        self.pair = {}
        self.cells = {}
        self.loaded = []
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
        """The next (type, code) from the host; ('', 0) at its end. What it says of
        scripts it has loaded (1), or wants loaded (0), goes to self.loaded."""
        data = self.control.recv(8192)
        while data and data[1:2] == b"l":
            length, = struct.unpack_from("<I", data, 4)
            self.loaded.append((struct.unpack_from("<H", data, 2)[0], os.fsdecode(data[8:8 + length])))
            data = self.control.recv(8192)
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
                    need, most = struct.unpack("<II", payload)
                    part = body[at:at + most]
                    at += len(part)
                    with contextlib.suppress(BrokenPipeError):    # it may have lost interest
                        if part:
                            near.sendall(frame("b", 0, part))
                        if len(part) < need:
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
        self.far.close()
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


def parallel(n, f):
    """What F gives in N threads at once."""
    out, threads = [], []

    def run():
        out.append(f())
    for _ in range(n):
        threads.append(threading.Thread(target=run))
        threads[-1].start()
    for t in threads:
        t.join()
    return out


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


def write(path, text, mtime=None):
    with open(path + ".new", "w") as f:
        f.write(text)
    if mtime is not None:
        os.utime(path + ".new", (mtime, mtime))
    os.replace(path + ".new", path)
