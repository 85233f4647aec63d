"""Says what the modules mod_wsgi and apache say, and what subscribers heard."""
import json
import threading
import time

import apache
import mod_wsgi

heard = []
gate = threading.Event()


def plain(value):
    """VALUE as JSON can have it."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)


def shape(module):
    """The names of MODULE with the types of their values."""
    return {n: type(getattr(module, n)).__name__ for n in dir(module) if not n.startswith("_")}


def tell(name, **payload):
    data = payload.get("request_data")
    if name == "request_started":
        data["seen"] = [name]
        data["shared"] = data is mod_wsgi.request_data()
        payload["request_environ"]["api.data"] = data
    elif data is not None:
        data.setdefault("seen", []).append(name)
    heard.append({"event": name, "payload": plain(payload),
                  "types": {k: type(v).__name__ for k, v in payload.items()},
                  "in_request": data is mod_wsgi.request_data() if data is not None else None})


def other(environ, start_response):
    start_response("202 Replaced", [("Content-Type", "text/plain")])
    return [b"another application"]


def replace(name, **payload):
    if name == "request_started" and payload["request_environ"]["PATH_INFO"] == "/replaced":
        return {"application_object": other, "added": 1}
    return None


def fails(name, **payload):
    if payload.get("added"):
        heard.append({"event": "merged", "payload": {"added": payload["added"]}})
        raise ValueError("a subscriber fails")


def last(name, **payload):
    if payload.get("added"):
        heard.append({"event": "after", "payload": {}})


def stopping(name, **payload):
    print("told of %s: %r" % (name, payload))


@mod_wsgi.subscribe_signals
def signalled(name, **payload):
    print("told of %s: %r" % (name, payload))


def threaded(call):
    out = []

    def run():
        try:
            out.append(repr(call()))
        except Exception as e:
            out.append(type(e).__name__)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    return out[0]


def refused(call, *args):
    try:
        call(*args)
    except Exception as e:
        return type(e).__name__
    return "nothing"


def facts():
    types = {n: repr(getattr(mod_wsgi, n)) for n in ("FileWrapper", "RequestTimeout", "LogHandler")}
    return {
        "mod_wsgi": shape(mod_wsgi), "apache": shape(apache),
        "version": mod_wsgi.version, "groups": [mod_wsgi.process_group, mod_wsgi.application_group],
        "counts": [mod_wsgi.maximum_processes, mod_wsgi.threads_per_process],
        "apache_counts": [apache.maximum_processes, apache.threads_per_process],
        "httpd": [apache.version, apache.description, apache.mpm_name, apache.build_date],
        "bases": [b.__name__ for b in mod_wsgi.RequestTimeout.__bases__],
        "data_outside": [outside, threaded(mod_wsgi.request_data)],
        "types": types, "implementation": vars(mod_wsgi.implementation),
    }


def decorators():
    return {
        "decorator": mod_wsgi.subscribe_events(tell) is tell
                     and mod_wsgi.subscribe_shutdown(stopping) is stopping
                     and mod_wsgi.subscribe_signals(last) is last,
        "not_callable": refused(mod_wsgi.subscribe_events, 1),
        "callbacks": [len(mod_wsgi.event_callbacks), len(mod_wsgi.shutdown_callbacks)],
    }


outside = refused(mod_wsgi.request_data) if threading.current_thread() is threading.main_thread() else "RuntimeError"


def chunks(environ):
    yield b"one"
    if environ["PATH_INFO"] == "/raise":
        raise KeyError("midway")
    yield b"two"


def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = None
    if path == "/facts":
        body = facts()
    elif path == "/decorators":
        body = decorators()
    elif path == "/subscribe":
        for callback in (tell, replace, fails, last):
            mod_wsgi.subscribe_events(callback)
        body = "subscribed"
    elif path == "/shutdown":
        mod_wsgi.subscribe_shutdown(stopping)
        body = mod_wsgi.process_group
    elif path == "/heard":
        body = list(heard)
        del heard[:]
    elif path == "/data":
        mine = mod_wsgi.request_data()
        mine["mark"] = environ["QUERY_STRING"]
        body = {"same": mine is mod_wsgi.request_data(), "subscribers": environ.get("api.data") is mine, "data": plain(mine)}
    elif path == "/active":
        mod_wsgi.request_data()["mark"] = environ["mod_wsgi.request_id"]
        body = plain(mod_wsgi.active_requests)
    elif path == "/wait":
        mod_wsgi.request_data()["mark"] = environ["mod_wsgi.request_id"]
        gate.wait(20)
        body = environ["mod_wsgi.request_id"]
    elif path == "/go":
        gate.set()
        body = "gone"
    elif path == "/metrics":
        body = {"request": mod_wsgi.request_metrics(), "process": mod_wsgi.process_metrics(),
                "server": mod_wsgi.server_metrics() if hasattr(mod_wsgi, "server_metrics") else None}
    elif path == "/record":
        body = [mod_wsgi.start_recording_metrics(), mod_wsgi.start_recording_metrics()]
    elif path == "/work":
        until = time.time() + float(environ["QUERY_STRING"] or 0)
        while time.time() < until:
            pass
        body = len(environ["wsgi.input"].read())
    elif path == "/collect":
        import gc
        body = [gc.collect() for _ in range(3)]
    elif path == "/none":
        return []
    elif path in ("/raise", "/stream"):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return chunks(environ)
    text = json.dumps(body, default=repr).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]
