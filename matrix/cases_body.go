package matrix

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

// noise is n bytes that no compressor or accident makes again.
func noise(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p) // never fails
	return p
}

// digested is what the application answers to a body at /sha256.
func digested(p []byte) string {
	return fmt.Sprintf("(%d, '%x')", len(p), sha256.Sum256(p))
}

// inChunksOf is p in the chunked coding, size bytes a chunk, with its end.
func inChunksOf(p []byte, size int) []byte {
	var b bytes.Buffer
	for len(p) > 0 {
		n := min(len(p), size)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, p[:n])
		p = p[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

// expectContinue wants "100 Continue" before the body is sent, and then the
// answer to it.
func expectContinue(t *T) {
	c := t.Dial()
	if err := c.Request([]byte("POST /read HTTP/1.1\r\nHost: " + t.Host + "\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")); err != nil {
		t.Fatalf("sending: %v", err)
	}
	r, err := c.Head()
	if err != nil {
		t.Fatalf("%v", err)
	}
	Same(t, "first status", r.Status, 100)
	if err := c.Send([]byte("12345")); err != nil {
		t.Fatalf("sending the body: %v", err)
	}
	r, err = c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{}, Want{Body: "b'12345'"}, r)
}

// bodyCases are about wsgi.input and the small print of how a body is framed.
func bodyCases() []Case {
	post := func(way, body string) Request {
		return Request{Method: "POST", Path: "/" + way, Body: []byte(body)}
	}
	row := func(way, body, want string) Exchange { return Exchange{post(way, body), Want{Body: want}} }
	const lines = "one\ntwo\r\nthree"
	reads := []Exchange{
		row("form", "a=1&b=%3D&c=1", `[('a', '1'), ('b', '='), ('c', '1')]`),
		row("read", "x", `b'x'`),
		row("read-minus", lines, `b'one\ntwo\r\nthree'`),
		row("split", "0123456789abc", `(b'0123456789', b'abc')`),
		row("zero", "abc", `(b'', b'abc')`),
		row("end", "abc", `(b'abc', b'', b'', b'', [], [])`),
		row("readline", lines, `(b'one\n', b'two\r\n', b'three', b'')`),
		row("readline-5", lines, `(b'one\n', b'two\r\n', b'three')`),
		row("readline-5", "abcdefgh\nij", `(b'abcde', b'fgh\n', b'ij')`),
		row("readlines", lines, `[b'one\n', b'two\r\n', b'three']`),
		row("readlines-1", lines, `([b'one\n'], b'two\r\nthree')`),
		row("iterate", lines, `[b'one\n', b'two\r\n', b'three']`),
		row("closed", "abc", `(None, b'abc')`),
	}
	return []Case{
		{Name: "body", MPMs: true, Covers: "BD02 BD03 BD04 BD05", Steps: append(reads, row("read", "", `b''`), row("lacks", "", `[]`))},
		{Name: "body-chunked", App: "body", Conf: []string{"WSGIChunkedRequest On"}, Steps: chunkedSteps(append(reads, row("read", "", `b''`)))},
		{Name: "body-types", App: "body", Ours: true, Steps: []Exchange{
			row("wrong", "abc", `('TypeError', 'TypeError', 'TypeError')`),
			row("type", "", `'mod_wsgi.Input'`),
		}},
		{Name: "chunked-request", App: "body", Covers: "BD06", Announced: Announce{`WSGIM0205: chunked`}, Steps: []Exchange{{
			Request{Method: "POST", Path: "/read", Header: []string{"Transfer-Encoding: chunked"}, Body: []byte("3\r\nabc\r\n0\r\n\r\n")},
			Want{Status: 411},
		}}},
		{Name: "bad-length-request", App: "body", Covers: "BD08", Announced: Announce{`?(?i)content-length`}, Steps: badLengths()},
		{Name: "expect", App: "body", Covers: "BD12", Do: expectContinue},
		{Name: "early", Steps: []Exchange{
			{Request{Method: "POST", Body: make([]byte, 5<<20)}, Want{Status: 403, Body: "refused"}},
			{Request{Method: "POST", Body: []byte("small")}, Want{Status: 403, Body: "refused"}},
		}, Do: func(t *T) {
			c := t.Dial()
			t.check(Request{}, Want{Status: 403, Body: "refused"}, t.Exchange(c, Request{Method: "POST", Body: make([]byte, 100<<10)}))
			t.check(Request{}, Want{Status: 403, Body: "refused"}, t.Exchange(c, Request{}))
		}},
		{Name: "client-gone", App: "body", Announced: Announce{`?(?i)OSError|client|connection|Traceback|File|^ {4}|processing WSGI`}, Do: func(t *T) {
			c := t.Dial()
			if err := c.Request([]byte("POST /sha256 HTTP/1.1\r\nHost: " + t.Host + "\r\nContent-Length: 1000000\r\n\r\nonly this")); err != nil {
				t.Fatalf("sending: %v", err)
			}
			c.Close()
			t.check(Request{}, Want{Body: "b'next'"}, t.Do(post("read", "next")))
		}},
	}
}

// chunkedSteps sends the same bodies in chunks of two bytes: nothing rides along
// with the request then, all of it is asked for.
func chunkedSteps(steps []Exchange) []Exchange {
	var all []Exchange
	for _, s := range steps {
		s.Header = []string{"Transfer-Encoding: chunked"}
		s.Request.Body = inChunksOf(s.Request.Body, 2)
		all = append(all, s)
	}
	return all
}

// badLengths are values of Content-Length that are no length.
func badLengths() []Exchange {
	var all []Exchange
	for _, value := range []string{"abc", "+5", "-1", "0x5", "5 5", "5, 6", "1e3", "99999999999999999999"} {
		all = append(all, Exchange{
			Request{Method: "POST", Path: "/read", Header: []string{"Content-Length: " + value}, Body: []byte("12345")}, Want{Status: 400},
		})
	}
	return all
}
