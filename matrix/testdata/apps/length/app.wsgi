"""Declares one length and gives another: /DECLARED/GIVEN, in blocks of five bytes."""


def application(environ, start_response):
    declared, given = environ["PATH_INFO"][1:].split("/")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", declared)])
    text = b"0123456789" * int(given)
    return iter([text[at:min(at + 5, int(given))] for at in range(0, int(given), 5)])
