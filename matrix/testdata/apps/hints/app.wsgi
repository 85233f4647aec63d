"""103 Early Hints, as many and as bad as the path says."""


def application(environ, start_response):
    hint = environ["wsgi.early_hints"]
    path = environ["PATH_INFO"]
    said = "hinted"
    if path == "/none":
        pass
    elif path == "/two":
        hint([("Link", "</a.css>; rel=preload; as=style"), ("X-First", "1")])
        hint([("Link", "</b.js>; rel=preload; as=script")])
    elif path == "/split":
        try:
            hint([("X", "a\r\n\r\nHTTP/1.1 200 OK")])
        except ValueError:
            said = "refused"
    elif path == "/many":
        for n in range(500):
            hint([("X-N", str(n))])
    elif path == "/body":
        hint([("Link", "</a.css>")])
        said = environ["wsgi.input"].read().decode()
    else:
        hint([("Link", "</a.css>; rel=preload; as=style")])
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Final", "yes")])
    if path == "/late":
        def late():
            yield b"first "
            try:
                hint([("Link", "</late.css>")])
            except RuntimeError:
                yield b"refused"
        return late()
    if path == "/fail":
        raise ValueError("after the hints")
    return [said.encode()]
