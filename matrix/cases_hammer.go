package matrix

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// hammering is what many clients ask of an application at a time: paths, and the
// answers where they are always the same. Those in posts are sent a body.
type hammering struct {
	rounds int
	paths  []string
	posts  map[string]bool
	want   map[string]string
	fails  map[string]bool // with 500
}

// hammerAll is everything that an application can ask of the gateway.
var hammerAll = hammering{
	rounds: 12,
	paths:  []string{"hello", "body", "lines", "shared", "stream", "write", "wrapped", "file", "printed", "keep", "module"},
	posts:  map[string]bool{"body": true, "lines": true, "shared": true},
	want:   map[string]string{"hello": "hello", "body": "20000", "lines": "4000", "shared": "20000", "write": "one two", "printed": "printed", "keep": "kept"},
}

// hammerWatched is what other threads are told of requests, count of them, or do to
// them.
var hammerWatched = hammering{
	rounds: 6,
	paths:  []string{"hello", "subscribe", "active", "metrics", "logged", "threads", "fail"},
	want:   map[string]string{"hello": "hello", "subscribe": "subscribed", "active": "active", "metrics": "metrics", "logged": "logged", "threads": "threads 3"},
	fails:  map[string]bool{"fail": true},
}

// hammerCases have many threads at once in all of the gateway: without a GIL
// where this Python can do so. TestThreadSanitizer runs them too.
func hammerCases() []Case {
	hammered := func(c Case) Case {
		c.Own, c.Ours, c.Mount = true, true, "-"
		c.Global = append([]string{
			"WSGIFreeThreading On",
			"<WSGIInterpreterOptions application-group=own>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>",
		}, c.Global...)
		c.Conf = []string{
			`WSGIScriptAlias /main "@APP@/app.wsgi" application-group=%{GLOBAL}`, `WSGIScriptAlias /sub "@APP@/app.wsgi" application-group=sub`,
			`WSGIScriptAlias /own "@APP@/app.wsgi" application-group=own`,
			`SetEnvIf Request_URI . HAMMERED=yes`,
		}
		return c
	}
	said := append(Announce{`?WSGIM063[0-3]: `, `?WSGIM0103: `, `?hammered`, `?by \d+$`, `?WSGIM0536: RequestTimeout: Injected`, `?(^|] )thread \d+: `},
		traceback(`KeyError: 'hammered'`).optional()...)
	return []Case{
		hammered(Case{Name: "hammer", Do: func(t *T) { hammer(t, hammerAll) }, Global: []string{"WSGIDaemonProcess hammered threads=6"},
			Announced: Announce{`?WSGIM063[0-3]: `, `?WSGIM0103: `, `?hammered by thread`, `?hammered too`}}),
		hammered(Case{Name: "hammer-watched", Do: hammerMeanwhile, Daemon: "threads=6 request-timeout=3 interrupt-timeout=20 server-metrics=On",
			Announced: said}),
		hammered(Case{Name: "hammer-telemetry", App: "hammer-watched", Do: func(t *T) { t.ingest(func(*Ingester) { hammerMeanwhile(t) }) },
			Daemon: "threads=6 request-timeout=3 interrupt-timeout=20", Global: telemetryConf, Announced: said}),
	}
}

// hammerMeanwhile changes the script and sends signals while requests run, and has
// one that is to be interrupted.
func hammerMeanwhile(t *T) {
	var wait sync.WaitGroup
	done := make(chan struct{})
	wait.Go(func() {
		guard(func() {
			defer close(done)
			hammer(t, hammerWatched)
		})
	})
	if t.Mode == Daemon {
		wait.Go(func() {
			guard(func() {
				if r := t.Get("/sub/hang"); r.Status != 200 || string(r.Body) != "interrupted" {
					t.Errorf("what takes too long: %d %s", r.Status, clip(r.Body))
				}
			})
		})
	}
	for n := 1; ; n++ {
		select {
		case <-done:
			wait.Wait()
			return
		case <-time.After(200 * time.Millisecond): // what happens to a server, at no moment of ours
		}
		if t.Mode == Daemon {
			for _, p := range t.Server.Children("(wsgi:") {
				_ = syscall.Kill(p.PID, []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR2}[n%2]) // it may be on its way out
			}
		}
		if n == 3 && t.Mode == Embedded {
			t.generation(2, time.Hour)
		}
	}
}

func hammer(t *T, h hammering) {
	const clients = 8
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			guard(func() { hammerOnce(t, h, client) })
		})
	}
	wait.Wait()
}

// hammerOnce is one client, beginning with another path than its neighbours.
func hammerOnce(t *T, h hammering, client int) {
	body := make([]byte, 20000)
	for i := range body {
		body[i] = "line\n"[i%5]
	}
	for round := range h.rounds {
		for i := range h.paths {
			name := h.paths[(i+client)%len(h.paths)]
			mount := []string{"/main", "/sub", "/own"}[(round+client)%3]
			q, status := Request{Path: mount + "/" + name}, 200
			if h.posts[name] {
				q.Method, q.Body = "POST", body
			}
			if h.fails[name] {
				status = 500
			}
			c, err := dial(t.Context, t.Server.Port)
			if err != nil {
				t.Fatalf("connecting: %v", err)
			}
			if err := c.Request(t.bytes(q, true)); err != nil {
				t.Fatalf("%s: %v", q.Path, err)
			}
			r, err := c.Read(q.method())
			c.Close()
			if err != nil {
				t.Fatalf("%s: %v", q.Path, err)
			}
			if text := h.want[name]; r.Status != status || text != "" && string(r.Body) != text {
				t.Errorf("%s: %s", q.Path, fmt.Sprint(r.Status, " ", clip(r.Body)))
			}
		}
	}
}
