"""Cases of one request after another: what goes in, what comes out."""
import ast
import os
import socket
import struct

from host_bench import (APP_ERROR, CANCELLED, HEAD, HTTPS, NO_CALLABLE, OK, SHORT, clean_stop, eq, has,
                        parallel, test, write)


@test
def hello(b):
    h = b.start().ready()
    for _ in range(3):
        a = h.request()
        eq((a.status, a.reason, a.length, a.body, a.end), (200, "OK", 13, b"Hello, world!", OK))
        eq(a.headers, [("Content-Type", "text/plain")])
        eq(len(a.sizes), 1 if not a.logs else len(a.sizes))
    eq(h.request(flags=0).sizes, [len(a.body) + 8 * 3 + 16 + 2 + 8 + 12 + 10])
    eq(h.request(name="instance").body, b"instance")
    clean_stop(h)


@test
def bodies_in(b):
    h = b.start().ready()
    import hashlib
    for n in (0, 1, 11, 8192, 16384, 16385, 65536, 1000000, 5000000):
        data = os.urandom(n)
        want = ("%d %s" % (n, hashlib.sha256(data).hexdigest())).encode()
        eq(h.request("/post", body=data).body, want)
        eq(h.request("/post", body=data, inline=False).body, want)
        if n:
            eq(h.request("/post", body=data, inline=False, length=-2).body, want)
    text = b"first\nsecond line\nthird\nfourth\nfifth\nrest"
    want = repr([b"", b"first\n", b"sec", b"on", b"d line\n", b"third\n", b"fourth\n", b"fifth\n",
                 b"rest", b"", b""]).encode()
    for kw in ({}, {"inline": False}, {"inline": False, "length": -2}):
        eq(h.request("/lines", body=text, **kw).body, want)
    data = os.urandom(3000000)
    eq(h.request("/echo", body=data).body, data)
    eq(h.request("/hello", body=data).body, b"Hello, world!")
    eq(h.request("/share", body=b"x" * 10000, inline=False).body, b"4000")
    for error in (104, 110):
        a = h.request("/post", body=b"x" * 20, length=50000, inline=False, error=error)
        eq((a.status, a.end), (None, CANCELLED))
    eq(h.request("/hello").body, b"Hello, world!")
    clean_stop(h)


@test
def bodies_out(b):
    h = b.start().ready()
    a = h.request("/stream")
    eq((a.length, a.pieces, a.end), (-1, [b"block %d\n" % n for n in range(3)], OK))
    a = h.request("/write")
    eq((a.length, a.body), (-1, b"one two three"))
    for kind, length, body in (("empty", 0, b""), ("tuple", 2, b"ab"), ("iter", 0, b""),
                               ("204", -1, b""), ("304", -1, b""), ("large", 100000, b"x" * 100000),
                               ("many", 120000, b"y" * 120000), ("close", -1, b"z")):
        a = h.request("/bodies", query=kind)
        eq((kind, a.length, a.body, a.end), (kind, length, body, OK))
    has(str(a.logs), "close called")
    for kind in ("tuple", "large", "close"):
        a = h.request("/bodies", query=kind, flags=HEAD)
        eq((a.body, a.end), (b"", OK))
    eq(h.request("/bodies", query="tuple", flags=HEAD).length, 2)
    a = h.request("/bodies", query="closefail")
    eq((a.end, a.status), (APP_ERROR, None))
    for kind, body, end in (("short", b"abc", SHORT), ("long", b"abcde", OK),
                            ("exact", b"abcde", OK), ("gen-short", b"xxx", SHORT),
                            ("gen-long", b"xxxxx", OK)):
        a = h.request("/length", query=kind)
        eq((kind, a.length, a.body, a.end), (kind, 5, body, end))
    has(str(h.request("/length", query="short").logs), "WSGIM0612")
    clean_stop(h)


@test
def files(b):
    h = b.start().ready()
    with open(b.app, "rb") as f:
        text = f.read()
    a = h.request("/wrapper")
    eq((a.files, a.length, a.body == text, a.end), (1, len(text), True, OK))
    a = h.request("/wrapper", query="offset")
    eq((a.files, a.length, a.body == text[10:]), (1, len(text) - 10, True))
    a = h.request("/wrapper", query="length")
    eq((a.files, a.length, a.body), (1, 7, text[:7]))
    a = h.request("/wrapper", query="bytesio")
    eq((a.files, a.length, a.body), (0, -1, b"from memory"))
    a = h.request("/wrapper", query="gzip")
    eq((a.files, a.body), (0, b"unpacked"))
    a = h.request("/wrapper", query="written")
    eq((a.files, a.body), (0, b"first "))
    a = h.request("/wrapper", flags=HEAD)
    eq((a.files, a.length, a.body), (0, len(text), b""))
    clean_stop(h)


@test
def exceptions(b):
    h = b.start().ready()
    a = h.request("/fail")
    eq((a.status, a.end), (None, APP_ERROR))
    text = "\n".join(t for _, t in a.logs)
    for part in ("processing WSGI script '%s': ValueError: outer failure" % b.app,
                 "Traceback (most recent call last)", "in deeper", "in fail", "KeyError: 'inner'",
                 "direct cause"):
        has(text, part)
    eq({level for level, _ in a.logs if level != 6}, {3})
    a = h.request("/fail_late")
    eq((a.status, a.body, a.end), (200, b"some", APP_ERROR))
    a = h.request("/leave")
    eq(a.end, APP_ERROR)
    has(a.logs[0][1], "SystemExit ignored while processing WSGI script")
    has(str(h.request("/nothing").logs), "start_response was not called")
    has(str(h.request("/none").logs), "the application returned NoneType")
    for kind, part in (("str", "returned str itself"), ("bytes", "returned bytes itself"),
                       ("int", "must yield bytes, not int")):
        a = h.request("/bare", query=kind)
        eq((a.status, a.end), (None, APP_ERROR))
        has(str(a.logs), part)
    a = h.request("/bare", query="late")
    eq((a.body, a.end), (b"ok", APP_ERROR))
    a = h.request(name="nowhere")
    eq(a.end, NO_CALLABLE)
    has(a.logs[0][1], "has no callable 'nowhere'")
    eq(h.request().body, b"Hello, world!")
    clean_stop(h)


STATUSES = """TypeError UnicodeEncodeError ValueError ValueError ValueError ValueError ValueError
ValueError ValueError ValueError ValueError
TypeError TypeError TypeError TypeError TypeError TypeError ValueError ValueError TypeError
TypeError UnicodeEncodeError UnicodeEncodeError ValueError ValueError ValueError ValueError
ValueError ValueError ValueError ValueError ValueError ValueError ValueError ValueError ValueError
RuntimeError TypeError""".split()


@test
def start_response(b):
    h = b.start().ready()
    a = h.request("/statuses")
    eq(a.end, OK)
    refused, accepted = a.text().split("\nthen\n")
    eq([x.split(":")[0] for x in refused.split("\n")], STATUSES)
    has(refused, "b'2000 X'")
    eq(accepted.count("accepted"), 3)
    eq(a.headers, [("X-A", "1"), ("X-A", "\xe9")])
    eq(sum("WSGIM0620" in t for _, t in a.logs), 1)
    eq([t for _, t in h.request("/statuses").logs if "WSGIM0620" in t], [])
    a = h.request("/again", query="replace")
    eq((a.status, a.headers, a.body), (404, [("X-Second", "1")], b"replaced"))
    eq(h.request("/again", query="info").status, 500)
    a = h.request("/again", query="late-info")
    eq((a.body, a.end), (b"out", APP_ERROR))
    has(str(a.logs), "ZeroDivisionError")
    has(str(h.request("/again", query="late").logs), "called again after")
    clean_stop(h)


@test
def kept_objects(b):
    h = b.start("threads=1").ready()
    eq(h.request("/keep").body, b"kept")
    eq(h.request("/use").body, b"RuntimeError RuntimeError RuntimeError RuntimeError RuntimeError 12")
    clean_stop(h)


@test
def logging(b):
    h = b.start("threads=1").ready()
    h.request()
    a = h.request("/log")
    lines = [t for level, t in a.logs]
    eq({level for level, t in a.logs}, {3})
    for want in ("to stdout", "to stderr", "a partial line, ended", "two", "lines",
                 "buffer \\x00 nul", "", "\\udc80 surrogate", "unfinished"):
        assert want in lines, (want, lines)
    eq(sum(t.count("x") for t in lines if set(t) == {"x"}), 20000)
    has(h.log(), "from a thread")
    eq(a.body, b"(False, 'TextIOWrapper', 'Log')")
    clean_stop(h)


@test
def strange_threads(b):
    h = b.start("threads=1").ready()
    eq(h.request("/strange").body, b"strange")
    clean_stop(h)
    lines = [line.split("'test'] ", 1)[-1] for line in h.log().split("\n")]
    for want in ("one-record", "\\x1b[31mred", "ends in mid-line", "stays in mid-line"):
        eq((want, lines.count(want)), (want, 1))
    assert "" not in lines[:-1], lines


@test
def writing_and_logging(b):
    h = b.start("threads=1").ready()
    a = h.request("/both")
    eq((len(a.body), a.end), (50 * 70000, OK))
    eq({t for _, t in a.logs if t.startswith("l")}, {"l" * 3000})
    clean_stop(h)


@test
def file_position(b):
    h = b.start("threads=1").ready()
    for _ in range(3):
        a = h.request("/still")
        eq((a.files, dict(a.headers)["X-Before"]), (1, "0"))
        with open(b.app, "rb") as f:
            eq(a.body, f.read())
    clean_stop(h)


@test
def spoilt_results(b):
    h = b.start("threads=2").ready()
    h.request()                           # what it says of the loading is behind us
    with h.send("/changing") as near:
        near.recv(1, socket.MSG_PEEK)     # it is being sent, and 8 MB fit nowhere
        eq(parallel(1, lambda: h.request("/spoil").body), [b"spoilt"])
        a = h.receive(near)
    eq(a.end, APP_ERROR)
    has(str(a.logs), "other than bytes while it was sent")
    has(str(h.request("/broken").logs), "TypeError: of its own")
    clean_stop(h)


@test
def early_hints(b):
    h = b.start("threads=1").ready()
    a = h.request("/hints")
    eq(a.hints, [struct.pack("<II", 4, n) + b"Link" + v for n, v in
                 ((21, b"</a.css>; rel=preload"), (8, b"</b.css>"))])
    eq((a.status, a.headers, a.end), (200, [("X-A", "1")], OK))
    eq(a.pieces, [repr([None] * 3 + ["TypeError"] * 3 + ["ValueError", "TypeError"]
                       + ["ValueError"] * 5).encode(),
                  b"early hints after the response headers were sent"])
    has(h.request("/hint-late").text(), "has ended")
    clean_stop(h)


@test
def replaced_module(b):
    h = b.start("threads=1").ready()
    path = os.path.join(b.folder, "replaced.py")
    write(path, "import sys\nclass M:\n def application(self, e, s):\n  s('200 OK', [])\n"
          "  return [b'odd']\nsys.modules[__name__] = M()\n")
    for _ in range(2):
        eq(h.request(script=path).body, b"odd")
    clean_stop(h)


@test
def environ(b):
    h = b.start("threads=3\nprocesses=2").ready()
    a = h.request("/env", env=[("wsgi.version", "bad"), ("HTTP_X", b"\xe9"), ("wsgi.other", "1"),
                               ("mod_wsgi.thread_id", "x"), ("HTTPS_X", "1")], flags=HTTPS)
    d = ast.literal_eval(a.text())
    for k, v in {"wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.multithread": True,
                 "wsgi.multiprocess": True, "wsgi.run_once": False, "wsgi.input_terminated": True,
                 "apache.version": (2, 4, 57), "mod_wsgi.version": (6, 0, 5),
                 "mod_wsgi.process_group": "test", "mod_wsgi.application_group": "",
                 "mod_wsgi.callable_object": "application", "mod_wsgi.handler_script": "",
                 "mod_wsgi.request_id": "abc", "HTTP_X": "\xe9",
                 "HTTPS_X": "1"}.items():
        eq((k, d[k]), (k, v))
    assert "wsgi.other" not in d
    assert 1 <= d["mod_wsgi.thread_id"] <= 3
    times = [d["mod_wsgi." + k + "_start"] for k in ("request", "queue", "daemon", "application")]
    eq(times, sorted(times))
    eq(os.fsencode(d["DOCUMENT_ROOT"]), "/d\u00e9".encode())
    for n in range(300):             # more names than the cache has places for
        a = h.request("/env", env=[("HTTP_X_%d" % i, str(i)) for i in range(n, n + 10)], flags=0)
        eq(ast.literal_eval(a.text())["HTTP_X_%d" % (n + 5)], str(n + 5))
    a = h.request("/env", env=[("HTTP_BIG", "x" * 200000)])
    eq(len(ast.literal_eval(a.text())["HTTP_BIG"]), 200000)
    clean_stop(h)


@test
def modules(b):
    h = b.start("threads=1\nhome=%s\npython-path=%s:%s" % (b.folder, b.folder + "/one",
                                                           b.folder + "/two")).ready()
    import hashlib
    a = h.request("/modules")
    m = ast.literal_eval(a.text())
    eq(m[0], (6, 0, 5))
    eq(m[1:4], ("test", [b.folder + "/runtime/mod_wsgi"], ""))
    eq({"FileWrapper", "RequestTimeout", "Restricted", "application_group", "maximum_processes", "process_group",
        "threads_per_process", "version"} - set(m[4]), set())
    eq(m[5:7], (["mod_wsgi"], False))
    eq(m[8], "_mod_wsgi_" + hashlib.md5(b.app.encode()).hexdigest())
    eq(m[9], b.app)
    eq(m[10], [b.folder, b.folder + "/one", b.folder + "/pth"])
    a = h.request("/signals")
    has(a.text(), "SIG_IGN")
    has(str(a.logs), "registration of a handler for signal 15 ignored")
    has(str(a.logs), "in signals")
    eq(h.request("/fork").body, b"child\n15")
    eq(h.request().body, b"Hello, world!")
    clean_stop(h)


@test
def interpreters(b):
    h = b.start("threads=4").ready()
    a = h.request("/keep", group="one")
    eq(h.request("/keep", group="one").body, b"kept")
    eq(h.request("/use", group="two").body, b" ".join([b"KeyError"] * 6))
    eq(ast.literal_eval(h.request("/modules", group="two").text())[3], "two")
    eq(h.request("/use").body, b" ".join([b"KeyError"] * 6))
    for i in range(200):
        eq(h.request("/hello", group="g%d" % (i % 5)).body, b"Hello, world!")
    eq(h.log().count("interpreter created"), 8)   # the main one too
    clean_stop(h)
    eq(h.log().count("interpreter ended"), 7)
