"""Small applications to try a server with: ``hello`` and ``environ``."""

__all__ = ["environ", "hello"]
