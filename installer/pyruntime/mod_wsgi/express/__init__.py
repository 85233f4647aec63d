"""What the servers of mod_wsgi-express run: the loader and the welcome page."""

__all__ = ["loader", "welcome"]
