"""What other threads see of requests, asked for from many requests at a time."""
import logging
import threading
import time

import mod_wsgi

generation = 1
log = logging.getLogger("hammered")
log.addHandler(mod_wsgi.LogHandler())
log.setLevel(logging.DEBUG)
log.propagate = False
told = []


@mod_wsgi.subscribe_events
def count(name, **payload):
    told.append(name)
    if "request_data" in payload:
        payload["request_data"].setdefault("told", []).append(name)
    return {"seen": len(told)} if name == "request_started" else None


@mod_wsgi.subscribe_events
def look(name, **payload):
    if name == "request_finished":
        payload["request_data"].clear()
    del told[:-100]


@mod_wsgi.subscribe_shutdown
def stopping(name, **payload):
    log.info("hammered until %s", payload["shutdown_reason"])


if mod_wsgi.process_group:
    mod_wsgi.subscribe_signals(lambda name, **payload: log.info("hammered by %s", payload["signame"]))
mod_wsgi.start_recording_metrics()


def hello(environ):
    return "hello"


def subscribe(environ):
    """One more subscriber, and one less."""
    def more(name, **payload):
        pass
    mod_wsgi.subscribe_events(more)
    mod_wsgi.event_callbacks.remove(more)
    return "subscribed"


def active(environ):
    mine = mod_wsgi.request_data()
    mine["active"] = True
    assert mod_wsgi.active_requests[environ["mod_wsgi.request_id"]] is mine
    return "active"


def metrics(environ):
    for ask in (mod_wsgi.request_metrics, mod_wsgi.process_metrics, mod_wsgi.server_metrics):
        ask()
    return "metrics"


def logged(environ):
    log.error("hammered\nby %s", environ["mod_wsgi.thread_id"])
    log.debug("hammered more")
    return "logged"


def threads(environ):
    """Threads of the application's own, which have a state of their own."""
    found = []

    def run():
        try:
            mod_wsgi.request_data()
        except RuntimeError:
            found.append(1)
        log.warning("hammered by a thread")
        print("hammered by a print", file=environ["wsgi.errors"])
        mod_wsgi.process_metrics()
    started = [threading.Thread(target=run) for _ in range(3)]
    for t in started:
        t.start()
    for t in started:
        t.join()
    return "threads %d" % len(found)


def hang(environ):
    """Longer than request-timeout, in Python."""
    until = time.monotonic() + 20
    try:
        while time.monotonic() < until:
            time.sleep(0.01)
    except mod_wsgi.RequestTimeout:
        return "interrupted"
    return "not interrupted"


def fail(environ):
    raise KeyError("hammered")


def application(environ, start_response):
    body = globals()[environ["PATH_INFO"].rpartition("/")[2]](environ).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
