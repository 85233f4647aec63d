package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// limitCases are about the limits of daemon processes and of requests in them.
// Those that take seconds have servers of their own, which run side by side.
func limitCases() []Case {
	own := func(c Case) Case {
		c.Modes, c.Ours = daemonOnly, true
		c.App = orElse(c.App, "limits")
		return c
	}
	slow := func(c Case) Case {
		c.Own = true
		c.AtStop = Announce{`?WSGIM0511`, `?WSGIM0239`} // threads that still hang
		for _, expr := range c.Announced {
			c.AtStop = append(c.AtStop, "?"+strings.TrimPrefix(expr, "?"))
		}
		return own(c)
	}
	const late = `request-timeout|WSGIM0511`
	const injected, stackLine = `WSGIM0536: RequestTimeout: Injected`, `(^|] )thread \d+: `
	return append([]Case{
		own(Case{Name: "limits-set", Covers: "DP29",
			Daemon: `threads=1 stack-size=1048576 cpu-time-limit=1000 cpu-priority=3 memory-limit=2000000000 virtual-memory-limit=8000000000 switch-interval=0.02 python-eggs=/var/eggs shutdown-timeout=4`, Do: limitsSet}),
		own(Case{Name: "memory-limit", Covers: "DP28", Daemon: "threads=1 virtual-memory-limit=1500000000 memory-limit=1500000000",
			Announced: traceback(`MemoryError`), Do: func(t *T) {
				var f limits
				t.JSON("/facts", &f)
				Same(t, "RLIMIT_AS", f.Space, [2]int64{1500000000, 1500000000})
				Same(t, "RLIMIT_DATA", f.Data, [2]int64{1500000000, 1500000000})
				before := t.pid()
				t.check(Request{Path: "/eat"}, Want{Status: 500}, t.Get("/eat"))
				Same(t, "process after MemoryError", t.pid(), before)
			}}),
		slow(Case{Name: "cpu-time-limit", Covers: "DP27", Daemon: "threads=2 cpu-time-limit=1 graceful-timeout=1 shutdown-timeout=1", Announced: Announce{`?daemon process`}, Do: func(t *T) {
			before := t.pid()
			t.begin("/spin")
			t.WaitLog(`draining, cpu_time_limit`)
			t.Wait("a new process", func() bool { return t.pid() != before })
		}}),
		slow(Case{Name: "interrupted", Covers: "DP20 DP24", Daemon: "threads=2 request-timeout=1 interrupt-timeout=5 deadlock-timeout=0", Announced: Announce{`WSGIM0518: RequestTimeout`, injected, stackLine}, Do: func(t *T) {
			before := t.pid()
			t.notes()
			t.check(Request{Path: "/loop"}, Want{Status: 504}, t.Get("/loop"))
			t.WaitLog(`WSGIM0536: RequestTimeout: Injected into thread \d+ of daemon process 'g-interrupted', which runs GET '/loop' for \d+\.\d s`)
			t.WaitLog(`thread \d+:   File ".*", line \d+, in spin`)
			t.WaitLog(`RequestTimeout: thread \d+ recovered`)
			Same(t, "process", t.pid(), before)
			t.noted("unwound")
			for _, r := range t.Log() {
				if strings.Contains(r.Text, "Traceback") {
					t.Errorf("a traceback in the log: %s", r.Text)
				}
			}
		}}),
		slow(Case{Name: "interrupt-caught", Covers: "DP21 DP22", Daemon: "threads=1 request-timeout=1 interrupt-timeout=5", Announced: Announce{`WSGIM0518`, injected, stackLine}, Do: func(t *T) {
			before := t.pid()
			t.notes()
			t.check(Request{Path: "/raise"}, Want{Status: 504}, t.Get("/raise"))
			t.check(Request{Path: "/catch"}, Want{Status: 504}, t.Get("/catch"))
			t.noted("handler")
			t.check(Request{Path: "/swallow"}, Want{Body: "RequestTimeout"}, t.Get("/swallow"))
			t.check(Request{Path: "/facts"}, Want{}, t.Get("/facts"))
			Same(t, "process", t.pid(), before)
		}}),
		slow(Case{Name: "interrupt-in-response", Daemon: "threads=1 request-timeout=1 interrupt-timeout=5", Announced: Announce{`WSGIM0518`, injected, stackLine}, Do: func(t *T) {
			c := t.begin("/stream")
			if got, end := c.until("begun"); end != "" {
				t.Fatalf("waiting for the first block: %s after %q", end, got)
			}
			rest, end := c.Rest()
			if strings.Contains(string(rest), "\r\n0\r\n") || end == EndStuck {
				t.Errorf("after RequestTimeout came %q (%s), want the connection's end", rest, end)
			}
			t.pid()
		}}),
		slow(Case{Name: "interrupt-pending", Covers: "DP23", Daemon: "threads=1 request-timeout=1 interrupt-timeout=9", Announced: Announce{`WSGIM0536: .*; it is in no Python code`}, Do: func(t *T) {
			before := t.pid()
			// In C code when it is due, and it ends there: nothing of it may reach
			// the next request of the thread.
			t.check(Request{Path: "/pending"}, Want{Empty: true}, t.Get("/pending"))
			t.WaitLog(`RequestTimeout: Injected into thread 1 of daemon process 'g-interrupt-pending', which runs GET '/pending'`)
			for range 20 {
				t.check(Request{Path: "/facts"}, Want{}, t.Get("/facts"))
			}
			Same(t, "process", t.pid(), before)
		}}),
		slow(Case{Name: "request-timeout-threads", Covers: "DP18 DP19", Daemon: "threads=5 request-timeout=1 graceful-timeout=1 shutdown-timeout=1", Announced: Announce{late, `?daemon process`, stackLine}, Do: func(t *T) {
			// 1 s x (1 + ln 5) is 2.6 s.
			before := t.pid()
			c := t.begin("/sleep?30")
			t.noted("sleeping")
			began := time.Now()
			r, err := c.Read("GET")
			if err != nil {
				t.Fatalf("%v", err)
			}
			t.check(Request{Path: "/sleep"}, Want{Status: 504}, r)
			if took := time.Since(began); took < 2400*time.Millisecond || took > 3800*time.Millisecond {
				t.Errorf("504 after %s, want about 2.6 seconds", took)
			}
			t.WaitLog(`WSGIM0535: daemon process 'g-request-timeout-threads': thread \d runs GET '/sleep' for 2\.[67] s, longer than request-timeout allows`)
			t.WaitLog(`thread \d:   File ".*app.wsgi", line \d+, in application`)
			t.WaitLog(`WSGIM0238: .*GET '/sleep' is answered 504 after 2\.[67] s`)
			t.WaitLog(`stack of thread`) // of all of them, at info
			t.WaitLog(`request_timeout`)
			t.Wait("a new process", func() bool { return t.pid() != before })
		}}),
		slow(Case{Name: "deadlock", Covers: "DP16", Daemon: "threads=3 deadlock-timeout=1 shutdown-timeout=1", Announced: Announce{`WSGIM0517: daemon process 'g-deadlock'`, `?daemon process`}, Do: func(t *T) {
			before := t.pid()
			t.begin("/lock")
			began := time.Now()
			t.noted("kept")
			t.Wait("a new process", func() bool { r := t.Get("/"); return r.Status == 200 && string(r.Body) != strconv.Itoa(before) })
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("replaced after %s", took)
			}
			t.WaitLog(`deadlock_timeout`)
		}}),
		slow(Case{Name: "startup-timeout", App: "scriptsleep", Covers: "DP15", Daemon: "threads=2 startup-timeout=1 shutdown-timeout=1", Announced: Announce{`?daemon process`}, Do: func(t *T) {
			t.notes()
			c := t.Dial()
			t.Send(c, Request{Path: "/"})
			first := t.noted("loading")
			t.WaitLog(`startup_timeout`)
			t.open("fast")
			t.Wait("a process that loads it", func() bool { r := t.Get("/"); return r.Status == 200 && string(r.Body) != strconv.Itoa(first) })
			good := t.pid()
			time.Sleep(1500 * time.Millisecond) // disarmed: longer than startup-timeout
			Same(t, "process", t.pid(), good)
		}}),
		slow(Case{Name: "restart-interval", Covers: "DP13", Daemon: "threads=2 restart-interval=1 graceful-timeout=9", Do: func(t *T) {
			c := t.begin("/gate?busy")
			first := t.noted("busy")
			t.WaitLog(`draining, restart_interval; 1 requests`)
			t.Wait("a new process beside it", func() bool { return t.pid() != first })
			t.open("go")
			r, err := c.Read("GET")
			if err != nil {
				t.Fatalf("%v", err)
			}
			t.check(Request{Path: "/gate"}, Want{Body: strconv.Itoa(first)}, r)
		}}),
		slow(Case{Name: "inactivity-ignored", Covers: "DP14", Daemon: "threads=3 inactivity-timeout=1",
			Conf: []string{"<Location /facts>", "WSGIIgnoreActivity On", "</Location>"}, Do: inactivityIgnored}),
		slow(Case{Name: "inactivity", Covers: "DP14", Daemon: "threads=2 inactivity-timeout=1", Do: func(t *T) {
			c := t.begin("/sleep?3")
			first := t.noted("sleeping")
			r, err := c.Read("GET")
			if err != nil {
				t.Fatalf("%v", err)
			}
			t.check(Request{Path: "/sleep"}, Want{Body: strconv.Itoa(first)}, r)
			ended := time.Now()
			t.WaitLog(`inactivity_timeout`)
			if idle := time.Since(ended); idle < 700*time.Millisecond || idle > 2500*time.Millisecond {
				t.Errorf("ended after %s of inactivity, want about one second", idle)
			}
			t.Wait("a new process", func() bool { return t.pid() != first })
		}}),
		slow(Case{Name: "maximum-requests-busy", Covers: "DP12", Daemon: "threads=3 maximum-requests=5 graceful-timeout=5", Do: maximumBusy}),
		slow(Case{Name: "shutdown-timeout", Covers: "DP26", Daemon: "threads=1 shutdown-timeout=1", Announced: Announce{`WSGIM0511`, `?daemon process`}, Do: func(t *T) {
			t.begin("/sleep?60")
			first := t.noted("sleeping")
			began := time.Now()
			t.signal(first, syscall.SIGTERM)
			t.Wait("the process to be gone", func() bool { return !exists("/proc/" + strconv.Itoa(first)) })
			if took := time.Since(began); took < 900*time.Millisecond || took > 3*time.Second {
				t.Errorf("gone after %s, want about one second", took)
			}
			t.WaitLog(`exited with code 74`)
		}}),
		slow(Case{Name: "signals", Covers: "DP10 DP25", Daemon: "threads=2 graceful-timeout=20", Global: []string{
			`WSGIDaemonProcess evicted threads=2 eviction-timeout=20 graceful-timeout=0 shutdown-timeout=3`,
			`WSGIDaemonProcess abrupt threads=2 graceful-timeout=0 shutdown-timeout=1`},
			Extra: []Site{
				{Host: "evicted.test", Mode: Daemon, Group: "evicted"},
				{Host: "abrupt.test", Mode: Daemon, Group: "abrupt"}},
			Announced: Announce{`WSGIM0511: .*abrupt`, `?daemon process`}, Do: signals}),
		slow(Case{Name: "queue-full", Covers: "DP30 DP33", Daemon: "threads=1 connect-timeout=1 listen-backlog=1", Announced: Announce{`WSGIM0222`, `?daemon process`}, Do: queueFull}),
		slow(Case{Name: "no-socket-file", Covers: "DP33", Daemon: "threads=1 listen-backlog=50 socket-user=nobody", Announced: Announce{`WSGIM0320: .*socket-user`}, Do: noSocketFile}),
		own(Case{Name: "header-buffer-size", Daemon: "threads=1 header-buffer-size=8192", Announced: Announce{`WSGIM0248`}, Steps: []Exchange{
			{Request{Path: "/header?8000"}, Want{}},
			{Request{Path: "/header?8192"}, Want{Status: 500, Lack: []string{"X-Long"}}},
			{Request{Path: "/header?100"}, Want{Have: map[string]string{"X-Long": strings.Repeat("v", 100)}}},
		}}),
		own(Case{Name: "response-flush-delay", Daemon: "threads=1 response-flush-delay=300", Do: flushDelay}),
		own(Case{Name: "response-flush-at-once", Daemon: "threads=1 response-flush-delay=0 send-buffer-size=4096 receive-buffer-size=4096 response-buffer-size=65536", Do: func(t *T) {
			c := t.begin("/many")
			t.noted("many")
			if got, end := c.until("xxxx"); end != "" {
				t.Fatalf("%s after %q", end, clip(got))
			}
			t.open("go")
			if rest, end := c.until("end"); end != "" {
				t.Errorf("%s after %d bytes", end, len(rest))
			}
		}}),
		slow(Case{Name: "response-buffer-size", App: "limits", Daemon: "threads=1 response-flush-delay=3600000 response-buffer-size=65536",
			Conf: []string{"SetOutputFilter DEFLATE"}, Global: []string{"WSGIDaemonProcess patient threads=1 response-flush-delay=3600000"},
			Extra: []Site{{Host: "patient.test", Mode: Daemon, Group: "patient", Lines: []string{"SetOutputFilter DEFLATE"}}}, Do: heldBack}),
		slow(Case{Name: "response-socket-timeout", App: "limits", Daemon: "threads=1 response-socket-timeout=1 socket-timeout=10", Do: slowClient}),
		own(Case{Name: "processes", Covers: "DP01", Daemon: "processes=3 threads=2", Do: threeProcesses}),
	}, append(hangCases(slow), serviceCases()...)...)
}

// limits is what the application limits tells of its process.
type limits struct {
	CPU, Data, Space [2]int64
	Nice             int
	Stack            int64
	Interval         float64
	Eggs, Cwd, First string
	Home, User       *string
	Groups           []int
	UID, GID, Umask  int
	Capabilities     []string
	NoNewPrivs       string `json:"no_new_privs"`
	Top              []string
}

func limitsSet(t *T) {
	var f limits
	t.JSON("/facts", &f)
	Same(t, "RLIMIT_CPU", f.CPU, [2]int64{1000, 1005})
	Same(t, "RLIMIT_DATA", f.Data, [2]int64{2000000000, 2000000000})
	Same(t, "RLIMIT_AS", f.Space, [2]int64{8000000000, 8000000000})
	Same(t, "nice value", f.Nice, 3)
	Same(t, "switch interval", f.Interval, t.interval(0.02))
	Same(t, "PYTHON_EGG_CACHE", f.Eggs, "/var/eggs")
	if f.Stack < 900<<10 || f.Stack > 1100<<10 {
		t.Errorf("the thread's stack is of %d bytes, want 1 MB", f.Stack)
	}
}

// inactivityIgnored asks all the time for what is not to count as activity: the
// process ends as if nobody did, and a request that takes longer is not cut.
func inactivityIgnored(t *T) {
	first := t.pid()
	c := t.begin("/sleep?3")
	began := time.Now()
	t.noted("sleeping")
	ended := time.Time{}
	answered := make(chan Response, 1)
	go func() {
		r, err := c.Read("GET")
		if err != nil {
			t.Errorf("the long request: %v", err)
		}
		answered <- r
	}()
	t.Wait("the end of inactivity", func() bool {
		if r := t.Get("/facts"); r.Status != 200 {
			t.Errorf("status %d beside it", r.Status)
		}
		for _, r := range t.Log() {
			if strings.Contains(r.Text, "inactivity_timeout") {
				ended = time.Now()
				return true
			}
		}
		return false
	})
	if ran := ended.Sub(began); ran < 2900*time.Millisecond || ran > 5500*time.Millisecond {
		t.Errorf("ended %s after a request of three seconds began, want soon after its end", ran)
	}
	t.check(Request{Path: "/sleep"}, Want{Body: strconv.Itoa(first)}, <-answered)
	t.Wait("a new process", func() bool { return t.pid() != first })
}

// maximumBusy keeps a process busy beyond its requests: it must end all the
// same, and lose none.
func maximumBusy(t *T) {
	c := t.begin("/gate?busy")
	first := t.noted("busy")
	limit := time.Now().Add(10 * time.Second)
	for t.pid() == first {
		if time.Now().After(limit) {
			t.Fatalf("process %d takes requests without end", first)
		}
	}
	t.WaitLog(`draining, maximum_requests`)
	t.open("go")
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/gate"}, Want{Body: strconv.Itoa(first)}, r)
	t.Wait("the old process to be gone", func() bool { return !exists("/proc/" + strconv.Itoa(first)) })
}

// busyAt begins a request at a virtual host of the case; it waits for the gate.
func (t *T) busyAt(host, name string) (*Conn, int) {
	t.notes()
	c := t.Dial()
	t.Send(c, Request{Path: "/gate?" + name, Host: host})
	return c, t.noted(name)
}

// signals sends SIGUSR1 to an idle process, to a busy one, to one with an
// eviction-timeout, and to one that may not wait.
func signals(t *T) {
	idle := t.pid()
	t.signal(idle, syscall.SIGUSR1)
	t.WaitLog(`draining, graceful_signal; 0 requests`)
	t.Wait("a new process", func() bool { return t.pid() != idle })

	c := t.begin("/gate?busy")
	busy := t.noted("busy")
	t.signal(busy, syscall.SIGUSR1)
	t.WaitLog(`draining, graceful_signal; 1 requests under way have 20 seconds`)
	t.Wait("a new process beside it", func() bool { return t.pid() != busy })

	e, evicted := t.busyAt("evicted.test", "evicted")
	t.signal(evicted, syscall.SIGUSR1)
	t.waitLogOf("evicted.test.log", "draining, eviction_signal; 1 requests under way have 20 seconds")

	_, abrupt := t.busyAt("abrupt.test", "abrupt")
	t.signal(abrupt, syscall.SIGUSR1)
	began := time.Now()
	t.Wait("the process to be gone", func() bool { return !exists("/proc/" + strconv.Itoa(abrupt)) })
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("gone after %s, want shutdown-timeout, one second", took)
	}

	t.open("go")
	for _, c := range []*Conn{c, e} {
		r, err := c.Read("GET")
		if err != nil {
			t.Fatalf("%v", err)
		}
		t.check(Request{Path: "/gate"}, Want{}, r)
	}
}

// waitLogOf waits for text in a log, whichever case it belongs to.
func (t *T) waitLogOf(name, text string) {
	t.Wait("the log line "+text, func() bool {
		return strings.Contains(t.Server.LogText(name), text) || strings.Contains(t.Server.LogText("error.log"), text)
	})
}

// queueFull stops the only process, fills the queue, and wants the next
// request to be told so in time. What waited is served once it goes on.
func queueFull(t *T) {
	pid := t.pid()
	t.stop(pid)
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	long := strings.Repeat("x", 7000)
	var waiting []*Conn
	for range 14 {
		c := t.Dial()
		t.Send(c, Request{Path: "/", Header: []string{"X-Long: " + long, "X-More: " + long}})
		waiting = append(waiting, c)
	}
	refused, other := 0, ""
	for i, c := range waiting {
		patience := 50 * time.Millisecond
		if i == 0 {
			patience = 2500 * time.Millisecond // of which the queue has one second
		}
		head, _ := c.Some(patience)
		if line, _, _ := strings.Cut(string(head), "\r\n"); strings.Contains(line, " 503 ") {
			refused++
		} else if other == "" {
			other = line
		}
	}
	if refused == 0 || other != "" {
		t.Errorf("%d requests got 503 and another %q while process %d was stopped, want some and no other answer", refused, other, pid)
	}
	t.signal(pid, syscall.SIGCONT)
	t.pid()
}

// noSocketFile wants nothing on disk by which somebody could reach a daemon
// process: its sockets have no name.
func noSocketFile(t *T) {
	t.Get("/")
	inodes := map[string]bool{}
	for _, p := range t.Server.Processes() {
		fds, err := p.Descriptors()
		if err != nil {
			continue
		}
		for _, target := range fds {
			inodes[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Skipf("%v", err)
	}
	seen := 0
	for _, l := range strings.Split(string(text), "\n") {
		fields := strings.Fields(l)
		if len(fields) < 7 || !inodes[fields[6]] {
			continue
		}
		seen++
		if len(fields) > 7 && strings.HasPrefix(fields[7], t.Server.Root) {
			t.Errorf("a socket on disk: %s", fields[7])
		}
	}
	if seen == 0 {
		t.Errorf("none of %d sockets is in /proc/net/unix", len(inodes))
	}
	err = filepath.Walk(t.Server.Root, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode()&os.ModeSocket != 0 {
			t.Errorf("a socket on disk: %s", path)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%v", err)
	}
}

// flushDelay has the application say when it made each block, and wants none to
// be seen before the delay is over, nor much after: while it waits, and while
// more and more comes in less time than that. Both clocks are the machine's.
func flushDelay(t *T) {
	const delay, most = 300 * time.Millisecond, 200 * time.Millisecond
	stamp := regexp.MustCompile(`\b\d{19}\b`)
	c := t.begin("/stamps")
	batches := 0
	for rest := ""; ; {
		clock := newLate(delay + most)
		data, end := c.Some(clientTimeout)
		now := time.Now()
		if end != "" {
			t.Fatalf("%s after %d batches and %q", end, batches, clip(data))
		}
		rest += string(data)
		if strings.Contains(rest, "end") {
			break // which is sent at once
		}
		made := stamp.FindAllString(rest, -1)
		if len(made) == 0 {
			continue // the head
		}
		rest = ""
		first, _ := strconv.ParseInt(made[0], 10, 64)
		took := now.Sub(time.Unix(0, first))
		if took < delay-2*time.Millisecond {
			t.Errorf("batch %d of %d blocks was seen after %s, want no sooner than %s", batches, len(made), took, delay)
		}
		if own := clock.lag(); took-own > delay+most {
			t.Errorf("batch %d was seen after %s (a timer of this process was late by %s), want soon after %s", batches, took, own, delay)
		}
		if batches > 0 && len(made) < 3 {
			t.Errorf("batch %d has %d blocks, want all of a third of a second", batches, len(made))
		}
		if batches == 0 {
			t.open("go")
		}
		batches++
	}
	if batches < 3 {
		t.Errorf("%d batches, want some", batches)
	}
}

// heldBack sends 160 kB that compress to next to nothing, so that a filter holds
// all of it: with response-buffer-size it has to let go of some, by default not.
func heldBack(t *T) {
	t.notes()
	begin := func(host string) *Conn {
		c := t.Dial()
		t.Send(c, Request{Path: "/many", Host: host, Header: []string{"Accept-Encoding: gzip"}})
		t.noted("many")
		if err := os.Remove(filepath.Join(t.notes(), "many")); err != nil {
			t.Fatalf("%v", err)
		}
		return c
	}
	bounded, patient := begin(""), begin("patient.test")
	if got, end := bounded.until("\r\n\r\n"); end != "" {
		t.Errorf("nothing came before the end: %s after %q", end, clip(got))
	}
	if got, _ := patient.Some(300 * time.Millisecond); len(got) > 0 {
		t.Errorf("without a bound came %q before the end", clip(got))
	}
	t.open("go")
	if got, end := patient.until("\r\n\r\n"); end != "" {
		t.Errorf("the end did not come: %s after %q", end, clip(got))
	}
}

// slowClient takes nothing of a large response: it is cut after
// response-socket-timeout, and the thread serves others.
func slowClient(t *T) {
	c := t.Dial()
	t.Send(c, Request{Path: "/flood"})
	if got, end := c.until("HTTP/1.1 200"); end != "" {
		t.Fatalf("%s after %q", end, clip(got))
	}
	began := time.Now()
	t.pid() // the only thread is free again
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the thread was kept for %s, want about one second", took)
	}
}

// threeProcesses holds six requests at once: two in each of three processes,
// and no seventh.
func threeProcesses(t *T) {
	dir := t.notes()
	by := map[string]int{}
	for i := range 6 {
		t.begin(fmt.Sprintf("/gate?held-%d", i))
	}
	for i := range 6 {
		by[strconv.Itoa(t.noted(fmt.Sprintf("held-%d", i)))]++
	}
	Same(t, "processes", len(by), 3)
	for pid, n := range by {
		if n != 2 {
			t.Errorf("process %s runs %d requests, want 2", pid, n)
		}
	}
	c := t.begin("/gate?seventh")
	if got, _ := c.Some(200 * time.Millisecond); len(got) > 0 || exists(filepath.Join(dir, "seventh")) {
		t.Errorf("a seventh request runs: %q", got)
	}
	t.open("go")
	if _, err := c.Read("GET"); err != nil {
		t.Errorf("the seventh: %v", err)
	}
}

// serviceCases are about threads=0.
func serviceCases() []Case {
	service := func(c Case) Case {
		c.App, c.Modes, c.Ours, c.Own = "service", daemonOnly, true, true
		c.Daemon = "threads=2 display-name=asked"
		c.Script = "app.wsgi"
		c.Extra = []Site{{Host: "worker.test", Mode: Daemon, Group: "worker", Mount: "/"}}
		c.Mount = "-"
		c.Prepare = func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "notes"), 0o777); err != nil {
				return err
			}
			return os.Chmod(filepath.Join(dir, "notes"), 0o777)
		}
		c.Global = []string{"WSGIDaemonProcess worker threads=0 display-name=%{GROUP} shutdown-timeout=3",
			`WSGIImportScript "@APP@/app.wsgi" process-group=worker application-group=%{GLOBAL}`}
		return c
	}
	failing := service(Case{Name: "service-failing", Covers: "DP39", Announced: Announce{`ValueError: a service that cannot start`, `?service|Traceback|File|raise|daemon process`}, Do: func(t *T) {
		time.Sleep(2 * time.Second) // what a tight loop would need to start it a hundred times
		n := len(readFile(filepath.Join(t.notes(), "count")))
		if n < 2 || n > 8 {
			t.Errorf("started %d times in two seconds, want a few", n)
		}
	}})
	prepare := failing.Prepare
	failing.Prepare = func(dir string) error {
		if err := prepare(dir); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "fails"), nil, 0o644)
	}
	apart := service(Case{Name: "service-apart", Covers: "DP38", Do: func(t *T) {
		// Python's handlers of signals run in the main interpreter only.
		first := t.noted("running")
		Same(t, "process of the application group's name", t.noted("group-jobs"), first)
		t.signal(first, syscall.SIGTERM)
		Same(t, "process of finally", t.noted("finally"), first)
		Same(t, "process of atexit", t.noted("atexit"), first)
		t.Wait("a new service", func() bool { return t.noted("running") != first })
	}})
	apart.Global = []string{apart.Global[0], strings.Replace(apart.Global[1], "%{GLOBAL}", "jobs", 1)}
	return []Case{
		failing, apart,
		service(Case{Name: "service", Covers: "DP38 DP40", Do: func(t *T) {
			first := t.noted("running")
			began := time.Now()
			t.check(Request{Path: "/"}, Want{Status: 503}, t.Do(Request{Path: "/", Host: "worker.test"}))
			t.waitLogOf("worker.test.log", "WSGIM0246: daemon process group 'worker'")
			if took := time.Since(began); took > time.Second {
				t.Errorf("503 after %s, want at once", took)
			}
			t.signal(first, syscall.SIGUSR2)
			Same(t, "process of its own signal handler", t.noted("usr2"), first)
			if err := os.Remove(filepath.Join(t.notes(), "running")); err != nil {
				t.Fatalf("%v", err)
			}
			t.signal(first, syscall.SIGTERM)
			Same(t, "process of finally", t.noted("finally"), first)
			Same(t, "process of atexit", t.noted("atexit"), first)
			if next := t.noted("running"); next == first {
				t.Errorf("process %d runs on", next)
			}
			for _, l := range t.Log() {
				if strings.Contains(l.Text, "SystemExit") {
					t.Errorf("its end is in the log: %s", l.Text)
				}
			}
		}}),
	}
}

// limitRefusals are options of daemon groups that must not be taken, and those
// that are taken with a warning.
func limitRefusals() []Refusal {
	var cases []Refusal
	refused := func(covers, option string, wants ...string) {
		name, _, _ := strings.Cut(option, " ")
		cases = append(cases, Refusal{Name: "option-" + strings.ReplaceAll(name, "/", "-"), Covers: covers,
			Lines: []string{"WSGIDaemonProcess d " + option}, Wants: append(wants, "WSGIDaemonProcess")})
	}
	for _, option := range []string{"threads=-1", "processes=0", "umask=9", "home=rel", "send-buffer-size=100",
		"header-buffer-size=100", "response-buffer-size=1000", "switch-interval=0", "no-such-option=1"} {
		name, _, _ := strings.Cut(option, "=")
		refused("CF09", option, "'"+name+"'")
	}
	for _, option := range []string{"switch-interval=abc", "receive-buffer-size=511", "stack-size=0", "cpu-priority=20", "cpu-time-limit=-1",
		"memory-limit=1G", "virtual-memory-limit=x", "deadlock-timeout=-1", "eviction-timeout=5s", "interrupt-timeout=1.5", "request-deadline=soon",
		"response-socket-timeout=-1", "response-flush-delay=-1", "listen-backlog=-1", "chroot=jail", "python-eggs=eggs", "server-metrics=1",
		"supplementary-groups=a,,b"} {
		name, _, _ := strings.Cut(option, "=")
		refused("", option, "'"+name+"'")
	}
	refused("", "script-user=no-such-user", "script-user: user 'no-such-user' does not exist")
	refused("", "script-group=no-such-group", "script-group: group 'no-such-group' does not exist")
	refused("", "supplementary-groups=no-such-group", "supplementary-groups")
	refused("", "socket-user=no-such-user", "socket-user")
	refused("CF10", "script-user=root script-group=root", "script-user", "script-group")
	return append(cases, Refusal{Name: "options-legacy", Accept: true,
		Lines: []string{"WSGIDaemonProcess d newrelic-config-file=/etc/newrelic.ini newrelic-environment=production socket-user=root"},
		Wants: []string{"Syntax OK", "WSGIM0320: .*newrelic-config-file", "WSGIM0320: .*newrelic-environment", "WSGIM0320: .*socket-user"}})
}
