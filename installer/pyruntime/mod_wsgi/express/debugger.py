"""The debugger of debug mode: pdb on the terminal that the server runs on.

Inside Apache sys.stdin and sys.stdout are not the terminal. While pdb talks
they are put in place for it, by the descriptors that the process was given.
"""

import bdb
import contextlib
import os
import pdb
import sys

from ._wrapping import watched

__all__ = ["Debugger"]


class Debugger:
    """*application*, of which every Exception is looked at before it goes on.

    With *startup* pdb is entered at once, to set breakpoints; they hold on
    whatever thread a request runs.
    """

    def __init__(self, application, startup=False):
        self._application = application
        self._pdb = _Pdb()
        if startup:
            self._start()

    def __call__(self, environ, start_response):
        return watched(self._step("call", lambda: self._application(environ, start_response)), self._step)

    def _start(self):
        application = self._application
        try:
            self._pdb.say("The application is loaded as 'application'. Set breakpoints ('b FILE:LINE'), then go on with 'c'.")
            self._pdb.set_trace(sys._getframe())
            del application
        except bdb.BdbQuit:
            sys.settrace(None)

    def _step(self, what, function):
        self._pdb.follow(sys._getframe())
        try:
            return function()
        except StopIteration:
            raise
        except bdb.BdbQuit:
            raise RuntimeError("the request was ended in the debugger") from None
        except Exception:
            self._pdb.unfollow()
            self._pdb.look(sys.exc_info())
            raise
        finally:
            self._pdb.unfollow()


class _Pdb(pdb.Pdb):
    """A pdb that talks to the terminal."""

    def __init__(self):
        super().__init__(nosigint=True)

    def follow(self, frame):
        """Heed breakpoints in what this thread runs from *frame* on."""
        if self.breaks:
            self.botframe = frame
            self.set_continue()
            sys.settrace(self.trace_dispatch)

    def unfollow(self):
        if self.breaks:
            sys.settrace(None)

    def say(self, text):
        with _terminal():
            print(text, flush=True)

    def look(self, exc_info):
        """Talk about an exception that was not caught."""
        kind, error, traceback = exc_info
        if traceback.tb_next is not None:
            traceback = traceback.tb_next       # not with our own frame on top
        self.say("%s: %s" % (kind.__name__, error))
        self.reset()
        self.interaction(None, traceback)

    def lookupmodule(self, filename):
        """As of pdb, which from 3.13 on knows no file that does not end in .py."""
        path = os.path.abspath(filename)
        return path if os.path.isfile(path) else super().lookupmodule(filename)

    def interaction(self, *args, **kwargs):
        with _terminal() as (stdin, stdout):
            self.stdin, self.stdout = stdin, stdout
            super().interaction(*args, **kwargs)


@contextlib.contextmanager
def _terminal():
    """Have sys.stdin and sys.stdout be descriptors 0 and 1."""
    before = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = _text(0, "r"), _text(1, "w")
    try:
        yield sys.stdin, sys.stdout
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        sys.stdin, sys.stdout = before


_streams = {}


def _text(descriptor, mode):
    """The stream on *descriptor*, which stays the same: it may have read ahead."""
    if descriptor not in _streams:
        for stream in (sys.__stdin__, sys.__stdout__):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                if stream.fileno() == descriptor:
                    _streams[descriptor] = stream
        if descriptor not in _streams:
            _streams[descriptor] = open(descriptor, mode, closefd=False, encoding="utf-8", errors="replace")
    return _streams[descriptor]
