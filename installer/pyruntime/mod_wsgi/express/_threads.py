"""Tools that watch the thread they were started on, on the threads of requests.

Python tells tools of threads that it started itself. Those that run requests
were made by the server.
"""

from ._wrapping import watched

__all__ = ["everywhere"]


def everywhere(application, start):
    """*application*, before each use of which ``start()`` is called."""

    def step(what, function):
        start()
        return function()

    def call(environ, start_response):
        start()
        return watched(application(environ, start_response), step)

    return call
