package matrix

import (
	"net"
	"strings"
	"testing"
)

// answering serves one connection with fixed bytes, then closes or resets it.
func answering(t *testing.T, text string, reset bool) *Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte(text)) // the client judges what came
		if reset {
			_ = c.(*net.TCPConn).SetLinger(0)
			var one [1]byte
			_, _ = c.Read(one[:]) // until the client has read it all
		}
		_ = c.Close()
	}()
	c, err := dial(t.Context(), l.Addr().(*net.TCPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-done
		_ = l.Close()
	})
	return c
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, method, wire string
		body               string
		chunks             int
		end                End
		bad                string
	}{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", 0, EndFramed, ""},
		{"length cut", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "ab", 0, EndClosed, ""},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", 2, EndFramed, ""},
		{"chunked cut", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "a", 1, EndClosed, ""},
		{"no length", "GET", "HTTP/1.1 200 OK\r\n\r\nab", "ab", 0, EndDelimited, ""},
		{"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "", 0, EndFramed, ""},
		{"no content", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", 0, EndFramed, ""},
		{"both framings", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, "", "both"},
		{"no response", "GET", "", "", 0, "", "closed in the response's head"},
		{"bad status", "GET", "HTTP/1.1 2000 OK\r\n\r\n", "", 0, "", "bad status line"},
		{"bad header", "GET", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "", 0, "", "bad header line"},
		{"bad chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "", 0, "", "bad chunk size"},
		{"long chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "", 0, "", "without its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := answering(t, c.wire, false).Read(c.method)
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Fatalf("error %v, want %s", err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Body) != c.body || r.End != c.end || len(r.Chunks) != c.chunks {
				t.Errorf("body %q in %d chunks, %s", r.Body, len(r.Chunks), r.End)
			}
			if !strings.HasPrefix(c.wire, string(r.Raw)) || len(r.Raw) < len(c.wire)-3 {
				t.Errorf("raw %q, sent %q", r.Raw, c.wire)
			}
		})
	}
}

func TestReset(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
	c := answering(t, head, true)
	if _, err := c.Head(); err != nil {
		t.Fatal(err)
	}
	if err := c.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, end := c.Rest(); end != EndReset {
		t.Errorf("ended %s, want reset", end)
	}
}

func TestRequestBytes(t *testing.T) {
	for _, c := range []struct {
		q    Request
		want string
	}{
		{Request{}, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
		{Request{Method: "POST", Path: "/p", Body: []byte("ab")}, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"},
		{Request{Header: []string{"content-length: 9", "Connection: x"}, Body: []byte("ab")}, "GET / HTTP/1.1\r\nHost: h\r\ncontent-length: 9\r\nConnection: x\r\n\r\nab"},
		{Request{Host: "other", Proto: "HTTP/1.0"}, "GET / HTTP/1.0\r\nHost: other\r\nConnection: close\r\n\r\n"},
	} {
		if got := string(c.q.bytes("h", true)); got != c.want {
			t.Errorf("%+v is %q, want %q", c.q, got, c.want)
		}
	}
}
