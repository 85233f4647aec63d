"""Records requests and responses, each in seven files (``--enable-recorder``).

The files of one request are ``<microseconds>-<pid>-<count>.SUFFIX``: iheaders
and icontent are what came in, oheaders and ocontent what went out; oaexcept,
orexcept and ofexcept hold the traceback of an exception of the call, of the
iteration and of close(), and are empty otherwise. They contain cookies and
passwords, so nobody else may read them.

Bodies of any size pass through: a request body is copied to its file in pieces
and read from there by the application; each block of a response goes on as it
comes.
"""

import contextlib
import itertools
import os
import pprint
import time
import traceback

from ._wrapping import watched

__all__ = ["Recorder"]

BLOCK = 65536
SUFFIXES = ("iheaders", "icontent", "oheaders", "ocontent", "oaexcept", "orexcept", "ofexcept")
PHASES = {"call": "oaexcept", "iter": "orexcept", "next": "orexcept", "close": "ofexcept"}


class Recorder:
    """*application*, of which every request is recorded in *folder*."""

    def __init__(self, application, folder):
        self._application, self._folder = application, folder
        self._count = itertools.count(1)
        os.makedirs(folder, mode=0o700, exist_ok=True)

    def __call__(self, environ, start_response):
        record = _Record(self._folder, next(self._count))
        record.write("iheaders", pprint.pformat(environ).encode("utf-8", "backslashreplace") + b"\n")

        def start(status, headers, exc_info=None):
            record.replace("oheaders", pprint.pformat((status, headers)).encode("utf-8", "backslashreplace") + b"\n")
            send = start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

            def write(data):
                record.write("ocontent", data)
                return send(data)

            return write

        def call():
            environ["wsgi.input"] = record.replay(environ["wsgi.input"])
            return self._application(environ, start)

        return watched(record.step("call", call), record.step)


class _Record:
    """The open files of one request, which close() of the response closes."""

    def __init__(self, folder, count):
        self._base = os.path.join(folder, "%d-%d-%d." % (time.time() * 1000000, os.getpid(), count))
        self._files, self._input = {}, None
        for suffix in SUFFIXES:
            self._files[suffix] = self._open(suffix, os.O_CREAT | os.O_EXCL)

    def _open(self, suffix, flags):
        flags |= os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        return os.fdopen(os.open(self._base + suffix, flags, 0o600), "r+b", buffering=0)

    def write(self, suffix, data):
        """Add *data* to a file. A full disk is not the application's concern."""
        with contextlib.suppress(OSError, ValueError):
            self._files[suffix].write(data)

    def replace(self, suffix, data):
        """Make *data* the whole of a file: the headers given last are sent."""
        with contextlib.suppress(OSError, ValueError):
            self._files[suffix].seek(0)
            self._files[suffix].truncate()
        self.write(suffix, data)

    def replay(self, source):
        """Keep all that *source* gives; return a file that gives the same.

        If it cannot be kept, the request must fail: half a body is another body.
        """
        while True:
            block = source.read(BLOCK)
            if not block:
                break
            view = memoryview(block)
            while view:
                view = view[self._files["icontent"].write(view):]
        self._input = open(self._base + "icontent", "rb")
        return self._input

    def step(self, what, function):
        """One use of the application or its response: see _wrapping.watched."""
        done = what == "close"
        try:
            value = function()
        except StopIteration:
            raise
        except BaseException:
            self.write(PHASES[what], traceback.format_exc().encode("utf-8", "backslashreplace"))
            done = done or what == "call"       # nobody will close what there is not
            raise
        finally:
            if done:
                self.close()
        if what == "next":
            self.write("ocontent", value)
        return value

    def close(self):
        for stream in self._files.values():
            stream.close()
        if self._input is not None:
            self._input.close()
