"""Tells where it runs and counts its requests in this interpreter."""
import json
import os
import sys
import threading

sys.matrix_count = getattr(sys, "matrix_count", 0)
here = threading.local()


def application(environ, start_response):
    sys.matrix_count += 1
    here.count = getattr(here, "count", 0) + 1
    body = json.dumps({
        "process_group": environ["mod_wsgi.process_group"],
        "application_group": environ["mod_wsgi.application_group"],
        "callable": environ["mod_wsgi.callable_object"],
        "pid": os.getpid(),
        "count": sys.matrix_count,
        "thread": here.count,
        "multithread": environ["wsgi.multithread"],
        "run_once": environ["wsgi.run_once"],
        "multiprocess": environ["wsgi.multiprocess"],
        "authorization": environ.get("HTTP_AUTHORIZATION", ""),
    })
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode("ascii")]


def other(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the other callable"]
