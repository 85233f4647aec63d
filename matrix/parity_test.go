package matrix

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// inBothModes starts a server in each mode with the same cases; they stop when
// the test ends.
func inBothModes(t *testing.T, cases []Case, use func([]*Session)) {
	t.Helper()
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("a promise of our module only")
	}
	mpms := theMPMs(t, r, target.Apache)
	var servers []*Session
	for _, mode := range Modes() {
		s, err := Cell{Target: target, MPM: mpms[0], Mode: mode}.Open(t.Context(), r, cases)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { // not as a clean-up: the context ends before those
			if err := errors.Join(s.Server.Stop(), s.Server.Close()); err != nil {
				t.Error(err)
			}
		}()
		servers = append(servers, s)
	}
	use(servers)
}

// parityCases are the applications of the corpus, with the files they serve.
func parityCases() []Case {
	var cases []Case
	for _, m := range parityMounts() {
		c := m.Case
		if files := filesOf[c.app()]; files != nil {
			c.Prepare = files
		}
		cases = append(cases, c)
	}
	return cases
}

// TestParity sends the same bytes to the same applications in both modes and
// wants the same bytes back, apart from the time of day.
func TestParity(t *testing.T) {
	inBothModes(t, parityCases(), func(servers []*Session) {
		spoke, differ := map[protocol]int{}, 0
		byMount := map[string][]exact{}
		for _, x := range parityCorpus() {
			spoke[x.proto]++
			byMount[x.mount] = append(byMount[x.mount], x)
		}
		for _, m := range parityMounts() {
			t.Run(m.Name, func(t *testing.T) {
				for _, x := range byMount[m.Name] {
					if err := compare(t.Context(), servers, x); err != nil {
						differ++
						t.Errorf("%s: %s: %v\nsent: %q", x.proto, x.name, err, clip([]byte(x.all())))
					}
				}
			})
		}
		total := 0
		var each []string
		for _, p := range protocols {
			total += spoke[p]
			each = append(each, fmt.Sprintf("%s: %d", p, spoke[p]))
			if spoke[p] < 300 {
				t.Errorf("%d conversations of %s are no corpus", spoke[p], p)
			}
		}
		t.Logf("note: parity: %d conversations (%s), %d differences", total, strings.Join(each, ", "), differ)
	})
}

// compare has a conversation with both servers. The error says what differs.
func compare(ctx context.Context, servers []*Session, x exact) error {
	var got [2][]byte
	for i, s := range servers {
		var err error
		if got[i], err = converse(ctx, s.Server.Port, x); err != nil {
			return fmt.Errorf("%s: %w", s.Cell.Mode, err)
		}
	}
	if !bytes.Equal(got[0], got[1]) {
		return errors.New(firstDifference(got[0], got[1]))
	}
	return nil
}

// all is everything that the client says.
func (x exact) all() string {
	var b strings.Builder
	for _, q := range x.requests {
		b.WriteString(q.bytes)
	}
	return b.String()
}

// converse has the conversation and returns what came back, apart from what
// may differ: see [comparablePart].
func converse(ctx context.Context, port int, x exact) ([]byte, error) {
	c, err := dial(ctx, port)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	// What cannot be sent because the server closed shows in what it answered.
	var sendErr error
	if x.proto == pipelined {
		sendErr = c.Send([]byte(x.all()))
	}
	var got []byte
	for i, q := range x.requests {
		if x.proto != pipelined {
			sendErr = c.Send([]byte(q.bytes))
		}
		answer, end, err := heard(c, q.method)
		if err != nil {
			return got, fmt.Errorf("request %d: %w (sending: %v)", i+1, err, sendErr)
		}
		if len(answer) == 0 && i == 0 {
			return got, fmt.Errorf("no answer: %s (sending: %v)", end, sendErr)
		}
		got = append(got, answer...)
		if end != EndFramed {
			return append(got, end...), nil
		}
	}
	rest, end := c.Rest()
	return append(append(got, rest...), end...), nil
}

// heard reads one final response and the interim ones before it. End is
// [EndFramed] when another response may follow.
func heard(c *Conn, method string) (got []byte, end End, err error) {
	for {
		r, err := c.Read(method)
		if err != nil && len(r.Raw) == 0 {
			return got, r.End, nil // closed instead of a response
		}
		if err != nil {
			return got, r.End, err
		}
		part, err := comparablePart(r)
		if err != nil {
			return got, r.End, err
		}
		got = append(got, part...)
		if r.Status < 200 {
			continue // "100 Continue", "103 Early Hints"
		}
		if r.End == EndFramed && strings.EqualFold(r.Header.Get("Connection"), "close") {
			rest, end := c.Rest()
			return append(got, rest...), end, nil
		}
		return got, r.End, nil
	}
}

var (
	dateField    = regexp.MustCompile(`(?m)^Date: [^\r\n]+`)
	framingField = regexp.MustCompile(`(?m)^(Content-Length: \d+|Transfer-Encoding: chunked)\r\n`)
)

// comparablePart is a response without what may differ: the time of day, and what
// depends on whether blocks that a daemon process gave together are passed on
// together. That is where the chunks of a body part, and for mod_deflate, which
// is told to flush at each of them, how the body is packed and so its length.
func comparablePart(r Response) ([]byte, error) {
	head, _, _ := bytes.Cut(r.Raw, []byte("\r\n\r\n"))
	head = dateField.ReplaceAll(head, []byte("Date: now"))
	body := r.Body
	if r.Header.Get("Content-Encoding") == "gzip" && len(body) > 0 {
		head = framingField.ReplaceAll(head, nil)
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("compressed body: %w", err)
		}
		if body, err = io.ReadAll(z); err != nil && r.End == EndFramed {
			return nil, fmt.Errorf("compressed body: %w", err)
		}
	}
	return slices.Concat(head, []byte("\r\n\r\n"), body, []byte("["+r.End+"]")), nil
}

// firstDifference shows where two answers part.
func firstDifference(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := max(0, at-120)
	return fmt.Sprintf("at byte %d of %d and %d\nembedded: %q\ndaemon:   %q", at, len(a), len(b), clip(a[from:]), clip(b[from:]))
}

// ownToMode are the keys of an environ in which the modes differ, or two
// servers or two requests do.
var ownToMode = map[string]string{
	"REMOTE_PORT":                "the client's",
	"mod_wsgi.process_group":     "there is none in embedded mode",
	"mod_wsgi.server_pid":        "of another server",
	"mod_wsgi.request_id":        "each request has its own",
	"mod_wsgi.request_start":     "the time",
	"mod_wsgi.queue_start":       "0.0 in embedded mode",
	"mod_wsgi.daemon_start":      "0.0 in embedded mode",
	"mod_wsgi.application_start": "the time",
	"mod_wsgi.thread_id":         "whichever was idle",
}

// TestParityEnviron wants both modes to give an application the same keys,
// types and values.
func TestParityEnviron(t *testing.T) {
	cases := []Case{
		{Name: "plain", App: "environ", Conf: []string{"WSGIChunkedRequest On"}},
		{Name: "mounted", App: "environ", Mount: "/environ/a", Conf: []string{
			"WSGIPassAuthorization On", "WSGIChunkedRequest On", "SetEnv FOO bar", "SetEnv HTTPS on", "ServerAdmin a@b.c",
			"WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto"}},
	}
	inBothModes(t, cases, func(servers []*Session) {
		differed, compared := map[string]bool{}, 0
		for _, c := range cases {
			for _, q := range environRequests("/environ/a") {
				var got [2]map[string]shown
				for i, s := range servers {
					var err error
					if got[i], err = environAt(t.Context(), s.Server, c, q); err != nil {
						t.Fatalf("%s: %s %s, %s: %v", c.Name, q.method(), q.Path, s.Cell.Mode, err)
					}
				}
				compared += len(got[0])
				for _, key := range keysApart(got[0], got[1]) {
					differed[key] = true
					if a, b := got[0][key], got[1][key]; ownToMode[key] == "" || a.Type != b.Type {
						t.Errorf("%s: %s %s: %s is %s %s embedded, %s %s in daemon mode", c.Name, q.method(), q.Path, key, a.Type, a.Repr, b.Type, b.Repr)
					}
				}
			}
		}
		for key, why := range ownToMode {
			if !differed[key] {
				t.Errorf("%s is listed as different (%s), and is the same", key, why)
			}
		}
		t.Logf("note: parity: %d values of environs compared, %d keys are each mode's own", compared, len(ownToMode))
	})
}

// keysApart are the keys that only one of them has, or that have other values.
func keysApart(a, b map[string]shown) []string {
	var keys []string
	for key, v := range a {
		if w, has := b[key]; !has || w != v {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, has := a[key]; !has {
			keys = append(keys, key)
		}
	}
	return keys
}

// environAt is what the application environ of a case says, without what a
// server has of its own: its port, its folder, and where objects are.
func environAt(ctx context.Context, s *Server, c Case, q Request) (env map[string]shown, err error) {
	conn, err := dial(ctx, s.Port)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Send(q.bytes(hostOf(c), true)); err != nil {
		return nil, err
	}
	r, err := conn.Read(q.method())
	if err != nil {
		return nil, err
	}
	if r.Status != 200 {
		return nil, fmt.Errorf("status %d", r.Status)
	}
	text := strings.NewReplacer(s.Root, "ROOT", strconv.Itoa(s.Port), "PORT").Replace(string(r.Body))
	err = json.Unmarshal([]byte(address.ReplaceAllString(text, "")), &env)
	return env, err
}
