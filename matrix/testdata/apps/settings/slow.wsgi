"""Notes that it is being loaded, and is loaded when it is let."""
import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "notes", "loads"), "a") as file:
    file.write("%d\n" % os.getpid())
while not os.path.exists(os.path.join(HERE, "gate")):
    time.sleep(0.01)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
