"""A script that decides the callable only."""


def callable_object(environ):
    return "other"
