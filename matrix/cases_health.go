package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// healthCases are about the page that says whether the daemon groups can answer.
func healthCases() []Case {
	const page = "<Location /healthz>\n    SetHandler wsgi-health\n    </Location>"
	return []Case{
		{Name: "health", App: "metrics", Ours: true, Own: true, Modes: daemonOnly, Daemon: "threads=2 queue-timeout=1", Conf: []string{page}, Do: healthStuck},
		{Name: "health-down", App: "metrics", Ours: true, Own: true, Modes: daemonOnly, Daemon: "threads=2", Conf: []string{page},
			Global:  []string{`WSGIDaemonProcess never processes=1 threads=1`, `WSGIImportScript "@APP@/leaves.py" process-group=never application-group=%{GLOBAL}`},
			Prepare: leaving, Announced: Announce{`WSGIM0403: .*'never'`, `?WSGIM0413`, `?daemon process`}, Do: healthDown},
	}
}

// leaving is a script that no process survives.
func leaving(dir string) error {
	return os.WriteFile(filepath.Join(dir, "leaves.py"), []byte("import os\nos._exit(3)\n"), 0o644)
}

// health tells whether the page has a status, a first line and a line that
// begins with another text.
func (t *T) health(status int, first, line string) bool {
	r := t.Get("/healthz")
	return r.Status == status && strings.HasPrefix(string(r.Body), first+"\n") && strings.Contains(string(r.Body), "\n"+line)
}

// healthStuck takes all threads: for a while that is busy, and then nobody can
// be answered, until they come back.
func healthStuck(t *T) {
	t.notes()
	t.Wait("it to be well", func() bool {
		return t.health(200, "ok", t.group()+": ok, 0 of 2 threads busy, 1 processes ready")
	})
	Same(t, "HEAD", t.Do(Request{Method: "HEAD", Path: "/healthz"}).Status, 200)
	Same(t, "POST", t.Do(Request{Method: "POST", Path: "/healthz"}).Status, 405)
	var conns []*Conn
	for n := range 2 {
		c := t.Dial()
		t.Send(c, Request{Path: fmt.Sprintf("/wait/%d", n)})
		conns = append(conns, c)
	}
	t.Wait("all threads to be busy", func() bool { return t.health(200, "ok", t.group()+": busy, 2 of 2") })
	t.Wait("them to be stuck", func() bool { return t.health(503, "unavailable", t.group()+": stuck, 2 of 2") })
	t.open("go")
	for _, c := range conns {
		if r, err := c.Read("GET"); err != nil || r.Status != 200 {
			t.Errorf("status %d, %v", r.Status, err)
		}
	}
	t.Wait("it to be well again", func() bool { return t.health(200, "ok", t.group()+": ok, 0 of 2") })
}

// healthDown has a group whose processes end before they are ready.
func healthDown(t *T) {
	Same(t, "the other group", t.Get("/status/200").Status, 200)
	// The thread of that request is busy for a moment longer than the request.
	t.Wait("it to be found out, and the other one to be well", func() bool {
		return t.health(503, "unavailable", "never: ") && t.health(503, "unavailable", t.group()+": ok, 0 of 2") && !t.health(503, "unavailable", "never: ok")
	})
	t.WaitLog(`WSGIM0403: .*'never'`)
}
