"""Leaves a note when it is loaded: by its interpreter, if that has a name."""
import os

import mod_wsgi

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "notes", mod_wsgi.application_group or "main"), "a") as file:
    file.write("%d\n" % os.getpid())


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
