"""The change monitor: what it notices, by either way, and what it costs."""

import os
import queue
import subprocess
import sys
import time
import types
import unittest
import unittest.mock

from folder import Folder, run_python
from mod_wsgi.express import monitor

DEADLINE = 60
WAYS = (False, True) if monitor._new_inotify() else (False,)


class Watched(Folder):
    """One module 'one' in a folder of its own, and a monitor on it."""

    def setUp(self):
        super().setUp()
        self.modules = {"sys": sys}
        self.path = self.module("one")

    def module(self, name):
        path = self.write(name + ".py", "x = 1\n")
        self.modules[name] = types.ModuleType(name)
        self.modules[name].__file__ = path
        return path

    def started(self, inotify, pace=0.1):
        self.heard = queue.Queue()
        made = monitor.Monitor(self.heard.put, monitor.Files(self.modules), inotify, pace)
        made.start()
        self.addCleanup(made.stop)
        return made

    def expect(self, path):
        self.assertEqual(self.heard.get(timeout=DEADLINE), path)


class Changes(Watched):
    def each(self, act, path=None, track=None):
        """*act* must be noticed at *path*, whichever way is taken."""
        for inotify in WAYS:
            with self.subTest(inotify=inotify):
                self.setUp()
                made = self.started(inotify)
                self.assertEqual(made.kind, "inotify" if inotify else "polling")
                if track:
                    made.files.add(os.path.join(self.folder, track))
                act()
                self.expect(os.path.join(self.folder, path) if path else self.path)
                made.stop()

    def test_written(self):
        self.each(lambda: self.write("one.py", "x = 22\n"))

    def test_older_counts(self):
        self.each(lambda: os.utime(self.path, (1, 1)))

    def test_gone(self):
        self.each(lambda: os.unlink(self.path))

    def test_renamed_into_place_as_editors_do(self):
        def act():
            os.rename(self.path, self.path + "~")
            os.rename(self.write("4913", "x = 333\n"), self.path)
        self.each(act)

    def test_folder_replaced(self):
        def act():
            os.rename(self.folder, self.folder + ".old")
            os.mkdir(self.folder)
            self.write("one.py", "x = 4444\n")
            self.addCleanup(subprocess.run, ["rm", "-r", self.folder + ".old"])
        self.each(act)

    def test_through_a_link(self):
        def act():
            os.rename(self.write("data/new.py", "x = 55555\n"), os.path.join(self.folder, "data/two.py"))
        for inotify in WAYS:
            with self.subTest(inotify=inotify):
                self.setUp()
                self.write("data/two.py", "")
                link = os.path.join(self.folder, "two.py")
                os.symlink("data/two.py", link)
                self.modules["two"] = types.ModuleType("two")
                self.modules["two"].__file__ = link
                self.started(inotify)
                act()
                self.expect(link)

    def test_folder_that_cannot_be_listed(self):
        # The server root of a root's server is one: its user may only enter it.
        if True not in WAYS:
            self.skipTest("there is no inotify here")
        made = self.started(True)
        made.stop()
        real = type(made._inotify).watch

        def refused(inotify, folder):
            if folder == self.folder:
                raise PermissionError(13, "no", folder)
            return real(inotify, folder)

        with unittest.mock.patch.object(type(made._inotify), "watch", refused):
            made = self.started(True)
            self.assertEqual(made.kind, "inotify")
            os.utime(self.path, (1, 1))
            self.expect(self.path)

    def test_module_imported_later(self):
        for inotify in WAYS:
            with self.subTest(inotify=inotify):
                self.setUp()
                made = self.started(inotify)
                path = self.module("later")
                end = time.monotonic() + DEADLINE
                while path not in made.files.paths() and time.monotonic() < end:
                    self.assertTrue(self.heard.empty())
                    made._thread.join(0.05)
                self.write("later.py", "x = 666666\n")
                self.expect(path)

    def test_tracked_folder_file_added(self):
        def act():
            self.write("templates/sub/new.html", "x")
        self.write("templates/old.html", "x")
        for inotify in WAYS:
            with self.subTest(inotify=inotify):
                self.setUp()
                self.write("templates/sub/old.html", "x")
                made = self.started(inotify)
                made.files.add(os.path.join(self.folder, "templates"))
                act()
                self.expect(os.path.join(self.folder, "templates"))


class NoChanges(Watched):
    def test_what_does_not_count(self):
        self.write("templates/a.html", "x")
        for inotify in WAYS:
            with self.subTest(inotify=inotify):
                made = self.started(inotify, pace=0.3)
                made.files.add(os.path.join(self.folder, "templates"))
                self.write("templates/.a.html.swp", "x")
                self.write("templates/a.html~", "x")
                self.write("templates/__pycache__/a.pyc", "x")
                self.write("unrelated.txt", "x")
                with open(self.path) as stream:
                    text = stream.read()
                stamp = os.stat(self.path)
                os.unlink(self.path)                # put back as it was, in time
                self.write("one.py", text)
                os.utime(self.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
                # What does count is noticed after all that, and is the first.
                last = self.write("templates/b.html", "x")
                self.expect(os.path.dirname(last))
                os.unlink(last)
                made.stop()

    def test_files_that_never_were(self):
        self.modules["ghost"] = types.ModuleType("ghost")
        self.modules["ghost"].__file__ = "/nowhere/ghost.py"
        self.modules["odd"] = types.ModuleType("odd")
        self.modules["odd"].__file__ = object()
        self.modules["none"] = None
        files = monitor.Files(self.modules)
        files.learn()
        self.assertEqual(files.paths(), [self.path])

    def test_compiled_names_stand_for_sources(self):
        self.modules["one"].__file__ = os.path.join(self.folder, "__pycache__", "one.cpython-311.pyc")
        files = monitor.Files(self.modules)
        files.learn()
        self.assertEqual(files.paths(), [self.path])

    def test_lazy_modules_stay_lazy(self):
        code = """
import importlib.util, sys
from mod_wsgi.express import monitor
spec = importlib.util.find_spec("this")
spec.loader = importlib.util.LazyLoader(spec.loader)
module = importlib.util.module_from_spec(spec)
sys.modules["this"] = module
spec.loader.exec_module(module)
monitor.Files(sys.modules).learn()
print("still lazy")
"""
        out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, universal_newlines=True).stdout
        self.assertEqual(out, "still lazy\n")


class Cost(Watched):
    def test_asleep_it_asks_for_nothing(self):
        for number in range(200):
            self.module("m%d" % number)
        for inotify in WAYS:
            with self.subTest(inotify=inotify):
                made = self.started(inotify)
                asked = []
                real = monitor._stamp
                monitor._stamp = lambda path: asked.append(path) or real(path)
                try:
                    before = time.process_time()
                    made._thread.join(0.25)
                    cost = time.process_time() - before
                finally:
                    monitor._stamp = real
                made.stop()
                self.assertLessEqual(len(asked), 0 if inotify else 4 * 201)
                self.assertLess(cost, 0.2)      # all of the time would be a busy loop


class Process(Folder):
    def test_interrupts_its_own_process(self):
        code = """
import os, signal, sys, tempfile, time
from mod_wsgi.express import monitor
path = tempfile.NamedTemporaryFile(suffix=".py")
monitor.start()
monitor.start()
import mod_wsgi.express.monitor as named
assert named is monitor
monitor.track_changes(path.name)
os.utime(path.name, (1, 1))
try:
    signal.pause()
except KeyboardInterrupt:
    print("interrupted", path.name)
"""
        done = run_python("-c", code)
        path = done.stdout.split()[1]
        self.assertEqual(done.stdout, "interrupted %s\n" % path)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 3, done.stderr)
        for line, want in zip(lines, ("watching for changes by", path + " has changed", "the process is restarted")):
            self.assertRegex(line, r"^monitor \(pid=\d+\): ")
            self.assertIn(want, line)

    def test_what_is_edited_right_after_loading_has_changed(self):
        code = """
import os, signal, sys
from mod_wsgi.express import handler, monitor
folder = sys.argv[1]
sys.path.insert(0, folder)
for name, text in (("app.wsgi", "import mwe_helper\\napplication = int"), ("mwe_helper.py", "x = 1")):
    with open(os.path.join(folder, name), "w") as f:
        f.write(text + "\\n")
monitor.SECOND = 0.2
handler.Handler("script", os.path.join(folder, "app.wsgi"), monitor=True)
os.utime(os.path.join(folder, "mwe_helper.py"), (1, 1))
try:
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""
        done = run_python("-c", code, self.folder)
        self.assertEqual(done.stdout, "interrupted\n", done.stderr)
        self.assertIn("mwe_helper.py has changed", done.stderr)

    def test_ends_with_the_process(self):
        done = run_python("-c", "from mod_wsgi.express import monitor; monitor.start()")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (0, 1), done.stderr)

    def test_files_of_a_failed_import_are_watched(self):
        code = """
import os, sys
from mod_wsgi.express import handler, monitor
folder = sys.argv[1]
sys.path.insert(0, folder)
for name, text in (("app.wsgi", "import mwe_helper"), ("mwe_helper.py", "import mwe_broken"), ("mwe_broken.py", "x = (")):
    with open(os.path.join(folder, name), "w") as f:
        f.write(text + "\\n")
try:
    handler.Handler("script", os.path.join(folder, "app.wsgi"), monitor=True)
except SyntaxError:
    print(sorted(os.path.basename(p) for p in monitor._monitor.files.paths() if p.startswith(folder)))
"""
        done = run_python("-c", code, self.folder)
        self.assertEqual(done.stdout, "['app.wsgi', 'mwe_broken.py', 'mwe_helper.py']\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
