"""Profiles the application from its loading to the end (``--enable-profiler``)."""

import cProfile
import marshal
import os
import sys
import time

from ._ending import at_end
from ._threads import everywhere

__all__ = ["Profiler"]


class Profiler:
    """Profiles from now on; the end writes ``<microseconds>-<pid>.pstats`` in *folder*."""

    def __init__(self, folder):
        self._folder = folder
        self._profile = cProfile.Profile()
        self._profile.enable()
        at_end(self._write)

    def wrap(self, application):
        # From 3.12 on a profile is of all threads, and is not enabled twice.
        return application if sys.version_info >= (3, 12) else everywhere(application, self._profile.enable)

    def _write(self):
        self._profile.disable()
        self._profile.create_stats()
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            path = os.path.join(self._folder, "%d-%d.pstats" % (time.time() * 1000000, os.getpid()))
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                marshal.dump(self._profile.stats, stream)
        except OSError as error:
            print("mod_wsgi-express: no profile: %s" % error, file=sys.stderr)
