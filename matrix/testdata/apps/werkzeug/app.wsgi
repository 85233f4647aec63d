"""What Werkzeug's requests and responses ask of a server."""
import hashlib
import json
import os

from werkzeug import testapp
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect, send_file
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import get_current_url, get_input_stream

HERE = os.path.dirname(os.path.abspath(__file__))


class Limited(Request):
    max_content_length = 100


def answer(data, **more):
    return Response(json.dumps(data, sort_keys=True), mimetype="application/json", **more)


def described(storage):
    data = storage.stream.read()
    return {
        "name": storage.filename, "type": storage.content_type, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
    }


def environ(request):
    shown = {k: v for k, v in request.environ.items() if isinstance(v, str)}
    for key in ("wsgi.version", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "wsgi.input_terminated"):
        shown[key] = repr(request.environ.get(key))
    return answer(shown)


def seen(request, **parts):
    return answer({
        "method": request.method, "path": request.path, "full_path": request.full_path, "url": request.url, "base_url": request.base_url,
        "root_path": request.root_path, "host": request.host, "scheme": request.scheme, "secure": request.is_secure,
        "args": request.args.to_dict(flat=False), "current": get_current_url(request.environ), "parts": parts,
        "accept": str(request.accept_mimetypes.best), "languages": list(request.accept_languages.values()), "agent": request.user_agent.string,
        "authorization": request.authorization and [request.authorization.username, request.authorization.password],
        "length": request.content_length, "type": request.mimetype, "remote": request.remote_addr, "range": str(request.range),
        "if_none_match": request.if_none_match.to_header(), "cookies": request.cookies.to_dict(), "json": request.get_json(silent=True),
    })


def form(request):
    return answer({
        "form": request.form.to_dict(flat=False),
        "files": {name: [described(f) for f in request.files.getlist(name)] for name in request.files},
    })


def limited(request):
    return answer(Limited(request.environ).form.to_dict(flat=False))


def body(request):
    """Reads what the server says is the end of the input, in small parts."""
    stream, parts = get_input_stream(request.environ), []
    while True:
        part = stream.read(5000)
        if not part:
            break
        parts.append(part)
    whole = b"".join(parts)
    return answer({
        "length": request.environ.get("CONTENT_LENGTH"), "terminated": bool(request.environ.get("wsgi.input_terminated")),
        "size": len(whole), "sha256": hashlib.sha256(whole).hexdigest(),
    })


def cookies(request):
    response = answer(request.cookies.to_dict(flat=False))
    response.set_cookie("plain", "value")
    response.set_cookie("odd", "a b;c=\"d\",\xe9", expires=1893456000, path="/cookies", secure=True, httponly=True, samesite="Lax")
    response.delete_cookie("gone")
    return response


def moved(request, code):
    return redirect("/s\xe9en?next=\u20ac&a=b", code=code)


def file(request):
    return send_file(os.path.join(HERE, "content"), request.environ, mimetype="text/plain", download_name="c\xf6ntent.txt",
                     as_attachment="attach" in request.args, conditional=True, etag='given', last_modified=1600000000)


def plain(request):
    return send_file(os.path.join(HERE, "content"), request.environ, mimetype="text/plain", conditional=False, etag=False, last_modified=1600000000)


def conditional(request):
    response = Response(b"".join(b"%07d\n" % n for n in range(100)), mimetype="text/plain")
    response.add_etag()
    return response.make_conditional(request, accept_ranges=True, complete_length=800)


def stream(request):
    def blocks():
        yield "one "
        yield ""
        yield "two "
        yield "thr\xe9e"

    response = Response(blocks(), mimetype="text/plain")
    response.call_on_close(lambda: request.environ["wsgi.errors"].write("the stream was closed\n"))
    return response


def empty(request):
    return Response(status=204)


def boom(request):
    raise RuntimeError("werkzeug went wrong on purpose")


views = {view.__name__: view for view in (environ, seen, form, limited, body, cookies, moved, file, plain, conditional, stream, empty, boom)}
urls = Map([
    Rule("/environ", endpoint="environ"), Rule("/environ/<path:rest>", endpoint="environ"), Rule("/seen", endpoint="seen"),
    Rule("/seen/<first>/<int:second>", endpoint="seen"), Rule("/s\xe9en/<first>", endpoint="seen"), Rule("/branch/", endpoint="seen"),
    Rule("/form", endpoint="form", methods=["POST", "PUT"]), Rule("/limited", endpoint="limited", methods=["POST"]), Rule("/body", endpoint="body"),
    Rule("/cookies", endpoint="cookies"), Rule("/moved/<int:code>", endpoint="moved"), Rule("/file", endpoint="file"),
    Rule("/plain", endpoint="plain"), Rule("/conditional", endpoint="conditional"), Rule("/stream", endpoint="stream"), Rule("/empty", endpoint="empty"),
    Rule("/boom", endpoint="boom"),
])


@Request.application
def site(request):
    try:
        endpoint, parts = urls.bind_to_environ(request.environ).match()
        parts.pop("rest", None)
        return views[endpoint](request, **parts)
    except HTTPException as error:
        return error


def application(environ, start_response):
    if environ["PATH_INFO"] == "/testapp":
        return testapp.test_app(environ, start_response)
    return site(environ, start_response)
