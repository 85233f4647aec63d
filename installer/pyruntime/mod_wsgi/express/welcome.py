"""The page a mod_wsgi-express server shows when it was given no application.

Its image and the pages it links to are files beside this package. Apache
serves them where the server was made with ``--enable-docs``; where it was not,
requests for them come here and are answered from the same files.
"""

import html
import os
import sys

__all__ = ["application"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>It is running</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2733; --soft: #5b6b7c; --paper: #f5f7f9; --card: #fff; --line: #dfe5ea; --mark: #2f7d5b }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e7edf3; --soft: #9aa9b8; --paper: #12181f; --card: #1a222b; --line: #2b3641; --mark: #6cc79d }} }}
* {{ box-sizing: border-box }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem;
       font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper) }}
main {{ max-width: 36rem; width: 100%; padding: 2.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px }}
a {{ color: var(--mark) }}
h1 {{ margin: 1rem 0 .25rem; font-size: 1.6rem; line-height: 1.25 }}
p {{ margin: .5rem 0; color: var(--soft) }}
pre {{ margin: 1rem 0; padding: .9rem 1rem; overflow-x: auto; border: 1px solid var(--line); border-radius: 8px;
      background: var(--paper); color: var(--ink); font: .9rem/1.5 ui-monospace, monospace }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 1.5rem 0 0; font-size: .9rem }}
dt {{ color: var(--soft) }}
dd {{ margin: 0; overflow-wrap: anywhere }}
</style>
</head>
<body>
<main>
<img src="{image}" width="72" height="72" alt="">
<h1>Your server is running</h1>
<p>Apache took this request and a Python application answered it. There is no application of yours yet; name one to serve it:</p>
<pre>mod_wsgi-express start-server app.wsgi
mod_wsgi-express start-server \\
    --application-type module mysite.wsgi</pre>
<p>A file <code>app.wsgi</code> with a function called <code>application</code> is enough. <a href="{docs}">More about this server</a></p>
<dl>
{facts}
</dl>
</main>
</body>
</html>
"""


IMAGE, DOCS = "/__wsgi__/images/running.svg", "/__wsgi__/docs/"
FILES = {
    IMAGE: ("images/running.svg", "image/svg+xml"),
    DOCS: ("docs/index.html", "text/html; charset=utf-8"),
}


def application(environ, start_response):
    """Answer every URL with the welcome page, so that any link shows it."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if path in FILES:
        name, kind = FILES[path]
        with open(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name), "rb") as stream:
            return _answer(start_response, kind, stream.read())
    facts = (
        ("Server", environ.get("SERVER_SOFTWARE") or "Apache"),
        ("Python", sys.version.split()[0]),
        ("Module", ".".join(map(str, environ.get("mod_wsgi.version") or ())) or "unknown"),
        ("Mode", "daemon" if environ.get("mod_wsgi.process_group") else "embedded"),
        ("You asked for", path),
    )
    rows = "\n".join(
        "<dt>%s</dt><dd>%s</dd>" % (html.escape(name), html.escape(_text(value)))
        for name, value in facts
    )
    return _answer(start_response, "text/html; charset=utf-8", PAGE.format(facts=rows, image=IMAGE, docs=DOCS).encode("utf-8", "replace"))


def _answer(start_response, kind, body):
    start_response(
        "200 OK",
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ],
    )
    return [body]


def _text(value):
    """*value* of an environ, which holds bytes as Latin-1, as the text meant."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
