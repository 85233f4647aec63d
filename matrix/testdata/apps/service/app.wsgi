"""A service: runs until it is told to stop. Its group serves no requests."""
import atexit
import os
import signal
import time

import mod_wsgi

HERE = os.path.dirname(__file__)
NOTES = os.path.join(HERE, "notes")


def note(name):
    with open(os.path.join(NOTES, name), "w") as file:
        file.write(str(os.getpid()))


def group():
    return mod_wsgi.application_group


def on_usr2(number, frame):
    note("usr2")


def count():
    with open(os.path.join(NOTES, "count"), "a") as file:
        file.write(".")


if os.path.exists(os.path.join(HERE, "fails")):
    count()
    raise ValueError("a service that cannot start")

atexit.register(note, "atexit")
signal.signal(signal.SIGUSR2, on_usr2)
try:
    note("running")
    note("group-" + group())
    while True:
        time.sleep(60)
finally:
    note("finally")
