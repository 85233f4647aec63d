"""Answers with its generation and process, after as many seconds as the path says."""
import os
import time

generation = 1


def application(environ, start_response):
    time.sleep(float(environ["PATH_INFO"].strip("/") or 0))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d %d" % (generation, os.getpid())]
