"""The package under its own name, and as the copy that a server of mod_wsgi-express has."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import mod_wsgi

PACKAGE = os.path.dirname(os.path.abspath(mod_wsgi.__file__))


class PackageTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_python(self, script, *paths):
        head = "import sys; sys.path[:0] = %r\n" % (list(paths),)
        return subprocess.run([sys.executable, "-I", "-S", "-c", head + script], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout

    def test_private_copy_starts_light(self):
        """Every process of a server imports it before its application, which waits for that."""
        shutil.copytree(PACKAGE, os.path.join(self.folder, "_mwe_runtime"))
        said = self.run_python(
            "import _mwe_runtime.express.loader\n"
            "print('loaded', [name for name in ('pkgutil', 'typing', 're', 'inspect') if name in sys.modules])", self.folder)
        self.assertEqual(said, "loaded []\n")

    def test_others_add_to_the_package(self):
        more = os.path.join(self.folder, "mod_wsgi", "more")
        os.makedirs(more)
        for path in (more, os.path.dirname(more)):
            open(os.path.join(path, "__init__.py"), "w").close()
        said = self.run_python("import mod_wsgi.more, mod_wsgi.express.loader; print(mod_wsgi.more.__name__)", os.path.dirname(PACKAGE), self.folder)
        self.assertEqual(said, "mod_wsgi.more\n")


if __name__ == "__main__":
    unittest.main()
