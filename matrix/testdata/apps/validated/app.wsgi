"""Serves checked/app.wsgi behind a checker of both sides of WSGI, which
MATRIX_CHECKER names.

What the checker finds fault with is a line in the log: "violation: " and, as
JSON, the request, the function that checked, and what it said. An assertion
that an application swallows is noted all the same.
"""
import importlib
import json
import os
import sys
import traceback
import types

CHECKERS = {"wsgiref.validate": "validator", "webtest.lint": "middleware"}


def load(path):
    module = types.ModuleType("checked_" + os.path.basename(os.path.dirname(os.path.dirname(path))).replace("-", "_"))
    module.__file__ = path
    sys.modules[module.__name__] = module
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module.application


checked = load(os.path.join(os.path.dirname(__file__), "checked", "app.wsgi"))


class Watch:
    """Notes each AssertionError once, where it is first seen."""

    def __init__(self, environ):
        self.errors = environ["wsgi.errors"]
        self.request = environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"]

    def note(self, error):
        if hasattr(error, "noted"):
            return
        error.noted = True
        frame = [f for f in traceback.extract_tb(error.__traceback__) if f.name != "assert_"][-1]
        says = str(error)[:200] or frame.line
        text = json.dumps({"request": self.request, "by": frame.name, "says": says})
        self.errors.write("violation: " + text + "\n")

    def call(self, function, *args, **kw):
        try:
            return function(*args, **kw)
        except AssertionError as error:
            self.note(error)
            raise

    def wrap(self, function):
        return lambda *args, **kw: self.call(function, *args, **kw)


class Watched:
    """A stream of which all calls are watched."""

    def __init__(self, stream, watch):
        self._stream, self._watch = stream, watch

    def __getattr__(self, name):
        value = getattr(self._stream, name)
        return self._watch.wrap(value) if callable(value) else value

    def __iter__(self):
        blocks = iter(self._stream)
        while True:
            try:
                yield self._watch.call(next, blocks)
            except StopIteration:
                return


class Result:
    """What the server gets: the checker's iterable, watched."""

    def __init__(self, blocks, watch):
        self.original, self.blocks, self.watch = blocks, iter(blocks), watch

    def __iter__(self):
        return self

    def __next__(self):
        return self.watch.call(next, self.blocks)

    def close(self):
        # Whoever forgets this lets the checker say so when it is collected.
        self.watch.call(self.original.close)


def application(environ, start_response):
    watch = Watch(environ)

    def inner(environ, start):
        def start_watched(*args, **kw):
            return watch.wrap(watch.call(start, *args, **kw))

        for name in ("wsgi.input", "wsgi.errors"):
            environ[name] = Watched(environ[name], watch)
        return checked(environ, start_watched)

    name = environ["MATRIX_CHECKER"]
    checker = getattr(importlib.import_module(name), CHECKERS[name])
    return Result(watch.call(checker(inner), environ, start_response), watch)
