"""Tells the bytes of the paths it is given, and whether the operating system knows them."""
import json
import os
import sys


def application(environ, start_response):
    names = {"script": environ["SCRIPT_FILENAME"], "root": environ["DOCUMENT_ROOT"], "handler": environ["mod_wsgi.handler_script"], "file": __file__}
    facts = {key: os.fsencode(value).decode("latin-1") for key, value in names.items()}
    facts["exists"] = repr([os.path.exists(names[key]) for key in ("script", "root", "file")])
    facts["encoding"] = sys.getfilesystemencoding()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode("ascii")]


handle_request = application
