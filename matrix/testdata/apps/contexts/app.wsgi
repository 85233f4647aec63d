"""Tells how the directives stand for a request: by its environ, by what it was asked, by its answer."""
import json
import os
import threading

asked = threading.local()
KEYS = {
    "process": "mod_wsgi.process_group", "interpreter": "mod_wsgi.application_group", "callable": "mod_wsgi.callable_object",
    "authorization": "HTTP_AUTHORIZATION", "address": "REMOTE_ADDR", "port": "SERVER_PORT", "real_ip": "HTTP_X_REAL_IP",
    "filename": "SCRIPT_FILENAME", "handler_script": "mod_wsgi.handler_script", "handler_name": "mod_wsgi.request_handler",
}


def reload_required(path):
    asked.now = True
    return False


def application(environ, start_response):
    asked_now, asked.now = getattr(asked, "now", False), False
    if environ["REQUEST_URI"].endswith("/error"):
        start_response("503 Tired", [("Content-Type", "text/plain")])
        return [b"the application's own words"]
    facts = {name: environ.get(key, "") for name, key in KEYS.items()}
    facts["handler"] = os.path.basename(environ["mod_wsgi.handler_script"])
    facts["reloading"] = "asked" if asked_now else "not asked"
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Method", environ["REQUEST_METHOD"])])
    return [json.dumps(facts).encode("ascii")]


other = handle_request = application
