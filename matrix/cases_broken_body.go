package matrix

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// overLimit wants 413 by the length alone, and that the application never ran.
func overLimit(t *T) {
	notes := t.notes()
	for _, size := range []int{1001, 5 << 20} {
		c := t.Dial()
		sent := make(chan error, 1)
		go func() {
			sent <- c.Request(t.bytes(Request{Method: "POST", Path: "/limited", Body: make([]byte, size)}, false))
		}()
		r, err := c.Read("POST")
		if err != nil {
			t.Fatalf("%v (sending: %v)", err, <-sent)
		}
		t.onePage(r, 413)
		if rest, end := c.Rest(); len(rest) > 0 || end == EndStuck {
			t.Errorf("after the page came %q (%s)", clip(rest), end)
		}
		<-sent // it may have been told to stop
	}
	if exists(filepath.Join(notes, "ran")) {
		t.Errorf("the application ran")
	}
	t.check(Request{}, Want{Body: "not asked for"}, t.Do(Request{Method: "POST", Path: "/limited", Body: make([]byte, 1000)}))
	if !exists(filepath.Join(notes, "ran")) {
		t.Errorf("the application leaves no note when it does run")
	}
}

// brokenBodies sends each chunked body to an application that has begun to
// read: it gets the same OSError from every call, and the client one error
// page and nothing else, whatever the application makes of it.
func (t *T) brokenBodies(status int, name string, bodies ...string) {
	note := filepath.Join(t.notes(), "twice")
	want := regexp.MustCompile(fmt.Sprintf(`^\d+(; OSError %s){4}$`, name))
	for i, body := range bodies {
		before := t.pidNow()
		r := t.chunked("/twice", body)
		t.onePage(r, status)
		Same(t, "length of the page", r.Header.Get("Content-Length"), strconv.Itoa(len(r.Body)))
		t.Wait("the application's note", func() bool { return strings.Count(readFile(note), "\n") == i+1 })
		lines := strings.Split(strings.TrimSpace(readFile(note)), "\n")
		if last := lines[len(lines)-1]; !want.MatchString(last) {
			t.Errorf("the application saw %q, want %s", last, want)
		}
		t.onePage(t.chunked("/uncaught", body), status)
		Same(t, "process", t.pidNow(), before)
	}
}

// cutUpload sends a body that breaks when the response has begun: what came
// of it stays, and its end is no good one.
func (t *T) cutUpload(body string) {
	c := t.Dial()
	if err := c.Request([]byte("POST /begun HTTP/1.1\r\nHost: " + t.Host + "\r\nTransfer-Encoding: chunked\r\n\r\n" + body)); err != nil {
		t.Fatalf("sending: %v", err)
	}
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	if r.Status != 200 || !strings.HasPrefix(string(r.Body), "begun") || strings.Contains(string(r.Body), "ended") || r.End == EndFramed || r.End == EndStuck {
		t.Errorf("status %d, %s after %q, want 200 and a cut behind the first block", r.Status, r.End, clip(r.Body))
	}
	if strings.Contains(string(r.Raw), "<html>") {
		t.Errorf("an error page inside of the response: %q", clip(r.Raw))
	}
}

// pidNow is the process that answers /pid, in daemon mode; children of httpd
// are as many as it likes.
func (t *T) pidNow() string {
	if t.Mode != Daemon {
		return ""
	}
	return string(t.Get("/pid").Body)
}

// bodyCut ends the body before it is whole: with a connection that is closed,
// or only its sending half, so that the answer can be seen too.
func bodyCut(t *T) {
	notes, before := t.notes(), t.pidNow()
	head := "POST /twice HTTP/1.1\r\nHost: " + t.Host + "\r\n"
	count := func(name string) int { return strings.Count(readFile(filepath.Join(notes, name)), "\n") }
	for i, body := range []string{
		"Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100000),
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n12345",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10",
	} {
		for _, half := range []bool{true, false} {
			n := count("twice")
			c := t.Dial()
			if err := c.Request([]byte(head + body)); err != nil {
				t.Fatalf("sending: %v", err)
			}
			t.Wait("the application to read", func() bool { return count("reading") == n+1 })
			if half {
				_ = c.CloseWrite()
				r, err := c.Read("POST")
				if err != nil {
					t.Fatalf("body %d: %v", i, err)
				}
				t.onePage(r, 400)
				if rest, end := c.Rest(); len(rest) > 0 || end == EndStuck {
					t.Errorf("body %d: after the page came %q (%s)", i, clip(rest), end)
				}
			} else {
				c.Close()
			}
			t.Wait("the application to see it", func() bool { return count("twice") == n+1 })
		}
	}
	for _, saw := range strings.Split(strings.TrimSpace(readFile(filepath.Join(notes, "twice"))), "\n") {
		if !regexp.MustCompile(`^\d+(; OSError ECONNRESET){4}$`).MatchString(saw) {
			t.Errorf("the application saw %q, want the same OSError again and again", saw)
		}
	}
	Same(t, "process", t.pidNow(), before)
	t.check(Request{}, Want{Body: digested([]byte("next"))}, t.Do(Request{Method: "POST", Path: "/sha256", Body: []byte("next")}))
}

// slowBody sends half a body and waits for the server to lose patience. The
// small one may ride along with the request, so that nobody sees it.
func slowBody(t *T) {
	if !t.Server.Conf.Have["mod_reqtimeout.so"] && !t.Server.Conf.Static["mod_reqtimeout.c"] {
		t.Skipf("no mod_reqtimeout in this Apache")
	}
	note := filepath.Join(t.notes(), "twice")
	framings := []string{"Content-Length: 10", "Content-Length: 100000", "Transfer-Encoding: chunked"}
	conns := make([]*Conn, len(framings))
	for i, framing := range framings { // all at once: each takes its second
		conns[i] = t.Dial()
		if err := conns[i].Request([]byte("POST /twice HTTP/1.1\r\nHost: " + t.Host + "\r\n" + framing + "\r\n\r\n3\r\nab")); err != nil {
			t.Fatalf("sending: %v", err)
		}
	}
	for i, c := range conns {
		r, err := c.Read("POST")
		if err != nil {
			t.Fatalf("%s: %v", framings[i], err)
		}
		t.onePage(r, 408)
		if rest, end := c.Rest(); len(rest) > 0 || end == EndStuck {
			t.Errorf("%s: after the page came %q (%s)", framings[i], clip(rest), end)
		}
	}
	lines := strings.Split(strings.TrimSpace(readFile(note)), "\n")
	if len(lines) < 2 {
		t.Errorf("the application saw %d slow bodies, want those too large to ride along", len(lines))
	}
	for _, saw := range lines {
		if !regexp.MustCompile(`^\d+(; OSError ETIMEDOUT){4}$`).MatchString(saw) {
			t.Errorf("the application saw %q, want OSError ETIMEDOUT", saw)
		}
	}
}

// halfUpload sends a part of a body to the daemon process that it returns.
func (t *T) halfUpload() (c *Conn, pid int) {
	t.notes()
	c = t.Dial()
	if err := c.Request([]byte("POST /twice HTTP/1.1\r\nHost: " + t.Host + "\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1000))); err != nil {
		t.Fatalf("sending: %v", err)
	}
	return c, t.noted("reading")
}

// killedInUpload wants 502 for a process that dies while it waits for the
// client, who has no reason to send anything until then.
func killedInUpload(t *T) {
	c, pid := t.halfUpload()
	t.killed(pid)
	began := time.Now()
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.onePage(r, 502)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("502 after %s, want it at once", took)
	}
	if rest, end := c.Rest(); len(rest) > 0 || end == EndStuck {
		t.Errorf("after the page came %q (%s)", clip(rest), end)
	}
	if after := t.pidNow(); after == strconv.Itoa(pid) {
		t.Errorf("process %s answers after SIGKILL", after)
	}
}

// timeoutInUpload wants request-timeout to hold for a client that is too slow.
func timeoutInUpload(t *T) {
	c, _ := t.halfUpload()
	began := time.Now()
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	Same(t, "status", r.Status, 504)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("504 after %s, want about one second", took)
	}
	t.pidNow()
}
