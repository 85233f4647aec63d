"""Linux's inotify, as far as the change monitor needs it."""

import ctypes
import os
import struct

__all__ = ["Inotify"]

# A write is of interest when the file is closed: half a file is not to be loaded.
ATTRIB, CLOSE_WRITE, MOVED, CREATED, DELETED, SELF = 0x4, 0x8, 0xC0, 0x100, 0x200, 0xC00
MASK = ATTRIB | CLOSE_WRITE | MOVED | CREATED | DELETED | SELF | 0x01000000     # of folders alone
HEAD = struct.Struct("iIII")


class Inotify:
    """Tells of changes in folders. OSError or AttributeError: it does not work here."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        self._folders = {}

    def watch(self, folder):
        """Tell of *folder* from now on. OSError if it cannot be watched."""
        wd = self._call("inotify_add_watch", self.fd, ctypes.c_char_p(os.fsencode(folder)), ctypes.c_uint32(MASK))
        self._folders.setdefault(wd, set()).add(folder)

    def read(self):
        """The paths of what has changed; None if that may not be all."""
        paths = set()
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return paths
        at, whole = 0, True
        while at < len(data):
            wd, mask, _, size = HEAD.unpack_from(data, at)
            at += HEAD.size
            name = os.fsdecode(data[at:at + size].rstrip(b"\0"))
            at += size
            if not name or wd not in self._folders:     # the folder itself, or the queue was full
                whole = False
            for folder in self._folders.get(wd, ()):
                paths.add(os.path.join(folder, name))
        return paths if whole else None

    def close(self):
        os.close(self.fd)

    def _call(self, name, *args):
        value = getattr(self._libc, name)(*args)
        if value < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return value
