"""The name that ``mod_wsgi.diagnostics.environ`` had before version 6."""

from ..diagnostics.environ import application

__all__ = ["application"]
