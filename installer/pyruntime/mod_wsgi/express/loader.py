"""Loads the application of a mod_wsgi-express server and hands it requests.

The generated handler.wsgi makes one Loader. Apache splits a URL at the first
path component that is no file, so SCRIPT_NAME and PATH_INFO are joined again
and split at the mount point before the application sees them.
"""

import importlib
import os
import sys
import types

__all__ = ["Loader", "LoadError", "split_path"]

SCRIPT_MODULE = "__wsgi__"

# Importable even where the mod_wsgi package is not installed.
DIAGNOSTICS = ("mod_wsgi.diagnostics.environ", "mod_wsgi.diagnostics.hello")


class LoadError(Exception):
    """What was loaded holds no application of the name asked for."""


class Loader:
    """The application at *entry_point*, loaded when this is made.

    *kind* is ``script`` (a file) or ``module`` (an importable name). What the
    application's own code raises passes through with its own traceback.
    """

    def __init__(self, kind, entry_point, callable_name="application", mount_point="/"):
        self.mount_point = mount_point
        if kind == "script":
            module, self._source, self._seen = _load_script(entry_point)
        elif kind == "module":
            module, self._source, self._seen = _load_module(entry_point)
        else:
            raise LoadError("application type %r is not available" % (kind,))
        try:
            self.application = getattr(module, callable_name)
        except AttributeError:
            raise LoadError(
                "%s %s has no attribute %r; name the callable with --callable-object"
                % (kind, entry_point, callable_name)
            ) from None

    def reload_required(self, resource=None):
        """Whether the application's file differs from the one that was loaded.

        A file that is gone counts as different. *resource* is the URL's own
        file and of no interest here.
        """
        return self._source is not None and _stamp(self._source) != self._seen

    def handle_request(self, environ, start_response):
        """Call the application with SCRIPT_NAME and PATH_INFO set right."""
        split_path(environ, self.mount_point)
        return self.application(environ, start_response)


def split_path(environ, mount_point):
    """Set SCRIPT_NAME to *mount_point* and PATH_INFO to what follows it.

    Where a trusted proxy has named the mount point itself, SCRIPT_NAME stays
    as it did and only PATH_INFO is set.
    """
    trusted = environ.get("mod_wsgi.mount_point")
    if trusted is None:
        script_name, path = "", environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    else:
        script_name = None
        path = environ.get("mod_wsgi.script_name", "") + environ.get("PATH_INFO", "")
    if mount_point != "/" and (path == mount_point or path.startswith(mount_point + "/")):
        path = path[len(mount_point):]
        if script_name is not None:
            script_name = mount_point
    if script_name is not None:
        environ["SCRIPT_NAME"] = script_name
    environ["PATH_INFO"] = path


def _load_script(path):
    """Run the file at *path* as a module; return it, the file and its stamp."""
    seen = _stamp(path)     # before reading: a change in between is seen later
    with open(path, "rb") as stream:
        code = compile(stream.read(), path, "exec", dont_inherit=True)
    module = types.ModuleType(SCRIPT_MODULE)
    module.__file__ = path
    sys.modules[SCRIPT_MODULE] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        sys.modules.pop(SCRIPT_MODULE, None)
        raise
    return module, path, seen


def _load_module(name):
    """Import *name*; return the module, its source file if any and its stamp."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if name not in DIAGNOSTICS or not name.startswith(error.name or "?"):
            raise
        # This very package, whatever name it was copied to.
        module = importlib.import_module(".." + name.partition(".")[2], __package__)
    source = getattr(module, "__file__", None)
    if source and source.endswith((".pyc", ".pyo")) and os.path.exists(source[:-1]):
        source = source[:-1]
    return module, source, _stamp(source)


def _stamp(path):
    """The modification time of *path* in nanoseconds, or None if it is gone."""
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, TypeError, ValueError):
        return None
