"""``manage.py runmodwsgi`` under the name of before version 6."""

from ....express.management.commands.runmodwsgi import Command

__all__ = ["Command"]
