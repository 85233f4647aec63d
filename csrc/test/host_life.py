"""Cases of a process: its threads, its scripts, its limits, its end."""
import array
import ast
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from host_bench import CANCELLED, LOAD_FAILED, RELOADING, clean_stop, eq, has, parallel, test, write


@test
def threads(b):
    h = b.start("threads=3").ready()
    h.request()
    out = parallel(12, lambda: h.request("/threads").text().split())
    eq(max(int(n) for n, _ in out), 3)
    assert max(int(n) for _, n in out) > 1, out
    eq(parallel(3, lambda: h.request("/meet").body), [b"met"] * 3)
    clean_stop(h)


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
    path += "2"
    write(path, "try:\n import nonesuch\nexcept ImportError as e:\n raise RuntimeError('x') from e\n")
    has(h.request(script=path).logs[1][1], "cannot be loaded: ModuleNotFoundError: No module")
    path += "3"
    write(path, "def x(:\n")
    has(h.request(script=path).logs[1][1], "SyntaxError")
    path += "4"
    write(path, "import sys\nsys.exit(3)\n")
    has(h.request(script=path).logs[1][1], "SystemExit")
    has(h.request(script=path + ".gone").logs[1][1], "FileNotFoundError")
    path += "5"
    write(path, "# -*- coding: latin-1 -*-\n" + SCRIPT % ("time.sleep(0.3)", "good"))
    out = parallel(5, lambda: h.request(script=path))
    eq({a.body for a in out}, {b"good"})
    eq(sum(t.startswith("Loading") for a in out for _, t in a.logs), 1)
    clean_stop(h)


@test
def failed(b):
    """A failed load is kept: nothing is imported a second time in the process."""
    path = os.path.join(b.folder, "half.py")
    write(path, "import os\nos.imported = getattr(os, 'imported', 0) + 1\nraise ValueError(os.imported)\n")
    h = b.start("threads=2").ready()
    t = time.monotonic()
    has(h.request(script=path).logs[1][1], "cannot be loaded: ValueError: 1")
    for _ in range(3):
        a = h.request(script=path)
        eq((a.end, a.refused), (LOAD_FAILED, None))
        eq(len(a.logs), 1)
        has(a.logs[0][1], "WSGIM0602: Target WSGI script '%s' could not be loaded, and is not tried again in "
            "this process: ValueError: 1" % path)
    write(path, SCRIPT % ("", "mended"))
    eq(h.request(script=path).refused, 1)
    said = list(iter(h.message, ("n", 4)))      # that it wants it loaded: once a second
    assert 1 <= len(said) <= 1 + time.monotonic() - t, said
    eq(set(zip(said, h.loaded)), {(("n", 9), (0, path))})
    a = h.request(script=path)    # its successor has not come, or failed
    eq((a.end, a.refused), (LOAD_FAILED, None))
    clean_stop(h)


@test
def required(b):
    """What the process before has loaded must be loaded, or it stays."""
    path = os.path.join(b.folder, "needed.py")
    write(path, "1/0\n")
    h = b.start("threads=1", preload="!" + path)
    eq(h.wait(), 75)
    has(h.log(), "cannot be loaded: ZeroDivisionError")
    has(h.log(), "WSGIM0590: daemon process 'test': script '%s'" % path)
    os.unlink(path)               # one that was removed is not needed
    clean_stop(b.start("threads=1", preload="!" + path).ready())
    write(path, SCRIPT % ("", "fine"))
    h = b.start("threads=1", preload="!" + path).ready()
    eq(h.request(script=path).body, b"fine")
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
    eq(h.message(), ("n", 4))
    eq(h.loaded, [(1, path)])
    a = h.request(script=path)    # until its successor is ready it goes on
    if os.path.exists(path):
        eq((a.refused, a.body), (None, b"one"))
    else:
        eq((a.refused, a.body), (1, b""))
    os.kill(h.pid, signal.SIGUSR1)
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
    busy = h.send("/post", body=b"x", inline=False)     # it waits for that body
    h.taken()
    other = {}

    def late():
        other["near"] = h.send("/use")
        other["cell"] = h.cell()
        eq(h.lib.wsgi_cell_abandon(h.board, h.cell(), 1) & 1, 1)
    t = threading.Thread(target=late)
    t.start()
    t.join()
    has(h.receive(busy, b"x").body, b"1 2d711642")
    eq(h.receive(other["near"]).sizes, [])
    assert cell != other["cell"]
    clean_stop(h)


@test
def client_gone(b):
    h = b.start("threads=1").ready()
    h.request()
    for query in ("close", "large", "many"):
        os.kill(h.pid, signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(h.pid, os.WUNTRACED)[1])      # else it may still answer
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
    eq(h.message(), ("n", 10))
    eq(h.request().body, b"Hello, world!")
    os.kill(h.pid, signal.SIGUSR1)
    eq(h.wait(), 0)
    has(h.log(), "draining, maximum_requests")
    h = b.start("threads=1\nmaximum-requests=1").ready()     # wsgi.run_once
    h.request()
    eq(h.message(), ("q", 10))
    eq(h.wait(), 0)
    h = b.start("threads=2\nrestart-interval=1").ready()
    eq(h.message(), ("n", 11))
    os.kill(h.pid, signal.SIGUSR1)
    eq(h.wait(), 0)
    has(h.log(), "draining, restart_interval")
    h = b.start("threads=2\ninactivity-timeout=1").ready()
    eq(h.message(), ("q", 12))
    eq(h.wait(), 0)
    h = b.start("threads=1\nrequest-timeout=1\nshutdown-timeout=1\ngraceful-timeout=10").ready()
    t = time.monotonic()
    h.send("/sleep", query="30")
    eq(h.message(), ("n", 6))
    os.kill(h.pid, signal.SIGUSR1)
    eq(h.wait(), 74)
    assert 2 < time.monotonic() - t < 10, time.monotonic() - t      # not its graceful timeout
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
    sizes = [h.rss()]
    while len(sizes) < 2 or sizes[-1] - sizes[-2] >= 1500:      # a thread's arena comes once, a leak each time
        assert len(sizes) < 5, sizes
        parallel(4, lambda: many(500))
        sizes.append(h.rss())
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
    stray = []
    while not stray or stray[-1] >= 50:       # what the clock does is not the request's
        assert len(stray) < 4, stray
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
        stray.append(calls_in(out) - 1000 * 4)
    clean_stop(h)


def calls_in(path):
    """All system calls that strace -c has counted."""
    with open(path) as f:
        rows = [line.split() for line in f.read().splitlines()[2:]]
    return sum(int(words[3]) for words in rows
               if len(words) >= 5 and words[3].isdigit() and words[-1] != "total")
