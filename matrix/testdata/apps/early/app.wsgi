"""Answers without looking at the body."""


def application(environ, start_response):
    start_response("403 Not For You", [("Content-Type", "text/plain")])
    return [b"refused"]
