package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"modwsgi/pybuild"
)

// scriptLifeCases are about scripts in their interpreters: who shares what, when
// they are loaded, when again, and how all ends.
func scriptLifeCases() []Case {
	of := func(c Case) Case {
		c.App, c.Own, c.Ours = "settings", true, true
		return c
	}
	imports := []string{
		`WSGIImportScript "@APP@/fails.py" process-group=@GROUP@ application-group=%{GLOBAL}`,
		`WSGIImportScript "@APP@/noted.py" process-group=@GROUP@ application-group=%{GLOBAL}`,
		`WSGIImportScript "@APP@/noted.py" process-group=@GROUP@ application-group=sub`,
	}
	embedded := []string{"WSGIRestrictEmbedded On"}
	for _, l := range imports {
		embedded = append(embedded, strings.Replace(l, "@GROUP@", "%{GLOBAL}", 1))
	}
	apart := func(mode Mode) Case {
		return of(Case{Name: "interpreters-apart", Covers: "IN01", Interpreter: "one", Daemon: "threads=2", Do: apart,
			Extra: append(interpreters(mode, "two"), Site{Host: "same.test", Mode: mode, Group: "@GROUP@", Interpreter: "one", Script: "../interpreters-apart-" + string(mode) + "/app.wsgi"})})
	}
	return slices.Concat(inBoth(apart), []Case{
		of(Case{Name: "thread-local", Covers: "IN08", Interpreter: "sub", Daemon: "threads=2", Do: threadLocal}),
		of(Case{Name: "reload-forgotten", Covers: "IN15", Script: "mtime.wsgi", Daemon: "threads=1", Do: func(t *T) {
			first := string(t.Get("/").Body)
			Same(t, "answer while nothing changes", string(t.Get("/").Body), first)
			t.Get("/forget")
			t.Wait("the script to be loaded again", func() bool { return string(t.Get("/").Body) != first })
		}}),
		of(Case{Name: "script-slow", Covers: "IN10", Script: "slow.wsgi", Prepare: notesFolder, Daemon: "threads=8", Do: loadSlow,
			Conf: []string{`WSGIScriptAlias /other "@APP@/app.wsgi" application-group=other`}, Mount: "/slow"}),
		of(Case{Name: "import", Covers: "IN17", Modes: daemonOnly, Prepare: notesFolder, Daemon: "threads=1", Global: imports, Announced: append(unloaded(`LookupError: no such thing`), `?^\[daemon 'g-import'\] +(File|raise)`), Do: imported}),
		of(Case{Name: "import-embedded", Modes: []Mode{Embedded}, Prepare: notesFolder, Global: embedded, Announced: append(unloaded(`LookupError: no such thing`), `WSGIM0210`), Do: imported}),
		{Name: "preload-embedded", App: "preloaded", Own: true, Ours: true, Modes: []Mode{Embedded}, Prepare: notesFolder, Do: preloaded, Conf: []string{
			`WSGIScriptAlias /alias "@APP@/app.wsgi" process-group=%{GLOBAL} application-group=alias`,
			`WSGIScriptAliasMatch "^/match" "@APP@/app.wsgi" process-group=%{GLOBAL} application-group=match`,
			`WSGIScriptAliasMatch "^/(groups)" "@APP@/app.wsgi$2" process-group=%{GLOBAL} application-group=dollar`,
			`WSGIScriptAlias /half "@APP@/app.wsgi" application-group=half`,
			`WSGIImportScript "@APP@/app.wsgi" process-group=%{GLOBAL} application-group=import`,
		}},
		of(Case{Name: "python-home", Covers: "IN04 IN05", Daemon: "threads=2", Do: pythonHome, Conf: []string{`Alias /static "@APP@/fails.py"`},
			Announced: Announce{`WSGIM0604: Python home '.*/venv' is not a folder that can be read`, `WSGIM0(507|354).*could not be started with home|WSGIM0(507|354)`, `?WSGIM0404`, `?WSGIM0413`, `?WSGIM0356`}}),
		of(Case{Name: "thread-ends", Covers: "IN24", Modes: daemonOnly, Script: "thread.wsgi", Interpreter: "sub", Daemon: "threads=2 shutdown-timeout=20",
			Announced: Announce{`the thread of \d+ has ended`}, AtStop: Announce{`the thread of \d+ has ended`}, Do: threadEnds}),
		of(Case{Name: "thread-stays", Script: "stays.wsgi", Interpreter: "sub", Daemon: "threads=2 shutdown-timeout=1 graceful-timeout=1", Do: threadStays,
			Announced: Announce{`WSGIM0623|WSGIM05\d\d: daemon process 'g-thread-stays'`}, AtStop: Announce{`?WSGIM0623`, `?AH0004[5-7]`, `?daemon process 'g-thread-stays'`}}),
		{Name: "not-destroyed-embedded", App: "process", Own: true, Ours: true, Modes: []Mode{Embedded}, Global: []string{"WSGIDestroyInterpreter Off"}, Do: notDestroyedEmbedded},
	})
}

// apart wants modules to be one for an interpreter, whatever scripts it has, and
// another for another interpreter.
func apart(t *T) {
	for _, row := range []struct{ host, want string }{{"", "1"}, {"", "2"}, {"two.test", "1"}, {"same.test", "3"}, {"two.test", "2"}} {
		r := t.Do(Request{Host: row.host, Path: "/mark"})
		Same(t, "times that "+orElse(row.host, "the first")+" was asked", string(r.Body), row.want)
	}
}

// threadLocal asks until a thread has answered three times: it has counted them.
func threadLocal(t *T) {
	seen := map[string]int{}
	for range 100 {
		thread, count, _ := strings.Cut(string(t.Get("/local").Body), " ")
		seen[thread]++
		if count != fmt.Sprint(seen[thread]) {
			t.Fatalf("thread %s has counted %s of %d requests", thread, count, seen[thread])
		}
		if seen[thread] == 3 {
			return
		}
	}
	t.Errorf("of 100 requests no thread got three: %v", seen)
}

// loadSlow has five requests wait for a script that takes its time, which is
// loaded once; another interpreter answers meanwhile.
func loadSlow(t *T) {
	var waiting []*Conn
	for range 5 {
		waiting = append(waiting, t.begin("/slow"))
	}
	loads := filepath.Join(t.Dir, "notes", "loads")
	t.Wait("the script to be loading", func() bool { return readFile(loads) != "" })
	Same(t, "status of another interpreter", t.Get("/other/facts").Status, 200)
	t.open("gate")
	for _, c := range waiting {
		r, err := c.Read("GET")
		if err != nil || r.Status != 200 {
			t.Errorf("a request that waited for the script: status %d (%v)", r.Status, err)
		}
	}
	if n := len(strings.Fields(readFile(loads))); n != 1 {
		t.Errorf("the script was loaded %d times", n)
	}
}

// imported wants the scripts to be loaded by the main thread of the process that
// serves, before a request comes, and one that fails not to stop it.
func imported(t *T) {
	want := 200
	if t.Mode == Embedded {
		want = 500 // applications are restricted to daemon groups
	}
	for _, name := range []string{"main", "sub"} {
		path := filepath.Join(t.Dir, "notes", name)
		t.Wait("the script to be loaded in "+name, func() bool { return strings.HasSuffix(readFile(path), "\n") })
		if f := strings.Fields(readFile(path)); len(f) != 3 || f[1] != "True" || f[2] != "False" {
			t.Errorf("the script in %s was loaded so: %q, want once by the main thread, whose handler is ignored", name, f)
		}
	}
	t.check(Request{}, Want{Status: want}, t.Get("/facts"))
	if t.Mode == Daemon {
		Same(t, "process", fmt.Sprint(t.settled("").PID), strings.Fields(readFile(filepath.Join(t.Dir, "notes", "main")))[0])
	}
	t.WaitLog(`Loading .*noted\.py'`)
}

// environment makes a virtual environment of a Python, with a module inside.
func environment(dir string, python pybuild.Info) error {
	folder := fmt.Sprintf("python%d.%d", python.ABI.Major, python.ABI.Minor)
	if python.ABI.Free {
		folder += "t"
	}
	site := filepath.Join(dir, "lib", folder, "site-packages")
	for _, d := range []string{site, filepath.Join(dir, "bin")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	cfg := fmt.Sprintf("home = %s\nversion = %s\n", filepath.Dir(python.Base), python.Version)
	if err := os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(cfg), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(site, "inside_the_venv.py"), nil, 0o644); err != nil {
		return err
	}
	return os.Symlink(python.Base, filepath.Join(dir, "bin", "python"))
}

// pythonHome moves to a virtual environment, which is then taken away under the
// running server: it stays up, with a warning, and serves the application again
// once the folder is back.
func pythonHome(t *T) {
	dir := filepath.Join(t.Dir, "venv")
	if err := environment(dir, t.Server.Conf.Target.Python); err != nil {
		t.Fatalf("%v", err)
	}
	conf := &t.Server.Conf
	for i, l := range conf.Global {
		if strings.HasPrefix(l, "WSGIDaemonProcess g-python-home ") {
			conf.Global[i] = l + " python-home=" + quote(dir)
		}
	}
	if t.Mode == Embedded {
		conf.Global = append(conf.Global, "WSGIPythonHome "+quote(dir))
	}
	before := t.settled("")
	if before.Prefix == dir {
		t.Fatalf("sys.prefix is %s already", dir)
	}
	if err := t.Server.WriteConf(); err != nil {
		t.Fatalf("%v", err)
	}
	inside := t.another(before.PID)
	t.inVenv(inside, dir)
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatalf("%v", err)
		}
	}
	move(dir, dir+".away")
	t.ended(inside.PID)
	if t.Mode == Embedded {
		Same(t, "status without the home", t.Get("/facts").Status, 500)
	}
	t.WaitLog(`WSGIM0604`)
	Same(t, "status of what needs no Python", t.Get("/static").Status, 200)
	move(dir+".away", dir)
	if t.Mode == Embedded { // a child tries once
		for _, p := range t.Server.Children("httpd.conf") {
			t.ended(p.PID)
		}
	}
	t.inVenv(t.settled(""), dir)
}

// ended has a process end: a child of Apache's is ended by force alone.
func (t *T) ended(pid int) {
	sig := syscall.SIGTERM
	if t.Mode == Embedded {
		t.settle() // what it has still to write would be lost
		sig = syscall.SIGKILL
	}
	t.signal(pid, sig)
	t.Wait("the process to be gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", pid)) })
}

// inVenv wants an interpreter to be of the virtual environment.
func (t *T) inVenv(s settled, dir string) {
	Same(t, "sys.prefix", s.Prefix, dir)
	Same(t, "sys.executable", s.Executable, filepath.Join(dir, "bin", "python"))
	t.check(Request{Path: "/inside"}, Want{Body: "found"}, t.Get("/inside"))
}

// threadEnds wants a process with a thread that is no daemon to end in time,
// since the thread is told.
func threadEnds(t *T) {
	pid := string(t.Get("/").Body)
	began := time.Now()
	t.signal(t.pid(), syscall.SIGTERM)
	t.WaitLog("the thread of " + pid + " has ended")
	t.Wait("the process to be gone", func() bool { return !exists("/proc/" + pid) })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	t.WaitLog(`interpreter ended for application group 'sub'`)
	t.Get("/")
}

// threadStays wants a process to end in time though a thread of the application
// does not, and the log to say why.
func threadStays(t *T) {
	pid := string(t.Get("/").Body)
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Fatalf("%v", err)
	}
	t.Wait("the process to be gone", func() bool { return !exists("/proc/" + pid) })
	if again := string(t.Get("/").Body); again == pid {
		t.Errorf("process %s answers", pid)
	}
}

// notDestroyedEmbedded ends a child whose interpreters are left as they are.
func notDestroyedEmbedded(t *T) {
	p := processOf(t)
	t.Get("/atexit")
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Fatalf("%v", err)
	}
	t.Wait("the child to be gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", p.PID)) })
	t.WaitLog(`interpreters are left as they are`)
	Same(t, "lines of functions of atexit", t.logged("is over"), 0)
}
