"""Fails to load, with the reason behind another exception."""


def settings():
    raise KeyError("DATABASE_URL")


try:
    settings()
except KeyError as error:
    raise RuntimeError("cannot configure") from error
