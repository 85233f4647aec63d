"""The program from Python, and the names of older releases."""

import os
import subprocess
import sys
import unittest
import warnings
from unittest import mock

from folder import Folder, run_python
from mod_wsgi.express import cli


class Program(Folder):
    def setUp(self):
        super().setUp()
        self.path = self.write("mod_wsgi-express", '#!/bin/sh\nprintf "%s|" "$@" "$MOD_WSGI_EXPRESS_LITERAL"\n')
        os.chmod(self.path, 0o755)

    def test_start_gives_its_arguments_as_they_are(self):
        done = run_python("-c", "from mod_wsgi.express.cli import start; start('a b', '$HOME')", MOD_WSGI_EXPRESS_PROGRAM=self.path)
        self.assertEqual(done.stdout, "start-server|a b|$HOME|1|")

    def test_module_is_the_command(self):
        done = run_python("-m", "mod_wsgi.express.cli", "module-config", MOD_WSGI_EXPRESS_PROGRAM=self.path)
        self.assertEqual(done.stdout, "module-config||")

    def test_found_on_the_path(self):
        with mock.patch.dict(os.environ, PATH=self.folder), mock.patch("sysconfig.get_path", return_value="/nowhere"):
            os.environ.pop("MOD_WSGI_EXPRESS_PROGRAM", None)
            self.assertEqual(cli.find(), self.path)

    def test_absent(self):
        with mock.patch.dict(os.environ, PATH="/nowhere"), mock.patch("sysconfig.get_path", return_value="/no/scripts"):
            os.environ.pop("MOD_WSGI_EXPRESS_PROGRAM", None)
            with self.assertRaisesRegex(cli.ProgramError, "no mod_wsgi-express in /no/scripts or on PATH"):
                cli.find()
        with mock.patch.dict(os.environ, MOD_WSGI_EXPRESS_PROGRAM="/nowhere/x"):
            with self.assertRaisesRegex(cli.ProgramError, "names /nowhere/x, which cannot be executed"):
                cli.find()


class OlderNames(unittest.TestCase):
    def test_server_warns_and_works(self):
        for name in [n for n in sys.modules if n.startswith("mod_wsgi.server")]:
            del sys.modules[name]
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            import mod_wsgi.server
            import mod_wsgi.server.environ
        self.assertEqual([w.category for w in seen], [FutureWarning])
        self.assertIn("mod_wsgi.express", str(seen[0].message))
        from mod_wsgi.diagnostics import environ
        self.assertIs(mod_wsgi.server.environ.application, environ.application)
        self.assertIs(mod_wsgi.server.start, cli.start)

    def test_importing_needs_nothing_but_python(self):
        code = "import sys, mod_wsgi, mod_wsgi.express, mod_wsgi.express.cli, mod_wsgi.diagnostics; sys.exit('django' in sys.modules)"
        self.assertEqual(subprocess.run([sys.executable, "-c", code]).returncode, 0)


if __name__ == "__main__":
    unittest.main()
