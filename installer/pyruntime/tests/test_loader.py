"""The loader of mod_wsgi-express servers: what it loads, when, and the path split."""

import importlib
import importlib.util
import os
import sys
import unittest
from urllib.parse import unquote

from folder import Folder
from mod_wsgi.express import loader


class Script(Folder):
    def test_runs_once_under_its_own_name(self):
        path = self.write("app.wsgi", "import sys\nfound = sys.modules[__name__]\ndef application(): return __name__, __file__\n")
        made = loader.Loader("script", path)
        self.assertEqual(made.application(), ("__wsgi__", path))
        self.assertIs(sys.modules["__wsgi__"].found, sys.modules["__wsgi__"])

    def test_declared_encoding(self):
        path = self.write("app.wsgi", "# -*- coding: latin-1 -*-\napplication = 'é'.encode\n", "latin-1")
        self.assertEqual(loader.Loader("script", path).application("utf-8"), "é".encode())

    def test_own_exception_passes_and_leaves_no_module(self):
        path = self.write("app.wsgi", "raise KeyError('mine')\n")
        with self.assertRaisesRegex(KeyError, "mine"):
            loader.Loader("script", path)
        self.assertNotIn("__wsgi__", sys.modules)

    def test_missing_callable_names_file_and_option(self):
        path = self.write("app.wsgi", "app = int\n")
        with self.assertRaises(loader.LoadError) as caught:
            loader.Loader("script", path)
        self.assertIn(path, str(caught.exception))
        self.assertIn("it has 'app': give --callable-object app", str(caught.exception))
        self.assertEqual(loader.Loader("script", path, "app").application, int)

    def test_what_cannot_be_an_application_is_refused(self):
        for text, want in (
            ("", "has no attribute 'application'; name the callable with --callable-object"),
            ("def create_app(): pass", "it has 'create_app', which makes one"),
            ("application = {}", "is of type dict and cannot be called"),
            ("async def application(scope, receive, send): pass", "is an ASGI application"),
            ("class A:\n  async def __call__(self, scope, receive, send): pass\napplication = A()", "is an ASGI application"),
        ):
            with self.subTest(text=text), self.assertRaises(loader.LoadError) as caught:
                loader.Loader("script", self.write("app.wsgi", text + "\n"))
            self.assertIn(want, str(caught.exception))

    def test_reload_required(self):
        path = self.write("app.wsgi", "application = int\n")
        made = loader.Loader("script", path)
        self.assertFalse(made.reload_required("/\udcff"))
        os.utime(path, (1, 1))
        self.assertTrue(made.reload_required("x"))

    def test_vanished_file_is_a_change(self):
        path = self.write("app.wsgi", "application = int\n")
        made = loader.Loader("script", path)
        os.unlink(path)
        self.assertTrue(made.reload_required())


class Module(Folder):
    def setUp(self):
        super().setUp()
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        self.addCleanup(sys.modules.pop, "mwe_sample", None)
        importlib.invalidate_caches()

    def test_import(self):
        path = self.write("mwe_sample.py", "application = int\n")
        made = loader.Loader("module", "mwe_sample")
        self.assertIs(made.application, sys.modules["mwe_sample"].application)
        self.assertFalse(made.reload_required())
        os.utime(path, (1, 1))
        self.assertTrue(made.reload_required())

    def test_missing_import_inside_passes(self):
        self.write("mwe_sample.py", "import nowhere_to_be_found\n")
        with self.assertRaisesRegex(ModuleNotFoundError, "nowhere_to_be_found"):
            loader.Loader("module", "mwe_sample")

    def test_diagnostics_without_the_package(self):
        self.addCleanup(sys.modules.update, {n: m for n, m in sys.modules.items() if n.startswith("mod_wsgi")})
        private = os.path.join(self.folder, "_mwe_runtime")
        os.symlink(os.path.dirname(os.path.dirname(loader.__file__)), private)
        for name in [n for n in sys.modules if n.startswith("mod_wsgi")]:
            del sys.modules[name]
        sys.modules["mod_wsgi"] = type(sys)("mod_wsgi")     # the server's own: no package
        copy = importlib.import_module("_mwe_runtime.express.loader")
        made = copy.Loader("module", "mod_wsgi.diagnostics.hello")
        self.assertEqual(made.application.__module__, "_mwe_runtime.diagnostics.hello")
        for name in [n for n in sys.modules if n.startswith(("_mwe_runtime", "mod_wsgi"))]:
            del sys.modules[name]

    def test_module_that_is_not_there(self):
        for name, want in (
            ("mwe_nowhere", "there is no module mwe_nowhere; looked in "),
            ("mwe_nowhere.wsgi", "there is no module mwe_nowhere.wsgi, since there is no mwe_nowhere;"),
            ("mwe_nowhere.py", "to serve a file use --application-type script"),
        ):
            with self.subTest(name=name), self.assertRaises(loader.LoadError) as caught:
                loader.Loader("module", name)
            self.assertIn(want, str(caught.exception))
            self.assertIsInstance(caught.exception.__cause__, ModuleNotFoundError)

    def test_unknown_kind(self):
        with self.assertRaisesRegex(loader.LoadError, "application type 'object' is not one of"):
            loader.Loader("object", "x.y")

    def test_static(self):
        said = []
        body = loader.Loader("static", "/srv").handle_request({"PATH_INFO": "/x"}, lambda *a: said.append(a))
        self.assertEqual((said[0][0], body), ("404 Not Found", [b"There is no such file.\n"]))


class Paste(Folder):
    def fake(self, loadapp):
        """A package paste.deploy with that function."""
        for name in ("paste", "paste.deploy"):
            self.addCleanup(sys.modules.pop, name, None)
            sys.modules[name] = type(sys)(name)
        sys.modules["paste.deploy"].loadapp = loadapp

    def test_uri_is_quoted(self):
        path = self.write("50% #1.ini", "[app:main]\n")
        asked = []
        self.fake(lambda uri: asked.append(uri) or len)
        made = loader.Loader("paste", path)
        self.assertIs(made.application, len)
        self.assertTrue(asked[0].startswith("config:/"))
        self.assertNotIn("#", asked[0])
        self.assertEqual(unquote(asked[0][len("config:"):]), path)
        os.utime(path, (1, 1))
        self.assertTrue(made.reload_required())

    def test_absent(self):
        if importlib.util.find_spec("paste"):
            self.skipTest("PasteDeploy is installed here")
        with self.assertRaisesRegex(loader.LoadError, "pip install PasteDeploy"):
            loader.Loader("paste", "/x.ini")

    def test_not_an_application(self):
        self.fake(lambda uri: None)
        with self.assertRaisesRegex(loader.LoadError, "what /x.ini describes is of type NoneType"):
            loader.Loader("paste", "/x.ini")


class SplitPath(unittest.TestCase):
    CASES = [
        # mount, SCRIPT_NAME, PATH_INFO -> SCRIPT_NAME, PATH_INFO
        ("/", "/x", "/y", "", "/x/y"),
        ("/", "", "/", "", "/"),
        ("/", "/", "", "", "/"),
        ("/a/b", "/a", "/b/x", "/a/b", "/x"),
        ("/a/b", "/a/b", "/", "/a/b", "/"),
        ("/a/b", "/a/b", "", "/a/b", ""),
        ("/a/b", "/a", "/bc", "", "/a/bc"),
        ("/a/b", "/err", "/x", "", "/err/x"),
    ]

    def test_table(self):
        for mount, script, info, want_script, want_info in self.CASES:
            with self.subTest(mount=mount, script=script, info=info):
                environ = {"SCRIPT_NAME": script, "PATH_INFO": info}
                loader.split_path(environ, mount)
                self.assertEqual((environ["SCRIPT_NAME"], environ["PATH_INFO"]), (want_script, want_info))

    def test_trusted_proxy_keeps_its_script_name(self):
        environ = {
            "SCRIPT_NAME": "/outer",
            "PATH_INFO": "/x",
            "mod_wsgi.script_name": "/a",
            "mod_wsgi.mount_point": "/outer",
        }
        loader.split_path(environ, "/a")
        self.assertEqual((environ["SCRIPT_NAME"], environ["PATH_INFO"]), ("/outer", "/x"))


if __name__ == "__main__":
    unittest.main()
