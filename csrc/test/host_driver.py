"""Drives one wsgi-host as supervisor and relay would, and checks what it does.

    python3 host_driver.py .../wsgi-host [-v] [TEST ...]

Needs a C compiler (CC) and Python 3.9. host_bench.py is what the cases work
with, host_requests.py, host_identity.py and host_life.py are the cases, in the order they run.
"""
import contextlib
import os
import shutil
import sys
import tempfile
import time

from host_bench import HERE, TESTS, Bench, build_helper
import host_requests  # noqa: F401 - its cases are in TESTS
import host_identity  # noqa: F401
from host_life import identity


def prepare(folder):
    shutil.copy(os.path.join(HERE, "hostapp", "app.wsgi"), folder)
    for name in ("one", "two", "pth", "runtime/mod_wsgi"):
        os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, "one", "extra.pth"), "w") as f:
        f.write(os.path.join(folder, "pth") + "\n")


def run(f, lib, program, verbose):
    folder = os.path.realpath(tempfile.mkdtemp(prefix="host test '"))
    os.chmod(folder, 0o755)
    prepare(folder)
    bench = Bench(lib, program, folder)
    if os.getuid() == 0 and f is not identity:
        real = bench.start
        bench.start = lambda options="threads=4", **kw: real(
            options + ("" if "user=" in options else "\nuser=nobody"), **kw)
    t = time.monotonic()
    try:
        skipped = f(bench)
        print("%-5s %s (%.1fs)%s" % ("skip" if skipped else "ok", f.__name__, time.monotonic() - t,
                                     ": " + skipped if skipped else ""), flush=True)
        return True
    except Exception as e:
        import traceback
        traceback.print_exc()
        print("FAIL  %s: %s" % (f.__name__, e), flush=True)
        if bench.hosts and verbose:
            print(bench.hosts[-1].log())
        return False
    finally:
        for h in bench.hosts:
            with contextlib.suppress(Exception):
                h.close()
        shutil.rmtree(folder, ignore_errors=True)


def main(argv):
    verbose = "-v" in argv
    argv = [a for a in argv if a != "-v"]
    if not argv:
        sys.exit(__doc__)
    program, names = os.path.abspath(argv[0]), argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        lib = build_helper(folder)
        failed = [f.__name__ for f in TESTS if (not names or f.__name__ in names)
                  and not run(f, lib, program, verbose)]
    sys.exit("failed: " + " ".join(failed) if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
