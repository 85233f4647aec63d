package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scaled is a number of the long tier, or what of it takes seconds.
func (t Target) scaled(long, short int) int {
	if t.Long {
		return long
	}
	return short
}

// scaled is that of the target under test.
func (t *T) scaled(long, short int) int { return t.Server.Conf.Target.scaled(long, short) }

// deployCases are about processes being replaced while requests come in: by a
// changed script, a limit, a signal, a restart of Apache. None may be lost, and
// one that cannot do what its predecessor does never takes its place.
func deployCases() []Case {
	own := func(c Case) Case {
		c.App, c.Own, c.Modes, c.Ours = "deploy", true, daemonOnly, true
		return c
	}
	broken := append(unloaded(`ModuleNotFoundError: No module named 'no_such_module'`),
		`?File ".*app\.wsgi", line 1`, `?import no_such_module`, `?"""Answers with`, `?\s\^+$`, `WSGIM0590: .*app\.wsgi', which is in service`, `WSGIM0407`, `WSGIM0412`)
	cold := append(Announce{`?WSGIM0524: .*app\.wsgi'`, `?WSGIM0413`}, broken...)
	// While the script is broken it is tried again and again, also while the server stops.
	return []Case{
		own(Case{Name: "touch-load", Daemon: "processes=2 threads=5", Do: touchLoad}),
		own(Case{Name: "broken-load", Daemon: "processes=2 threads=5", Announced: cold, AtStop: cold.optional(), Do: brokenLoad}),
		own(Case{Name: "broken-cold", Daemon: "processes=4 threads=3", Announced: append(cold, `WSGIM0524: .*app\.wsgi'`), AtStop: cold.optional(), Do: brokenCold}),
		own(Case{Name: "broken-graceful", Daemon: "threads=5", Announced: broken, AtStop: broken.optional(), Do: brokenGraceful}),
		own(Case{Name: "broken-beside", Daemon: "processes=2 threads=3", Announced: broken, AtStop: broken.optional(), Prepare: twoScripts,
			Extra: []Site{{Host: besideHost, Mode: Daemon, Group: "@GROUP@", Script: "beside.wsgi"}}, Do: brokenBeside}),
		own(Case{Name: "rolling", Daemon: "processes=3 threads=3", Announced: append(Announce{`WSGIM0414`}, broken...), AtStop: append(Announce{`?WSGIM0414`}, broken.optional()...), Do: rolling}),
		own(Case{Name: "maximum-requests-load", Daemon: "threads=5 maximum-requests=100", Do: func(t *T) {
			t.replacedUnderLoad(6, func(int) {})
		}}),
		own(Case{Name: "eviction-load", Daemon: "threads=5", Do: func(t *T) {
			t.replacedUnderLoad(4, func(pid int) { t.signal(pid, syscall.SIGUSR1) })
		}}),
		own(Case{Name: "killed-load", Daemon: "processes=2 threads=5", Announced: Announce{
			`WSGIM0401: .* was killed by signal 9`, `?WSGIM0427`, `?WSGIM0229: .*'g-killed-load'.*killed by signal 9`}, Do: killedLoad}),
		own(Case{Name: "graceful-slow", Daemon: "threads=15 graceful-timeout=60",
			Extra: []Site{{Host: staticHost, Mode: Daemon, Group: "@GROUP@", Mount: "-", Lines: []string{`DocumentRoot "@APP@"`}}}, Do: gracefulSlow}),
		{Name: "import-once", App: "deploy", Own: true, Modes: daemonOnly, Ours: true,
			Announced: append(unloaded(`ValueError: the first error`), `?File ".*app\.wsgi", line 4`, `?raise ValueError`, `WSGIM0602: .*not tried again in this process: ValueError: the first error`, `WSGIM0590`, `WSGIM0407`, `WSGIM0412`), Do: importOnce},
	}
}

// text of the script with another generation.
func (t *T) deploy(generation int) {
	text := readFile(filepath.Join(t.Dir, "app.wsgi"))
	for old := range 10 {
		text = strings.Replace(text, fmt.Sprintf("generation = %d\n", old), fmt.Sprintf("generation = %d\n", generation), 1)
	}
	t.put(strings.Replace(text, "import no_such_module\n", "", 1))
}

func (t *T) breakScript() {
	t.put("import no_such_module\n" + readFile(filepath.Join(t.Dir, "app.wsgi")))
}

// put replaces the script, with a time that it never had before.
func (t *T) put(text string) {
	path := filepath.Join(t.Dir, "app.wsgi")
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatalf("%v", err)
	}
}

// generationsOf are those that answers named, since the last call.
func generationsOf(l *Load) []string {
	var list []string
	for _, a := range l.answers() {
		g, _, _ := strings.Cut(a, " ")
		list = append(list, g)
	}
	return slices.Compact(list)
}

// lostNone ends the load and wants nothing to be lost.
func (l *Load) lostNone() {
	if lost, what := l.End(); lost > 0 {
		l.t.Errorf("%d requests were lost: %s", lost, what)
	}
}

func touchLoad(t *T) {
	before := strings.Fields(string(t.Get("/").Body))
	l := t.Load(4, "/")
	l.more(200)
	steady := l.lap()
	t.deploy(2)
	t.Wait("only answers of the new script", func() bool {
		l.more(20)
		now := generationsOf(l)
		return len(now) == 1 && now[0] == "2"
	})
	t.Notef("touch of the script under load: %s; steady: %s", l.lap(), steady)
	l.lostNone()
	after := strings.Fields(string(t.Get("/").Body))
	if after[1] == before[1] {
		t.Errorf("the process is still %s", after[1])
	}
}

// brokenLoad deploys a script that does not load: the cause is logged, nothing
// is lost, and the next deploy is taken.
func brokenLoad(t *T) {
	l := t.Load(4, "/")
	l.more(200)
	steady := l.lap()
	t.breakScript()
	t.WaitLog(`WSGIM0412`)
	l.more(200)
	t.Notef("broken deploy under load: %s; steady: %s", l.lap(), steady)
	if now := generationsOf(l); len(now) != 1 || now[0] != "1" {
		t.Errorf("answers of generations %v, want only the one that works", now)
	}
	t.deploy(3)
	t.Wait("only answers of the mended script", func() bool {
		l.more(20)
		now := generationsOf(l)
		return len(now) == 1 && now[0] == "3"
	})
	l.lostNone()
}

// brokenCold deploys a script that does not load while only one of four
// processes has it in service: the others cannot answer, and do not.
func brokenCold(t *T) {
	t.ready(4)
	first := strings.Fields(string(t.Get("/").Body))
	t.breakScript()
	l := t.Load(4, "/")
	t.WaitLog(`WSGIM0524`)
	l.more(500)
	t.Notef("broken deploy with three of four processes that never loaded the script: %s", l.lap())
	for _, a := range l.answers() {
		if a != strings.Join(first, " ") {
			t.Errorf("an answer of %q, want only those of the process that has it: %q", a, first)
		}
	}
	t.WaitLog(`WSGIM0412`) // not written once the script is mended
	t.deploy(2)
	t.Wait("answers of the mended script from all four", func() bool {
		l.more(20)
		now := l.answers()
		return len(now) == 4 && !slices.ContainsFunc(now, func(a string) bool { return !strings.HasPrefix(a, "2 ") })
	})
	l.lostNone()
}

// besideHost has another script in the same processes.
const besideHost = "beside.test"

func twoScripts(dir string) error {
	return os.WriteFile(filepath.Join(dir, "beside.wsgi"), []byte(readFile(filepath.Join(dir, "app.wsgi"))), 0o644)
}

// brokenBeside is as brokenCold, with a process that has another script in
// service: it goes on with that one, and passes on the requests for the broken one.
func brokenBeside(t *T) {
	t.ready(2)
	first := string(t.Get("/").Body)
	other := t.loadOn(besideHost, 4, "/")
	both := other.everywhere(2)
	t.breakScript()
	l := t.Load(4, "/")
	t.WaitLog(`WSGIM0412`)
	l.more(300)
	t.Notef("broken deploy beside another script: %s; the other script: %s", l.lap(), other.lap())
	if now := l.answers(); len(now) != 1 || now[0] != first {
		t.Errorf("answers %q, want only those of the process that has it: %q", now, first)
	}
	if now := other.everywhere(2); !slices.Equal(now, both) {
		t.Errorf("the other script is answered by %q, want the same as before: %q", now, both)
	}
	t.deploy(2)
	t.Wait("only answers of the mended script", func() bool {
		l.more(20)
		now := generationsOf(l)
		return len(now) == 1 && now[0] == "2"
	})
	l.lostNone()
	other.lostNone()
}

// ready waits until so many daemon processes are ready for requests.
func (t *T) ready(processes int) {
	t.Wait(fmt.Sprintf("%d daemon processes", processes), func() bool {
		return strings.Count(t.Server.LogText("error.log"), "' is ready\n") >= processes
	})
}

// everywhere waits until so many processes have answered, and gives the answers.
func (l *Load) everywhere(processes int) []string {
	var all []string
	l.t.Wait("an answer of each process", func() bool {
		l.more(50)
		all = slices.Compact(slices.Sorted(slices.Values(append(all, l.answers()...))))
		return len(all) >= processes
	})
	return all
}

// brokenGraceful restarts Apache gracefully with a script that does not load.
func brokenGraceful(t *T) {
	first := string(t.Get("/").Body)
	t.breakScript()
	l := t.Load(2, "/")
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Errorf("%v", err)
	}
	t.WaitLog(`WSGIM0407`)
	l.more(50)
	if now := l.answers(); len(now) != 1 || now[0] != first {
		t.Errorf("answers %q, want those of the process that works: %q", now, first)
	}
	t.deploy(2)
	t.Wait("the mended script", func() bool {
		l.more(20)
		now := generationsOf(l)
		return len(now) == 1 && now[0] == "2"
	})
	l.lostNone()
}

// rolling replaces all processes by SIGUSR1 to the supervisor, twice: well, and
// with a script that does not load.
func rolling(t *T) {
	l := t.Load(3, "/")
	before := l.everywhere(3)
	t.signal(t.supervisor(), syscall.SIGUSR1)
	t.WaitLog(`rolling reload of daemon process group 'g-rolling' is complete`)
	t.Wait("only answers of new processes", func() bool {
		l.more(20)
		return !slices.ContainsFunc(l.answers(), func(a string) bool { return slices.Contains(before, a) })
	})
	t.Notef("rolling reload of three processes under load: %s", l.lap())
	t.breakScript()
	t.signal(t.supervisor(), syscall.SIGUSR1)
	t.WaitLog(`WSGIM0414`)
	l.more(50)
	l.lostNone()
}

// replacedUnderLoad wants so many processes to serve one after the other, and
// nothing to be lost. Each is told of to do.
func (t *T) replacedUnderLoad(processes int, do func(pid int)) {
	processes *= t.scaled(20, 1)
	l := t.Load(4, "/")
	seen := map[int]bool{}
	for len(seen) < processes && t.fails.count() == 0 {
		t.Wait("another process", func() bool {
			l.more(10)
			for _, a := range l.answers() {
				_, text, _ := strings.Cut(a, " ")
				if pid, err := strconv.Atoi(text); err == nil && !seen[pid] {
					seen[pid] = true
					if len(seen) < processes {
						do(pid)
					}
					return true
				}
			}
			return false
		})
	}
	t.Notef("%d processes one after the other under load: %s", len(seen), l.lap())
	l.lostNone()
}

// killedLoad kills one of two processes, young or old: lost is what ran in it, and
// no more.
func killedLoad(t *T) {
	const clients = 8
	rounds := t.scaled(50, 2)
	l := t.Load(clients, "/0.01")
	for range rounds {
		pid := l.somebody()
		t.signal(pid, syscall.SIGKILL)
		t.Wait("it to be gone", func() bool { return syscall.Kill(pid, 0) != nil })
		l.answers()
		l.more(50)
	}
	lap := l.lap()
	lost, what := l.End()
	t.Notef("%d kills of one of two processes, %d clients: %d lost; %s", rounds, clients, lost, lap)
	if most := rounds * 5; lost > most {
		t.Errorf("%d requests were lost, more than %d threads had: %s", lost, most, what)
	}
	for k := range l.lost {
		if k != "status 502" {
			t.Errorf("lost by %s, want 502 alone", k)
		}
	}
}

// staticHost serves a file, without us.
const staticHost = "static.test"

// gracefulSlow restarts Apache gracefully again and again while slow requests
// run: none is lost, and the parent holds no more than before. How long quick
// ones take is told beside Apache's own file: what both wait for is Apache.
func gracefulSlow(t *T) {
	rounds, slow := 5, "/1.5"
	if t.Server.Conf.Target.Long {
		rounds, slow = 200, "/6"
	}
	a, b, static := t.Load(3, slow), t.Load(2, "/"), t.loadOn(staticHost, 2, "/app.wsgi")
	b.more(20)
	var before, after parentState
	for i := range rounds {
		if i == 2 {
			before = stateOf(t.Server.PID)
		}
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Errorf("%v", err)
			break
		}
		b.more(20)
	}
	after = stateOf(t.Server.PID)
	lapA, lapB, lapStatic := a.lap(), b.lap(), static.lap()
	a.lostNone()
	b.lostNone()
	static.lostNone()
	t.Notef("%d graceful restarts: slow %s; quick %s, %d over half a second; Apache's own file %s, %d over half a second; parent %s, then %s",
		rounds, lapA, lapB, lapB.slow, lapStatic, lapStatic.slow, before, after)
	if after.fds > before.fds || after.threads > before.threads || after.rss > before.rss+(4<<20) {
		t.Errorf("the parent grew from %s to %s", before, after)
	}
	t.Wait("the old processes to be gone", func() bool { return len(t.Server.Children("wsgi-host")) <= 1 })
}

// parentState is what a process holds.
type parentState struct {
	fds, threads int
	rss          int64
}

func (p parentState) String() string {
	return fmt.Sprintf("%d descriptors, %d threads, %d KiB", p.fds, p.threads, p.rss>>10)
}

func stateOf(pid int) parentState {
	var s parentState
	if fds, err := (Process{PID: pid}).Descriptors(); err == nil {
		s.fds = len(fds)
	}
	for line := range strings.Lines(readFile(fmt.Sprintf("/proc/%d/status", pid))) {
		switch fields := strings.Fields(line); {
		case len(fields) > 1 && fields[0] == "Threads:":
			s.threads, _ = strconv.Atoi(fields[1])
		case len(fields) > 1 && fields[0] == "VmRSS:":
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			s.rss = kib << 10
		}
	}
	return s
}

// importOnce wants the first error of an import to be the one that is told, no
// second try in the same process, and one in a new process when it is asked
// for; a mended script is served at once.
func importOnce(t *T) {
	const text = "import os\nif hasattr(os, 'half_imported'): raise RuntimeError('imported twice')\nos.half_imported = True\nraise ValueError('the first error')\n"
	good := readFile(filepath.Join(t.Dir, "app.wsgi"))
	t.put(text)
	for range 5 {
		Same(t, "status", t.Get("/").Status, 500)
	}
	t.WaitLog(`WSGIM0407`)
	for range 3 {
		Same(t, "status", t.Get("/").Status, 500)
	}
	t.WaitLog(`WSGIM0412`)
	began := time.Now()
	t.put(good)
	t.check(Request{}, Want{Match: "^1 "}, t.Get("/"))
	t.Notef("a mended script was served after %v", time.Since(began).Round(time.Millisecond))
}
