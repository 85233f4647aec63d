"""Keeps what belongs to a request and uses it in the next one."""

kept = {}


def tried(call, *args):
    try:
        call(*args)
    except Exception as error:
        return type(error).__name__
    return "accepted"


def application(environ, start_response):
    lines = []
    if kept:
        lines = [
            tried(kept["input"].read),
            tried(kept["input"].readline),
            tried(kept["input"].readlines),
            tried(kept["start"], "200 OK", []),
            tried(kept["write"], b"late"),
            tried(kept["errors"].write, "written after its request\n"),
        ]
    kept["input"], kept["errors"], kept["start"] = environ["wsgi.input"], environ["wsgi.errors"], start_response
    kept["write"] = start_response("200 OK", [("Content-Type", "text/plain")])
    return ["\n".join(lines).encode("ascii") or b"kept"]
