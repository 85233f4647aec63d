"""Writes to the error log in every way there is."""
import logging
import os
import sys
import threading
import traceback

import mod_wsgi


def emit(environ):
    """Write with mod_wsgi.LogHandler at each level."""
    formatted = []

    class Formatter(logging.Formatter):
        def format(self, record):
            formatted.append(record.levelname)
            return super().format(record)

    logger = logging.getLogger("handler")
    logger.setLevel(1)
    logger.propagate = False
    handler = mod_wsgi.LogHandler()
    handler.setFormatter(Formatter("%(message)s"))
    logger.addHandler(handler)
    for level in (60, 50, 45, 40, 30, 25, 20, 10, 5):
        logger.log(level, "level %d", level)
    logger.error('two "lines"\nof \\ one record')
    try:
        {}["missing"]
    except KeyError:
        logger.exception("an exception")
    logging.raiseExceptions = False
    logger.error("%d", "no number")
    logger.removeHandler(handler)
    return " ".join(formatted)


def race(errors):
    """Write lines in pieces from two threads at once."""
    def run(name):
        for i in range(200):
            for piece in (name, " ", str(i), " end", "\n"):
                errors.write(piece)
    threads = [threading.Thread(target=run, args=(n * 20,)) for n in ("a", "b")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def application(environ, start_response):
    errors = environ["wsgi.errors"]
    seen = []
    if environ["PATH_INFO"] == "/lines":
        errors.write("first line\nsecond ")
        errors.write("line\n")
        errors.writelines(["third ", "line\n"])
        errors.flush()
        errors.write("flushed before its end")
        errors.flush()
        errors.write("\n")
        print("a print")
        print("to stderr", file=sys.stderr)
        errors.write("no newline at the end")
    elif environ["PATH_INFO"] == "/odd":
        errors.write("nul \0 shown\n")
        errors.write("wide \u20ac \udcff end\n")
        errors.buffer.write(b"bytes\n")
        errors.write("long " + "x" * 20000 + " tail\n")
    elif environ["PATH_INFO"] == "/ways":
        print("way print")
        print("way stderr", file=sys.stderr)
        errors.write("way write\n")
        errors.write("way flushed")
        errors.flush()
        errors.writelines(["way ", "writelines\n"])
        for kind in (bytes, bytearray, memoryview):
            errors.buffer.write(kind(b"way %s\n" % kind.__name__.encode()))
        errors.write("way open")
    elif environ["PATH_INFO"] == "/big":
        errors.write("big " + "0123456789" * 10000 + " tail\n")
        errors.write("before empty\n\nafter empty\n")
        errors.write("quoted \"\\ " + "\u20ac" * 5000 + " done\n")
    elif environ["PATH_INFO"] == "/surrogates":
        errors.write("lone \udc80 \ud800 surrogates\n")
        errors.buffer.write(b"invalid \xff\xfe bytes\n")
        print("printed \udcff too")
    elif environ["PATH_INFO"] == "/levels":
        seen.append(emit(environ))
    elif environ["PATH_INFO"] == "/threads":
        race(errors)
    elif environ["PATH_INFO"] == "/outside":
        t = threading.Thread(target=print, args=("from a thread of its own",))
        t.start()
        t.join()
        os.write(2, b"raw text\n")
        print("from the request")
    elif environ["PATH_INFO"] == "/raise":
        raise LookupError("first line\nsecond \"line\"")
    elif environ["PATH_INFO"] == "/logging":
        handler = logging.StreamHandler(errors)
        logger = logging.getLogger("matrix")
        logger.addHandler(handler)
        logger.error("from logging")
        logger.removeHandler(handler)
        try:
            1 / 0
        except ZeroDivisionError:
            traceback.print_exc(file=errors)
    elif environ["PATH_INFO"] == "/object":
        try:
            errors.fileno()
        except OSError:
            seen.append("no fileno")
        errors.close()
        seen.append(str(errors.isatty()))
        errors.write("after close\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(seen).encode("ascii") or b"logged"]
