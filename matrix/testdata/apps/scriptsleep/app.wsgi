"""Takes its time to load, until it is told to be fast."""
import os
import time

HERE = os.path.dirname(__file__)

with open(os.path.join(HERE, "notes", "loading"), "w") as file:
    file.write(str(os.getpid()))
if not os.path.exists(os.path.join(HERE, "fast")):
    time.sleep(10)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
