"""Has a thread that is no daemon, and ends it when the process is to end."""
import os
import threading

import mod_wsgi

end = threading.Event()


def work():
    end.wait()
    print("the thread of %d has ended" % os.getpid())


mod_wsgi.subscribe_shutdown(lambda event, **details: end.set())
threading.Thread(target=work, daemon=False).start()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
