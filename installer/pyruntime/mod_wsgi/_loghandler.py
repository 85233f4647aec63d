"""mod_wsgi.LogHandler: records of ``logging`` in the log of the server."""

import logging

import mod_wsgi

__all__ = ["LogHandler"]

# httpd's levels for those of logging, from each upwards.
LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG = 7


class LogHandler(logging.Handler):
    """Writes records to Apache's error log at their own level.

    A record that ``LogLevel`` hides is dropped before it is formatted. On the
    thread of a request it goes to the log of that request's virtual host, with
    the client and the script. ``%F`` of ``ErrorLogFormat`` is the place in the
    source that the record comes from.
    """

    def emit(self, record):
        """Write *record*, one line of the log for each of its lines."""
        level = next((to for least, to in LEVELS if record.levelno >= least), DEBUG)
        if level > mod_wsgi._log_level():
            return
        try:
            mod_wsgi._log(level, self.format(record), record.pathname, record.lineno)
        except Exception:
            self.handleError(record)


LogHandler.__module__ = "mod_wsgi"
LogHandler.__qualname__ = "LogHandler"
