"""The tools of debug mode: recorder, debugger, coverage, profiler, New Relic's agent."""

import codecs
import contextlib
import glob
import io
import os
import pstats
import pty
import select
import stat
import subprocess
import sys
import types
import unittest
from unittest import mock
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from folder import DEADLINE, Folder, run_python
from mod_wsgi.express import handler
from mod_wsgi.express.newrelic import Agent
from mod_wsgi.express.recorder import SUFFIXES, Recorder


class Recording(Folder):
    def record(self, application, body=b""):
        """One request; the files of it by suffix, and the body of the answer."""
        archive = os.path.join(self.folder, "archive")
        environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "REQUEST_METHOD": "POST", "HTTP_COOKIE": "s=1"}
        setup_testing_defaults(environ)
        environ.setdefault("QUERY_STRING", "")
        before = set(glob.glob(glob.escape(archive) + "/*"))
        blocks, self.result = [], None
        self.recorder = getattr(self, "recorder", None) or Recorder(application, archive)
        self.recorder._application = application
        with contextlib.suppress(ZeroDivisionError):
            self.result = self.recorder(environ, lambda *args: blocks.append)
            try:
                for block in self.result:
                    blocks.append(block)
            finally:
                self.result.close()
        found = {}
        for path in set(glob.glob(glob.escape(archive) + "/*")) - before:
            with open(path, "rb") as stream:
                found[path.rpartition(".")[2]] = stream.read()
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertRegex(os.path.basename(path), r"^\d{16}-%d-\d+\.[a-z]+$" % os.getpid())
        self.assertEqual(sorted(found), sorted(SUFFIXES))       # seven files
        return found, b"".join(blocks)

    def test_request_and_response(self):
        def application(environ, start_response):
            write = start_response("200 OK", [("X-A", "1")])
            write(b"written ")
            yielded = environ["wsgi.input"].readline(), environ["wsgi.input"].read()
            return [b"%d " % len(block) for block in yielded]

        body = b"first line\n" + b"\x00\xff" * 200000
        files, answer = self.record(application, body)
        self.assertEqual(files["icontent"], body)
        self.assertIn(b"'HTTP_COOKIE': 's=1'", files["iheaders"])
        self.assertEqual(files["oheaders"], b"('200 OK', [('X-A', '1')])\n")
        self.assertEqual(files["ocontent"], answer)
        self.assertEqual(answer, b"written 11 400000 ")
        self.assertEqual(len(self.result), 2)                   # what has a length keeps it
        self.assertEqual([files[s] for s in ("oaexcept", "orexcept", "ofexcept")], [b""] * 3)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, "archive")).st_mode), 0o700)

    def test_headers_given_last_are_kept(self):
        def application(environ, start_response):
            start_response("200 A long reason", [("X-A", "1")])
            try:
                1 / 0
            except ZeroDivisionError:
                start_response("500 B", [], sys.exc_info())
            return []

        self.assertEqual(self.record(application)[0]["oheaders"], b"('500 B', [])\n")

    def test_exceptions_each_in_its_file(self):
        class Failing:
            def __init__(self, what):
                self.what = what

            def __iter__(self):
                if self.what == "iter":
                    1 / 0
                yield b"one"
                if self.what == "next":
                    1 / 0

            def close(self):
                if self.what == "close":
                    1 / 0

        def raising(environ, start_response):
            1 / 0

        for application, suffix in (
            (raising, "oaexcept"),
            (lambda e, s: Failing("iter"), "orexcept"),
            (lambda e, s: Failing("next"), "orexcept"),
            (lambda e, s: Failing("close"), "ofexcept"),
        ):
            files, _ = self.record(application)
            for name in ("oaexcept", "orexcept", "ofexcept"):
                self.assertEqual(b"ZeroDivisionError" in files[name], name == suffix, (suffix, name))

    def test_call_is_not_delayed_and_blocks_are_not_held_back(self):
        order = []

        def blocks():
            order.append("first")
            yield b"1"
            order.append("second")
            yield b"2"

        def application(environ, start_response):
            order.append("called")
            return blocks()

        environ = {"wsgi.input": io.BytesIO()}
        result = Recorder(application, self.folder)(environ, None)
        self.assertEqual(order, ["called"])
        self.assertEqual((next(result), order), (b"1", ["called", "first"]))
        result.close()

    def test_validator_has_nothing_to_say_on_either_side(self):
        def application(environ, start_response):
            environ["wsgi.input"].read(10)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"x"]

        environ = {"wsgi.input": io.BytesIO(b"body"), "QUERY_STRING": ""}
        setup_testing_defaults(environ)
        both = validator(Recorder(validator(application), self.folder))
        result = both(environ, lambda status, headers, exc_info=None: len)
        self.assertEqual(list(result), [b"x"])
        result.close()


class Composition(Folder):
    def handler(self, text, **tools):
        return handler.Handler("script", self.write("app.wsgi", text), **tools)

    def test_debug_mode_never_reloads(self):
        for debug in (False, True):
            made = self.handler("def application(e, s): return [b'x']\n", debug=debug)
            os.utime(os.path.join(self.folder, "app.wsgi"), (1, 1))
            self.assertIs(made.reload_required("x"), not debug)

    def test_without_tools_the_application_is_bare(self):
        made = self.handler("def application(e, s): return [b'x']\n")
        self.assertIs(made.application, sys.modules["__wsgi__"].application)

    def test_recorder_sees_the_split_path(self):
        made = self.handler("def application(e, s): return [b'x']\n", recorder=os.path.join(self.folder, "a"))
        made.mount_point = "/m"
        made.handle_request({"SCRIPT_NAME": "/m/x", "PATH_INFO": "/y", "wsgi.input": io.BytesIO()}, None).close()
        with open(glob.glob(glob.escape(self.folder) + "/a/*.iheaders")[0]) as stream:
            self.assertIn("'PATH_INFO': '/x/y', 'SCRIPT_NAME': '/m'", stream.read().replace("\n", ""))


class Ends(Folder):
    """What is written when the process ends."""

    CODE = """
import sys, threading
from mod_wsgi.express import handler
made = handler.Handler("script", sys.argv[1], "application", "/", debug=True, **{sys.argv[2]: sys.argv[3]})
thread = threading.Thread(target=lambda: made.handle_request({}, None))
if sys.argv[4:]:        # as a thread of the server's: no tool hears of it
    threading.settrace(None), threading.setprofile(None)
thread.start(); thread.join()
"""
    APP = "def helper():\n    return sum(range(10))\ndef application(e, s):\n    helper()\n    return [b'x']\n"

    def test_profiler(self):
        folder = os.path.join(self.folder, "pstats")
        done = run_python("-c", self.CODE, self.write("app.wsgi", self.APP), "profiler", folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        files = glob.glob(glob.escape(folder) + "/*.pstats")
        self.assertEqual(len(files), 1)
        self.assertRegex(os.path.basename(files[0]), r"^\d{16}-\d+\.pstats$")
        self.assertEqual(stat.S_IMODE(os.stat(files[0]).st_mode), 0o600)
        self.assertIn("helper", {name for _, _, name in pstats.Stats(files[0]).stats})

    def test_coverage_absent(self):
        self.write("coverage.py", "raise ImportError('not here')\n")
        path = os.pathsep.join([self.folder, os.environ.get("PYTHONPATH", "")])
        done = run_python("-c", self.CODE, self.write("app.wsgi", self.APP), "coverage", self.folder, PYTHONPATH=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "^mod_wsgi-express: nothing is measured: not here; pip install coverage in /")

    def test_coverage(self):
        if subprocess.run([sys.executable, "-c", "import coverage"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("this Python has no coverage")
        folder = os.path.join(self.folder, "html")
        done = run_python("-c", self.CODE, self.write("app.py", self.APP), "coverage", folder)
        self.assertRegex(done.stderr, "coverage is 100%, see ")
        self.assertTrue(os.path.exists(os.path.join(folder, "index.html")))

    def test_shutdown_of_the_server_comes_first_and_once(self):
        code = """
import sys, types
server = types.ModuleType("mod_wsgi"); hooks = []
server.subscribe_shutdown = hooks.append
sys.modules["mod_wsgi"] = server
import importlib.util
spec = importlib.util.spec_from_file_location("ending", sys.argv[1])
ending = importlib.util.module_from_spec(spec); spec.loader.exec_module(ending)
ending.at_end(lambda: print("end"))
for hook in hooks:
    hook("process_stopping", reason="x")
print("after")
"""
        import mod_wsgi.express._ending as ending
        self.assertEqual(run_python("-c", code, ending.__file__).stdout, "end\nafter\n")


class Debugging(Folder):
    def talk(self, app, code, *turns):
        """Run *code* on a terminal; each turn is what is waited for, then typed. The rest of it."""
        path = self.write("app.wsgi", app)
        controller, terminal = pty.openpty()
        # As inside Apache: sys.stdin and sys.stdout are not the terminal.
        started = "import io, sys; sys.stdin, sys.stdout = io.StringIO(), io.StringIO(); path = sys.argv[1]\n" + code
        process = subprocess.Popen([sys.executable, "-c", started, path], stdin=terminal, stdout=terminal, stderr=terminal, env=dict(os.environ, TERM="dumb", HOME="/nowhere"))
        os.close(terminal)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(os.close, controller)
        text, decoder = "", codecs.getincrementaldecoder("utf-8")()
        for wanted, typed in turns + ((None, ""),):
            while wanted is None or wanted not in text:
                self.assertTrue(select.select([controller], [], [], DEADLINE)[0], "nothing more after " + text)
                try:
                    data = os.read(controller, 4096)
                except OSError:
                    data = b""
                if not data:
                    self.assertIsNone(wanted, text)
                    break
                text += decoder.decode(data)
            if wanted is not None:
                text = text.partition(wanted)[2]
                os.write(controller, typed.encode() + b"\n")
        return text

    REQUEST = """
from mod_wsgi.express import handler
made = handler.Handler("script", path, debug=True, debugger=True, debugger_startup=%s)
import threading
def request():
    try:
        result = made.handle_request({"PATH_INFO": "/"}, None)
        try:
            sys.stderr.write("answer %%r\\n" %% b"".join(result))
        finally:
            result.close()
    except Exception as error:
        sys.stderr.write("raised %%s\\n" %% error)
thread = threading.Thread(target=request); thread.start(); thread.join()
"""

    def test_post_mortem(self):
        app = "def application(e, s):\n    secret = 40 + 2\n    raise KeyError('mine')\n"
        rest = self.talk(app, self.REQUEST % False, ("KeyError: 'mine'", "p secret"), ("42", "q"))
        self.assertIn("raised 'mine'", rest)

    def test_post_mortem_of_the_iteration(self):
        app = "def application(e, s):\n    yield b'x'\n    late = 6 * 7\n    raise KeyError('late')\n"
        rest = self.talk(app, self.REQUEST % False, ("KeyError: 'late'", "p late"), ("42", "c"))
        self.assertIn("raised 'late'", rest)

    def test_breakpoint_at_startup_holds_in_requests(self):
        app = "def helper(n):\n    m = n + 2\n    return m\ndef application(e, s):\n    return [b'%d' % helper(40)]\n"
        rest = self.talk(
            app, self.REQUEST % True,
            ("The application is loaded", ""), ("(Pdb)", "b %s:3" % os.path.join(self.folder, "app.wsgi")),
            ("Breakpoint 1", "c"), ("return m", "p m"), ("42", "c"),
        )
        self.assertIn("answer b'42'", rest)

    def test_quitting_at_startup_serves(self):
        rest = self.talk("def application(e, s):\n    return [b'ok']\n", self.REQUEST % True, ("(Pdb)", "q"))
        self.assertIn("answer b'ok'", rest)

    def test_ending_a_request_in_the_debugger(self):
        app = "def application(e, s):\n    x = 1\n    return [b'ok']\n"
        rest = self.talk(
            app, self.REQUEST % True,
            ("(Pdb)", "b %s:3" % os.path.join(self.folder, "app.wsgi")), ("Breakpoint 1", "c"), ("return [b'ok']", "q"),
        )
        self.assertIn("raised the request was ended in the debugger", rest)


class NewRelic(unittest.TestCase):
    def test_agent(self):
        agent = mock.MagicMock()
        package = types.ModuleType("newrelic")
        package.agent = agent
        modules = {"newrelic": package, "newrelic.agent": agent}
        with mock.patch.dict(sys.modules, modules), mock.patch.dict(os.environ, NEW_RELIC_CONFIG_FILE="/env", NEW_RELIC_ENVIRONMENT="old"):
            os.environ.pop("NEW_RELIC_LOG", None)
            made = Agent("/option", None)
            self.assertEqual(agent.initialize.call_args.args, ("/option", "old"))
            self.assertEqual(os.environ["NEW_RELIC_LOG"], "stderr")
            self.assertIs(made.wrap(len), agent.WSGIApplicationWrapper.return_value)
        agent.register_application.assert_called_once_with()

    def test_absent(self):
        with mock.patch.dict(sys.modules, {"newrelic": None}), mock.patch.dict(os.environ), contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertIs(Agent().wrap(len), len)
        self.assertRegex(said.getvalue(), "^mod_wsgi-express: New Relic's agent is not used: ModuleNotFoundError: [^\n]+\n$")


if __name__ == "__main__":
    unittest.main()
