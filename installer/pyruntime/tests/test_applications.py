"""The applications that come with the package, judged by wsgiref's validator."""

import glob
import io
import os
import re
import unittest
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import mod_wsgi
from mod_wsgi.diagnostics import environ as environ_app
from mod_wsgi.diagnostics import hello
from mod_wsgi.express import welcome


def get(application, body=b"", **extra):
    """One request; returns status, headers as a dict, and the body."""
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "QUERY_STRING": "", "SCRIPT_NAME": "", "PATH_INFO": "/"}
    environ.update(extra)
    setup_testing_defaults(environ)
    seen = []
    result = validator(application)(environ, lambda *args: seen.append(args) or (lambda block: None))
    try:
        content = b"".join(result)
    finally:
        result.close()
    return seen[0][0], dict(seen[0][1]), content


class Applications(unittest.TestCase):
    def test_hello(self):
        self.assertEqual(
            get(hello.application),
            ("200 OK", {"Content-Type": "text/plain", "Content-Length": "12"}, b"Hello World!"),
        )

    def test_environ_reports_and_echoes(self):
        status, headers, body = get(environ_app.application, b"posted \xff", REQUEST_METHOD="POST", HTTP_X_A="\xe9")
        self.assertEqual((status, headers["Content-Type"]), ("200 OK", 'text/plain; charset="UTF-8"'))
        for line in (b"PID: ", b"python.prefix: ", b"HTTP_X_A: ", b"PATH: "):
            self.assertIn(line, body)
        self.assertTrue(body.endswith(b"posted \xff"))

    def test_welcome_escapes_the_path(self):
        status, headers, body = get(welcome.application, PATH_INFO="/<script>\xc3\xa9")
        self.assertEqual(status, "200 OK")
        self.assertEqual(headers["Content-Length"], str(len(body)))
        self.assertIn("&lt;script&gt;é".encode(), body)
        self.assertNotIn(b"//", body.replace(b"http://www.w3.org", b""))    # nothing is fetched from elsewhere


    def test_welcome_brings_what_it_shows(self):
        # the image is there, whether Apache serves the folder or not
        page = get(welcome.application)[2].decode()
        for link, kind in (('src="/__wsgi__/images/running.svg"', "image/svg+xml"), ('href="/__wsgi__/docs/"', "text/html; charset=utf-8")):
            self.assertIn(link, page)
            status, headers, body = get(welcome.application, PATH_INFO=link.split('"')[1])
            self.assertEqual((status, headers["Content-Type"]), ("200 OK", kind))
            self.assertGreater(len(body), 200)

    def test_pages_fetch_nothing_from_elsewhere(self):
        package = os.path.dirname(mod_wsgi.__file__)
        pages = glob.glob(os.path.join(glob.escape(package), "docs", "*.html"))
        self.assertTrue(pages)
        for page in pages:
            with open(page, encoding="utf-8") as stream:
                text = stream.read()
            for link in re.findall(r'(?:src|href)="([^"]*)"', text):
                self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), link)), link)
            self.assertNotRegex(text, "https?://|<script|url\\(|@import")


class Package(unittest.TestCase):
    def test_server_names_are_refused_with_the_reason(self):
        with self.assertRaisesRegex(AttributeError, "mod_wsgi.version exists only inside Apache"):
            mod_wsgi.version
        self.assertFalse(hasattr(mod_wsgi, "process_group"))
        with self.assertRaises(ImportError):
            from mod_wsgi import version  # noqa: F401


if __name__ == "__main__":
    unittest.main()
