"""Sends requests where their query string says: pg, ag, co."""
from urllib.parse import parse_qs

VALUES = {"one": 1, "list": ["blue"], "latin": "\xfc", "euro": "\u20ac", "bytes": b"green", "line": "a\nb", "none": None}


def choose(environ, what):
    chosen = parse_qs(environ["QUERY_STRING"], keep_blank_values=True).get(what, ["none"])[0]
    if chosen == "boom":
        raise RuntimeError("went wrong on purpose")
    return VALUES.get(chosen, chosen)


def process_group(environ):
    return choose(environ, "pg")


def application_group(environ):
    if environ["PATH_INFO"] == "/facts":
        return "|".join(sorted(k for k in environ if "." in k or k in ("REMOTE_USER", "FROM_SETENV", "HTTP_AUTHORIZATION"))
                        + ["<" + environ["mod_wsgi.process_group"] + ">", "<" + environ["mod_wsgi.application_group"] + ">",
                           environ["wsgi.errors"].name, type(environ.get("apache.request_rec")).__name__])
    return choose(environ, "ag")


def callable_object(environ):
    return choose(environ, "co")
