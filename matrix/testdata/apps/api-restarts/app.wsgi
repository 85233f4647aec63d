"""Says how often each request was sent to the group, and how often refused."""
import mod_wsgi


@mod_wsgi.subscribe_events
def told(name, **payload):
    if name == "request_started":
        payload["request_data"]["sent"] = payload["daemon_connects"], payload["daemon_restarts"]


def application(environ, start_response):
    body = b"%d %d" % mod_wsgi.request_data()["sent"]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
