package matrix

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// process is what the application process tells of where it runs.
type process struct {
	PID, PPID, UID, EUID, GID int
	Groups                    []int
	Umask                     int
	Cwd, Executable, Prefix   string
	Path, Argv                []string
	Environ                   map[string]string
	Locale, Stdin             string
	Signal                    *bool
	Descriptors               map[string]string
}

func processOf(t *T) process {
	var p process
	t.JSON("/", &p)
	return p
}

var daemonOnly = []Mode{Daemon}

// processCases are about daemon processes: who they are, what they hold.
func processCases() []Case {
	cases := []Case{
		{Name: "options", App: "process", Modes: daemonOnly, Ours: true, Covers: "DP03",
			Daemon: `threads=2 umask=027 home="@APP@" python-path="@APP@/lib:@APP@/more" lang=C.UTF-8 locale=C.UTF-8 display-name=shown-%{GROUP}`, Do: options,
			Prepare: func(dir string) error {
				return errors.Join(os.MkdirAll(filepath.Join(dir, "lib"), 0o755), os.MkdirAll(filepath.Join(dir, "more"), 0o755))
			}},
		{Name: "title", App: "process", Modes: daemonOnly, Covers: "DP05", Daemon: "display-name=%{GROUP} threads=1", Ours: true, Do: func(t *T) {
			p := Process{PID: processOf(t).PID}
			Same(t, "title", strings.TrimSpace(p.Command()), "(wsgi:g-title)")
		}},
		{Name: "forking", App: "forking", Modes: daemonOnly, Daemon: "threads=2", Ours: true, Covers: "DP43", Do: forks},
		{Name: "own-log", App: "process", Modes: daemonOnly, Own: true, Ours: true, Covers: "DP42",
			Conf: []string{"WSGIDaemonProcess of-vhost threads=1", "WSGIProcessGroup of-vhost"}, Announced: Announce{`written to descriptor 2`}, Do: ownLog},
		{Name: "stopped", App: "process", Modes: daemonOnly, Own: true, Ours: true, Covers: "DP37",
			Daemon: "threads=2", AtStop: Announce{`the process (\d+) is over`}, Announced: slices.Concat(Announce{`the process \d+ is over`}, stopRace, stopCrash), Do: stopped},
		{Name: "not-destroyed", App: "process", Modes: daemonOnly, Own: true, Ours: true, Covers: "DP44",
			Daemon: "threads=2", Global: []string{"WSGIDestroyInterpreter Off"}, Do: notDestroyed},
		{Name: "socket-rotation", App: "process", Modes: daemonOnly, Own: true, Ours: true, Covers: "DP35",
			Daemon: "threads=2", Global: []string{"WSGISocketRotation Off", "WSGISocketPrefix run/wsgi"}, Do: socketRotation},
		{Name: "descriptors", App: "process", Modes: daemonOnly, Ours: true, Do: descriptors},
		{Name: "signal", App: "process", Do: func(t *T) {
			var p process
			t.JSON("/signal", &p)
			if p.Signal == nil || !*p.Signal {
				t.Errorf("signal.signal() does not give back the handler")
			}
		}, Ours: true},
		{Name: "no-libpython", App: "hello", Modes: daemonOnly, Own: true, Ours: true, MPMs: true, Do: noLibpython},
	}
	if os.Geteuid() == 0 {
		cases = append(cases, Case{Name: "user", App: "process", Modes: daemonOnly, Daemon: `user=nobody threads=1 home="@ROOT@/home"`, Do: otherUser})
	}
	return cases
}

func options(t *T) {
	p := processOf(t)
	Same(t, "umask", p.Umask, 0o027)
	Same(t, "working directory", p.Cwd, t.Dir)
	Same(t, "first entry of sys.path", p.Path[0], t.Dir)
	Same(t, "LANG", p.Environ["LANG"], "C.UTF-8")
	Same(t, "LC_ALL", p.Environ["LC_ALL"], "C.UTF-8")
	Same(t, "locale", p.Locale, "C.UTF-8")
	Same(t, "sys.argv", strings.Join(p.Argv, " "), "mod_wsgi")
	Same(t, "stdin", p.Stdin, "/dev/null")
	lib, more := slices.Index(p.Path, filepath.Join(t.Dir, "lib")), slices.Index(p.Path, filepath.Join(t.Dir, "more"))
	if lib != 1 || more != 2 {
		t.Errorf("python-path is at %d and %d of sys.path %q, want 1 and 2", lib, more, p.Path)
	}
	if title := (Process{PID: p.PID}).Command(); !strings.Contains(title, "shown-") {
		t.Errorf("title is %q, want display-name", title)
	}
	if os.Geteuid() == 0 {
		u, err := user.Lookup(t.Server.Conf.User)
		if err != nil {
			t.Fatalf("%v", err)
		}
		Same(t, "user", strconv.Itoa(p.UID), u.Uid)
		Same(t, "effective user", p.EUID, p.UID)
		Same(t, "group", strconv.Itoa(p.GID), u.Gid)
		Same(t, "HOME", p.Environ["HOME"], u.HomeDir)
	}
}

func otherUser(t *T) {
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("no user nobody: %v", err)
	}
	p := processOf(t)
	Same(t, "user", strconv.Itoa(p.UID), u.Uid)
	Same(t, "effective user", p.EUID, p.UID)
	if slices.Contains(p.Groups, 0) || p.GID == 0 {
		t.Errorf("groups are %d and %d: those of root", p.GID, p.Groups)
	}
}

// descriptors wants a host to hold what it needs and nothing else: no
// listening socket of httpd, no log of another virtual host.
func descriptors(t *T) {
	p := processOf(t)
	sockets := 0
	for name, target := range p.Descriptors {
		n, err := strconv.Atoi(name)
		switch {
		case err != nil:
			t.Errorf("descriptor %q", name)
		case n <= 5:
		case strings.HasPrefix(target, "socket:"):
			sockets++ // the answer's
		case strings.HasPrefix(target, "/proc/"), strings.HasPrefix(target, "anon_inode:"), strings.HasPrefix(target, "pipe:"):
		default:
			t.Errorf("descriptor %d is %s", n, target)
		}
	}
	if sockets > 1 {
		t.Errorf("%d sockets beside its own: %v", sockets, p.Descriptors)
	}
	listener, err := (Process{PID: t.Server.PID}).Descriptors()
	if err != nil {
		t.Skipf("descriptors of httpd: %v", err)
	}
	held := map[string]bool{}
	for _, target := range p.Descriptors {
		held[target] = true
	}
	for n, target := range listener {
		// The group's own socket is rightly on descriptor 3.
		if strings.HasPrefix(target, "socket:") && held[target] && p.Descriptors["3"] != target {
			t.Errorf("descriptor %d of httpd (%s) is open in the daemon process", n, target)
		}
	}
}

// noLibpython wants Python in the daemon processes only.
func noLibpython(t *T) {
	t.Get("/")
	hosts := 0
	for _, p := range t.Server.Processes() {
		files, err := p.Maps()
		if err != nil {
			t.Errorf("maps of %s: %v", p, err)
			continue
		}
		has := slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, "libpython") })
		isHost := strings.HasPrefix(p.Command(), "(wsgi:")
		if isHost {
			hosts++
		}
		if has != isHost {
			t.Errorf("libpython mapped is %v in %s", has, p)
		}
	}
	Same(t, "daemon processes", hosts, 1)
}

// ownLog wants all that a group of a virtual host has to say in that host's log:
// its own lines, its application's, and what goes to the descriptor itself.
func ownLog(t *T) {
	p := processOf(t)
	t.Get("/raw")
	t.signal(p.PID, syscall.SIGUSR1)
	t.Wait("a new process", func() bool { return processOf(t).PID != p.PID })
	server := t.Server.LogText("error.log")
	for _, text := range []string{"daemon process 'of-vhost': starting", "draining, graceful_signal", "written to descriptor 2"} {
		t.until(fmt.Sprintf("%q in the log of the virtual host", text), func() bool { return strings.Contains(t.Server.LogText(t.ownLog()), text) })
		if strings.Contains(server, text) {
			t.Errorf("%q is in the log of the main server", text)
		}
	}
}

// stopped restarts Apache the hard way: the functions that the application gave
// atexit run, and a new process serves. At the end of the case the server is
// stopped, and nothing may be left of it.
func stopped(t *T) {
	p := processOf(t)
	t.Get("/atexit")
	t.signal(t.Server.PID, syscall.SIGHUP)
	t.WaitLog(fmt.Sprintf("the process %d is over", p.PID))
	t.Wait("the old process to be gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", p.PID)) })
	t.Wait("a new process", func() bool { return processOf(t).PID != p.PID })
	t.Get("/atexit")
}

// notDestroyed ends a process whose interpreters are left as they are: functions
// that the application gave atexit do not run. The end of its successor's log is
// the proof that all of it was written.
func notDestroyed(t *T) {
	p := processOf(t)
	t.Get("/atexit")
	t.signal(p.PID, syscall.SIGTERM)
	t.Wait("the process to be gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", p.PID)) })
	t.WaitLog(`interpreters are left as they are`)
	t.Wait("a new process", func() bool { return processOf(t).PID != p.PID })
	for _, r := range t.Log() {
		if strings.Contains(r.Text, fmt.Sprintf("the process %d is over", p.PID)) {
			t.Errorf("atexit has run: %s", r.Text)
		}
	}
}

// socketRotation restarts Apache gracefully with sockets that stay, and with
// sockets that change: there is none to do either, before and after.
func socketRotation(t *T) {
	rotate := func(word string) {
		for i, line := range t.Server.Conf.Global {
			if strings.HasPrefix(line, "WSGISocketRotation") {
				t.Server.Conf.Global[i] = "WSGISocketRotation " + word
			}
		}
		if err := t.Server.WriteConf(); err != nil {
			t.Fatalf("%v", err)
		}
		before := processOf(t).PID
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Fatalf("%v", err)
		}
		t.Wait("the next generation", func() bool { return processOf(t).PID != before })
	}
	noSocketFile(t)
	for _, word := range []string{"Off", "On"} {
		rotate(word)
		t.WaitLog(`WSGISocketPrefix .*/run/wsgi has nothing to act on`) // with each configuration
		noSocketFile(t)
	}
}

// forks has the application fork: by itself, with another program, and by
// multiprocessing. A signal to a child is the child's.
func forks(t *T) {
	var told struct {
		PID, Child, Killed int
		Program            string
		Pool               []int
	}
	t.JSON("/", &told)
	Same(t, "status of the child", told.Child, 7)
	Same(t, "signal that ended the child", told.Killed, int(syscall.SIGTERM))
	Same(t, "program", told.Program, "executed")
	if !slices.Equal(told.Pool, []int{1, 4, 9}) {
		t.Errorf("multiprocessing gives %d", told.Pool)
	}
	var again struct{ PID int }
	t.JSON("/", &again)
	Same(t, "process", again.PID, told.PID)
}
