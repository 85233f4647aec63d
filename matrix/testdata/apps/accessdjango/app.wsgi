"""Tells who it is that was let in, and what it can see of that."""
import json
import os


def application(environ, start_response):
    body = json.dumps({
        "user": environ.get("REMOTE_USER", ""),
        "type": environ.get("AUTH_TYPE", ""),
        "authorization": environ.get("HTTP_AUTHORIZATION", ""),
        "path": environ["PATH_INFO"],
        "pid": os.getpid(),
    }).encode("ascii")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
