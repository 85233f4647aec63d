package matrix

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// restartCases are about Apache being restarted and stopped. The end of every
// server is a case of its own: nothing may be left.
func restartCases() []Case {
	return []Case{
		{Name: "graceful", App: "gated", Own: true, MPMs: true, Do: graceful},
		{Name: "graceful-request", App: "gated", Own: true, Modes: daemonOnly, Ours: true, Do: gracefulRequest},
		{Name: "graceful-load", App: "hello", Covers: "DP36", Own: true, Ours: true, Do: gracefulLoad},
		{Name: "stop-busy", App: "gated", Own: true, Modes: daemonOnly, Ours: true, Daemon: "threads=2 shutdown-timeout=1", AtStop: Announce{`WSGIM0239: .*'g-stop-busy'`, `?WSGIM0511`}, Do: func(t *T) {
			t.begin("/before")
			t.noted("before") // stopped with a request that never ends
			t.conns = nil
		}},
	}
}

func readFile(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

// graceful wants the server to serve after graceful restarts, with as many
// processes as before.
func graceful(t *T) {
	t.pid()
	var before int
	t.Wait("the server to be complete", func() bool {
		now := len(t.Server.Processes())
		same := now == before && now > 1
		before = now
		return same
	})
	for range 3 {
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Fatalf("%v", err)
		}
		t.pid()
	}
	t.Wait("the old processes to be gone", func() bool { return len(t.Server.Processes()) <= before })
	t.pid()
}

// gracefulRequest wants a request that runs in a daemon process to end well
// though Apache restarts gracefully (defect D2 of the original), and the new
// generation to serve beside it.
func gracefulRequest(t *T) {
	c := t.begin("/before")
	old := t.noted("before")
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Fatalf("%v", err)
	}
	t.Wait("a process of the new generation", func() bool { return t.pid() != old })
	t.open("go")
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/before"}, Want{Match: "^done "}, r)
}

// gracefulLoad wants no request to fail while Apache restarts three times.
func gracefulLoad(t *T) {
	var stop atomic.Bool
	var served atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !stop.Load() && t.fails.count() < 5 {
				c, err := dial(t.Context, t.Server.Port)
				if err != nil {
					t.Errorf("connecting: %v", err)
					return
				}
				err = c.Request(t.bytes(Request{}, true))
				r, readErr := c.Read("GET")
				c.Close()
				if err != nil || readErr != nil || string(r.Body) != "Hello World!" {
					t.Errorf("under load: %v, %v, status %d %q", err, readErr, r.Status, clip(r.Body))
				}
				served.Add(1)
			}
		})
	}
	for range 3 {
		at := served.Load()
		if err := t.Server.await(t.Context, 10*time.Second, "load", func() bool { return served.Load() > at+50 }); err != nil {
			t.Errorf("%v", err)
			break
		}
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Errorf("%v", err)
			break
		}
	}
	stop.Store(true)
	all.Wait()
}
