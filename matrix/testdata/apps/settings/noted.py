"""An import script: notes by the name of its interpreter who loaded it, in which thread."""
import os
import signal
import threading

import mod_wsgi

HERE = os.path.dirname(os.path.abspath(__file__))


def handler(number, frame):
    pass


before = signal.signal(signal.SIGURG, handler)
registered = signal.getsignal(signal.SIGURG) is handler
main = threading.current_thread() is threading.main_thread()
with open(os.path.join(HERE, "notes", mod_wsgi.application_group or "main"), "a") as file:
    file.write("%d %s %s\n" % (os.getpid(), main, registered))
