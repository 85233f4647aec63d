"""Has a thread that is no daemon and does not end."""
import os
import threading

threading.Thread(target=threading.Event().wait, daemon=False).start()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
