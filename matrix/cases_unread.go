package matrix

import (
	"fmt"
	"path/filepath"
	"strings"
)

// smuggled is a body that would do harm if one byte of it were taken for the
// beginning of a request.
func smuggled(t *T, n int) []byte {
	line := "GET /smuggled HTTP/1.1\r\nHost: " + t.Host + "\r\n\r\n"
	return []byte(strings.Repeat(line, n/len(line)))
}

// notSmuggled ends the connection from the client's side, reads what is left,
// and wants no trace of the body. It returns what was left.
func (t *T) notSmuggled(c *Conn) []byte {
	_ = c.CloseWrite()
	rest, end := c.Rest()
	if end == EndStuck {
		t.Errorf("the connection is never closed")
	}
	for _, text := range []string{string(rest), readFile(filepath.Join(t.notes(), "ran")), t.Server.LogText("access.log")} {
		if strings.Contains(text, "smuggled") || strings.Contains(text, "not asked for") {
			t.Errorf("the body was taken for a request: %s", tailOf(text))
		}
	}
	return rest
}

// framings are the two ways to send the body.
func framings(body []byte) map[string][]byte {
	return map[string][]byte{
		fmt.Sprintf("Content-Length: %d", len(body)): body,
		"Transfer-Encoding: chunked":                 inChunksOf(body, 100<<10),
	}
}

// unread sends 5 MiB to an application that answers at once. The answer comes
// when a part has been sent; the rest is sent then, and another request behind
// it: answered, or the connection has been closed.
func unread(t *T) {
	t.notes()
	for _, status := range []int{200, 401, 413} {
		for framing, body := range framings(smuggled(t, 5<<20)) {
			c := t.Dial()
			head := fmt.Sprintf("POST /refuse?%d HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", status, t.Host, framing)
			if err := c.Request(append([]byte(head), body[:50<<10]...)); err != nil {
				t.Fatalf("sending: %v", err)
			}
			r, err := c.Read("POST")
			if err != nil {
				t.Fatalf("%d, %s: %v", status, framing, err)
			}
			t.check(Request{Path: "/refuse"}, Want{Status: status, Body: "unread"}, r)
			closing := r.Header.Get("Connection") == "close"
			sendErr := c.Send(body[50<<10:])
			if !closing && sendErr == nil {
				t.check(Request{Path: "/pid"}, Want{Match: `^\d+$`}, t.Exchange(c, Request{Path: "/pid"}))
			}
			if status == 200 && closing {
				t.Errorf("%s: the connection ends after 200", framing)
			}
			if rest := t.notSmuggled(c); len(rest) > 0 {
				t.Errorf("%d, %s: after the answers came %q", status, framing, clip(rest))
			}
		}
	}
}

// unreadRest has an application that reads the beginning only.
func unreadRest(t *T) {
	t.notes()
	for framing, body := range framings(smuggled(t, 1<<20)) {
		c := t.Dial()
		head := fmt.Sprintf("POST /begin HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", t.Host, framing)
		sent := make(chan error, 1)
		go func() { sent <- c.Request(append([]byte(head), body...)) }()
		r, err := c.Read("POST")
		if err != nil {
			t.Fatalf("%s: %v", framing, err)
		}
		t.check(Request{Path: "/begin"}, Want{Body: "GET /smugg"}, r)
		if err := <-sent; err != nil {
			t.Fatalf("%s: sending: %v", framing, err)
		}
		t.check(Request{Path: "/pid"}, Want{Match: `^\d+$`}, t.Exchange(c, Request{Path: "/pid"}))
		if rest := t.notSmuggled(c); len(rest) > 0 {
			t.Errorf("%s: after the answers came %q", framing, clip(rest))
		}
	}
}

// pipelinedBodies sends requests with bodies behind each other in one go: read to the
// end, in part or not at all, none takes a byte of the next.
func pipelinedBodies(t *T) {
	var all []byte
	add := func(path, framing, body string) {
		all = append(all, "POST "+path+" HTTP/1.1\r\nHost: "+t.Host+"\r\n"+framing+"\r\n\r\n"+body...)
	}
	want := []string{}
	notes := t.notes()
	for range 2 {
		add("/sha256", "Content-Length: 5", "12345")
		add("/sha256", "Transfer-Encoding: chunked", "2\r\n12\r\n3\r\n345\r\n0\r\n\r\n")
		add("/begin", "Transfer-Encoding: chunked", "c\r\n123456789abc\r\n0\r\n\r\n")
		add("/begin", "Content-Length: 12", "123456789abc")
		add("/refuse?200", "Transfer-Encoding: chunked", "c\r\n123456789abc\r\n0\r\n\r\n")
		add("/refuse?200", "Content-Length: 12", "123456789abc")
		want = append(want, digested([]byte("12345")), digested([]byte("12345")), "123456789a", "123456789a", "unread", "unread")
	}
	c := t.Dial()
	if err := c.Request(all); err != nil {
		t.Fatalf("sending: %v", err)
	}
	c.sent += len(want) - 1
	for i, body := range want {
		r, err := c.Read("POST")
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		t.check(Request{Path: fmt.Sprintf("request %d", i)}, Want{Body: body}, r)
	}
	Same(t, "requests that were refused", readFile(filepath.Join(notes, "ran")), strings.Repeat("/refuse\n", 4))
}

// expectAsked wants 100 for any reading, of nothing and of chunks too, and
// none for a client that could not understand it.
func expectAsked(t *T) {
	for _, q := range []struct{ path, proto, framing, body, want string }{
		{"/nothing", "HTTP/1.1", "Content-Length: 5", "12345", "asked"},
		{"/nothing", "HTTP/1.1", "Transfer-Encoding: chunked", "5\r\n12345\r\n0\r\n\r\n", "asked"},
		{"/begin", "HTTP/1.1", "Transfer-Encoding: chunked", "5\r\n12345\r\n0\r\n\r\n", "12345"},
		{"/begin", "HTTP/1.1", "Content-Length: 20000", strings.Repeat("12345", 4000), "1234512345"},
	} {
		c := t.Dial()
		head := "POST " + q.path + " " + q.proto + "\r\nHost: " + t.Host + "\r\nExpect: 100-continue\r\n" + q.framing + "\r\n\r\n"
		if err := c.Request([]byte(head)); err != nil {
			t.Fatalf("sending: %v", err)
		}
		r, err := c.Head()
		if err != nil {
			t.Fatalf("%s, %s: %v", q.path, q.framing, err)
		}
		Same(t, "first status of "+q.path+", "+q.framing, r.Status, 100)
		if err := c.Send([]byte(q.body)); err != nil {
			t.Fatalf("sending the body: %v", err)
		}
		if r, err = c.Read("POST"); err != nil {
			t.Fatalf("%s, %s: %v", q.path, q.framing, err)
		}
		t.check(Request{Path: q.path}, Want{Body: q.want}, r)
	}
	c := t.Dial()
	if err := c.Request([]byte("POST /begin HTTP/1.0\r\nHost: " + t.Host + "\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n12345")); err != nil {
		t.Fatalf("sending: %v", err)
	}
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("HTTP/1.0: %v", err)
	}
	t.check(Request{Path: "/begin (HTTP/1.0)"}, Want{Body: "12345"}, r)
}

// expectUnread refuses a body that waits for leave to be sent: no 100, and if
// it is sent all the same it is not taken for a request.
func expectUnread(t *T) {
	t.notes()
	for _, size := range []int{200, 1 << 20} {
		for framing, body := range framings(smuggled(t, size)) {
			c := t.Dial()
			if err := c.Request(fmt.Appendf(nil, "POST /refuse?403 HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\n%s\r\n\r\n", t.Host, framing)); err != nil {
				t.Fatalf("sending: %v", err)
			}
			r, err := c.Read("POST")
			if err != nil {
				t.Fatalf("%s: %v", framing, err)
			}
			t.check(Request{Path: "/refuse"}, Want{Status: 403, Body: "unread"}, r)
			_ = c.Send(body) // refused where the server has closed
			if rest := t.notSmuggled(c); len(rest) > 0 {
				t.Errorf("%s: after the answer came %q", framing, clip(rest))
			}
		}
	}
}

// inputKept uses the input of a request that has ended: from the next one, and
// from a thread that was started by the first.
func inputKept(t *T) {
	notes := t.notes()
	for i, body := range [][]byte{[]byte("kept and read later"), noise(100 << 10)} {
		r := t.Do(Request{Method: "POST", Path: "/keep", Body: body})
		t.check(Request{Path: "/keep"}, Want{Body: string(body[:4])}, r)
		r = t.Do(Request{Method: "POST", Path: "/late", Body: []byte("own")})
		t.check(Request{Path: "/late"}, Want{Body: strings.Repeat("RuntimeError; ", 5) + "b'own'"}, r)
		t.Wait("the thread to have read", func() bool {
			return readFile(filepath.Join(notes, "thread")) == strings.Repeat("RuntimeError\n", i+1)
		})
	}
}
