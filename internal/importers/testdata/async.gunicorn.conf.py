import os
from os import getenv

bind = ["unix:/run/app.sock", "[::1]:8443"]
certfile = "tls/cert.pem"
keyfile = "tls/key.pem"
worker_class = "uvicorn.workers.UvicornWorker"
workers = int(getenv("NOT_SET_ANYWHERE", "2"))
keepalive = 5
graceful_timeout = None
wsgi_app = "app:create_app()"
chdir = "/srv/app"
if workers > 1:
    timeout = 10
reload = False
limit_request_line = 4094
ciphers = "TLSv1.2"
on_exit = None
unknown_setting = 3
