"""Scripts that answer for the files of an extension (``--add-handler``).

The generated resource.wsgi makes one Resources of the table extension to
script. Each script is run once, at the first request for its extension, so
that one that fails takes no other with it.
"""

import os
import re
import threading

from .loader import LoadError, load_script

__all__ = ["Resources"]


class Resources:
    """The scripts of *table*, which has extensions (``.tmpl``) as keys."""

    def __init__(self, table):
        self._scripts = {_extension(key): _Script(_extension(key), path) for key, path in table.items()}

    def handle_request(self, environ, start_response):
        """Have the script answer that belongs to the file which the URL names."""
        return self._of(environ.get("SCRIPT_FILENAME"), environ.get("SCRIPT_NAME")).function(environ, start_response)

    def reload_required(self, resource=None):
        """Whether the script of the file *resource* wants to be loaded again."""
        try:
            script = self._of(resource)
        except LoadError:
            return False
        return script.reload_required(resource)

    def _of(self, *paths):
        """The script for the first of *paths* that has an extension of ours.

        It is the last of the extensions that has a script: Apache goes by all
        of them, whatever their case.
        """
        for path in paths:
            for part in reversed(os.path.basename(path or "").split(".")[1:]):
                script = self._scripts.get("." + part.lower())
                if script is not None:
                    return script
        raise LoadError("no script answers for the extension of %r" % (paths[0],))


class _Script:
    """One script, loaded when it is first needed."""

    def __init__(self, extension, path):
        self._name = "__wsgi_resource%s__" % re.sub(r"\W", "_", extension)
        self._path = path
        self._lock = threading.Lock()
        self._function = self._asks = None

    @property
    def function(self):
        """What answers: ``handle_request`` of the script, else its ``application``."""
        if self._function is None:
            with self._lock:
                if self._function is None:
                    self._load()
        return self._function

    def reload_required(self, resource):
        return bool(self._asks is not None and self._asks(resource))

    def _load(self):
        module, _, _ = load_script(self._path, self._name)
        function = getattr(module, "handle_request", None) or getattr(module, "application", None)
        if not callable(function):
            raise LoadError("%s has neither a function handle_request nor an application" % self._path)
        self._asks = getattr(module, "reload_required", None)
        self._function = function


def _extension(key):
    """*key* as Apache compares it, with its dot."""
    return "." + key.lstrip(".").lower()
