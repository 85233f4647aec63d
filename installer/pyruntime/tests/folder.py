"""What tests of this package share: a folder of their own, and another Python."""

import os
import subprocess
import sys
import tempfile
import unittest

DEADLINE = 30


class Folder(unittest.TestCase):
    """Tests with a folder of their own whose name is awkward on purpose."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="it's a \"dir\" é ")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text, encoding="utf-8"):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding=encoding) as stream:
            stream.write(text)
        return path


def run_python(*args, **env):
    """Run Python with *args*, in this environment and *env*; what it said is text."""
    return subprocess.run([sys.executable] + list(args), env=dict(os.environ, **env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=DEADLINE)
