"""A Django site in one file: settings, URLs, views and the WSGI application."""
import hashlib
import logging

from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"stderr": {"class": "logging.StreamHandler"}},
        "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
    },
)

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

logging.captureWarnings(True)


def index(request):
    return HttpResponse("django ok\n", content_type="text/plain")


def form(request):
    return HttpResponse("name=%s\n" % request.POST["name"], content_type="text/plain")


def upload(request):
    digest = hashlib.sha256()
    size = 0
    while True:
        chunk = request.read(65536)
        if not chunk:
            break
        digest.update(chunk)
        size += len(chunk)
    return HttpResponse("%d %s\n" % (size, digest.hexdigest()), content_type="text/plain")


def download(request, megabytes):
    block = bytes(range(256)) * 4096
    return StreamingHttpResponse((block for _ in range(megabytes)), content_type="application/octet-stream")


def moved(request):
    return HttpResponseRedirect("/form-elsewhere?a=1&b=2", status=303)


def boom(request):
    raise RuntimeError("django went wrong on purpose")


urlpatterns = [
    path("", index),
    path("form", form),
    path("upload", upload),
    path("download/<int:megabytes>", download),
    path("redirect", moved),
    path("boom", boom),
]

application = get_wsgi_application()
