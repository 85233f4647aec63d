"""What is done when the process ends."""

import atexit
import threading

__all__ = ["at_end"]


def at_end(function):
    """Call *function* once, without arguments, when this process stops.

    Inside Apache that is while threads still run and logs can still be written;
    elsewhere at the exit of Python.
    """
    once = threading.Lock()

    def end(*args, **payload):
        if once.acquire(blocking=False):
            function()

    try:
        from mod_wsgi import subscribe_shutdown
    except ImportError:
        subscribe_shutdown = None
    if subscribe_shutdown is not None:
        subscribe_shutdown(end)
    atexit.register(end)
