"""Writes to the error log in every way there is."""
import logging
import sys
import traceback


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
