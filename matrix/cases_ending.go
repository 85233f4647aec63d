package matrix

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endingCases are about requests and processes that do not end well. Each has
// a daemon group of its own, and most a server.
func endingCases() []Case {
	const lost = `daemon process.*"?g-` // every line about a lost process names the group
	own := func(c Case) Case {
		c.App, c.Modes, c.Ours = "gated", daemonOnly, true
		return c
	}
	return []Case{
		own(Case{Name: "killed-idle", Covers: "DP06", Daemon: "threads=2", Announced: Announce{`?` + lost + `|signal 9`}, Do: func(t *T) {
			before := t.pid()
			t.killed(before)
			if after := t.pid(); after == before {
				t.Errorf("process %d answers after SIGKILL", after)
			}
		}}),
		own(Case{Name: "killed-before-head", Covers: "DP07", Daemon: "threads=2", Announced: Announce{lost, `?signal 9|killed`}, Do: func(t *T) {
			c := t.begin("/before")
			t.killed(t.noted("before"))
			r, err := c.Read("GET")
			if err != nil {
				t.Fatalf("%v", err)
			}
			t.check(Request{Path: "/before"}, Want{Status: 502}, r)
			t.pid()
		}}),
		own(Case{Name: "killed-in-response", Covers: "DP08", Daemon: "threads=2", Announced: Announce{lost, `?signal 9|killed`}, Do: func(t *T) {
			c := t.begin("/during")
			if got, end := c.until("begun"); end != "" {
				t.Fatalf("waiting for the first block: %s after %q", end, got)
			}
			t.killed(t.noted("during"))
			rest, end := c.Rest()
			if string(rest) != "\r\n" || end == EndStuck {
				t.Errorf("after the kill came %q (%s), want the connection's end", rest, end)
			}
			t.pid()
		}}),
		own(Case{Name: "terminated", Covers: "DP09", Daemon: "threads=2", Do: func(t *T) {
			before := t.pid()
			c := t.begin("/before")
			t.noted("before")
			if err := syscall.Kill(before, syscall.SIGTERM); err != nil {
				t.Fatalf("%v", err)
			}
			t.WaitLog(`shutdown requested, shutdown_signal; 1 requests`)
			t.open("go") // shorter than shutdown-timeout
			r, err := c.Read("GET")
			if err != nil {
				t.Fatalf("%v", err)
			}
			t.check(Request{Path: "/before"}, Want{Body: "done " + strconv.Itoa(before)}, r)
			t.Wait("a new process", func() bool { return t.pid() != before })
		}}),
		own(Case{Name: "request-timeout", Daemon: "threads=1 request-timeout=1 graceful-timeout=1 shutdown-timeout=1",
			Announced: Announce{`(^|] )thread \d+: `, lost, `?(?i)request-timeout|timeout|signal 9|killed`}, Do: func(t *T) {
				c := t.begin("/before")
				hung := t.noted("before")
				began := time.Now()
				r, err := c.Read("GET")
				if err != nil {
					t.Fatalf("%v", err)
				}
				t.check(Request{Path: "/before"}, Want{Status: 504}, r)
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("504 after %s, want about one second", took)
				}
				if next := t.pid(); next == hung {
					t.Errorf("the hung process %d still answers", next)
				}
				t.Wait("the hung process to be replaced", func() bool { return !exists("/proc/" + strconv.Itoa(hung)) })
			}}),
		own(Case{Name: "queue-timeout", Covers: "DP31", Daemon: "threads=1 queue-timeout=1", Announced: Announce{lost}, Do: func(t *T) {
			first := t.begin("/before")
			t.noted("before")
			began := time.Now()
			t.check(Request{Path: "/during"}, Want{Status: 504}, t.Get("/during"))
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("504 after %s, want about one second", took)
			}
			t.open("go")
			r, err := first.Read("GET")
			if err != nil {
				t.Fatalf("%v", err)
			}
			t.check(Request{Path: "/before"}, Want{Match: "^done "}, r)
			t.pid() // the thread has been through the queue
			if exists(filepath.Join(t.notes(), "during")) {
				t.Errorf("a request that was given up did run")
			}
		}}),
		own(Case{Name: "socket-timeout", Covers: "DP32", Daemon: "threads=2 socket-timeout=1", Announced: Announce{lost}, Do: func(t *T) {
			t.notes()
			began := time.Now()
			t.check(Request{Path: "/before"}, Want{Status: 504}, t.Get("/before"))
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("504 after %s, want about one second", took)
			}
			t.open("go")
			t.pid()
		}}),
		own(Case{Name: "maximum-requests", Daemon: "threads=1 maximum-requests=3", Do: func(t *T) {
			first := t.pid()
			t.Wait("a new process after three requests", func() bool { return t.pid() != first })
		}}),
		{Name: "client-leaves", App: "gated", Ours: true, Do: func(t *T) {
			c := t.begin("/during")
			if got, end := c.until("begun"); end != "" {
				t.Fatalf("waiting for the first block: %s after %q", end, got)
			}
			c.Close()
			t.open("go")
			t.pid()
		}},
	}
}

// pid asks the application gated for its process.
func (t *T) pid() int {
	r := t.Get("/")
	if r.Status != 200 {
		t.Fatalf("status %d: %s", r.Status, clip(r.Body))
	}
	n, err := strconv.Atoi(string(r.Body))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return n
}

// begin sends a request to the application gated, which will wait in it.
func (t *T) begin(path string) *Conn {
	t.notes()
	c := t.Dial()
	t.Send(c, Request{Path: path})
	return c
}

// noted waits until the application has left a note, and returns its process.
func (t *T) noted(name string) (pid int) {
	path := filepath.Join(t.notes(), name)
	t.Wait("the application to note "+name, func() bool {
		n, err := strconv.Atoi(strings.TrimSpace(readFile(path)))
		pid = n
		return err == nil
	})
	return pid
}
