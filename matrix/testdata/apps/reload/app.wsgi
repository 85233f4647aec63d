"""Answers with its generation, the process, and whether other modules were kept."""
import json
import os

generation = 1
json.kept = getattr(json, "kept", 0) + 1


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%d %d %d" % (generation, os.getpid(), json.kept)).encode("ascii")]
