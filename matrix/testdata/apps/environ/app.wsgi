"""Shows the environ: name to (type, repr), and the value itself if it is a str."""
import json


def application(environ, start_response):
    shown = {
        key: {"type": type(value).__name__, "repr": repr(value), "text": value if isinstance(value, str) else ""}
        for key, value in environ.items()
    }
    shown["*"] = {"type": type(environ).__name__, "repr": "", "text": ""}
    body = json.dumps(shown).encode("ascii")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
