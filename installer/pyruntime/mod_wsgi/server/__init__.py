"""The name that ``mod_wsgi.express`` had before version 6."""

import warnings

from ..express.cli import start

__all__ = ["environ", "start"]

warnings.warn(
    "mod_wsgi.server is now mod_wsgi.express, and mod_wsgi.server.environ is mod_wsgi.diagnostics.environ",
    FutureWarning,
    stacklevel=2,
)
