package matrix

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lastWords are the lines of a Python that crashes, which may be there: where its
// threads were, from 3.14 on in C too.
const lastWords = `?^Fatal Python error|^(Segmentation fault|Aborted)$|no Python frame|^(Current )?[Tt]hread 0x|^  File |Extension modules|^$|^  \.\.\.` +
	`|^Current thread's C stack trace|^  Binary file ".*", at |^  <(truncated rest of calls|cannot get C stack on this system)>$`

// faultCases are about what dies, or runs out, while the server serves: for
// each there is one outcome, which docs/modes.md tells.
func faultCases() []Case {
	cases := []Case{
		{Name: "supervisor-killed", App: "gated", Own: true, Modes: daemonOnly, Ours: true,
			Announced: Announce{`WSGIM0312: the supervisor .* ended \(signal 9\)`}, Do: supervisorKilled},
		{Name: "supervisor-frozen", App: "gated", Own: true, Modes: daemonOnly, Ours: true,
			Announced: Announce{`WSGIM0314: the supervisor .* did not answer for 10 seconds`}, Do: supervisorFrozen},
		{Name: "clock-set", App: "deploy", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=3 queue-timeout=10 request-timeout=20 socket-timeout=10 restart-interval=3000 inactivity-timeout=3000", Do: clockSet},
		{Name: "fork-refused", App: "deploy", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=3 connect-timeout=2", Do: forkRefused},
		{Name: "disk-full", App: "deploy", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=3", Do: diskFull},
		{Name: "descriptors-out", App: "deploy", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=3",
			Conf: []string{`Alias /static "@APP@"`}, Do: descriptorsOut},
		{Name: "children-replaced", App: "gated", Own: true, Modes: daemonOnly, MPMs: true, Ours: true, Daemon: "threads=3",
			Global: []string{"MaxConnectionsPerChild 10", roomForTwo}, Do: childrenReplaced},
		{Name: "restart-busy", App: "gated", Own: true, Modes: daemonOnly, MPMs: true, Ours: true, Daemon: "threads=3 shutdown-timeout=1",
			Announced: append(Announce{`?WSGIM0239`, `?WSGIM0511`, `?WSGIM0229`, `?WSGIM0403`, `?daemon process`}, stopCrash...), Do: restartBusy},
		{Name: "parent-killed", App: "gated", Own: true, Modes: daemonOnly, MPMs: true, Ours: true, Do: parentKilled},
	}
	cases = append(cases, coreCases()...)
	// Each cause of death is told apart, in the supervisor's line and in that of
	// the request.
	for name, d := range map[string]struct{ own, relay, more string }{
		"segv":  {`WSGIM0401: .* killed by signal 11`, `killed by signal 11`, `end_by_segv`},
		"abort": {`WSGIM0401: .* killed by signal 6`, `killed by signal 6`, `end_by_abort`},
		"kill":  {`WSGIM0401: .* killed by signal 9`, `killed by signal 9`, ``},
		"exit":  {`WSGIM0403: .* exited with code 3`, `exited with status 3`, ``},
	} {
		cases = append(cases, Case{Name: "dies-" + name, App: "deadly", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=2",
			Announced: Announce{d.own, `WSGIM0229: .*'g-dies-` + name + `'.*` + d.relay, lastWords + `|end_by_`},
			Do: func(t *T) {
				before := t.pid()
				t.check(Request{Path: "/" + name}, Want{Status: 502}, t.Get("/"+name))
				t.Wait("a new process", func() bool { return t.pid() != before })
				if text := t.Server.LogText("error.log") + t.Server.LogText(t.ownLog()); !strings.Contains(text, d.more) {
					t.Errorf("no Python stack with %s in the log: %s", d.more, tailOf(text))
				}
			}})
	}
	return append(cases,
		Case{Name: "memory-soft-limit", App: "deadly", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=2 memory-soft-limit=60000000", Do: func(t *T) {
			l := t.Load(2, "/")
			before := t.pid()
			l.more(20)
			if l.answers()[0] != strconv.Itoa(before) {
				t.Errorf("replaced before it grew")
			}
			t.Get("/grow")
			t.Wait("a smaller process", func() bool { return t.pid() != before })
			l.lostNone()
			t.WaitLog(`is to be replaced for memory-soft-limit`)
		}, Conf: nil, Global: []string{"LogLevel wsgi:info"}},
	)
}

// roomForTwo gives the worker MPM a second place in its scoreboard. With one, a
// child shares it with the one before, whose last thread is still at work, and
// once it has to go as well none is started until that thread is done.
var roomForTwo = fmt.Sprintf("<IfModule mpm_worker_module>\nMaxRequestWorkers %d\n</IfModule>", 2*childThreads)

// childrenReplaced has Apache replace its children after ten connections each:
// that is none of the daemon process's business, and a request that runs in it
// is answered by the child that is on its way out.
func childrenReplaced(t *T) {
	c := t.begin("/before")
	old := t.noted("before")
	first := t.children()
	for range 60 {
		Same(t, "process", t.pid(), old)
	}
	t.Wait("other children", func() bool {
		Same(t, "process", t.pid(), old)
		for pid := range t.children() {
			if !first[pid] {
				return true
			}
		}
		return false
	})
	t.open("go")
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/before"}, Want{Match: "^done "}, r)
}

// children are the pids of httpd's own children.
func (t *T) children() map[int]bool {
	supervisor, pids := t.supervisor(), map[int]bool{}
	for _, p := range t.Server.Processes() {
		if p.Parent == t.Server.PID && p.PID != supervisor {
			pids[p.PID] = true
		}
	}
	return pids
}

// restartBusy restarts Apache the hard way while a request runs that never ends:
// its client is told, or cut off, within the limits of a stop, and the next
// generation serves.
func restartBusy(t *T) {
	c := t.begin("/before")
	old := t.noted("before")
	t.signal(t.Server.PID, syscall.SIGHUP)
	if got, end := c.Rest(); end == EndStuck || strings.Contains(string(got), " 200 ") {
		t.Errorf("the running request: %s after %q, want an error or an end", end, clip(got))
	}
	t.conns = nil // a child of prefork ends at once, and without a line in the access log
	t.until("the old process to be gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", old)) })
	t.until("a new process", func() bool { now := t.answerOf(t.Server); return strings.HasPrefix(now, "200 ") })
	if t.pid() == old {
		t.Errorf("process %d serves on", old)
	}
}

// coreCases are about CoreDumpDirectory: who may look into a daemon process that
// changed its user, and where its core goes.
func coreCases() []Case {
	if os.Geteuid() != 0 {
		return nil
	}
	own := func(c Case) Case {
		c.App, c.Own, c.Modes, c.Ours, c.Daemon = "deadly", true, daemonOnly, true, "threads=2"
		return c
	}
	return []Case{
		own(Case{Name: "not-dumpable", Do: func(t *T) {
			Same(t, "owner of /proc/PID/environ of a process that is not to be dumped", t.owner(t.pid()), 0)
		}}),
		own(Case{Name: "core-folder", Global: []string{`CoreDumpDirectory "@APP@/cores"`},
			Announced: Announce{`WSGIM0401: .* killed by signal 11`, `WSGIM0229`, lastWords + `|end_by_`},
			Prepare: func(dir string) error {
				cores := filepath.Join(dir, "cores")
				return errors.Join(os.MkdirAll(cores, 0o777), os.Chmod(cores, 0o777))
			}, Do: coreFolder}),
	}
}

// owner is the user of the files that tell what a process holds: root's, unless
// that may be dumped.
func (t *T) owner(pid int) int {
	info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func coreFolder(t *T) {
	pid := t.pid()
	u, err := user.Lookup(t.Server.Conf.User)
	if err != nil {
		t.Fatalf("%v", err)
	}
	Same(t, "owner of /proc/PID/environ with CoreDumpDirectory", strconv.Itoa(t.owner(pid)), u.Uid)
	t.check(Request{Path: "/core"}, Want{Status: 502}, t.Get("/core"))
	t.Wait("a new process", func() bool { return t.pid() != pid })
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.ContainsAny(string(pattern), "/|") {
		t.Notef("where cores go is not the process' own folder here: %q, %v", pattern, err)
		return
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(4 /* RLIMIT_CORE */, &limit); err != nil || limit.Max == 0 {
		t.Notef("no cores are written here: %v, limit %d", err, limit.Max)
		return
	}
	t.Wait("a core", func() bool {
		cores, err := filepath.Glob(filepath.Join(t.Dir, "cores", "core*"))
		return err == nil && len(cores) > 0
	})
}

// supervisor is the pid of the server's wsgi-supervisor, 0 if there is none.
func (t *T) supervisor() int {
	for _, p := range t.Server.Children("wsgi-supervisor") {
		if p.State != 'Z' {
			return p.PID
		}
	}
	return 0
}

// signal sends a signal to a process of the server.
func (t *T) signal(pid int, sig syscall.Signal) {
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("sending %v to %d: %v", sig, pid, err)
	}
}

// stop has a process stand still. Sending the signal is not enough: on a busy
// machine its threads go on until each has had its turn to see it.
func (t *T) stop(pid int) {
	t.signal(pid, syscall.SIGSTOP)
	t.until(fmt.Sprintf("process %d to stand still", pid), func() bool {
		return strings.Contains(readFile(fmt.Sprintf("/proc/%d/stat", pid)), ") T ")
	})
}

// supervisorKilled wants a request that runs in a daemon process to get its
// answer though the supervisor dies, and the next ones to be served by a
// process of the new supervisor.
func supervisorKilled(t *T) {
	c := t.begin("/before")
	old, first := t.noted("before"), t.supervisor()
	t.signal(first, syscall.SIGKILL)
	t.Wait("another supervisor", func() bool { now := t.supervisor(); return now != 0 && now != first })
	t.Wait("a new daemon process", func() bool { return t.pid() != old })
	t.open("go")
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/before"}, Want{Match: "^done "}, r)
	if !strings.HasSuffix(string(r.Body), " "+strconv.Itoa(old)) {
		t.Errorf("answered %q, want by process %d", r.Body, old)
	}
	t.Wait("the old process to be gone", func() bool { return syscall.Kill(old, 0) != nil })
}

// supervisorFrozen stops the supervisor as a debugger would, and restarts Apache
// gracefully: after ten seconds another one takes its place, and a running request
// is answered.
func supervisorFrozen(t *T) {
	c := t.begin("/before")
	old, first := t.noted("before"), t.supervisor()
	t.stop(first)
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Errorf("%v", err)
	}
	t.Wait("another supervisor", func() bool { now := t.supervisor(); return now != 0 && now != first })
	t.Wait("a new daemon process", func() bool { return t.pid() != old })
	t.open("go")
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/before"}, Want{Match: "^done "}, r)
}

// second opens one more server with the case's application, for a case that
// does to it what no server survives. It has port and process of its own.
func (t *T) second(env []string, do func(s *Session)) {
	c := t.Case
	c.Prepare, c.Do, c.Steps = nil, nil, nil
	target := t.Server.Conf.Target
	target.Env = slices.Concat(target.Env, env)
	s, err := Cell{Target: target, MPM: t.Server.Conf.MPM, Mode: t.Mode}.Open(t.Context, t.Server.runner, []Case{c})
	if err != nil {
		t.Fatalf("%v", err)
	}
	known := s.Server.Processes()
	defer func() {
		for _, p := range append(alive(known), s.Server.Processes()...) { // all of them were started here
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
		if err := errors.Join(s.Server.kill(), s.Server.Close()); err != nil {
			t.Errorf("the second server: %v", err)
		}
	}()
	do(s)
}

// answerOf is the answer of a second server.
func (t *T) answerOf(s *Server) string { return t.answerTo(s, "/") }

func (t *T) answerTo(s *Server, path string) string {
	c, err := dial(t.Context, s.Port)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.Request(Request{Path: path}.bytes(t.Host, true)); err != nil {
		return err.Error()
	}
	r, err := c.Read("GET")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", r.Status, r.Body)
}

// until waits for a state that has nothing to do with the case's own server.
func (t *T) until(what string, state func() bool) {
	for limit := time.Now().Add(clientTimeout); !state(); time.Sleep(pollInterval) {
		if time.Now().After(limit) {
			t.Fatalf("waiting for %s: not within %s", what, clientTimeout)
		}
	}
}

// parentKilled wants the children of a parent that was killed to go on with
// applications, as they do with files, a daemon process to be replaced still,
// and nothing to be left once the last child has gone.
func parentKilled(t *T) {
	t.second(nil, func(s *Session) {
		first := t.answerOf(s.Server)
		pid, err := strconv.Atoi(strings.TrimPrefix(first, "200 "))
		if err != nil {
			t.Fatalf("answer %q", first)
		}
		all := s.Server.Processes()
		t.signal(s.Server.PID, syscall.SIGKILL)
		<-s.Server.gone
		t.until("the supervisor to notice", func() bool { return strings.Contains(s.Server.LogText("error.log"), "WSGIM0426") })
		Same(t, "answer without a parent", t.answerOf(s.Server), first)
		t.signal(pid, syscall.SIGKILL)
		t.until("a new daemon process", func() bool {
			now := t.answerOf(s.Server)
			return strings.HasPrefix(now, "200 ") && now != first
		})
		for _, p := range alive(all) {
			if strings.HasPrefix(p.Command(), "(wsgi:") || strings.Contains(p.Command(), "wsgi-supervisor") || p.PID == s.Server.PID {
				continue
			}
			t.signal(p.PID, syscall.SIGKILL)
		}
		t.until("everything to be gone", func() bool { return len(alive(all)) == 0 && len(s.Server.Processes()) == 0 })
	})
}

//go:embed testdata/faults/faults.c
var faultsSource []byte

// faulty opens a second server whose processes fail as the files say that a
// test puts into folder: see testdata/faults.
func (t *T) faulty(env []string, do func(s *Session, folder string)) {
	folder, err := os.MkdirTemp("", "faults")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil { // read by the server's user
		t.Fatalf("%v", err)
	}
	source, library := filepath.Join(folder, "faults.c"), filepath.Join(folder, "faults.so")
	if err := os.WriteFile(source, faultsSource, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := t.Server.runner.Output(t.Context, folder, "cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"); err != nil {
		t.Skipf("no library to make calls fail: %v", err)
	}
	env = append([]string{"LD_PRELOAD=" + library, "FAULTS=" + folder}, env...)
	t.second(env, func(s *Session) { do(s, folder) })
}

// begins puts a fault into the folder, ends takes it out.
func (t *T) begins(folder, what string) {
	if err := os.WriteFile(filepath.Join(folder, what), nil, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
}

func (t *T) ends(folder, what string) {
	if err := os.Remove(filepath.Join(folder, what)); err != nil {
		t.Fatalf("%v", err)
	}
}

// clockSet sets the clock a day ahead, and back, while requests run: no limit
// has passed by that.
func clockSet(t *T) {
	t.faulty(nil, func(s *Session, folder string) {
		first := t.answerOf(s.Server)
		for _, step := range []func(string, string){t.begins, t.ends} {
			slow := make(chan string)
			go func() { slow <- t.answerTo(s.Server, "/1") }()
			time.Sleep(300 * time.Millisecond) // in the middle of it; earlier or later is as good
			step(folder, "clock")
			Same(t, "answer while the clock is set", <-slow, first)
			Same(t, "answer after", t.answerOf(s.Server), first)
		}
		if text := s.Server.LogText("error.log"); strings.Contains(text, "WSGIM") {
			t.Errorf("the log complains: %s", tailOf(text))
		}
	})
}

// forkRefused lets the supervisor start no process: requests wait, then get
// 503, and are served once it can again.
func forkRefused(t *T) {
	t.faulty(nil, func(s *Session, folder string) {
		first := t.answerOf(s.Server)
		_, text, _ := strings.Cut(first, " 1 ")
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("answer %q", first)
		}
		t.begins(folder, "fork")
		t.signal(pid, syscall.SIGKILL)
		t.until("the refusal to be logged", func() bool {
			return strings.Contains(s.Server.LogText("error.log"), "WSGIM0405: a daemon process of group 'g-fork-refused' could not be started")
		})
		if got := t.answerOf(s.Server); !strings.HasPrefix(got, "503 ") {
			t.Errorf("answer %q, want 503", got)
		}
		t.ends(folder, "fork")
		t.until("a new process", func() bool { return strings.HasPrefix(t.answerOf(s.Server), "200 ") })
	})
}

// diskFull lets nothing be written to files: requests are served, and a daemon
// process is replaced all the same. (A graceful restart ends plain Apache then:
// it cannot write its pid file.)
func diskFull(t *T) {
	t.faulty(nil, func(s *Session, folder string) {
		first := t.answerOf(s.Server)
		t.begins(folder, "disk")
		Same(t, "answer while the disk is full", t.answerOf(s.Server), first)
		_, text, _ := strings.Cut(first, " 1 ")
		pid, _ := strconv.Atoi(text)
		t.signal(pid, syscall.SIGUSR1)
		t.until("a new process", func() bool {
			now := t.answerOf(s.Server)
			return now != first && strings.HasPrefix(now, "200 ")
		})
		t.ends(folder, "disk")
		if err := s.Server.Graceful(t.Context); err != nil {
			t.Errorf("%v", err)
		}
		t.until("an answer", func() bool { return strings.HasPrefix(t.answerOf(s.Server), "200 ") })
	})
}

// descriptorsOut lets each process have 64 descriptors while 80 clients ask at
// once, first for a file and then for the application: with this module as
// without some are refused, none hangs, and afterwards all is well. A child that
// cannot accept ends, and httpd gives up if none was well before (AH02324), with
// this module or without: so it is first given the time to see one.
func descriptorsOut(t *T) {
	t.faulty([]string{"FAULTS_NOFILE=64"}, func(s *Session, _ string) {
		began := time.Now()
		t.until("httpd's loop, which comes by each second", func() bool {
			return strings.HasPrefix(t.answerOf(s.Server), "200 ") && time.Since(began) > 2*time.Second
		})
		for _, what := range []struct{ name, path string }{{"httpd's own file", "/static/app.wsgi"}, {"the application", "/0.1"}} {
			count := t.crowd(s.Server, what.path, 80)
			t.Notef("80 clients at once with 64 descriptors a process, %s: %v", what.name, count)
			if count["200"] == 0 {
				t.Errorf("%s: no client was served: %v", what.name, count)
			}
			t.until("an end or an answer", func() bool {
				select {
				case <-s.Server.gone:
					return true
				default:
					return strings.HasPrefix(t.answerOf(s.Server), "200 ")
				}
			})
			select {
			case <-s.Server.gone:
				t.Fatalf("httpd ended after %s: %s", what.name, tailOf(s.Server.LogText("error.log")))
			default:
			}
		}
	})
}

// crowd connects n clients, has them ask for a path all at once, and counts how
// that ended for each: by status, or that there was none.
func (t *T) crowd(s *Server, path string, n int) map[string]int {
	answers, connected, ask := make(chan string, n), make(chan struct{}, n), make(chan struct{})
	for range n {
		go func() {
			c, err := dial(t.Context, s.Port)
			connected <- struct{}{}
			if err != nil {
				answers <- "none"
				return
			}
			defer c.Close()
			<-ask
			if err := c.Request(Request{Path: path}.bytes(t.Host, true)); err != nil {
				answers <- "none"
			} else if r, err := c.Read("GET"); err != nil {
				answers <- "none"
			} else {
				answers <- strconv.Itoa(r.Status)
			}
		}()
	}
	for range n {
		<-connected
	}
	close(ask)
	count := map[string]int{}
	for range n {
		count[<-answers]++
	}
	return count
}
