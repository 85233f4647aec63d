"""Restarts the process when a file of the application changes (``--reload-on-changes``).

One thread watches the files of all modules, looking once a second for new
ones, and whatever was given to track_changes. Where there is inotify it sleeps
until the system tells of a change, and compares all files once in five seconds,
since the system tells nothing of changes made elsewhere on a network file
system. Otherwise it compares them once a second.

A file has changed when its modification time or size is not the first that was
seen, or when it has been gone for some time: editors put a new file in place
of the old, and are given a moment to do so.
"""

import os
import select
import signal
import stat
import sys
import threading
import time
import traceback
from importlib.util import source_from_cache

from ._ending import at_end

__all__ = ["Monitor", "loaded", "start", "track_changes", "track_failure"]

SECOND = 1.0
ALL = 5.0           # with inotify: how often all files are compared
QUIET = 0.2         # nothing may have changed for so long before it is believed
GONE = 1.0          # a file is gone after so long
PACE = 0.1          # between two looks at what inotify tells

IGNORED = ("__pycache__",)
ENDINGS = ("~", ".pyc", ".pyo", ".swp", ".swx", ".tmp")


class Files:
    """What is watched, and how it was when it was first seen."""

    def __init__(self, modules):
        self._modules, self._known = modules, set()
        self._stamps = {}
        self._lock = threading.Lock()

    def learn(self):
        """Take in the files of modules that are new. Any thread may."""
        for name, module in list(self._modules.items()):
            if name not in self._known:
                self._known.add(name)
                path = _source(module)
                if path is not None:
                    self.add(path)

    def add(self, path):
        """Watch *path*, a file or a folder with all that is below."""
        path = os.path.abspath(os.fspath(path))
        now = _stamp(path)
        if now is not None:
            with self._lock:
                self._stamps.setdefault(path, now)

    def paths(self):
        with self._lock:
            return list(self._stamps)

    def changed(self, paths=None):
        """The first path that is not as it was, of all or of those that *paths* touch."""
        for path in self.paths() if paths is None else self._touched(paths):
            if _stamp(path) != self._stamps[path]:
                return path
        return None

    def _touched(self, paths):
        """What is watched of *paths*, and the folders watched that they are below."""
        with self._lock:
            folders = [path for path, stamp in self._stamps.items() if isinstance(stamp, frozenset)]
            found = [path for path in paths if path in self._stamps]
        return found + [f for f in folders if any(p.startswith(f + os.sep) for p in paths)]


class Monitor:
    """The thread. *restart* is called once, with the path that changed.

    *pace* is how long a second is.
    """

    def __init__(self, restart, files=None, inotify=True, pace=1.0):
        self.files = files or Files(sys.modules)
        self._restart = restart
        self._pace = pace
        self._inotify = _new_inotify() if inotify else None
        self._watched = set()
        self._closed, self._compared = set(), set()
        self._targets, self._folders = {}, {}
        self._wake, self._stop = os.pipe()
        self._thread = None

    @property
    def kind(self):
        return "inotify" if self._inotify else "polling"

    def start(self):
        self.files.learn()
        self._watch()
        self._thread = threading.Thread(target=self._run, name="mod_wsgi-monitor", daemon=True)
        self._thread.start()

    def stop(self):
        """End the thread and wait for it. It may be the one that asks."""
        os.write(self._stop, b"x")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _run(self):
        try:
            path = self._wait_for_change()
        finally:
            if self._inotify:
                self._inotify.close()
        if path is not None:
            self._restart(path)

    def _wait_for_change(self):
        """The path that changed, or None if the monitor is to stop."""
        compared = time.monotonic()
        while True:
            told = self._sleep(SECOND)
            if told is _STOP:
                return None
            self.files.learn()
            new = self._watch()
            now = time.monotonic()
            if self._inotify is None or told is None or new or now - compared >= ALL * self._pace:
                compared, told = now, None
            path = self.files.changed(told if told is None else told | self._compared)
            if path is not None and self._settles(path):
                return path

    def _settles(self, path):
        """Wait until *path* stays as it is; whether it is another one then."""
        since = last = time.monotonic()
        before = _stamp(path)
        while time.monotonic() - last < (GONE if before is None else QUIET) * self._pace and time.monotonic() - since < 10 * GONE:
            if self._sleep(QUIET / 4, told=False) is _STOP:
                return False
            now = _stamp(path)
            if now != before:
                before, last = now, time.monotonic()
        return self.files.changed([path]) is not None

    def _sleep(self, seconds, told=True):
        """Wait for the time or for news; return the paths told of, None for all, or _STOP."""
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        if self._inotify and told:
            poller.register(self._inotify.fd, select.POLLIN)
        ready = [fd for fd, _ in poller.poll(seconds * self._pace * 1000)]
        if self._wake in ready:
            return _STOP
        if not ready:
            return set()
        if self._sleep(PACE, told=False) is _STOP:      # what comes together is looked at together
            return _STOP
        return self._named(self._inotify.read())

    def _named(self, paths):
        """*paths*, with what is watched under other names for them."""
        if paths is None:
            return None
        return paths.union(*(self._targets.get(path, ()) for path in paths))

    def _watch(self):
        """Have inotify tell of all folders that files are in. If it cannot, poll.

        It tells nothing of folders that this user may enter and not list: the
        files in them are compared each time. True: there are new ones, which
        may have changed before it was told.
        """
        if self._inotify is None:
            return False
        new = [path for path in self.files.paths() if path not in self._watched]
        try:
            for path in new:
                self._watched.add(path)
                self._watch_path(path)
        except OSError:
            self._inotify.close()
            self._inotify = None
        return bool(new)

    def _watch_path(self, path):
        real = self._real(path)
        if real != path:
            self._targets.setdefault(real, set()).add(path)
        folders = {os.path.dirname(path), os.path.dirname(real)}
        if os.path.isdir(path):
            folders.update(folder for folder, _, _ in _walk(path))
        for folder in folders:
            if folder not in self._watched:
                self._watched.add(folder)
                try:
                    self._inotify.watch(folder)
                except (FileNotFoundError, PermissionError):
                    self._closed.add(folder)
            if folder in self._closed:
                self._compared.add(path)


    def _real(self, path):
        """*path* without links; folders are resolved once, there are many files in each."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)
        return os.path.realpath(real) if os.path.islink(real) else real


_STOP = object()
_lock = threading.Lock()
_monitor = None


def start():
    """Start the monitor of this process, unless it is running."""
    global _monitor
    with _lock:
        if _monitor is not None:
            return
        # Applications know it by this name, whatever this copy is called.
        sys.modules.setdefault("mod_wsgi.express.monitor", sys.modules[__name__])
        _monitor = Monitor(_interrupt)
        _monitor.start()
        at_end(_monitor.stop)
        _say("watching for changes by %s" % _monitor.kind)


def loaded():
    """Take in the modules that are there now: what is edited from now on has changed."""
    if _monitor is not None:
        _monitor.files.learn()


def track_changes(path):
    """Watch *path* as well: a file, or a folder with all that is below it.

    In a folder hidden files, ``__pycache__`` and what editors leave behind do
    not count. Without ``--reload-on-changes`` this does nothing.
    """
    if _monitor is not None:
        _monitor.files.add(path)


def track_failure(error, *paths):
    """Watch the files that *error* came from, which are no modules since they failed."""
    for path in paths:
        track_changes(path)
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            track_changes(frame.filename)
        if isinstance(error, SyntaxError) and error.filename:
            track_changes(error.filename)
        error = error.__cause__ or error.__context__


def _interrupt(path):
    _say("%s has changed" % path)
    _say("the process is restarted")
    os.kill(os.getpid(), signal.SIGINT)


def _say(text):
    sys.stderr.write("monitor (pid=%d): %s\n" % (os.getpid(), text))
    sys.stderr.flush()


def _new_inotify():
    """An Inotify, or None where there is none."""
    try:
        from ._inotify import Inotify

        return Inotify()
    except (ImportError, AttributeError, OSError):
        return None


def _source(module):
    """The file that *module* was made from, if it says so."""
    try:
        # Not getattr: a module that is loaded when it is first used would be.
        path = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:
        return None
    if not isinstance(path, str) or not path:
        return None
    if path.endswith((".pyc", ".pyo")):
        try:
            source = source_from_cache(path)
        except ValueError:
            source = path[:-1]
        path = source if os.path.exists(source) else path
    return path


def _stamp(path):
    """What tells one state of *path* from another; None if it is not there."""
    try:
        found = os.stat(path)
        if not os.access(path, os.R_OK):
            return None         # as good as gone
        if stat.S_ISDIR(found.st_mode):
            return frozenset(_entries(path))
        return found.st_mtime_ns, found.st_size
    except (OSError, ValueError):
        return None


def _entries(folder):
    for parent, _, names in _walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            try:
                found = os.stat(path)
            except OSError:
                continue
            yield path, found.st_mtime_ns, found.st_size


def _walk(folder):
    """os.walk without what does not count."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in IGNORED]
        yield parent, folders, [name for name in names if not name.startswith(".") and not name.endswith(ENDINGS)]
