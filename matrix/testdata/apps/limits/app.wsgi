"""Uses up what a process may have: time, memory, Python's lock. Tells what it has."""
import ctypes
import functools
import json
import os
import resource
import sys
import threading
import time

import mod_wsgi

HERE = os.path.dirname(__file__)
LONGEST = 60


def note(name):
    with open(os.path.join(HERE, "notes", name), "w") as file:
        file.write(str(os.getpid()))


def gate(name):
    until = time.monotonic() + LONGEST
    while not os.path.exists(os.path.join(HERE, name)) and time.monotonic() < until:
        time.sleep(0.002)


def spin():
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        pass


def hang_asleep():
    while True:
        time.sleep(1)


def hang_locked():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hang_in_c():
    ctypes.CDLL(None).sleep(LONGEST)


def stack_bytes():
    """The size of this thread's stack, by its mapping."""
    libc = ctypes.CDLL(None)
    attr = ctypes.create_string_buffer(256)
    size, address = ctypes.c_size_t(), ctypes.c_void_p()
    libc.pthread_self.restype = ctypes.c_void_p
    if libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attr) != 0:
        return -1
    libc.pthread_attr_getstack(attr, ctypes.byref(address), ctypes.byref(size))
    return size.value


def status(name):
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def facts():
    return {
        "umask": umask(),
        "cpu": resource.getrlimit(resource.RLIMIT_CPU), "data": resource.getrlimit(resource.RLIMIT_DATA),
        "space": resource.getrlimit(resource.RLIMIT_AS), "nice": os.nice(0), "stack": stack_bytes(),
        "interval": sys.getswitchinterval(), "eggs": os.environ.get("PYTHON_EGG_CACHE"), "cwd": os.getcwd(),
        "first": sys.path[0], "home": os.environ.get("HOME"), "user": os.environ.get("USER"),
        "groups": os.getgroups(), "uid": os.getuid(), "gid": os.getgid(), "threads": threading.active_count(),
        "capabilities": [status(n) for n in ("CapInh", "CapPrm", "CapEff", "CapAmb")], "no_new_privs": status("NoNewPrivs"),
        "top": sorted(os.listdir("/")),
    }


def looped():
    note("looped")
    try:
        spin()
    finally:
        note("unwound")


def caught():
    try:
        spin()
    except mod_wsgi.RequestTimeout:
        note("handler")
        raise


def swallowed():
    try:
        spin()
    except BaseException as exc:
        return type(exc).__name__.encode()


def eaten():
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))


def kept_lock():
    note("kept")
    ctypes.PyDLL(None).sleep(30)


def streamed(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    note("streamed")
    spin()


def many(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(40):
        yield b"x" * 4096
    note("many")
    gate("go")
    yield b"end"


def stamps(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"%d\n" % time.time_ns()
    gate("go")
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        yield b"%d\n" % time.time_ns()
        time.sleep(0.02)
    yield b"end"


def noisy(environ):
    """Another thread logs more than a socket holds while this one waits for the body."""
    def talk():
        for _ in range(700):
            environ["wsgi.errors"].write("noise " + "x" * 1000 + "\n")
        note("logged")

    thread = threading.Thread(target=talk)
    thread.start()
    body = environ["wsgi.input"].read()
    thread.join()
    return b"%d" % len(body)


def flood(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(4096):
        yield b"x" * 65536


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    body = b"%d" % os.getpid()
    if path == "/facts":
        body = json.dumps(facts()).encode("ascii")
    elif path == "/loop":
        looped()
    elif path == "/catch":
        caught()
    elif path == "/swallow":
        body = swallowed()
    elif path == "/raise":
        raise mod_wsgi.RequestTimeout("of its own accord")
    elif path == "/sleep":
        note("sleeping")
        time.sleep(float(query))
    elif path.startswith("/hang/"):
        note(path[len("/hang/"):])
        {"asleep": hang_asleep, "locked": hang_locked, "in-c": hang_in_c}[path[len("/hang/"):]]()
    elif path == "/gate":
        note(query or "gate")
        gate("go")
    elif path == "/eat":
        eaten()
    elif path == "/lock":
        kept_lock()
    elif path == "/stream":
        return streamed(start_response)
    elif path == "/many":
        return many(start_response)
    elif path == "/noisy":
        body = noisy(environ)
    elif path == "/stamps":
        return stamps(start_response)
    elif path == "/flood":
        return flood(start_response)
    elif path == "/pending":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter(functools.partial(time.sleep, 2.5), None)       # no Python code from here on
    elif path == "/spin":
        spin()
    elif path == "/header":
        start_response("200 OK", [("X-Long", "v" * int(query))])
        return [body]
    elif path == "/read":
        environ["wsgi.input"].read(1)
        note("reading")
        environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
