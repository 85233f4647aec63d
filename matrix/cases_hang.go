package matrix

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hangCases are about requests that do not come back: the client is answered on
// time, the others are served, and the log says who hangs, since when, and where.
func hangCases(slow func(Case) Case) []Case {
	// Of a process that is long in starting: see started.
	const starting = `?WSGIM0247: .* GET '/' `
	return []Case{
		slow(Case{Name: "hang", Daemon: "threads=15 request-deadline=2 graceful-timeout=5 shutdown-timeout=1",
			Announced: Announce{`WSGIM0247: .* GET '/hang/asleep'`, `WSGIM0247: .* GET '/hang/locked'`, `WSGIM0247: .* GET '/hang/in-c'`,
				`(^|] )thread \d+: `, starting, `?daemon process`}, Do: hang}),
		slow(Case{Name: "hang-keeps-lock", Daemon: "threads=3 request-deadline=1 graceful-timeout=1 shutdown-timeout=1",
			Announced: Announce{`WSGIM0247: .* GET '/lock'`, `WSGIM0535: .* GET '/lock'`, `(^|] )thread \d+: `, starting, `?daemon process`}, Do: hangKeepsLock}),
		slow(Case{Name: "hang-upload", Daemon: "threads=3 request-deadline=1 graceful-timeout=1 shutdown-timeout=1",
			Announced: Announce{`WSGIM0247: .* POST '/read' .*in thread \d`, `(^|] )thread \d+: `, starting, `?daemon process`}, Do: hangUpload}),
		slow(Case{Name: "noise-while-uploading", Daemon: "threads=3", Announced: Announce{`^noise x+$|] noise x+$`}, Do: noiseWhileUploading}),
		slow(Case{Name: "hang-import", App: "scriptsleep", Daemon: "threads=3 request-deadline=3 graceful-timeout=1 shutdown-timeout=1",
			Announced: Announce{`WSGIM0247: .* GET '/' is answered 504 after 3\.\d s, .* loads its script`, `(^|] )thread \d+: `, starting, `?daemon process`}, Do: hangImport}),
	}
}

// late is by how much answers came after a deadline. A machine that is busy with
// other things delays this process, too: what a timer of the same length that
// was set at the same moment comes too late here is not the server's.
type late struct {
	began time.Time
	limit time.Duration
	own   chan time.Duration
}

func newLate(limit time.Duration) *late {
	l := &late{began: time.Now(), limit: limit, own: make(chan time.Duration, 1)}
	time.AfterFunc(limit, func() { l.own <- time.Since(l.began) - limit })
	return l
}

// after is how late it is now, by the client's clock, and how late the control
// timer was.
func (l *late) after() (answer, control time.Duration) {
	answer = time.Since(l.began) - l.limit
	control = <-l.own
	return answer, control
}

// lag is how late the control timer was, if it is due already.
func (l *late) lag() time.Duration {
	select {
	case d := <-l.own:
		return d
	default:
		return 0
	}
}

// hang has three of fifteen threads hang, in three ways, while others are asked
// all the time.
func hang(t *T) {
	t.notes()
	const deadline, allowed = 2 * time.Second, 100 * time.Millisecond
	before := t.started()
	stop, asked := make(chan struct{}), make(chan int)
	go t.neighbours(stop, asked)
	var each sync.WaitGroup
	for _, how := range []string{"asleep", "locked", "in-c"} {
		path := "/hang/" + how + "?token=secret"
		c := t.Dial()
		each.Add(1)
		clock := newLate(deadline)
		t.Send(c, Request{Path: path})
		go func() {
			defer each.Done()
			r, err := c.Read("GET")
			answer, control := clock.after()
			if err != nil || r.Status != 504 {
				t.Errorf("%s: status %d, %v, want 504", path, r.Status, err)
			}
			if answer < -10*time.Millisecond || answer-control > allowed {
				t.Errorf("%s: 504 came %s after the deadline, a timer of this process %s", path, answer, control)
			}
		}()
	}
	each.Wait()
	t.Wait("a new process", func() bool { return t.pid() != before })
	close(stop)
	if n := <-asked; n < 10 {
		t.Errorf("%d requests beside those that hang were answered, want many", n)
	}
	t.stacks(map[string]string{"asleep": "hang_asleep", "locked": "hang_locked", "in-c": "hang_in_c"}, before)
	for _, r := range t.Log() {
		if strings.Contains(r.Text, "secret") {
			t.Errorf("a query string in the log: %s", r.Text)
		}
	}
}

// neighbours asks until stop, one request after the other: each has to be
// answered. How many there were goes to asked.
func (t *T) neighbours(stop <-chan struct{}, asked chan<- int) {
	n := 0
	defer func() { asked <- n }()
	for ; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		if got := t.answerOf(t.Server); !strings.HasPrefix(got, "200 ") {
			t.Errorf("a request beside those that hang: %s", got)
			return
		}
	}
}

// stacks wants, in the log of the virtual host, a line for each request that
// hangs and its stack, down to the function that is named.
func (t *T) stacks(in map[string]string, pid int) {
	records := t.since(t.ownLog())
	for path, function := range in {
		head := regexp.MustCompile(fmt.Sprintf(`WSGIM0247: daemon process group '[^']*': GET '/hang/%s' is answered 504 after 2\.\d s, by request-deadline, and goes on in thread (\d+) of the daemon process \(pid %d\)`, path, pid))
		thread := ""
		for _, r := range records {
			if m := head.FindStringSubmatch(r.Text); m != nil {
				thread = m[1]
			}
		}
		found := false
		for _, r := range records {
			found = found || strings.Contains(r.Text, "thread "+thread+":   File ") && strings.HasSuffix(r.Text, "in "+function)
		}
		if thread == "" || !found {
			t.Errorf("%s: thread %q, its stack with %s is there: %v, in\n%s", path, thread, function, found, tailOf(t.Server.LogText(t.ownLog())))
		}
	}
}

// hangKeepsLock hangs in C code that keeps Python's lock: the whole process
// stands still. The client has its answer on time all the same, another process
// takes over, and the stack is read without the lock.
func hangKeepsLock(t *T) {
	t.notes()
	before := t.started()
	c := t.Dial()
	clock := newLate(time.Second)
	t.Send(c, Request{Path: "/lock"})
	r, err := c.Read("GET")
	answer, control := clock.after()
	if err != nil || r.Status != 504 {
		t.Fatalf("status %d, %v, want 504", r.Status, err)
	}
	if answer-control > 100*time.Millisecond {
		t.Errorf("504 came %s after the deadline, a timer of this process %s", answer, control)
	}
	t.WaitLog(`WSGIM0247: .*thread \d of the daemon process \(pid \d+\); no thread of the process could have Python's lock`)
	t.Wait("a new process", func() bool { r := t.Get("/facts"); return r.Status == 200 && t.pid() != before })
	t.WaitLog(`WSGIM0535: .* thread \d runs GET '/lock' for \d\.\d s, .*its frames were read without it`)
	t.WaitLog(`thread \d:   File ".*app.wsgi", line \d+ in kept_lock`)
}

// started waits for a daemon process that serves, and returns its pid. On a machine
// with much to do its start may take longer than request-deadline.
func (t *T) started() (pid int) {
	t.Wait("a daemon process", func() bool {
		r := t.Get("/")
		pid, _ = strconv.Atoi(string(r.Body))
		return r.Status == 200
	})
	return pid
}

// promise sends the head of a request with a body of n bytes, and as much of that.
func (t *T) promise(path string, n int, body string) *Conn {
	t.notes()
	c := t.Dial()
	if err := c.Request([]byte(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, t.Host, n, body))); err != nil {
		t.Fatalf("%v", err)
	}
	return c
}

// hangUpload waits for a client that does not send its body: the stack is read
// from the process while the relay is about that client.
func hangUpload(t *T) {
	t.started()
	c := t.promise("/read", 100000, "x")
	r, err := c.Read("POST")
	if err != nil || r.Status != 504 {
		t.Fatalf("status %d, %v, want 504", r.Status, err)
	}
	t.WaitLog(`thread \d:   File ".*app.wsgi", line \d+, in application`)
}

// noiseWhileUploading has another thread of the application log more than the
// socket between the halves holds while its request waits for a slow client: it
// is done before that sends anything.
func noiseWhileUploading(t *T) {
	c := t.promise("/noisy", 50000, "")
	t.noted("logged")
	if err := c.Send([]byte(strings.Repeat("x", 50000))); err != nil {
		t.Fatalf("%v", err)
	}
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/noisy"}, Want{Body: "50000"}, r)
}

// hangImport has a script that is not done with being loaded.
func hangImport(t *T) {
	t.notes()
	c := t.Dial()
	t.Send(c, Request{Path: "/"})
	t.noted("loading")
	r, err := c.Read("GET")
	if err != nil || r.Status != 504 {
		t.Fatalf("status %d, %v, want 504", r.Status, err)
	}
	t.WaitLog(`thread \d:   File ".*app.wsgi", line \d+, in <module>`)
	t.open("fast")
}
