"""A small Flask site: what a real framework asks of the server."""
import hashlib

from flask import Flask, Response, redirect, request

application = Flask(__name__)


@application.route("/")
def index():
    return "flask ok\n"


@application.route("/form", methods=["POST"])
def form():
    return "name=%s\n" % request.form["name"]


@application.route("/upload", methods=["POST"])
def upload():
    digest = hashlib.sha256()
    size = 0
    while True:
        chunk = request.stream.read(65536)
        if not chunk:
            break
        digest.update(chunk)
        size += len(chunk)
    return "%d %s\n" % (size, digest.hexdigest())


@application.route("/download/<int:megabytes>")
def download(megabytes):
    block = bytes(range(256)) * 4096
    return Response((block for _ in range(megabytes)), mimetype="application/octet-stream")


@application.route("/redirect")
def moved():
    return redirect("/form-elsewhere?a=1&b=2", code=303)


@application.route("/boom")
def boom():
    raise RuntimeError("flask went wrong on purpose")
