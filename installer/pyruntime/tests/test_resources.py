"""Scripts for extensions (--add-handler): which one answers, and how it is loaded."""

import sys
import unittest

from folder import Folder
from mod_wsgi.express.loader import LoadError
from mod_wsgi.express.resources import Resources


class Table(Folder):
    def get(self, table, **environ):
        return table.handle_request(environ, None)

    def test_which_script(self):
        script = "def handle_request(environ, start_response): return __name__\n"
        # D-36: with or without the dot, any case, any of several
        table = Resources({".tmpl": self.write("t.py", script), "x-Y": self.write("x.py", script)})
        for file, want in (
            ("/d/p.tmpl", "__wsgi_resource_tmpl__"),
            ("/d/p.TMPL", "__wsgi_resource_tmpl__"),
            ("/d/a.tmpl.txt", "__wsgi_resource_tmpl__"),
            ("/d/a.tmpl.x-y", "__wsgi_resource_x_y__"),
            ("/d/a.x-y.tmpl", "__wsgi_resource_tmpl__"),
        ):
            with self.subTest(file=file):
                self.assertEqual(self.get(table, SCRIPT_FILENAME=file), want)
        self.assertEqual(self.get(table, SCRIPT_FILENAME="/d/p", SCRIPT_NAME="/a.tmpl"), "__wsgi_resource_tmpl__")
        with self.assertRaisesRegex(LoadError, "no script answers for the extension of '/d.tmpl/p.txt'"):
            self.get(table, SCRIPT_FILENAME="/d.tmpl/p.txt")

    def test_loaded_once_and_alone(self):
        good = self.write("g.py", "count = []\ndef application(environ, start): count.append(1); return len(count), id(count)\n")
        table = Resources({".a": good, ".b": self.write("b.py", "1/0\n"), ".c": self.write("c.py", "x = 1\n")})
        first, second = self.get(table, SCRIPT_FILENAME="x.a"), self.get(table, SCRIPT_FILENAME="y.a")
        self.assertEqual((first[0], second[0], first[1]), (1, 2, second[1]))
        with self.assertRaises(ZeroDivisionError):
            self.get(table, SCRIPT_FILENAME="x.b")
        self.assertNotIn("__wsgi_resource_b__", sys.modules)
        with self.assertRaisesRegex(LoadError, "c.py has neither a function handle_request nor an application"):
            self.get(table, SCRIPT_FILENAME="x.c")

    def test_reload_is_the_scripts_own_affair(self):
        asked = self.write("a.py", "def application(e, s): return 1\ndef reload_required(resource): return resource == '/d/new.a'\n")
        plain = self.write("b.py", "def application(e, s): return 1\n")
        table = Resources({".a": asked, ".b": plain})
        self.assertFalse(table.reload_required("/d/new.a"))        # not loaded: nothing to reload
        self.get(table, SCRIPT_FILENAME="x.a")
        self.get(table, SCRIPT_FILENAME="x.b")
        for resource, want in (("/d/new.a", True), ("/d/old.a", False), ("/d/new.b", False), ("/d/none", False), ("/\udcff", False), (None, False)):
            self.assertIs(table.reload_required(resource), want, resource)


if __name__ == "__main__":
    unittest.main()
