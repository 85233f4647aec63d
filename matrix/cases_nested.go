package matrix

import (
	"bytes"
	"os"
	"path/filepath"
)

// nestedCases are about requests that Apache makes by itself while another is
// being answered or has failed, and about one that is sent to a second process.
func nestedCases() []Case {
	size := func(n int) string { return string(bytes.Repeat([]byte("x"), n)) }
	return []Case{
		// A filter of the response asks for more of the same group on the same thread.
		{Name: "nested", MPMs: true, Conf: []string{"<Location />", "Options +Includes", "</Location>", "<Location /page>", "SetOutputFilter INCLUDES", "</Location>"},
			Steps: []Exchange{
				{Request{Path: "/page"}, Want{Body: "<" + size(100000) + string(bytes.Repeat([]byte("-"), 200000)) + "xxx>"}},
				{Request{Path: "/part?3"}, Want{Body: "xxx"}},
			}},
		// The body belongs to the request that failed, which may have read it.
		{Name: "error-document", App: "nested", Conf: []string{"ErrorDocument 500 /sorry"}, Announced: Announce{`on purpose|Traceback|File "`},
			Steps: []Exchange{
				{Request{Path: "/fail"}, Want{Status: 500, Body: `['GET', '/fail', None, b'']`}},
				{Request{Method: "POST", Path: "/fail", Body: []byte("small")}, Want{Status: 500, Body: `['GET', '/fail', None, b'']`}},
				{Request{Method: "POST", Path: "/fail", Body: []byte(size(50000))}, Want{Status: 500, Body: `['GET', '/fail', None, b'']`}},
			}, Ours: true},
		{Name: "sent-again", App: "stalling", Modes: daemonOnly, Own: true, Ours: true, Daemon: "processes=2 threads=1", Do: sentAgain,
			Announced: Announce{`signal 9|daemon process.*'g-sent-again'`, `?still loading`}},
	}
}

// sentAgain wants a request that waited while a process died to be answered by
// another, and the process that was about to run it to have no word in that.
func sentAgain(t *T) {
	t.notes()
	busy := t.Dial()
	t.Send(busy, Request{Path: "/wait"})
	first := t.noted("waiting")
	stall := filepath.Join(t.notes(), "stall")
	if err := os.WriteFile(stall, nil, 0o666); err != nil {
		t.Fatalf("%v", err)
	}
	c := t.Dial()
	t.Send(c, Request{Path: "/large"})
	t.noted("loading") // by the second process, which has it in hand
	t.killed(first)
	r, err := c.Read("GET")
	if err != nil {
		t.Errorf("%v", err)
	}
	t.open("go")
	t.check(Request{Path: "/large"}, Want{}, r)
	if n := bytes.Count(r.Body, []byte("x")); n != 64<<20 || n != len(r.Body) {
		t.Errorf("got %d bytes, of which %d are right; want %d", len(r.Body), n, 64<<20)
	}
}
