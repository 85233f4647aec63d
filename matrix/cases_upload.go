package matrix

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"time"
)

// uploadCases are about bodies on their way: large, slow, cut short, not
// wanted, or more than is allowed.
func uploadCases() []Case {
	app := func(c Case) Case {
		c.App, c.Conf = "upload", append(c.Conf, "WSGIChunkedRequest On")
		return c
	}
	limit := func(c Case) Case {
		c.Conf, c.Announced = append(c.Conf, "LimitRequestBody 1000"), Announce{`?WSGIM0207`}
		return app(c)
	}
	cases := []Case{
		{Name: "upload", App: "body", MPMs: true, Do: func(t *T) {
			t.upload(0, 1, 11, 1024, 8191, 8192, 16383, 16384, 16385, 65536, 1<<20, 20<<20)
		}},
		{Name: "upload-parallel", App: "body", Covers: "BD18", Do: uploadParallel, Announced: Announce{`?AH00484: `}}, // more than the server has threads
		limit(Case{Name: "over-limit", Covers: "BD09", Do: overLimit}),
		limit(Case{Name: "over-limit-chunked", Covers: "BD10", Ours: true, Do: func(t *T) {
			t.brokenBodies(413, "EFBIG", string(inChunksOf(bytes.Repeat([]byte("x"), 100*1000), 100)), "ffff\r\n"+strings.Repeat("x", 0xffff)+"\r\n0\r\n\r\n")
		}}),
		limit(Case{Name: "over-limit-begun", Ours: true, Do: func(t *T) { t.cutUpload(string(inChunksOf(make([]byte, 2000), 100))) }}),
		app(Case{Name: "malformed-chunks", Ours: true, Do: func(t *T) {
			const good = "3\r\nabc\r\n"
			t.brokenBodies(400, "EPROTO", good+"nonsense\r\n", good+"3\r\nabcX0\r\n\r\n", good+"-1\r\n")
		}}),
		app(Case{Name: "malformed-begun", Ours: true, Do: func(t *T) { t.cutUpload("3\r\nabc\r\nnonsense\r\n") }}),
		app(Case{Name: "body-cut", Covers: "BD11", Ours: true, Do: bodyCut}),
		app(Case{Name: "expect-asked", Do: expectAsked}),
		app(Case{Name: "expect-unread", Covers: "BD13", Ours: true, Do: expectUnread}),
		app(Case{Name: "unread", Covers: "BD15", Do: unread}),
		app(Case{Name: "unread-rest", Ours: true, Do: unreadRest}),
		app(Case{Name: "pipelined-bodies", Do: pipelinedBodies}),
		app(Case{Name: "input-kept", Covers: "BD17", Do: inputKept}),
		app(Case{Name: "line-by-line", Ours: true, Do: lineByLine}),
		app(Case{Name: "answer-between", Ours: true, Daemon: "send-buffer-size=16384", Do: answerBetween}),
		app(Case{Name: "echo", Covers: "BD14", Do: echoed}),
		app(Case{Name: "echo-abandoned", Announced: Announce{`?OSError`}, Do: echoAbandoned}),
		app(Case{Name: "killed-in-upload", Modes: daemonOnly, Daemon: "threads=2", Ours: true, Do: killedInUpload,
			Announced: Announce{`WSGIM0229: .*daemon process.*'g-killed-in-upload'`, `?signal 9|killed`}}),
		app(Case{Name: "timeout-in-upload", Modes: daemonOnly, Daemon: "threads=1 request-timeout=1 graceful-timeout=1", Ours: true, Do: timeoutInUpload,
			Announced: Announce{`WSGIM0238: .*daemon process.*'g-timeout-in-upload'`, `?(?i)timeout|signal 9|killed`, `(^|] )thread \d+: `}}),
		app(Case{Name: "upload-http2", Own: true, Ours: true, Global: loadModule("http2"), Conf: slices.Clone(http2Lines), Do: uploadHTTP2}),
		app(Case{
			Name: "slow-body", Covers: "BD16", Own: true, Do: slowBody,
			Global: []string{`<IfFile "@MODULES@/mod_reqtimeout.so">`, `LoadModule reqtimeout_module "@MODULES@/mod_reqtimeout.so"`, "</IfFile>"},
			Conf:   []string{"<IfModule reqtimeout_module>", "RequestReadTimeout header=10 body=1", "</IfModule>"},
		}),
	}
	for _, reloading := range []string{"On", "Off"} {
		for _, timeout := range []int{0, 30} {
			cases = append(cases, Case{
				Name: fmt.Sprintf("upload-reloading-%s-queue-%d", strings.ToLower(reloading), timeout), App: "body", Covers: "BD01",
				Conf: []string{"WSGIScriptReloading " + reloading}, Daemon: fmt.Sprintf("threads=2 queue-timeout=%d", timeout),
				Do: func(t *T) { t.upload(0, 1, 11, 1024, 8192, 65536, 10<<20) },
			})
		}
	}
	return cases
}

// ---- sizes -----------------------------------------------------------------

// upload sends bodies of the sizes and wants each to have arrived as it is.
func (t *T) upload(sizes ...int) {
	for _, size := range sizes {
		body := noise(size)
		r := t.Do(Request{Method: "POST", Path: "/sha256", Body: body})
		t.check(Request{Path: fmt.Sprintf("/sha256 of %d", size)}, Want{Body: digested(body)}, r)
	}
}

// uploadParallel sends twenty bodies at a time to five threads.
func uploadParallel(t *T) {
	body := noise(1 << 20)
	conns := make([]*Conn, 20)
	for i := range conns {
		conns[i] = t.Dial()
	}
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			q := Request{Method: "POST", Path: "/sha256", Body: body}
			if err := c.Request(t.bytes(q, true)); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
			r, err := c.Read("POST")
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			t.check(q, Want{Body: digested(body)}, r)
		})
	}
	all.Wait()
}

// ---- echo ------------------------------------------------------------------

// echoing is the result of [T.echo].
type echoing struct {
	took    time.Duration
	watched int            // processes
	grown   map[string]int // most that a process grew meanwhile, in KiB, by what it is
}

// echo sends n bytes and reads them back at the same time, bounded by wait. It
// wants every byte as it was sent, and looks at the memory of the server's
// processes at each MiB that has come back.
func (t *T) echo(n int64, wait time.Duration) echoing {
	c := t.Dial()
	_ = c.net.SetDeadline(time.Now().Add(wait))
	if err := c.Request(fmt.Appendf(nil, "POST /echo HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", t.Host, n)); err != nil {
		t.Fatalf("sending: %v", err)
	}
	_ = c.net.SetDeadline(time.Now().Add(wait)) // Request has set another
	began, before := time.Now(), t.memory()
	sent, sum := sha256.New(), make(chan error, 1)
	go func() { sum <- stream(io.MultiWriter(c.net, sent), n) }()
	result := echoing{watched: len(before), grown: map[string]int{}}
	got, err := readEcho(bufio.NewReader(c.net), n, func() { result.watch(before) })
	if sendErr := <-sum; err != nil || sendErr != nil {
		t.Fatalf("echo of %d bytes: reading: %v, sending: %v", n, err, sendErr)
	}
	if !bytes.Equal(got.Sum(nil), sent.Sum(nil)) {
		t.Errorf("what came back is not what was sent")
	}
	result.took = time.Since(began)
	return result
}

// stream writes n bytes that are not all alike.
func stream(w io.Writer, n int64) error {
	block := noise(1 << 18)
	for n > 0 {
		size := min(n, int64(len(block)))
		if _, err := w.Write(block[:size]); err != nil {
			return err
		}
		block[0]++ // each block is another one
		n -= size
	}
	return nil
}

// readEcho reads the response, n bytes, and calls look at each MiB.
func readEcho(from *bufio.Reader, n int64, look func()) (hash.Hash, error) {
	r, err := http.ReadResponse(from, nil)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		return nil, fmt.Errorf("status %s", r.Status)
	}
	sum, got := sha256.New(), int64(0)
	for {
		some, err := io.CopyN(sum, r.Body, 1<<20)
		got += some
		look()
		switch {
		case errors.Is(err, io.EOF) && got == n:
			return sum, nil
		case err != nil:
			return nil, fmt.Errorf("after %d bytes: %w", got, err)
		}
	}
}

// memory is the resident memory of each process of the server that requests
// go through.
func (t *T) memory() map[Process]int {
	sizes := map[Process]int{}
	for _, p := range t.Server.Children("!wsgi-supervisor") {
		if kib, err := p.Resident(); err == nil { // gone meanwhile
			sizes[p] = kib
		}
	}
	return sizes
}

// watch compares with the memory of before; what did not grow is left out.
func (e *echoing) watch(before map[Process]int) {
	for p, was := range before {
		if kib, err := p.Resident(); err == nil && kib > was {
			e.grown[p.Name] = max(e.grown[p.Name], kib-was)
		}
	}
}

// echoed sends 200 MiB and takes them back. A small one before it makes the
// threads and their memory.
func echoed(t *T) {
	const most = 8 << 10
	t.echo(32<<20, clientTimeout)
	size := int64(200 << 20)
	if t.sanitized() {
		size = 20 << 20
	}
	e := t.echo(size, 3*clientTimeout)
	for what, kib := range e.grown {
		if kib >= most && !t.sanitized() {
			t.Errorf("%s grew by %d KiB while %d MiB went through, want less than %d", what, kib, size>>20, most)
		}
	}
	if e.watched == 0 {
		t.Errorf("no process was looked at")
	}
	t.Notef("%d MiB there and back in %.1f s, grown by (KiB) %v", size>>20, e.took.Seconds(), e.grown)
}

// echoAbandoned leaves in the middle of both directions, more often than there
// are threads, and wants each of them to be free again.
func echoAbandoned(t *T) {
	body := noise(1 << 20)
	for range 12 {
		c := t.Dial()
		if err := c.Request(fmt.Appendf(nil, "POST /echo HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", t.Host, 10<<20, body[:100<<10])); err != nil {
			t.Fatalf("sending: %v", err)
		}
		if r, err := c.Head(); err != nil || r.Status != 200 {
			t.Fatalf("status %d, %v", r.Status, err)
		}
		c.Close()
	}
	t.echo(1<<20, clientTimeout)
}

// sanitized tells whether the server is one that keeps freed memory on purpose.
func (t *T) sanitized() bool { return t.Server.Conf.Target.sanitized() }

// lineByLine sends a line only when the one before it has been answered: a
// server that waits for more than there is never goes on.
func lineByLine(t *T) {
	c := t.Dial()
	if err := c.Request([]byte("POST /lines HTTP/1.1\r\nHost: " + t.Host + "\r\nTransfer-Encoding: chunked\r\n\r\n")); err != nil {
		t.Fatalf("sending: %v", err)
	}
	_ = c.net.SetDeadline(time.Now().Add(clientTimeout))
	var r *http.Response
	from := bufio.NewReader(c.net)
	for i := range 20 {
		line := fmt.Sprintf("line %d\n", i)
		if _, err := io.WriteString(httputil.NewChunkedWriter(c.net), line); err != nil {
			t.Fatalf("sending: %v", err)
		}
		if r == nil {
			var err error
			if r, err = http.ReadResponse(from, nil); err != nil {
				t.Fatalf("the first line is not answered: %v", err)
			}
			defer r.Body.Close()
		}
		got := make([]byte, len("got ")+len(line))
		if n, err := io.ReadFull(r.Body, got); err != nil {
			t.Fatalf("line %d is not answered: %q, %v", i, got[:n], err)
		}
		Same(t, "answer", string(got), "got "+line)
	}
	if err := c.Send([]byte("0\r\n\r\n")); err != nil {
		t.Fatalf("sending: %v", err)
	}
	if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
		t.Errorf("after the last line came %q, %v", rest, err)
	}
}

// answerBetween sends what an application reads before it answers, and a little
// more: that is read ahead, nothing is waited for to come with it, and the answer
// comes although it fills every buffer on the way. Then the rest.
func answerBetween(t *T) {
	const before, long = 6 * 65536, 4 << 20
	body := noise(2 << 20)
	for _, more := range []int{0, 1, 1000, 50_000, 200_000} {
		c := t.Dial()
		head := fmt.Sprintf("POST /between HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", t.Host, len(body))
		if err := c.Request(append([]byte(head), body[:before+more]...)); err != nil {
			t.Fatalf("sending: %v", err)
		}
		_ = c.net.SetDeadline(time.Now().Add(clientTimeout))
		r, err := http.ReadResponse(bufio.NewReader(c.net), nil)
		if err != nil {
			t.Fatalf("with %d bytes more: %v", more, err)
		}
		if n, err := io.CopyN(io.Discard, r.Body, long); err != nil {
			t.Fatalf("with %d bytes more the answer ends after %d: %v", more, n, err)
		}
		if err := c.Send(body[before+more:]); err != nil {
			t.Fatalf("sending the rest: %v", err)
		}
		sum, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("with %d bytes more: %v", more, err)
		}
		Same(t, "digest", string(sum), fmt.Sprintf("%x", sha256.Sum256(body)))
		_ = r.Body.Close()
		c.Close()
	}
}

// uploadHTTP2 has a body and its answer under way at the same time over HTTP/2,
// line by line and in bulk, and one that is answered and never read.
func uploadHTTP2(t *T) {
	transport := t.http2()
	defer transport.CloseIdleConnections()
	post := func(path string, body io.Reader) *http.Response {
		q, err := http.NewRequestWithContext(t.Context, http.MethodPost, "http://"+t.Host+path, body)
		if err != nil {
			t.Fatalf("%v", err)
		}
		r, err := transport.RoundTrip(q)
		if err != nil {
			t.Fatalf("%s over HTTP/2: %v", path, err)
		}
		return r
	}
	from, to := io.Pipe()
	go func() { _, _ = io.WriteString(to, "line 0\n") }()
	r := post("/lines", from)
	for i := range 5 {
		got := make([]byte, len("got line 0\n"))
		if n, err := io.ReadFull(r.Body, got); err != nil {
			t.Fatalf("line %d is not answered over HTTP/2: %q, %v", i, got[:n], err)
		}
		Same(t, "answer", string(got), fmt.Sprintf("got line %d\n", i))
		if _, err := fmt.Fprintf(to, "line %d\n", i+1); err != nil {
			t.Fatalf("sending: %v", err)
		}
	}
	_ = to.Close()
	_, _ = io.Copy(io.Discard, r.Body) // the last line
	_ = r.Body.Close()

	from, to = io.Pipe()
	sent := sha256.New()
	go func() { _ = to.CloseWithError(stream(io.MultiWriter(to, sent), 20<<20)) }()
	r = post("/echo", from)
	sum := sha256.New()
	if n, err := io.Copy(sum, r.Body); err != nil || n != 20<<20 || !bytes.Equal(sum.Sum(nil), sent.Sum(nil)) {
		t.Errorf("%d bytes came back over HTTP/2 (%v), want the 20 MiB that were sent", n, err)
	}
	_ = r.Body.Close()

	from, to = io.Pipe()
	go func() { _, _ = to.Write(noise(100 << 10)) }() // and nothing more
	t.notes()
	r = post("/refuse?403", from)
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 403 || string(body) != "unread" {
		t.Errorf("a body that nobody reads: status %d, %q, %v", r.StatusCode, body, err)
	}
	_ = r.Body.Close()
	_ = from.Close()
}
