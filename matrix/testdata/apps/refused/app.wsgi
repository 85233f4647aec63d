"""Calls start_response with the arguments that the path names and tells what it raised."""

OK = "200 OK"
CALLS = {
    "fine": (OK, []),
    "status-odd": ("999 Odd", []),
    "bare-status": ("200", []),
    "list-subclass": (OK, type("L", (list,), {})([("X-A", "1")])),
    "tab-in-value": (OK, [("X-A", "a\tb")]),
    "status-int": (200, []),
    "status-bytes": (b"200 OK", []),
    "status-wide": ("200 \u20ac", []),
    "status-word": ("OK", []),
    "status-empty": ("", []),
    "status-two-digits": ("20 OK", []),
    "status-four-digits": ("2000 X", []),
    "status-no-space": ("200OK", []),
    "status-crlf": ("200 a\r\nX: y", []),
    "status-nul": ("200 a\0b", []),
    "status-continue": ("100 Continue", []),
    "status-early": ("103 Early Hints", []),
    "headers-tuple": (OK, (("X-A", "1"),)),
    "headers-dict": (OK, {"X-A": "1"}),
    "headers-str": (OK, "X-A: 1"),
    "item-list": (OK, [["X-A", "1"]]),
    "item-one": (OK, [("X-A",)]),
    "item-three": (OK, [("X-A", "1", "2")]),
    "name-bytes": (OK, [(b"X-A", "1")]),
    "value-bytes": (OK, [("X-A", b"1")]),
    "value-int": (OK, [("X-A", 1)]),
    "name-wide": (OK, [("X-\u20ac", "1")]),
    "value-wide": (OK, [("X-A", "\u20ac")]),
    "name-empty": (OK, [("", "1")]),
    "name-space": (OK, [("X A", "1")]),
    "name-tab": (OK, [("X\tA", "1")]),
    "name-colon": (OK, [("X:A", "1")]),
    "name-crlf": (OK, [("X\r\nA", "1")]),
    "value-cr": (OK, [("X-A", "a\rb")]),
    "value-lf": (OK, [("X-A", "a\nb")]),
    "value-crlf": (OK, [("X-A", "a\r\nX-B: b")]),
    "value-nul": (OK, [("X-A", "a\0b")]),
    "exc-info-str": (OK, [], "error"),
    "one-argument": (OK,),
    "four-arguments": (OK, [], None, None),
}


def application(environ, start_response):
    try:
        start_response(*CALLS[environ["PATH_INFO"][1:]])
    except Exception as error:
        text = "%s: %s" % (type(error).__name__, error)
    else:
        text = "accepted"
        if environ["QUERY_STRING"] == "kept":
            return [b"kept"]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [text.encode("utf-8", "backslashreplace")]
