"""Loads the application of a mod_wsgi-express server and hands it requests.

Apache splits a URL at the first path component that is no file, so SCRIPT_NAME
and PATH_INFO are joined again and split at the mount point before the
application sees them.
"""

import importlib
import os
import sys
import types

__all__ = ["Loader", "LoadError", "split_path"]

SCRIPT_MODULE = "__wsgi__"

# Importable even where the mod_wsgi package is not installed.
DIAGNOSTICS = ("mod_wsgi.diagnostics.environ", "mod_wsgi.diagnostics.hello")

# What a callable is often called, where it is not called as was said.
USUAL = ("application", "app", "wsgi_app", "wsgi", "wsgiapp")
FACTORIES = ("create_app", "make_app", "get_app")

CO_COROUTINE = 0x80


class LoadError(Exception):
    """There is no application where one was to be; the text says what to change."""


class Loader:
    """The application at *entry_point*, loaded when this is made.

    *kind* is ``script`` (a file), ``module`` (an importable name), ``paste``
    (a configuration of PasteDeploy) or ``static`` (no application at all).
    What the application's own code raises passes through with its own
    traceback.
    """

    def __init__(self, kind, entry_point, callable_name="application", mount_point="/"):
        self.mount_point = mount_point
        self._source = self._seen = None
        if kind == "script":
            module, self._source, self._seen = load_script(entry_point, SCRIPT_MODULE)
            self.application = _callable(module, callable_name, "the script " + entry_point)
        elif kind == "module":
            module, self._source, self._seen = _load_module(entry_point)
            self.application = _callable(module, callable_name, "the module " + entry_point)
        elif kind == "paste":
            self._source, self._seen = entry_point, stamp(entry_point)
            self.application = _load_paste(entry_point)
        elif kind == "static":
            self.application = nothing
        else:
            raise LoadError("application type %r is not one of script, module, paste and static" % (kind,))

    def reload_required(self, resource=None):
        """Whether the application's file differs from the one that was loaded.

        A file that is gone counts as different. *resource* is the URL's own
        file and of no interest here.
        """
        return self._source is not None and stamp(self._source) != self._seen

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


def load_script(path, name):
    """Run the file at *path* as the module *name*; return it, the file and its stamp."""
    seen = stamp(path)      # before reading: a change in between is seen later
    with open(path, "rb") as stream:
        code = compile(stream.read(), path, "exec", dont_inherit=True)
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module, path, seen


def stamp(path):
    """The modification time of *path* in nanoseconds, or None if it is gone."""
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, TypeError, ValueError):
        return None


def nothing(environ, start_response):
    """Answer that there is nothing here: a server of files alone."""
    body = b"There is no such file.\n"
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _load_module(name):
    """Import *name*; return the module, its source file if any and its stamp."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or "?"
        if name != missing and not name.startswith(missing + "."):
            raise           # a module that the application wants
        if name not in DIAGNOSTICS:
            raise LoadError(_no_module(name, missing)) from error
        # This very package, whatever name it was copied to.
        module = importlib.import_module(".." + name.partition(".")[2], __package__)
    source = getattr(module, "__file__", None)
    if source and source.endswith((".pyc", ".pyo")) and os.path.exists(source[:-1]):
        source = source[:-1]
    return module, source, stamp(source)


def _no_module(name, missing):
    """What to say where the module *name* is not there for want of *missing*."""
    text = "there is no module %s" % name
    if missing != name:
        text += ", since there is no %s" % missing
    if name.endswith(".py"):
        return text + "; to serve a file use --application-type script"
    return text + "; looked in %s; --working-directory or --python-path name the folder that it is in" % ":".join(
        repr(folder) if ":" in folder else folder for folder in sys.path if os.path.isdir(folder)
    )


def _load_paste(path):
    """Have PasteDeploy make the application that the file at *path* describes."""
    try:
        from paste.deploy import loadapp
    except ModuleNotFoundError as error:
        if error.name not in ("paste", "paste.deploy"):
            raise
        raise LoadError(
            "application type paste needs PasteDeploy, which the Python at %s does not have: pip install PasteDeploy" % sys.prefix
        ) from error
    from urllib.parse import quote

    return _checked(loadapp("config:" + quote(os.path.abspath(path))), "what %s describes" % path)


def _callable(module, name, where):
    """The application *name* of *module*."""
    try:
        found = getattr(module, name)
    except AttributeError:
        raise LoadError("%s has no attribute %r%s" % (where, name, _advice(module))) from None
    return _checked(found, "%r of %s" % (name, where))


def _advice(module):
    """What else the application may be called."""
    has = [name for name in USUAL if callable(getattr(module, name, None))]
    if has:
        return "; it has %r: give --callable-object %s" % (has[0], has[0])
    for name in FACTORIES:
        if callable(getattr(module, name, None)):
            return "; it has %r, which makes one: add the line 'application = %s()', or one like it" % (name, name)
    return "; name the callable with --callable-object"


def _checked(found, what):
    """*found*, which must be something that can be called as an application."""
    if not callable(found):
        raise LoadError("%s is of type %s and cannot be called" % (what, type(found).__name__))
    for function in (found, getattr(type(found), "__call__", None)):
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & CO_COROUTINE:
            raise LoadError("%s is an ASGI application; this server speaks WSGI (a2wsgi.ASGIMiddleware adapts it)" % what)
    return found
