package matrix

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"modwsgi/internal/pattern"
)

// outcome is what becomes of a response that is not as it should be.
type outcome string

const (
	cutShort outcome = "cut"  // the client can tell: it ends too early, and the connection with it
	anError  outcome = "page" // Apache's own page, status 500
	complete outcome = "whole"
	nothing  outcome = "none" // the connection ends before a response
)

// breach is one way to break a response, named by the path of the application
// broken.
type breach struct {
	path   string
	want   outcome
	status int    // 200, or that of a page, when 0
	body   string // what reaches the client, a regular expression
	log    string // number of the one grave line with a number; none when empty
	head   bool   // no breach of a response to HEAD
}

// breaches are those that leave the process alone.
func breaches() []breach {
	return []breach{
		{path: "raises", want: anError, log: "0610"},
		{path: "raises_started", want: anError, log: "0610"},
		{path: "raises_block", want: cutShort, body: "begun", log: "0610"},
		{path: "raises_block_of_length", want: cutShort, body: "begun", log: "0610"},
		{path: "raises_complete", want: complete, body: "begun", log: "0610"},
		{path: "raises_written", want: cutShort, body: "begun", log: "0610"},
		{path: "raises_again", want: cutShort, body: "begun", log: "0610"},
		{path: "exits_block", want: cutShort, body: "begun", log: "0611"},
		{path: "close_raises", want: complete, body: "whole", log: "0613"},
		{path: "text_block", want: cutShort, body: "begun", log: "0610"},
		{path: "number_block", want: cutShort, body: "begun", log: "0610"},
		{path: "short_list", want: cutShort, body: "begun", log: "0612", head: true},
		{path: "short_blocks", want: cutShort, body: "begun", log: "0612", head: true},
		{path: "short_written", want: cutShort, body: "begun", log: "0612", head: true},
		{path: "short_file", want: cutShort, body: "begun", log: "0612", head: true},
		{path: "short_nothing", want: anError, log: "0612", head: true},
		{path: "long_list", want: complete, body: "whole"},
		{path: "long_blocks", want: complete, body: "whole"},
		{path: "long_written", want: complete, body: "whole"},
		{path: "long_nothing", want: complete},
		{path: "bad_length", want: anError, log: "0610"},
		{path: "two_lengths", want: anError, log: "0610"},
		{path: "no_content", want: complete, status: 204},
		{path: "not_modified", want: complete, status: 304},
		{path: "coded", want: complete, body: `5\r\nGHOST\r\n0\r\n\r\n`},
		{path: "kept_alive", want: cutShort, body: "begun", log: "0610"},
		{path: "split", want: anError, log: "0610"},
		{path: "keeps_write", want: complete, body: "whole"},
		{path: "keeps_stream", want: complete, body: "whole"},
		{path: "thread", want: complete, body: "T*wholeT*"},
	}
}

// dying are those that take the process along: before the head a daemon's
// client is told so.
func dying() []breach {
	return []breach{
		{path: "killed", want: cutShort, body: "begun", log: "0229"},
		{path: "killed?length", want: cutShort, body: "begun", log: "0229"},
		{path: "crashed", want: cutShort, body: "begun", log: "0229"},
		{path: "left", want: cutShort, body: "begun", log: "0229"},
		{path: "killed_early", want: anError, status: 502, log: "0229"},
	}
}

// forking have a child of the process come back out of the application: it is
// no server, and the connection is not its own.
func forking() []breach {
	return []breach{
		{path: "forks", want: complete, body: "whole", log: "0615"},
		{path: "forks_exits", want: complete, body: "whole"},
		{path: "forks_block", want: complete, body: "whole", log: "0615"},
		{path: "forks_raises", want: complete, body: "whole", log: "0615"},
	}
}

// rogues have a daemon process say what it must not.
func rogues() []breach {
	var all []breach
	for _, kind := range []struct {
		status int
		log    string
		frames []string
	}{
		{500, "0224", []string{"interim", "beyond", "counted", "negative", "lines", "name", "twice"}},
		{502, "0225", []string{"headless", "hints"}},
		{502, "0231", []string{"unknown", "endless", "truncated", "fileless"}},
		{500, "0241", []string{"ended"}},
	} {
		for _, name := range kind.frames {
			all = append(all, breach{path: "rogue?" + name, want: anError, status: kind.status, log: kind.log})
		}
	}
	return all
}

// conversation is how the requests round a broken response are put.
type conversation struct {
	name  string
	proto string
	lines []string // of both requests
	post  bool     // the first has a body that nobody reads, made of requests
	head  bool     // the first is a HEAD
	one   bool     // nothing follows it on the connection
}

func conversations() []conversation {
	return []conversation{
		{name: "HTTP/1.0", proto: "HTTP/1.0", one: true},
		{name: "HTTP/1.0 keep-alive", proto: "HTTP/1.0", lines: []string{"Connection: keep-alive"}},
		{name: "HTTP/1.1 pipelined", proto: "HTTP/1.1"},
		{name: "HTTP/1.1 HEAD", proto: "HTTP/1.1", head: true},
		{name: "HTTP/1.1 body unread", proto: "HTTP/1.1", post: true},
	}
}

// brokenCases put a second request behind one whose response breaks: the
// connection ends, or the second response is exactly itself.
func brokenCases() []Case {
	about := Announce{`WSGIM06(10|11|12|13): `, `?^(ZeroDivisionError|TypeError|ValueError|SystemExit)\b`, `?Traceback`, `?^\s*File ".*", line \d+`, `?^ {4,}\S`, `?^$`, `?During handling`}
	lost := func(number string) Announce {
		return Announce{`WSGIM` + number + `: .*daemon process.*'g-broken-late`, `?WSGIM04\d\d|WSGIM0511|(?i)timeout|daemon process`, `?(^|] )thread \d+: `}
	}
	return []Case{
		{Name: "broken-child", App: "broken", Own: true, Ours: true, Modes: []Mode{Embedded}, Announced: Announce{`?AH0005\d`}, Do: childDies},
		{Name: "broken-late-request", App: "gated", Ours: true, Modes: daemonOnly, Daemon: "threads=1 request-timeout=1 graceful-timeout=1 shutdown-timeout=1", Announced: lost("0238"), Do: tooLate},
		{Name: "broken-late-socket", App: "gated", Ours: true, Modes: daemonOnly, Daemon: "threads=2 socket-timeout=1", Announced: lost("0230"), Do: tooLate},
		{Name: "broken", MPMs: true, Ours: true, Announced: append(about, `?WSGIM0620`), Do: func(t *T) {
			for _, b := range breaches() {
				for _, v := range conversations() {
					t.breakOnce(b, v)
				}
			}
		}},
		{Name: "broken-fork", App: "broken", Own: true, Ours: true, Daemon: "threads=2", Announced: Announce{`WSGIM0615: .* came back`, `(?:ZeroDivision|Runtime)Error: `, `of the child$`, `?Traceback`, `?\s+File ".*", line \d+`, `?^(?:\[daemon '.*'\])? {4,}\S`}, Do: func(t *T) {
			for _, b := range forking() {
				for _, v := range conversations() {
					t.breakOnce(b, v)
				}
			}
		}},
		// One thread: its answer is the only one.
		{Name: "broken-frames", App: "broken", Ours: true, Modes: daemonOnly, Daemon: "threads=1", Announced: Announce{`WSGIM02(24|25|31|41): `}, Do: func(t *T) {
			for _, b := range rogues() {
				for _, v := range conversations()[1:4] {
					t.breakOnce(b, v)
				}
			}
		}},
		{
			Name: "broken-process", App: "broken", Own: true, Ours: true, Modes: daemonOnly, Daemon: "processes=2 threads=2", Do: func(t *T) {
				for _, b := range dying() {
					for _, v := range conversations()[1:3] {
						t.breakOnce(b, v)
					}
				}
			},
			Announced: Announce{`WSGIM0229: .*daemon process.*'g-broken-process'`, `WSGIM040[13]: .*daemon process.*'g-broken-process'`, `?WSGIM04(13|27)`, lastWords},
		},
	}
}

// childDies has the httpd child itself die in embedded mode: its connections
// end where they are, and the next child serves.
func childDies(t *T) {
	for _, b := range dying() {
		c := t.Dial()
		send := append(t.bytes(Request{Path: "/" + b.path}, false), t.bytes(Request{Path: "/second"}, false)...)
		if err := c.Send(send); err != nil { // not counted: what dies writes no access log
			t.Fatalf("%s: %v", b.path, err)
		}
		all, end := c.Rest()
		if bytes.Contains(all, []byte("X-Second")) || bytes.Contains(all, []byte("222")) || end == EndStuck {
			t.Errorf("%s: %q came, then the connection was %s", b.path, clip(all), end)
		}
		if _, body, _ := bytes.Cut(all, []byte("\r\n\r\n")); len(body) > 0 && b.body == "" || bytes.HasSuffix(all, []byte("0\r\n\r\n")) {
			t.Errorf("%s: what came looks whole: %q", b.path, clip(all))
		}
		c.Close()
		next := t.Dial()
		if err := next.Send(t.bytes(Request{Path: "/second"}, true)); err != nil {
			t.Fatalf("after %s: %v", b.path, err)
		}
		r, err := next.Read("GET")
		if err != nil {
			t.Fatalf("after %s: %v", b.path, err)
		}
		t.check(Request{Path: "/second after " + b.path}, Want{Body: strings.Repeat("2", 600)}, r)
	}
}

// tooLate has a response stop in its middle until a limit of the group is over.
func tooLate(t *T) {
	t.notes()
	c := t.Dial()
	if err := c.Request(append(t.bytes(Request{Path: "/during"}, false), t.bytes(Request{Path: "/"}, false)...)); err != nil {
		t.Fatalf("%v", err)
	}
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	if body := strings.TrimSuffix(string(r.Body), "\r\n"); body != "begun" || r.End != EndClosed && r.End != EndReset {
		t.Errorf("%q came, then the response ended %s", clip(r.Body), r.End)
	}
	if more, end := c.Rest(); len(more) > 0 || end == EndStuck {
		t.Errorf("the connection went on with %q (%s)", clip(more), end)
	}
	t.open("go")
	t.check(Request{}, Want{Match: `^\d+$`}, t.Get("/"))
}

// messageOf finds the number of a line.
var messageOf = pattern.New(`WSGIM(\d{4})`)

// numbered counts the grave lines of the case by their numbers, those of the
// supervisor aside, which come when they come.
func (t *T) numbered() map[string]int {
	n := map[string]int{}
	for _, r := range t.Log() {
		if m := messageOf.FindStringSubmatch(r.Text); m != nil && r.Grave() && m[1][:2] != "04" && m[1] != "0620" {
			n[m[1]]++
		}
	}
	return n
}

// breakOnce has one response broken in one conversation, and looks at every
// byte that comes.
func (t *T) breakOnce(b breach, v conversation) {
	what := b.path + " over " + v.name
	before := t.numbered()
	first := Request{Path: "/" + b.path, Proto: v.proto, Header: v.lines}
	if v.head {
		first.Method = "HEAD"
	}
	if v.post {
		first.Method = "POST"
		first.Body = bytes.Repeat([]byte("GET /ghost HTTP/1.1\r\nHost: "+t.Host+"\r\n\r\n"), 200)
	}
	send := t.bytes(first, false)
	if !v.one {
		send = append(send, t.bytes(Request{Path: "/second", Proto: v.proto, Header: v.lines}, false)...)
	}
	c := t.Dial()
	if err := c.Request(send); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	r, err := c.Read(first.method())
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	t.judgeBroken(what, b, v, r)
	t.judgeSecond(what, v, c, r.End == EndFramed)
	// Nor is anything left for whoever asks next by the same thread of Apache.
	next := t.Dial()
	for range 3 {
		t.check(Request{Path: "/second after " + what}, Want{Body: strings.Repeat("2", 600)}, t.Exchange(next, Request{Path: "/second"}))
	}
	c.Close()
	next.Close()
	want := map[string]int{}
	for n, count := range before {
		want[n] = count
	}
	if b.log != "" && !(b.head && v.head) {
		want[b.log]++
		t.Wait("the line WSGIM"+b.log+" of "+what, func() bool { return t.numbered()[b.log] >= want[b.log] })
	}
	Same(t, "grave lines by number after "+what, fmt.Sprint(t.numbered()), fmt.Sprint(want))
}

// judgeBroken compares the first response with what the breach must come to.
func (t *T) judgeBroken(what string, b breach, v conversation, r Response) {
	status := b.status
	if status == 0 {
		status = map[outcome]int{anError: 500}[b.want]
	}
	if status == 0 {
		status = 200
	}
	want := b.want
	if v.head && b.head {
		want, status = complete, 200
	} else if v.head && status == 200 && b.log != "" && b.log != "0613" {
		// There is no body to be cut; the failure may come before the head or after.
		if len(r.Body) > 0 || r.Status != 200 && r.Status != 500 {
			t.Errorf("%s: status %d with %q", what, r.Status, clip(r.Body))
		}
		return
	}
	Same(t, what+": status", r.Status, status)
	if want == anError {
		if !v.head && strings.Count(string(r.Body), "<html>") != 1 || r.End != EndFramed {
			t.Errorf("%s: one page of Apache is wanted, not %q (%s)", what, clip(r.Body), r.End)
		}
		return
	}
	body := strings.TrimSuffix(string(r.Body), "\r\n") // of a chunk that is not followed by another
	if want == complete {
		body = string(r.Body)
	}
	if !v.head && !regexp.MustCompile(`^(?:`+b.body+`)$`).MatchString(body) {
		t.Errorf("%s: body %q, want %q", what, clip(r.Body), b.body)
	}
	switch {
	case want == complete && (r.End == EndFramed || r.End == EndDelimited):
	case want == cutShort && (r.End == EndClosed || r.End == EndReset):
	case want == cutShort && r.End == EndDelimited && v.proto == "HTTP/1.0": // it has no way to tell
	default:
		t.Errorf("%s: the response ended %s, want it %s", what, r.End, want)
	}
}

// judgeSecond wants nothing more on the connection, or one response that is
// whole and the second request's own.
func (t *T) judgeSecond(what string, v conversation, c *Conn, inStep bool) {
	if v.one || !inStep {
		if more, end := c.Rest(); len(more) > 0 || end == EndStuck {
			t.Errorf("%s: the connection went on with %q (%s)", what, clip(more), end)
		}
		return
	}
	raw, _ := c.Some(clientTimeout)
	if len(raw) == 0 {
		return // Apache closed it, as it may
	}
	c.buf = append(raw, c.buf...)
	r, err := c.Read("GET")
	if err != nil {
		t.Errorf("%s: the second response: %v", what, err)
		return
	}
	t.check(Request{Path: "/second behind " + what}, Want{Body: strings.Repeat("2", 600), Have: map[string]string{"X-Second": "yes"}}, r)
	_ = c.CloseWrite()
	if more, end := c.Rest(); len(more) > 0 || end == EndStuck {
		t.Errorf("%s: after the second response came %q (%s)", what, clip(more), end)
	}
}
