"""What the servers of mod_wsgi-express run, and the Django application.

``loader`` and ``welcome`` are for the servers, ``cli`` is the program from
Python, and ``mod_wsgi.express`` in ``INSTALLED_APPS`` gives a Django project the
command ``manage.py runmodwsgi``.
"""

__all__ = ["cli", "loader", "welcome"]
