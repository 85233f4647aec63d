"""The Python side of mod_wsgi.

Inside Apache the server puts a module of its own under this name and points
its ``__path__`` here, so that ``mod_wsgi.diagnostics`` and ``mod_wsgi.express``
resolve there as well. Outside of it only these packages exist: what the server
provides (``version``, ``process_group``, ...) is refused by name.

The same files are copied below a private name into the server root of
mod_wsgi-express; hence all imports within the package are relative.
"""

__all__ = []

if __name__ == "mod_wsgi":
    # Other distributions add sub-packages of their own; to a server's copy
    # nobody does, and its processes start without what pkgutil brings along.
    from pkgutil import extend_path

    __path__ = extend_path(__path__, __name__)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(
        "mod_wsgi.%s exists only inside Apache: this process is not run by "
        "the mod_wsgi module, it imported the package %s" % (name, __file__)
    )
