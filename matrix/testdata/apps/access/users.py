"""Users with the password "secret", who get verdicts of every kind; their groups;
and who may come at all, by the query string."""
import hashlib
import json
import os
import sys
import time
from urllib.parse import parse_qs

VERSION = "first"
calls = 0
kept = []

PASSWORDS = {
    "good": True, "false": False, "none": None, "renamed": "other", "latin": "gr\xfc\xdfe",
    "empty": "", "bytes": b"other", "one": 1, "euro": "\u20ac", "nul": "a\0b", "line": "a\r\nX-Spoof: b",
    "\xfcml\xe4ut": True,
}


def facts(environ):
    """What is known of a call, as a name without control characters."""
    is_https, lookup = environ["mod_ssl.is_https"], environ["mod_ssl.var_lookup"]
    known = {
        "keys": sorted(environ), "host": environ["REMOTE_ADDR"], "path": environ["PATH_INFO"],
        "types": sorted({type(v).__name__ for k, v in environ.items() if "." not in k}),
        "process_group": environ["mod_wsgi.process_group"],
        "application_group": environ["mod_wsgi.application_group"],
        "capsule": type(environ.get("apache.request_rec")).__name__,
        "errors": type(environ["wsgi.errors"]).__name__,
        "version": VERSION, "pid": os.getpid(), "calls": calls,
        "https": is_https(), "protocol": lookup("SSL_PROTOCOL"), "protocol_bytes": lookup(b"SSL_PROTOCOL"),
        "unknown": lookup("NO_SUCH"), "type": type(is_https.__self__).__qualname__,
        "module": type(is_https.__self__).__module__,
    }
    for what, name in (("wrong_type", 1), ("long", "x" * 5000), ("odd", "\u20ac")):
        try:
            known[what] = str(lookup(name))
        except Exception as e:
            known[what] = type(e).__name__
    for what, late in kept[-1:]:
        try:
            known["late_" + what] = str(late())
        except Exception as e:
            known["late_" + what] = type(e).__name__
    kept.append(("https", is_https))
    return json.dumps(known)


def check_password(environ, user, password):
    global calls
    calls += 1
    if user == "facts":
        return facts(environ)
    if user in ("boom", "exit") or user.startswith("hang"):
        trouble(user)
    print("asked about a user", file=environ["wsgi.errors"])
    if password not in ("secret", "\xdfecret\xff"):
        return False if user in PASSWORDS or user.startswith("g-") else None
    return True if user.startswith("g-") else PASSWORDS.get(user)


def trouble(what):
    if what == "boom":
        raise RuntimeError("went wrong on purpose")
    if what == "exit":
        sys.exit(3)
    if what == "kill":
        os.kill(os.getpid(), 9)
    if what.startswith("hang"):
        time.sleep(float(what[4:] or 3))


def get_realm_hash(environ, user, realm):
    digest = hashlib.md5(f"{user}:{realm}:secret".encode("latin-1")).hexdigest()
    if user == "boom":
        trouble(user)
    return {"good": digest, "bytes": digest.encode(), "upper": digest.upper(), "empty": "", "short": "abc",
            "one": 1, "nul": digest + "\0"}.get(user)


def groups_for_user(environ, user):
    if user == "g-boom":
        trouble("boom")
    return {
        "g-staff": ["visitors", "staff"], "g-bytes": [b"staff"], "g-set": {"staff"}, "g-latin": ("gr\xfc\xdfe",),
        "g-gen": (g for g in ("a", "staff")), "g-none": None, "g-text": "staff", "g-mixed": ["a", 1], "g-empty": [],
        "g-prefix": ["staf", "staffs", "STAFF", "staff\0"], "g-banned": ["banned"], "g-spaced": ["two words"],
        "g-euro": ["\u20ac", "staff"], "g-half": broken(),
    }.get(user, [])


def broken():
    yield "staff"
    raise RuntimeError("went wrong half way on purpose")


def allow_access(environ, host):
    query = parse_qs(environ["QUERY_STRING"])
    what = query.get("allow", ["True"])[0]
    if "host" in query:
        return query["host"][0] == host
    trouble(what)
    return {"True": True, "False": False, "None": None, "one": 1, "text": "True"}.get(what, False)
