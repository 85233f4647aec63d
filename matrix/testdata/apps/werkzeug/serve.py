"""The same application on the port given, by Werkzeug's own server: what the module's answers are compared with."""
import os
import runpy
import sys

from werkzeug.serving import WSGIRequestHandler, run_simple

WSGIRequestHandler.protocol_version = "HTTP/1.1"
site = runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "app.wsgi"))
run_simple("127.0.0.1", int(sys.argv[1]), site["application"], threaded=True)
