package matrix

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// replaceCases end and replace daemon processes in every way that there is,
// while requests come in: lost is what ran in a process that was killed.
func replaceCases() []Case {
	own := func(c Case) Case {
		c.App, c.Own, c.Modes, c.Ours = "deploy", true, daemonOnly, true
		return c
	}
	return []Case{
		own(Case{
			Name: "replaced", Daemon: "processes=2 threads=5",
			Global: []string{"WSGIDaemonProcess g-maximum processes=2 threads=5 maximum-requests=100"},
			Extra:  []Site{{Host: maximumHost, Mode: Daemon, Group: "g-maximum"}},
			Announced: Announce{
				`WSGIM0401: .* was killed by signal 9`, `?WSGIM0229: .*'g-replaced'.*killed by signal 9`,
				`?WSGIM0402: .* was killed by signal 9: out of memory`, `?WSGIM0229: .*'g-replaced'.*killed: out of memory`, `?WSGIM0413`, `?WSGIM0427`,
			},
			Do: replaced,
		}),
		own(Case{Name: "out-of-memory", Daemon: "processes=2 threads=5", Announced: Announce{
			`?WSGIM0402: .* was killed by signal 9: out of memory`, `?WSGIM0229: .*'g-out-of-memory'.*killed: out of memory`, `?WSGIM0413`, `?WSGIM0427`,
		}, Do: outOfMemory}),
		own(Case{Name: "memory-share", Daemon: "processes=2 threads=3 memory-soft-limit=70%", Do: memoryShare}),
		own(Case{Name: "killed-young", Daemon: "threads=5", Announced: Announce{
			`WSGIM0401: .* was killed by signal 9`, `?WSGIM0427`, `?WSGIM0229: .*'g-killed-young'.*killed by signal 9`,
		}, Do: killedYoung}),
		own(Case{Name: "retired-changed", Daemon: "threads=4", Global: []string{"LogLevel info http:trace4"}, Do: retiredChanged}),
		own(Case{Name: "graceful-many", Daemon: "threads=2", Do: gracefulMany}),
	}
}

// maximumHost is asked where processes are replaced after 100 requests.
const maximumHost = "maximum.test"

// happening is something that ends or replaces processes while clients ask.
type happening struct {
	name  string
	host  string
	loses int // how many requests it may lose: as many as run in the process that it kills
	do    func(l *Load)
	kills func() int // how many processes were killed so far; nil: one each time
}

// happen makes it happen again and again, and tells what it did to requests.
func (t *T) happen(h happening, rounds, calm int) {
	l := t.loadOn(h.host, 8, "/0.005")
	l.more(50) // both load their scripts
	l.lap()
	l.more(calm)
	steady := l.lap()
	kills := rounds
	if h.kills != nil {
		kills = -h.kills()
	}
	for range rounds {
		h.do(l)
		l.more(50)
	}
	during := l.lap()
	lost, what := l.End()
	if h.kills != nil {
		kills += h.kills()
	}
	t.Notef("%-20s %3d times: lost %d of %d (ran in %d killed processes: at most %d); p50 %v, p99 %v, longest %v; steady p50 %v, p99 %v, longest %v",
		h.name, rounds, lost, during.requests, kills, kills*h.loses, during.p50, during.p99, during.longest, steady.p50, steady.p99, steady.longest)
	if lost > kills*h.loses {
		t.Errorf("%s: %d requests were lost, more than %d: %s", h.name, lost, kills*h.loses, what)
	}
	for k := range l.lost {
		if k != "status 502" {
			t.Errorf("%s: requests were lost by %s, want 502 alone", h.name, k)
		}
	}
}

// replaced prints a table: what is lost, and how long requests take, by each way
// in which a process is replaced.
func replaced(t *T) {
	const threads = 5
	rounds, calm := t.scaled(25, 2), t.scaled(2000, 200)
	generation := 1
	for _, h := range []happening{
		{name: "touch of the script", host: t.Host, do: func(l *Load) {
			generation = generation%9 + 1
			t.deploy(generation)
			t.Wait("only answers of the new script", func() bool {
				l.more(20)
				now := generationsOf(l)
				return len(now) == 1 && now[0] == strconv.Itoa(generation)
			})
		}},
		{name: "rolling reload", host: t.Host, do: func(l *Load) {
			before := t.logged(`rolling reload of daemon process group 'g-replaced' is complete`)
			t.signal(t.supervisor(), syscall.SIGUSR1)
			t.Wait("a rolling reload", func() bool {
				return t.logged(`rolling reload of daemon process group 'g-replaced' is complete`) > before
			})
		}},
		{name: "maximum-requests=100", host: maximumHost, do: func(l *Load) { l.another() }},
		{name: "SIGUSR1", host: t.Host, do: func(l *Load) {
			t.signal(l.somebody(), syscall.SIGUSR1)
			l.another()
		}},
		{name: "kill -9", host: t.Host, loses: threads, do: func(l *Load) {
			pid := l.somebody()
			t.signal(pid, syscall.SIGKILL)
			t.Wait("it to be gone", func() bool { return syscall.Kill(pid, 0) != nil })
			l.another()
		}},
	} {
		t.happen(h, rounds, calm)
	}
	if g := t.limited("replaced", 256<<20); g != nil {
		defer t.unlimited(g)
		t.happen(t.killedByKernel(g), rounds, calm)
	}
}

// logged counts the lines of the server's log in which text stands.
func (t *T) logged(text string) int { return strings.Count(t.Server.LogText("error.log"), text) }

// pids are the processes that answers named since the last call, and those of
// them that none named before.
func (l *Load) pids() (all, fresh []int) {
	for _, a := range l.answers() {
		_, text, _ := strings.Cut(a, " ")
		pid, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		all = append(all, pid)
		if !l.known[pid] {
			fresh = append(fresh, pid)
		}
		l.known[pid] = true
	}
	return all, fresh
}

// somebody is a process that has just answered and is there.
func (l *Load) somebody() int {
	found := 0
	l.t.Wait("an answer", func() bool {
		l.more(5)
		all, _ := l.pids()
		for _, pid := range all {
			if syscall.Kill(pid, 0) == nil {
				found = pid
			}
		}
		return found != 0
	})
	return found
}

// another waits for a process that had not answered when [Load.pids] was last asked.
func (l *Load) another() {
	l.t.Wait("an answer of another process", func() bool {
		l.more(5)
		_, fresh := l.pids()
		return len(fresh) > 0
	})
}

// limited moves the supervisor and its processes into a control group with so
// many bytes of memory. Nil, with a note, if this machine gives us none.
func (t *T) limited(name string, bytes int64) *memoryGroup {
	g, err := newMemoryGroup(fmt.Sprintf("modwsgi-matrix-%s-%d", name, t.Server.PID), bytes)
	if err != nil {
		t.Notef("%-20s not shown: %v", "out of memory", err)
		return nil
	}
	for _, who := range []string{"wsgi-supervisor", "wsgi-"} { // whom the first starts is in it
		for _, p := range t.Server.Children(who) {
			if err := g.take(p.PID); err != nil {
				t.Errorf("moving %v into a control group: %v", p, err)
			}
		}
	}
	return g
}

// unlimited ends what limited began.
func (t *T) unlimited(g *memoryGroup) {
	t.Wait("the control group to be empty", g.remove)
}

// killedByKernel lets a process grow until the kernel ends it, and on a busy
// machine another with it: one that asks for memory before the first has gone.
func (t *T) killedByKernel(g *memoryGroup) happening {
	return happening{name: "out of memory", host: t.Host, loses: 5, kills: g.kills, do: func(l *Load) {
		l.pids()
		before := g.kills()
		Same(t, "status of the request that takes too much", t.Get("/grow400").Status, 502)
		t.Wait("the kernel to count it", func() bool { return g.kills() > before })
		l.another()
		// One that has no memory in its first second cannot start, and is given time.
		began := time.Now()
		t.Wait("the new one to be older than a second", func() bool { return time.Since(began) > 1100*time.Millisecond })
	}}
}

func outOfMemory(t *T) {
	t.ready(2)
	g := t.limited("alone", 256<<20)
	if g == nil {
		t.Skipf("%s", t.told[len(t.told)-1])
	}
	defer t.unlimited(g)
	t.happen(t.killedByKernel(g), 2, 200)
	t.WaitLog(`WSGIM0402: .* was killed by signal 9: out of memory`)
	t.WaitLog(`WSGIM0229: .*killed: out of memory`)
}

// memoryShare wants the limit to be a share of the group's memory, and processes
// that grow beyond to be replaced without a loss.
func memoryShare(t *T) {
	t.ready(2)
	g := t.limited("share", 256<<20)
	if g == nil {
		t.Skipf("%s", t.told[len(t.told)-1])
	}
	defer t.unlimited(g)
	// The limit is by the pid, which anything on the machine has a part in: of two
	// processes one in nine has the same number of MiB, of ten all never.
	apart := false
	for round := 1; round == 1 || !apart && round <= 5; round++ {
		limits := t.sharesOfMemory(round)
		apart = limits[0] != limits[1]
	}
	Same(t, "processes with limits of their own", apart, true)
	l := t.Load(4, "/")
	pid := strings.Fields(string(t.Get("/grow100").Body))[1]
	t.WaitLog(`daemon process \(pid ` + pid + `\) of group 'g-memory-share' is to be replaced for memory-soft-limit`)
	t.Wait("it to be gone", func() bool {
		n, err := strconv.Atoi(pid)
		return err != nil || syscall.Kill(n, 0) != nil
	})
	l.lostNone()
}

// sharesOfMemory replaces both processes, for the round-th time, and returns their
// limits in MiB: those that are there at first began without one.
func (t *T) sharesOfMemory(round int) (mib [2]int) {
	t.signal(t.supervisor(), syscall.SIGUSR1)
	t.Wait("the rolling reload to be complete", func() bool {
		return t.countLog(`rolling reload of daemon process group 'g-memory-share' is complete`) == round
	})
	// One that drains may take one more request.
	t.Wait("the processes of before to be gone", func() bool {
		return t.countLog(`daemon process \(pid \d+\) of group 'g-memory-share' exited`) == 2*round
	})
	said := regexp.MustCompile(`memory-soft-limit is (\d+) MiB, for one of 2 processes, of 70% of 256 MiB`).
		FindAllStringSubmatch(t.Server.LogText("error.log"), -1)
	if len(said) != 2*round {
		t.Fatalf("%d processes tell their share of the control group, want %d", len(said), 2*round)
	}
	for i, s := range said[2*round-2:] {
		var err error
		if mib[i], err = strconv.Atoi(s[1]); err != nil || mib[i] < 80 || mib[i] > 89 {
			t.Errorf("memory-soft-limit is %s MiB, want 35%% of 256 MiB or up to a tenth less", s[1])
		}
	}
	return mib
}

// killedYoung kills the only process of a group as soon as it answers, again and
// again. The application is fine, so the next one is there soon: not after the 0.1,
// 1, 2, 4, 8, 16 seconds of one that cannot start.
func killedYoung(t *T) {
	const kills = 7
	l := t.Load(4, "/0.005")
	l.more(20)
	for range kills {
		pid := l.somebody()
		t.signal(pid, syscall.SIGKILL)
		l.another()
	}
	during := l.lap()
	lost, what := l.End()
	t.Notef("%d kills of the only process, each as soon as it answered: lost %d; %s", kills, lost, during)
	if during.longest > 8*time.Second {
		t.Errorf("a request took %v: there was no process for long", during.longest)
	}
	if lost > kills*4 {
		t.Errorf("%d requests were lost, more than ran: %s", lost, what)
	}
	for k := range l.lost {
		if k != "status 502" {
			t.Errorf("lost by %s, want 502 alone", k)
		}
	}
}

// retiredChanged lets a child of the old configuration ask its group, which is
// to have no successor, for a script that has changed: it is answered at once by
// what the process has.
func retiredChanged(t *T) {
	before := string(t.Get("/").Body)
	c := t.Dial()
	head := t.bytes(Request{Method: "POST", Path: "/", Header: []string{"Content-Length: 5"}}, true)
	if err := c.Request(append(head, "ab"...)); err != nil { // small bodies are read before a process is asked
		t.Fatalf("%v", err)
	}
	t.Wait("both requests to have come", func() bool {
		return strings.Count(t.Server.LogText(t.ownLog()), "Headers received from client:") == 2
	})
	for i, line := range t.Server.Conf.Global {
		t.Server.Conf.Global[i] = strings.Replace(line, "threads=4", "threads=6", 1)
	}
	if err := t.Server.WriteConf(); err != nil {
		t.Fatalf("%v", err)
	}
	t.deploy(2)
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Fatalf("%v", err)
	}
	t.WaitLog(`daemon process group 'g-retired-changed' is retired`)
	began := time.Now()
	if err := c.Send([]byte("cde")); err != nil {
		t.Fatalf("%v", err)
	}
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	took := time.Since(began)
	t.check(Request{Method: "POST"}, Want{Body: before}, r)
	t.Notef("a retired group answered a request for a changed script after %v", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("a request to a retired group took %v: it waited for a successor", took)
	}
	t.check(Request{}, Want{Match: "^2 "}, t.Get("/"))
}

// gracefulMany restarts Apache gracefully again and again, each time until the
// process of the new generation answers: parent and supervisor hold no more than
// before.
func gracefulMany(t *T) {
	rounds := t.scaled(1000, 25)
	began := time.Now()
	var parent, supervisor parentState
	alone := func() bool { return len(t.Server.Children("wsgi-host")) == 1 }
	seen := map[string]bool{t.Get("/").Header.Get("X-Born"): true}
	for i := range rounds {
		if i == rounds/5 {
			t.Wait("the old processes to be gone", alone)
			parent, supervisor = stateOf(t.Server.PID), stateOf(t.supervisor())
		}
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Fatalf("restart %d: %v", i+1, err)
		}
		t.Wait(fmt.Sprintf("an answer of generation %d", i+2), func() bool {
			born := t.Get("/").Header.Get("X-Born")
			isNew := !seen[born]
			seen[born] = true
			return isNew
		})
	}
	t.Wait("the old processes to be gone", alone)
	t.Wait("the supervisor to let go of them", func() bool { return stateOf(t.supervisor()).fds <= supervisor.fds })
	nowParent, nowSupervisor := stateOf(t.Server.PID), stateOf(t.supervisor())
	t.Notef("%d graceful restarts in %v: parent %s, then %s; supervisor %s, then %s", rounds,
		time.Since(began).Round(time.Second), parent, nowParent, supervisor, nowSupervisor)
	for what, s := range map[string][2]parentState{"parent": {parent, nowParent}, "supervisor": {supervisor, nowSupervisor}} {
		if s[1].fds > s[0].fds || s[1].threads > s[0].threads || s[1].rss > s[0].rss+(4<<20) {
			t.Errorf("the %s grew from %s to %s", what, s[0], s[1])
		}
	}
	if maps := readFile(filepath.Join("/proc", strconv.Itoa(t.Server.PID), "maps")); strings.Contains(maps, "libpython") {
		t.Errorf("the parent has Python")
	}
}
