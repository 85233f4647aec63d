"""Who a host is: each call that makes it so fails, or does nothing, in turn."""
import ast
import os
import shutil
import subprocess
import tempfile

from host_bench import HERE, clean_stop, eq, has, test

OPTIONS = """threads=1
user=nobody
group=nogroup
supplementary-groups=#12345,#12346
umask=027
chroot=%s
home=%s"""
# The call, and whether it is noticed when it only says that it worked. (The kernel makes a process
# undumpable by itself when it changes its user.)
CALLS = (("setgroups", True), ("setresgid", True), ("setresuid", True), ("chroot", True),
         ("chdir", False), ("umask", True), ("capset", False), ("no_new_privs", True),
         ("dumpable", False))
QUEUED = 1


def build_shim(folder):
    os.chmod(folder, 0o755)
    out = os.path.join(folder, "failing_calls.so")      # no blank in it: the loader splits there
    cc = os.environ.get("CC", "cc").split()
    subprocess.run(cc + ["-std=gnu99", "-O1", "-fPIC", "-shared", "-o", out,
                         os.path.join(HERE, "failing_calls.c"), "-ldl"], check=True)
    os.chmod(out, 0o755)
    return out


def refused(b, options, env, part):
    """A host with a request in its queue ends, says why, and serves nothing."""
    h = b.start(options, env=env)
    with h.send() as near:
        eq(h.wait(), 71)
        eq(h.message(), ("", 0))
        has(h.log(), ":alert]")
        has(h.log(), "WSGIM0505: daemon process 'test': ")
        has(h.log(), part)
        assert "Python" not in h.log(), h.log()
        near.setblocking(False)
        try:
            assert not near.recv(1), "something was answered"
        except BlockingIOError:
            pass
        eq(h.lib.wsgi_cell_read(h.board, h.cell(), None, None), QUEUED)


@test
def failing_calls(b):
    if os.getuid() != 0:
        return "needs root"
    if "ASAN_OPTIONS" in os.environ:
        return "a sanitizer wants to be loaded first"
    os.chmod(b.folder, 0o755)
    shims = tempfile.mkdtemp(prefix="host-shim-")
    try:
        try_calls(b, build_shim(shims), shims)
    finally:
        shutil.rmtree(shims)


def try_calls(b, shim, jail):

    def env(call, way="fail"):
        return dict(os.environ, LD_PRELOAD=shim, WSGI_CALL=call, WSGI_WAY=way)
    h = b.start(OPTIONS % ("/", "/tmp"), env=env("none")).ready()
    m = ast.literal_eval(h.request("/ident").text())
    eq(sorted(m[2]), sorted({m[1], 12345, 12346}))
    eq(m[3:5], ("0o27", "/tmp"))
    clean_stop(h)
    options = OPTIONS % (jail, "/")     # no Python in there; none gets that far
    for call, noticed in CALLS:
        if call != "umask":
            refused(b, options, env(call), "cannot be ")
        if noticed:
            refused(b, options, env(call, "lie"), "")


@test
def nothing_inherited(b):
    """Descriptors and environment: what the process needs, and no more."""
    fd = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(fd, True)
    env = {"PATH": os.environ["PATH"], "LANG": "C", "USER": "somebody", "SECRET": "httpd's own"}
    try:
        h = b.start("threads=1\nlang=C.UTF-8\npython-eggs=/var/eggs", env=env).ready()
    finally:
        os.close(fd)
    fds = {}
    for n in os.listdir("/proc/%d/fd" % h.pid):
        try:
            fds[int(n)] = os.readlink("/proc/%d/fd/%s" % (h.pid, n))
        except FileNotFoundError:
            pass                        # closed since it was listed
    passing = "/proc/%d/" % h.pid       # the watch reads about itself, for a moment
    fds = {n: path for n, path in fds.items() if not path.startswith(passing)}
    eq(fds[0], "/dev/null")
    eq({fds[1], fds[2]}, {h.log_path})
    assert fds[3].startswith("socket:") and fds[5].startswith("socket:"), fds
    eq([fds[n].split(":")[0] for n in fds if n not in (0, 1, 2, 3, 5)], ["pipe", "pipe"])
    with open("/proc/%d/status" % h.pid) as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    if os.getuid() == 0:
        eq({status[n] for n in ("CapInh", "CapPrm", "CapEff", "CapAmb")}, {"0" * 16})
        eq(status["NoNewPrivs"], "1")
        eq(os.stat("/proc/%d/environ" % h.pid).st_uid, 0)      # undumpable: not for its own user
    got = ast.literal_eval(h.request("/environment").text())
    want = {"LANG": "C.UTF-8", "PYTHON_EGG_CACHE": "/var/eggs", "PATH": env["PATH"],
            "SECRET": "httpd's own"}
    if os.getuid() == 0:
        want.update(HOME=got["HOME"], USER="nobody")
    else:
        want.update(USER="somebody")
    got.pop("LC_CTYPE", None)      # Python's own, in the locale C
    eq(got, want)
    clean_stop(h)
