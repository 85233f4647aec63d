package matrix

import (
	"fmt"
	"sync"
)

// hammerPaths are what the application hammer can do; those with a body get one.
var hammerPaths = []string{"hello", "body", "lines", "shared", "stream", "write", "wrapped", "file", "printed", "keep", "module"}

// hammerCases have many threads at once in all of the gateway: without a GIL
// where this Python can do so. TestThreadSanitizer runs them too.
func hammerCases() []Case {
	return []Case{{
		Name: "hammer", Own: true, Ours: true, Mount: "-", Do: hammer,
		Global: []string{
			"WSGIFreeThreading On", "WSGIDaemonProcess hammered threads=6",
			"<WSGIInterpreterOptions application-group=own>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>",
		},
		Conf: []string{
			`WSGIScriptAlias /main "@APP@/app.wsgi" application-group=%{GLOBAL}`, `WSGIScriptAlias /sub "@APP@/app.wsgi" application-group=sub`,
			`WSGIScriptAlias /own "@APP@/app.wsgi" application-group=own`,
			`SetEnvIf Request_URI . HAMMERED=yes`,
		},
		Announced: Announce{`?WSGIM063[0-3]: `, `?WSGIM0103: `, `?hammered by thread`, `?hammered too`},
	}}
}

func hammer(t *T) {
	const clients, rounds = 8, 12
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			guard(func() { hammerOnce(t, client, rounds) })
		})
	}
	wait.Wait()
}

// hammerOnce is one client, on kept connections, beginning with another path than
// its neighbours.
func hammerOnce(t *T, client, rounds int) {
	body := make([]byte, 20000)
	for i := range body {
		body[i] = "line\n"[i%5]
	}
	want := map[string]string{"hello": "hello", "body": "20000", "lines": "4000", "shared": "20000", "write": "one two", "printed": "printed", "keep": "kept"}
	for round := range rounds {
		for i := range hammerPaths {
			name := hammerPaths[(i+client)%len(hammerPaths)]
			mount := []string{"/main", "/sub", "/own"}[(round+client)%3]
			q := Request{Path: mount + "/" + name}
			if name == "body" || name == "lines" || name == "shared" {
				q.Method, q.Body = "POST", body
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
			if text := want[name]; r.Status != 200 || text != "" && string(r.Body) != text {
				t.Errorf("%s: %s", q.Path, fmt.Sprint(r.Status, " ", clip(r.Body)))
			}
		}
	}
}
