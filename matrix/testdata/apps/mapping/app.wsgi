"""Shows how the URL was taken apart."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    parts = [environ[k] for k in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI")]
    return ["|".join(parts).encode("latin-1")]
