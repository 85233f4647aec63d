"""Answers with its generation and process, after as many seconds as the path says; /grow80 keeps 80 MiB."""
import os
import time

generation = 1
born = str(time.time_ns())  # a pid comes again, in time
kept = []


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what.startswith("grow"):
        kept.append(bytearray(b"x") * (int(what[4:]) << 20))
    else:
        time.sleep(float(what or 0))
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Born", born)])
    return [b"%d %d" % (generation, os.getpid())]
