"""Import modules in every kind of interpreter there is, each in a process of its own,
and where there can be several of a kind in two.

Reads {"modules": [...], "seconds": N} from standard input. Prints a line of JSON
about this Python, then one for each import: {"module", "mode", "result"}.
"""
import importlib.machinery
import json
import os
import select
import signal
import site
import sys
import sysconfig
import time

FREE = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

WORK = """
import os
def work(name, fd, free):
    try:
        import importlib, sys
        importlib.import_module(name)
        said = "works"
        if free and sys._is_gil_enabled():
            said = "brings the GIL back"
    except BaseException as e:
        said = type(e).__name__ + ": " + " ".join(str(e).split())
    os.write(fd, said.encode("utf-8", "replace")[:500] + b"\\n")
"""


def interpreters():
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            return __import__(name)
        except ImportError:
            pass
    return None


def start(mode):
    """A function that runs text in a new interpreter of that kind, or None."""
    module = interpreters()
    if module is None:
        return None
    if hasattr(module, "new_config"):
        kind = "isolated" if mode == "own" else "legacy"
        config = module.new_config(kind, check_multi_interp_extensions=FREE or mode == "own")
        made = module.create(config)
    elif sys.version_info < (3, 10):
        made = module.create()
    else:
        made = module.create(isolated=mode == "own")
    run = getattr(module, "exec", None) or module.run_string
    return lambda text: run(made, text)


def child(module, mode, fd):
    null = os.open(os.devnull, os.O_RDWR)
    for n in (0, 1, 2):
        os.dup2(null, n)
    text = WORK + "\nwork(%r, %d, %r)\n" % (module, fd, mode == "free")
    try:
        if mode in ("main", "free"):
            exec(text, {})
        else:  # in two: some keep to the first that they are in
            made = [start(mode), start(mode)]
            for run in made:
                run(text)
        os.write(fd, b"\n")
    except BaseException as e:
        os.write(fd, ("no interpreter: %s\n\n" % e).encode("utf-8", "replace")[:500])
    finally:
        os._exit(0)


def attempt(module, mode, seconds):
    """What became of it, as a sentence without subject."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(module, mode, writer)
    os.close(writer)
    said, until = b"", time.monotonic() + seconds
    while True:
        ready = select.select([reader], [], [], max(0, until - time.monotonic()))[0]
        if not ready:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(reader)
            return "does not return"
        piece = os.read(reader, 4096)
        if not piece:
            break
        said += piece
    os.close(reader)
    status = os.waitpid(pid, 0)[1]
    lines = said.decode("utf-8", "replace").split("\n")[:-1]
    if os.WIFSIGNALED(status):
        lines.append("ends the process by " + signal.Signals(os.WTERMSIG(status)).name)
    elif not lines or lines.pop() != "":
        lines.append("ends the process with status %d" % os.WEXITSTATUS(status))
    return verdict(lines or ["there is no such interpreter"])


def verdict(lines):
    """The first result, or that of a second interpreter if that is worse."""
    first, last = lines[0], lines[-1]
    if first == "works" and last != "works":
        return "works in one interpreter, then " + last
    if last.startswith("ends the process") and last != first:
        return last + " in the second interpreter, after " + first
    return first


def main():
    order = json.load(sys.stdin)
    print(json.dumps({
        "version": "%d.%d.%d" % sys.version_info[:3], "minor": sys.version_info[1], "free": FREE,
        "folders": [os.path.realpath(f) for f in dict.fromkeys(site.getsitepackages())],
        "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
    }))
    modes = ["main"]
    if interpreters() is not None:
        modes.append("shared")
        if sys.version_info >= (3, 12) and not FREE:
            modes.append("own")
    if FREE:
        modes.append("free")
    for module in order["modules"] or ():
        for mode in modes:
            print(json.dumps({"module": module, "mode": mode, "result": attempt(module, mode, order["seconds"])}), flush=True)


main()
