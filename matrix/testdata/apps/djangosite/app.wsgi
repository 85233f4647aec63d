"""What Django's requests and responses ask of a server: settings, views, URLs and the application in one file."""
import asyncio
import datetime
import hashlib
import json
import os
import sys

from django.conf import settings

HERE = os.path.dirname(os.path.abspath(__file__))

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=[".test", "django.example"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    USE_I18N=True, LANGUAGE_CODE="en", LANGUAGES=[("en", "English"), ("de", "Deutsch")],
    USE_TZ=True,
    FILE_UPLOAD_MAX_MEMORY_SIZE=64 << 10,
    DATA_UPLOAD_MAX_MEMORY_SIZE=128 << 10,
    LOGGING_CONFIG=None,  # what goes wrong is seen in the answers, and by the server it is compared with
)

import django  # noqa: E402

django.setup()

from django.conf.urls.i18n import i18n_patterns  # noqa: E402
from django.core.exceptions import PermissionDenied, SuspiciousOperation  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import FileResponse, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.urls import path, re_path, reverse  # noqa: E402
from django.utils import translation  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from django.views.decorators.http import condition, require_POST  # noqa: E402
from django.views.static import serve  # noqa: E402

WHEN = datetime.datetime(2020, 9, 13, 12, 26, 40, tzinfo=datetime.timezone.utc)


def digest(data):
    return hashlib.sha256(data).hexdigest()


@csrf_exempt
def environ(request, rest=""):
    # Django's own server adds the environment of its process.
    shown = {k: v for k, v in request.META.items() if isinstance(v, str) and k not in os.environ}
    for key in ("wsgi.version", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"):
        shown[key] = repr(request.META.get(key))
    return JsonResponse(shown)


@csrf_exempt
def seen(request, **parts):
    return JsonResponse({
        "method": request.method, "path": request.path, "path_info": request.path_info, "full": request.get_full_path(), "uri": request.build_absolute_uri(),
        "host": request.get_host(), "port": request.get_port(), "scheme": request.scheme, "secure": request.is_secure(), "type": request.content_type,
        "charset": request.encoding, "get": dict(request.GET.lists()), "post": dict(request.POST.lists()), "cookies": request.COOKIES,
        "headers": {k: v for k, v in sorted(request.headers.items()) if not k.startswith("Content-")}, "parts": parts, "reversed": reverse("word", args=["gr\xf6\xdfe"]), "language": translation.get_language(),
    })


@csrf_exempt
def upload(request):
    def described(file):
        data = b"".join(file.chunks())
        where = file.temporary_file_path() if hasattr(file, "temporary_file_path") else ""
        return {"name": file.name, "type": file.content_type, "charset": str(file.charset), "size": file.size, "sha256": digest(data),
                "class": type(file).__name__, "on_disk": bool(where) and os.path.getsize(where) == file.size}

    return JsonResponse({"post": dict(request.POST.lists()), "files": {name: [described(f) for f in request.FILES.getlist(name)] for name in request.FILES}})


@csrf_exempt
def body(request):
    return JsonResponse({"size": len(request.body), "sha256": digest(request.body), "again": digest(request.body)})


@csrf_exempt
def streamed(request):
    """Reads the body as a file, by lines and by parts."""
    first = request.readline()
    return JsonResponse({"first": first.decode(), "then": request.read(4).decode(), "rest": [len(line) for line in request]})


def session(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse("count %d" % request.session["count"], content_type="text/plain")


def forget(request):
    request.session.flush()
    return HttpResponse("forgotten", content_type="text/plain")


def token(request):
    return HttpResponse(get_token(request), content_type="text/plain")


@require_POST
def guarded(request):
    return HttpResponse("accepted " + request.POST.get("name", ""), content_type="text/plain")


def moved(request):
    return HttpResponseRedirect("/w\xf6rter/?a=\u20ac&b=c")


def moved_for_good(request):
    return HttpResponsePermanentRedirect("https://other.example/x")


def file(request):
    return FileResponse(open(os.path.join(HERE, "content"), "rb"), filename="c\xf6ntent.txt", as_attachment="attach" in request.GET)


def stream(request):
    def blocks():
        try:
            yield "eins "
            yield ""
            yield "zw\xf6i "
            yield b"drei"
        finally:
            print("the stream was closed", file=sys.stderr)

    return StreamingHttpResponse(blocks(), content_type="text/plain; charset=utf-8")


@condition(etag_func=lambda request: '"given"', last_modified_func=lambda request: WHEN)
def conditional(request):
    return HttpResponse("the whole of it", content_type="text/plain")


def tagged(request):
    return HttpResponse("ConditionalGetMiddleware makes the tag", content_type="text/plain")


def hello(request):
    return HttpResponse("%s %s" % (translation.get_language(), request.path), content_type="text/plain; charset=utf-8")


async def awaited(request):
    await asyncio.sleep(0)
    return HttpResponse("awaited", content_type="text/plain")


def cookies(request):
    response = JsonResponse(request.COOKIES)
    response.set_cookie("plain", "value")
    response.set_cookie("odd", "a;b\"c", path="/cookies", secure=True, httponly=True, samesite="Strict")
    response.delete_cookie("gone")
    response["X-Latin"] = "caf\xe9"
    return response


def none(request):
    return HttpResponse(status=204)


def denied(request):
    raise PermissionDenied


def suspicious(request):
    raise SuspiciousOperation("on purpose")


def boom(request):
    raise RuntimeError("djangosite went wrong on purpose")


urlpatterns = [
    path("environ", environ), re_path("^environ(?P<rest>/.*)$", environ), path("seen", seen), path("seen/<str:first>/<int:second>", seen),
    path("w\xf6rter/<str:word>/", seen, name="word"), path("upload", upload), path("body", body), path("streamed", streamed),
    path("session", session), path("forget", forget), path("token", token), path("guarded", guarded), path("moved", moved), path("moved-for-good", moved_for_good),
    path("file", file), path("stream", stream), path("conditional", conditional), path("tagged", tagged), path("awaited", awaited),
    path("cookies", cookies), path("none", none), path("denied", denied), path("suspicious", suspicious), path("boom", boom),
    re_path("^static/(?P<path>.*)$", serve, {"document_root": os.path.join(HERE, "static")}),
] + i18n_patterns(path("hello/", hello))

application = get_wsgi_application()
