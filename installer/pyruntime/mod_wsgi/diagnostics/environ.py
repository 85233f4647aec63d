"""A WSGI application that prints what it was given and where it runs.

It shows every process variable and every request header, secrets included:
run it to look at a server, never leave it reachable.
"""

import locale
import os
import sys

__all__ = ["application"]

BLOCK = 64 * 1024


def application(environ, start_response):
    """Answer with a report of the process, the server and the request.

    The body of the request follows the report unchanged.
    """
    lines = []
    for block in (_process, _streams, _python, _server, _apache, _locale, _request, _variables):
        lines.extend("%s: %s" % pair for pair in block(environ))
        lines.append("")
    head = "\n".join(lines) + "\n"
    start_response("200 OK", [("Content-Type", 'text/plain; charset="UTF-8"')])
    return _body(head.encode("utf-8", "backslashreplace"), environ["wsgi.input"])


def _body(head, stream):
    yield head
    while True:
        block = stream.read(BLOCK)
        if not block:
            return
        yield block


def _process(environ):
    yield "PID", os.getpid()
    yield "UID", os.getuid()
    yield "GID", os.getgid()
    yield "CWD", os.getcwd()


def _streams(environ):
    yield "STDOUT", getattr(sys.stdout, "name", None)
    yield "STDERR", getattr(sys.stderr, "name", None)
    yield "ERRORS", getattr(environ.get("wsgi.errors"), "name", None)


def _python(environ):
    yield "python.version", repr(sys.version)
    yield "python.prefix", repr(sys.prefix)
    yield "python.path", repr(sys.path)


def _server(environ):
    for name in ("apache.version", "mod_wsgi.version"):
        yield name, repr(environ.get(name))
    for name in ("process_group", "application_group"):
        yield "mod_wsgi." + name, repr(environ.get("mod_wsgi." + name))
    server = sys.modules.get("mod_wsgi")
    for name in ("maximum_processes", "threads_per_process"):
        yield "mod_wsgi." + name, repr(getattr(server, name, None))


def _apache(environ):
    apache = sys.modules.get("apache")
    for name in (
        "description",
        "build_date",
        "mpm_name",
        "maximum_processes",
        "threads_per_process",
    ):
        yield "apache." + name, repr(getattr(apache, name, None))


def _locale(environ):
    yield "PATH", os.environ.get("PATH")
    yield "LANG", os.environ.get("LANG")
    yield "LC_ALL", os.environ.get("LC_ALL")
    yield "sys.getdefaultencoding()", sys.getdefaultencoding()
    yield "sys.getfilesystemencoding()", sys.getfilesystemencoding()
    yield "locale.getpreferredencoding()", locale.getpreferredencoding(False)
    yield "locale.getlocale()", repr(locale.getlocale())


def _request(environ):
    for key in sorted(environ):
        yield key, repr(environ[key])


def _variables(environ):
    for key in sorted(os.environ):
        yield key, repr(os.environ[key])
