"""Answers with the status that the path names; waits for a file at /wait."""
import os
import time

HERE = os.path.dirname(__file__)


def wait():
    with open(os.path.join(HERE, "notes", "waiting-%f" % time.time()), "w") as file:
        file.write(str(os.getpid()))
    while not os.path.exists(os.path.join(HERE, "go")):
        time.sleep(0.002)


def application(environ, start_response):
    word, _, number = environ["PATH_INFO"].strip("/").partition("/")
    status = "%s Named" % number if word == "status" else "200 OK"
    if word == "wait":
        wait()
    if word == "server":
        import json
        import mod_wsgi
        body = json.dumps(mod_wsgi.server_metrics()).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]
    if word == "raise":
        raise ValueError("asked for")
    read = len(environ["wsgi.input"].read())
    body = b"" if number in ("204", "304") else b"%d" % (read or os.getpid())
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
