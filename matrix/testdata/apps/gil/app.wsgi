"""Tells which GIL it runs with, and does what differs between them."""
import importlib
import json
import os
import sys
import threading
import time

local = threading.local()


def spin(n):
    x = 0
    for i in range(n):
        x = (x * 31 + i) & 0xffff
    return x


def attempt(what):
    try:
        what()
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)
    return "done"


def child():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise ValueError("status %d" % status)


def thread(daemon):
    t = threading.Thread(target=time.sleep, args=(0,), daemon=daemon)
    t.start()
    t.join()


def facts(environ, query):
    local.count = getattr(local, "count", 0) + 1
    return {
        "Free": not getattr(sys, "_is_gil_enabled", lambda: True)(),
        "Group": environ["mod_wsgi.application_group"], "PID": os.getpid(),
        "Thread": attempt(lambda: thread(False)), "DaemonThread": attempt(lambda: thread(True)),
        "Main": threading.main_thread() is threading.current_thread(), "MainIdent": threading.main_thread().ident,
        "Thread_ID": environ["mod_wsgi.thread_id"], "Local": local.count,
    }


def fork(environ, query):
    return attempt(child)


def timed(what):
    began = time.perf_counter()
    what()
    return {"Began": began, "Ended": time.perf_counter()}


def spin_for(environ, query):
    return timed(lambda: spin(int(query)))


def hold_for(environ, query):
    import holding
    return timed(lambda: holding.hold(float(query)))


def load(environ, query):
    sys.path.insert(0, os.path.dirname(__file__))
    try:
        return attempt(lambda: importlib.import_module(query))
    finally:
        del sys.path[0]


def hold(environ, query):
    import holding
    with open(os.path.join(os.path.dirname(__file__), "notes", "held"), "w") as file:
        file.write(str(os.getpid()))
    holding.hold(float(query))


def call(environ, query):
    import gilstate
    return [gilstate.call(lambda: threading.get_ident()) == threading.get_ident() for _ in range(100)].count(True)


def busy(environ, query):
    while True:
        spin(1000)


def application(environ, start_response):
    name = environ["PATH_INFO"].rpartition("/")[2]
    answer = globals()[name](environ, environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
