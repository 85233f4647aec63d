"""Measures which lines of the application run (``--enable-coverage``)."""

import os
import sys
import threading

from ._ending import at_end
from ._threads import everywhere

__all__ = ["Coverage"]


class Coverage:
    """Measures from now on; at the end *folder* has the report as web pages.

    Without the package ``coverage`` a line on standard error says so, and the
    application is served all the same.
    """

    def __init__(self, folder):
        self._folder, self._measured = folder, None
        try:
            import coverage
        except ImportError as error:
            print("mod_wsgi-express: nothing is measured: %s; pip install coverage in %s" % (error, sys.prefix), file=sys.stderr)
            return
        self._measured = coverage.Coverage(data_file=None)
        ours = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "*")
        self._measured.set_option("run:omit", list(self._measured.get_option("run:omit") or ()) + [ours])
        self._measured.start()
        at_end(self._report)

    def wrap(self, application):
        return everywhere(application, _trace) if self._measured else application

    def _report(self):
        self._measured.stop()
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            total = self._measured.html_report(directory=self._folder, ignore_errors=True)
        except Exception as error:          # no data, say: nothing else of the end may fail for it
            print("mod_wsgi-express: no coverage report: %s" % error, file=sys.stderr)
        else:
            print("mod_wsgi-express: coverage is %.0f%%, see %s" % (total, os.path.join(self._folder, "index.html")), file=sys.stderr)


def _trace():
    """Have this thread measured, as one that Python started would be."""
    if sys.gettrace() is None:
        sys.settrace(threading.gettrace() if hasattr(threading, "gettrace") else threading._trace_hook)
