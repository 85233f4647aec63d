package matrix

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/run"
)

// reference is the server that a framework brings along, with the application
// of the case: what it answers, the module must answer. It is asked the same
// requests, Host field included.
type reference struct {
	t       *T
	port    int
	allowed []allowance
	used    []bool
	asked   int
	agreed  int // fields in which both said the same
	failed  bool
}

// allowance is a field in which the two may differ, for a reason.
type allowance struct {
	path  string // what the request's path starts with
	field string // of [fieldsOf], a pattern of [filepath.Match]; only where absent here if it starts with "-", there with "+"; "?" in front: it need not differ
	why   string
}

// servers' own fields: they speak of the connection and not of the application.
var connectionFields = map[string]bool{
	"Date": true, "Server": true, "Connection": true, "Keep-Alive": true, "Transfer-Encoding": true,
}

// withReference starts serve.py of the case on a free port, and stops it after
// use. A difference that was allowed and never seen is a failure.
func (t *T) withReference(allowed []allowance, use func(*reference)) {
	port, err := FreePort()
	if err != nil {
		t.Fatalf("%v", err)
	}
	python := t.Server.Conf.Target.Python.Executable
	p, err := t.Server.runner.Start(t.Context, run.Cmd{
		Dir: t.Dir, Path: python, Args: []string{filepath.Join(t.Dir, "serve.py"), strconv.Itoa(port)}, Timeout: 2 * time.Minute,
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	ref := &reference{t: t, port: port, allowed: allowed, used: make([]bool, len(allowed))}
	gone := make(chan run.Result, 1)
	go func() {
		said, _ := p.Wait() // its end is ours: what it said is in the result
		gone <- said
	}()
	defer func() {
		_ = p.Signal(syscall.SIGKILL)
		select {
		case said := <-gone:
			if ref.failed {
				t.Errorf("the other server said: %s", tailOf(said.Stderr))
			}
		case <-time.After(clientTimeout):
			t.Errorf("the other server does not end")
		}
	}()
	t.Wait("the other server to answer", func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		return err == nil && c.Close() == nil
	})
	use(ref)
	for i, a := range allowed {
		if !ref.used[i] && a.field[0] != '?' {
			t.Errorf("%s of %s may differ (%s), and never does", a.field, orElse(a.path, "any path"), a.why)
		}
	}
	if ref.asked == 0 || ref.agreed == 0 {
		t.Errorf("nothing was compared")
	}
}

// ask asks the other server.
func (ref *reference) ask(q Request) Response {
	c, err := dial(ref.t.Context, ref.port)
	if err != nil {
		ref.t.Fatalf("the other server: %v", err)
	}
	defer c.Close()
	sendErr := c.Send(ref.t.bytes(q, true))
	r, err := c.Read(q.method())
	if err != nil {
		ref.t.Fatalf("the other server, %s %s: %v (sending: %v)", q.method(), q.Path, err, sendErr)
	}
	return r
}

// compare asks both servers and wants the same.
func (ref *reference) compare(q Request) { ref.same(q, ref.t.Do(q)) }

// same wants the other server to answer a request as the module did.
func (ref *reference) same(q Request, mine Response) {
	ref.asked++
	ours, theirs := fieldsOf(mine), fieldsOf(ref.ask(q))
	names := slices.Collect(maps.Keys(ours))
	for name := range theirs {
		if _, has := ours[name]; !has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		our, weHave := ours[name]
		their, theyHave := theirs[name]
		switch {
		case our == their && weHave == theyHave:
			ref.agreed++
		case name == "Content-Length" && weHave != theyHave: // who knows it in time may say so
		case !ref.allows(q, name, weHave, theyHave):
			ref.failed = true
			ref.t.Errorf("%s %s: %s is %s here, %s there", q.method(), q.Path, name, told(our, weHave), told(their, theyHave))
		}
	}
}

func told(value string, has bool) string {
	if !has {
		return "absent"
	}
	return fmt.Sprintf("%q", clip([]byte(value)))
}

func (ref *reference) allows(q Request, field string, here, there bool) bool {
	found := false
	for i, a := range ref.allowed {
		sided := strings.TrimPrefix(a.field, "?")
		pattern := strings.TrimLeft(sided, "+-")
		if sided[0] == '-' && here || sided[0] == '+' && there {
			continue
		}
		ok, err := filepath.Match(pattern, field)
		if ok && err == nil && strings.HasPrefix(orElse(q.Path, "/"), a.path) {
			ref.used[i], found = true, true
		}
	}
	return found
}

// fieldsOf takes a response apart: "status", "reason", the header fields that
// are the application's, and "body" or, of a JSON object, "json KEY" for each.
func fieldsOf(r Response) map[string]string {
	fields := map[string]string{"status": strconv.Itoa(r.Status), "reason": r.Reason}
	for name, values := range r.Header {
		if !connectionFields[name] {
			fields[name] = strings.Join(values, "; ")
			if name == "Vary" { // a list, which Apache writes anew without blanks
				fields[name] = strings.ReplaceAll(strings.Join(values, ","), " ", "")
			}
		}
	}
	object := map[string]json.RawMessage{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") && json.Unmarshal(r.Body, &object) == nil {
		delete(fields, "Content-Length") // with the values that may differ, these do
		delete(fields, "Etag")
		for key, value := range object {
			fields["json "+key] = string(value)
		}
		return fields
	}
	fields["body"] = string(r.Body)
	return fields
}

// part is one part of a form.
type part struct {
	name, file, kind string // file and kind are empty for a field
	data             []byte
}

// multipart is a request with a form as browsers send it.
func multipart(method, path string, parts ...part) Request {
	const boundary = "----matrix4711"
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, p.name)
		if p.file != "" {
			fmt.Fprintf(&b, "; filename=\"%s\"\r\nContent-Type: %s", p.file, p.kind)
		}
		b.WriteString("\r\n\r\n" + string(p.data) + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return Request{Method: method, Path: path, Header: []string{"Content-Type: multipart/form-data; boundary=" + boundary}, Body: []byte(b.String())}
}

// chunkedRequest sends a request's body in chunks and not with a length.
func chunkedRequest(q Request, sizes ...int) Request {
	q.Header = append(slices.Clone(q.Header), "Transfer-Encoding: chunked")
	q.Body = []byte(chunks(string(q.Body), sizes...))
	return q
}

// chunks is a body in chunks of the sizes; the rest is one more.
func chunks(body string, sizes ...int) string {
	var b strings.Builder
	for _, n := range append(slices.Clone(sizes), len(body)) {
		if n = min(n, len(body)); n > 0 {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
			body = body[n:]
		}
	}
	return b.String() + finalChunk
}

// finalChunk ends a body in chunks.
const finalChunk = "0\r\n\r\n"
