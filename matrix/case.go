package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"modwsgi/pybuild"
)

// logDeadline is how long an announced log line may take after the response.
const logDeadline = 3 * time.Second

// Case is one rule of the module under test: an application, what is asked of
// it, and what the error log may say.
type Case struct {
	Name   string
	App    string // folder below testdata/apps; the name when empty
	Script string // file in it; app.wsgi when empty
	Modes  []Mode // none: both
	MPMs   bool   // run under every MPM and not only the first
	Ours   bool   // other implementations are known not to do it
	Covers string // the promises of acceptance.go that it shows, "RS01 RS02"

	Mount       string   // where the script is mounted; "/" when empty, "-" nowhere
	Interpreter string   // application group; the main interpreter when empty
	Daemon      string   // options of a daemon group of its own; the shared one when empty
	Conf        []string // directives of its virtual host
	Own         bool     // it disturbs the server: it gets its own
	Global      []string // directives of the main server, for cases with their own

	Prepare func(dir string) error                      // more files beside the application, before the server starts
	Jail    func(dir string, python pybuild.Info) error // the same, of the Python under test
	Extra   []Site                                      // further virtual hosts, for cases with their own

	Announced Announce   // grave log lines that are expected
	AtStop    Announce   // the same for when its own server is stopped
	Steps     []Exchange // requests and what must come, in order
	Do        func(*T)   // more than that
}

// Exchange is one request with what must come back.
type Exchange struct {
	Request
	Want
}

// Want is what a response must be. Zero fields are not looked at, apart from
// Status, which is 200 unless told.
type Want struct {
	Status int
	Reason string
	Body   string            // exactly
	Match  string            // a regular expression that the body matches
	Empty  bool              // no body
	Have   map[string]string // header fields, values joined with "; "
	Lack   []string          // header fields that must not be there
	End    End               // how it ends; whole when empty
}

func (c Case) app() string    { return orElse(c.App, c.Name) }
func (c Case) script() string { return orElse(c.Script, "app.wsgi") }

// in tells whether the case makes sense in a mode.
func (c Case) in(m Mode) bool {
	for _, each := range c.Modes {
		if each == m {
			return true
		}
	}
	return len(c.Modes) == 0
}

// T is what a running case sees: its server, and how to complain. It is used
// by one goroutine, apart from Errorf.
type T struct {
	Context context.Context
	Server  *Server
	Mode    Mode
	GIL     GIL
	Case    Case
	Host    string // of its virtual host
	Dir     string // its own copy of the application's folder

	conns []*Conn
	start map[string]int // length of each log when the case began
	fails failures
	told  []string
	skip  string
}

// stopCase is thrown by Fatalf and Skipf and caught by the cell.
type stopCase struct{}

// Errorf notes a failure and goes on.
func (t *T) Errorf(format string, args ...any) { t.fails.add(fmt.Sprintf(format, args...)) }

// Notef says something worth knowing of a case that passes, such as a figure.
func (t *T) Notef(format string, args ...any) {
	t.told = append(t.told, fmt.Sprintf(format, args...))
}

// Fatalf notes a failure and ends the case.
func (t *T) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(stopCase{})
}

// Skipf ends the case as not run.
func (t *T) Skipf(format string, args ...any) {
	t.skip = fmt.Sprintf(format, args...)
	panic(stopCase{})
}

// Dial opens a connection; it is closed at the end of the case.
func (t *T) Dial() *Conn {
	c, err := dial(t.Context, t.Server.Port)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.conns = append(t.conns, c)
	return c
}

// Send sends a request on a connection that stays open.
func (t *T) Send(c *Conn, q Request) {
	if err := c.Request(t.bytes(q, false)); err != nil {
		t.Fatalf("sending %s %s: %v", q.method(), q.Path, err)
	}
}

// bytes is the request with a Host field like that of a browser.
func (t *T) bytes(q Request, close bool) []byte {
	return q.bytes(fmt.Sprintf("%s:%d", t.Host, t.Server.Port), close)
}

// Exchange sends a request on a connection and reads the response.
func (t *T) Exchange(c *Conn, q Request) Response {
	t.Send(c, q)
	r, err := c.Read(q.method())
	if err != nil {
		t.Fatalf("%s %s: %v", q.method(), q.Path, err)
	}
	return r
}

// Get is [T.Do] for a path.
func (t *T) Get(path string) Response { return t.Do(Request{Path: path}) }

// Do makes one request on a connection of its own. A server that closes early
// while the request is being sent may still have answered: that is read.
func (t *T) Do(q Request) Response {
	c := t.Dial()
	sendErr := c.Request(t.bytes(q, true))
	r, err := c.Read(q.method())
	if err != nil {
		t.Fatalf("%s %s: %v (sending: %v)", q.method(), q.Path, err, sendErr)
	}
	c.Close()
	return r
}

// JSON gets a path, wants status 200, and reads the body into v.
func (t *T) JSON(path string, v any) {
	t.decode(Request{Path: path}, v)
}

func (t *T) decode(q Request, v any) {
	r := t.Do(q)
	if r.Status != 200 {
		t.Fatalf("%s: status %d: %s", q.Path, r.Status, clip(r.Body))
	}
	t.parse(q.Path, r, v)
}

// parse reads a body of JSON into v.
func (t *T) parse(path string, r Response, v any) {
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("%s: %v in %s", path, err, clip(r.Body))
	}
}

// Wait waits for a state, or ends the case.
func (t *T) Wait(what string, state func() bool) {
	if err := t.Server.await(t.Context, clientTimeout, what, state); err != nil {
		t.Fatalf("%v", err)
	}
}

// WaitLog waits for a line in the case's logs that matches.
func (t *T) WaitLog(expr string) {
	re := regexp.MustCompile(expr)
	t.Wait("the log line "+expr, func() bool {
		for _, r := range t.Log() {
			if re.MatchString(r.Text) {
				return true
			}
		}
		return false
	})
}

// Log is what was written since the case began: its own log, then the
// server's.
func (t *T) Log() []Record {
	return append(t.since(t.ownLog()), t.since("error.log")...)
}

func (t *T) ownLog() string { return t.Host + ".log" }

func (t *T) since(name string) []Record {
	text := t.Server.LogText(name)
	if at := t.start[name]; at <= len(text) {
		text = text[at:]
	}
	return ParseLog(text)
}

// Same complains unless got is want.
func Same[V comparable](t *T, what string, got, want V) {
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// check compares a response with what was wanted.
func (t *T) check(q Request, w Want, r Response) {
	name := q.method() + " " + orElse(q.Path, "/")
	status := w.Status
	if status == 0 {
		status = 200
	}
	if r.Status != status {
		t.Errorf("%s: status %d, want %d: %s", name, r.Status, status, clip(r.Body))
		return
	}
	if w.Reason != "" && r.Reason != w.Reason {
		t.Errorf("%s: reason %q, want %q", name, r.Reason, w.Reason)
	}
	if w.Body != "" && string(r.Body) != w.Body {
		t.Errorf("%s: body %q, want %q", name, clip(r.Body), clip([]byte(w.Body)))
	}
	if w.Match != "" && !regexp.MustCompile(w.Match).Match(r.Body) {
		t.Errorf("%s: body %q does not match %s", name, clip(r.Body), w.Match)
	}
	if w.Empty && len(r.Body) > 0 {
		t.Errorf("%s: body %q, want none", name, clip(r.Body))
	}
	for field, want := range w.Have {
		if got := strings.Join(r.Header.Values(field), "; "); got != want {
			t.Errorf("%s: %s is %q, want %q", name, field, got, want)
		}
	}
	for _, field := range w.Lack {
		if got := r.Header.Values(field); len(got) > 0 {
			t.Errorf("%s: has %s %q", name, field, got)
		}
	}
	complete := w.End == "" && (r.End == EndFramed || r.End == EndDelimited)
	if !complete && r.End != w.End {
		t.Errorf("%s: response ended %s, want %s", name, r.End, orElse(string(w.End), "a whole one"))
	}
}

// run makes the steps, then the rest.
func (t *T) run() {
	for _, s := range t.Case.Steps {
		t.check(s.Request, s.Want, t.Do(s.Request))
	}
	if t.Case.Do != nil {
		t.Case.Do(t)
	}
}

// settle waits until the access log has every request of the case: what a
// request logs, it logs before that line. So nothing is judged too early and
// nothing late is put down to the next case.
func (t *T) settle() {
	for _, c := range t.conns {
		c.Close()
	}
	missing := 0
	done := func() bool {
		text := t.Server.LogText("access.log")
		if at := t.start["access.log"]; at <= len(text) {
			text = "\n" + text[at:]
		}
		missing = 0
		for _, c := range t.conns {
			if n := c.sent - strings.Count(text, fmt.Sprintf("\n%d ", c.Port())); n > 0 {
				missing += n
			}
		}
		return missing == 0
	}
	if err := t.Server.await(t.Context, clientTimeout, "the requests to end", done); err != nil {
		t.Errorf("%v (%d never came to the access log)", err, missing)
	}
}

// judge compares the logs with what the case announced, giving lines that
// other processes write a moment to arrive.
func (t *T) judge() {
	if t.Server.Conf.Target.Foreign && len(t.Case.Announced) > 0 {
		return // others use other words; that they say nothing is judged
	}
	var v Verdict
	var err error
	// That nothing is missing in the end is said by the verdict itself.
	_ = t.Server.await(t.Context, logDeadline, "the announced log lines", func() bool {
		v, err = Judge(t.Log(), t.Case.Announced)
		return err != nil || len(v.Missing) == 0
	})
	if err != nil {
		t.Errorf("%v", err)
	}
	for _, complaint := range v.Complaints() {
		t.Errorf("%s", complaint)
	}
}
