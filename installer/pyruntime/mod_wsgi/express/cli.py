"""The program ``mod_wsgi-express``, from Python.

``start("app.wsgi", "--port", "8080")`` runs ``start-server`` with these
arguments; ``python -m mod_wsgi.express.cli ...`` is the command itself. Both
end in the program and do not return.
"""

import os
import shutil
import sys
import sysconfig

__all__ = ["ProgramError", "find", "main", "start"]

PROGRAM = "mod_wsgi-express"


class ProgramError(Exception):
    """There is no such program; the text says where it was looked for."""


def find():
    """Return the path of the program.

    It is the one that ``MOD_WSGI_EXPRESS_PROGRAM`` in the environment names, else one
    beside this Python, else the first on ``PATH``.
    """
    named = os.environ.get("MOD_WSGI_EXPRESS_PROGRAM", "")
    if named:
        if os.access(named, os.X_OK):
            return named
        raise ProgramError("MOD_WSGI_EXPRESS_PROGRAM names %s, which cannot be executed" % named)
    folder = sysconfig.get_path("scripts")
    for path in (os.path.join(folder, PROGRAM), shutil.which(PROGRAM)):
        if path and os.access(path, os.X_OK):
            return path
    raise ProgramError(
        "there is no %s in %s or on PATH; install it there, or name it in the "
        "variable MOD_WSGI_EXPRESS_PROGRAM" % (PROGRAM, folder)
    )


def execute(args):
    """Become the program, with *args* as they are: nothing is expanded."""
    path = find()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(path, [PROGRAM] + list(args), dict(os.environ, MOD_WSGI_EXPRESS_LITERAL="1"))


def start(*args):
    """Run ``start-server`` with *args*, strings."""
    execute(["start-server"] + list(args))


def main():
    """Run the command line of this process."""
    try:
        path = find()
    except ProgramError as error:
        sys.exit("%s: error: %s" % (PROGRAM, error))
    os.execv(path, [PROGRAM] + sys.argv[1:])


if __name__ == "__main__":
    main()
