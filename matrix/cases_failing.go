package matrix

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// failingCases are about applications that break the rules, and what is left
// on the wire and in the log then.
func failingCases() []Case {
	const boom = `ZeroDivisionError: boom`
	fails := func(name, path string, a Announce) Case {
		return Case{Name: name, App: "failing", Announced: a, Steps: []Exchange{{Request{Path: path}, Want{Status: 500}}}}
	}
	ours := func(c Case) Case { c.Ours = true; return c }
	covers := func(ids string, c Case) Case { c.Covers = ids; return c }
	return []Case{
		{Name: "failing", MPMs: true, Covers: "RS15 RS17", Steps: []Exchange{
			{Request{Path: "/fine"}, Want{Body: "fine"}},
			{Request{Path: "/replaced"}, Want{Status: 500, Reason: "Replaced", Body: "replaced", Have: map[string]string{"X-Replaced": "yes"}}},
			{Request{Path: "/twice"}, Want{Status: 200, Reason: "Second", Body: "second", Have: map[string]string{"X-Second": "yes"}, Lack: []string{"X-First"}}},
			{Request{Path: "/twice_late"}, Want{Body: "part RuntimeError"}},
		}},
		covers("RS05", fails("raises-before", "/before", append(traceback(boom), `^\s*File ".*app\.wsgi", line \d+, in boom$`, `^\s*File ".*app\.wsgi", line \d+, in before$`))),
		{Name: "raises-plainly", App: "failing", Ours: true, Own: true, Announced: append(traceback(boom), `^\s*File ".*app\.wsgi", line \d+, in boom$`), Steps: []Exchange{
			{Request{Path: "/no_traceback"}, Want{Status: 500}}, // a process without descriptors cannot import it either
		}},
		fails("raises-started", "/started", traceback(boom)),
		fails("raises-first-block", "/first_block", traceback(boom)),
		fails("no-start-response", "/no_start", raised(`RuntimeError: `)),
		covers("RS07", ours(fails("no-start-response-empty", "/no_start_empty", raised(`RuntimeError: `)))),
		covers("RS09", fails("returns-none", "/none", raised(`TypeError: `))),
		{Name: "interim-status", App: "failing", Ours: true, Covers: "RS11", Announced: traceback(`ValueError: status below 200 is not a final response: b'10[03] `), Steps: []Exchange{
			{Request{Path: "/continued"}, Want{Status: 500}}, {Request{Path: "/hinted"}, Want{Status: 500}},
		}},
		fails("yields-text", "/text", raised(`TypeError: `)),
		fails("yields-number", "/number", raised(`TypeError: `)),
		fails("yields-bytearray", "/array", raised(`TypeError: `)),
		ours(fails("returns-bytes", "/raw_bytes", raised(`TypeError: .*bytes`))),
		{Name: "system-exit", App: "failing", Covers: "RS37", Announced: Announce{`SystemExit ignored.*processing WSGI script`, `^SystemExit: 3$`, `?Traceback`, `?^\s*File ".*", line \d+`, `?^ {4,}\S`}, Do: func(t *T) {
			before := t.Get("/show").Body
			t.check(Request{Path: "/system_exit"}, Want{Status: 500}, t.Get("/system_exit"))
			Same(t, "process after SystemExit", string(t.Get("/show").Body), string(before))
		}},
		{Name: "close-once", App: "failing", Covers: "RS04", Announced: append(traceback(boom), cutLine), Do: closeOnce},
		{Name: "close-raises", App: "failing", Announced: traceback(boom), Steps: []Exchange{{Request{Path: "/bad_close"}, Want{Body: "whole"}}}, Ours: true},
		{Name: "raises-after", App: "failing", Covers: "RS06", Announced: append(traceback(boom), cutLine), Ours: true, Do: func(t *T) { t.cut("/after", "part") }},
		{Name: "text-after", App: "failing", Covers: "RS08", Announced: raised(`TypeError: `), Ours: true, Do: func(t *T) {
			t.cut("/text_later", "bytes")
			t.cut("/number_later", "bytes")
			t.check(Request{Path: "/text"}, Want{Status: 500}, t.Get("/text"))
			t.check(Request{Path: "/number"}, Want{Status: 500}, t.Get("/number"))
		}},
		{Name: "reraised", App: "failing", Covers: "RS16", Announced: append(traceback(boom), cutLine), Ours: true, Do: func(t *T) { t.cut("/reraised", "part") }},
		{Name: "bad-length", App: "failing", Covers: "RS20", Announced: traceback(`ValueError: .*Content-Length`), Ours: true, Do: func(t *T) {
			for _, length := range []string{"abc", "-1", "+5", "5x", "", "99999999999999999999999"} {
				t.check(Request{Path: "Content-Length " + length}, Want{Status: 500}, t.Get("/bad_length?"+length))
			}
			t.check(Request{Path: "/two_lengths"}, Want{Status: 500}, t.Get("/two_lengths"))
		}},
		{Name: "length-long", App: "length", Covers: "RS18", Steps: []Exchange{
			{Request{Path: "/12/20"}, Want{Body: "012345678901", Have: map[string]string{"Content-Length": "12"}}},
			{Request{Path: "/0/5"}, Want{Empty: true}},
			{Request{Path: "/20/20"}, Want{Body: "01234567890123456789"}},
		}},
		{Name: "length-short", App: "length", Covers: "RS19", Announced: Announce{`WSGIM0612: .*shorter than its Content-Length: [05] of 500 bytes`, cutLine}, Ours: true, Do: func(t *T) {
			// Defect D1 of the original: the connection must end, or the next
			// response on it is read as the rest of this one.
			t.cut("/500/5", "01234")
			t.check(Request{Path: "/500/0"}, Want{Status: 500}, t.Get("/500/0")) // nothing was sent yet
			t.check(Request{Path: "/5/5"}, Want{Body: "01234"}, t.Get("/5/5"))
			head := t.Do(Request{Method: "HEAD", Path: "/500/0"})
			t.check(Request{Method: "HEAD", Path: "/500/0"}, Want{Empty: true}, head)
		}},
		{Name: "vhost-log", App: "failing", Announced: traceback(boom), Ours: true, Do: func(t *T) {
			t.check(Request{Path: "/before"}, Want{Status: 500}, t.Get("/before"))
			own := t.Server.LogText(t.ownLog())
			for _, want := range []string{boom, "Traceback", "processing WSGI script", "in boom"} {
				if !strings.Contains(own, want) {
					t.Errorf("the log of the virtual host lacks %q: %s", want, tailOf(own))
				}
			}
			for _, r := range t.since("error.log") {
				if strings.Contains(r.Text, "ZeroDivisionError") {
					t.Errorf("the server's log has it as well: %s", r.Line)
				}
			}
		}},
		{Name: "kept", Covers: "RS38", Announced: Announce{`?written after its request`, `?.*RuntimeError`}, Do: func(t *T) {
			Same(t, "first answer", string(t.Get("/").Body), "kept")
			want := "RuntimeError\nRuntimeError\nRuntimeError\nRuntimeError\nRuntimeError\n"
			for range 2 {
				got := string(t.Get("/").Body)
				if !strings.HasPrefix(got, want) {
					t.Errorf("used after the request: %q, want %q and more", got, want)
				}
			}
		}},
	}
}

// cut wants a response that begins with text and does not end as it should, on
// a connection that is closed, while the next request is served.
func (t *T) cut(path, text string) {
	c := t.Dial()
	r := t.Exchange(c, Request{Path: path})
	got, _, _ := strings.Cut(string(r.Body), "\r\n")
	if r.Status != 200 || got != text {
		t.Errorf("%s: status %d and %q, want 200 and %q", path, r.Status, clip(r.Body), text)
	}
	if r.End != EndClosed && r.End != EndReset {
		t.Errorf("%s: the broken response ended %s: the client cannot tell", path, r.End)
	}
	if more, end := c.Rest(); len(more) > 0 || end == EndStuck {
		t.Errorf("%s: the connection went on with %q (%s)", path, clip(more), end)
	}
}

// closeOnce wants one close() for each result, whatever happened to it.
func closeOnce(t *T) {
	t.Get("/fine")
	t.Do(Request{Method: "HEAD", Path: "/fine"})
	t.Get("/first_block")
	c := t.Dial()
	t.Exchange(c, Request{Path: "/after"})
	left := t.Dial()
	t.Send(left, Request{Path: "/endless"})
	if _, err := left.Head(); err != nil {
		t.Fatalf("%v", err)
	}
	left.Close()
	var got string
	t.Wait("close() of each result", func() bool {
		got, _, _ = strings.Cut(string(t.Get("/show").Body), " ")
		return strings.Count(got, ",") >= 4
	})
	Same(t, "calls of close()", got, "fine,fine,first_block,after,endless")
}

// cutLine may follow an application's error after the head went out.
const cutLine = `?WSGIM02\d\d: .*closed`

// unloaded announces a script that could not be loaded, by its exception.
func unloaded(exception string) Announce {
	return Announce{
		exception, `WSGIM0601: Target WSGI script '.*' cannot be loaded: `,
		`?Traceback \(most recent call last\):`, `?^\s*File ".*", line \d+`, `?^ {4,}\S`,
		`?^$`, // between the tracebacks of a chain
	}
}

// scriptCases are about loading and reloading scripts.
func scriptCases() []Case {
	broken := func(name, script string, status int, a ...string) Case {
		return Case{Name: name, App: "scripts", Script: script, Announced: a, Steps: []Exchange{{Request{}, Want{Status: status}}}}
	}
	return []Case{
		{Name: "scripts", Covers: "IN02", Steps: []Exchange{{Request{}, Want{Body: "(True, True, True)"}}}},
		broken("script-syntax", "syntax.wsgi", 500, unloaded(`SyntaxError: `)...),
		broken("script-missing-callable", "missing.wsgi", 404, `WSGIM0614: .*missing\.wsgi' has no callable 'application'`),
		broken("script-import", "imports.wsgi", 500, unloaded(`ModuleNotFoundError: No module named 'no_such_module_anywhere'`)...),
		broken("script-raises", "raises.wsgi", 500, append(unloaded(`KeyError: 'DATABASE_URL'`), `RuntimeError: cannot configure`, `direct cause`)...),
		broken("script-exits", "exits.wsgi", 500, unloaded(`SystemExit`)...),
		{Name: "first-line", App: "scripts", Script: "raises.wsgi", Announced: append(unloaded(`KeyError: 'DATABASE_URL'`), `RuntimeError: cannot configure`, `direct cause`), Ours: true, Do: firstLine},
		{Name: "script-mended", Covers: "IN09", App: "scripts", Script: "syntax.wsgi", Announced: unloaded(`SyntaxError: `), Do: func(t *T) {
			t.check(Request{}, Want{Status: 500}, t.Get("/"))
			t.replace("syntax.wsgi", "def application(e, s):\n    s('200 OK', [])\n    return [b'mended']\n")
			t.check(Request{}, Want{Body: "mended"}, t.Get("/"))
		}},
		{Name: "reload", Covers: "IN11 IN12", Daemon: "threads=2", Do: reload},
		{Name: "reload-interpreter", App: "reload", Daemon: "threads=2", Interpreter: "sub", Do: reload},
		{Name: "reload-backwards", Covers: "IN16", App: "reload", Daemon: "threads=2", Do: func(t *T) {
			t.Get("/")
			t.generation(2, -time.Hour)
			t.check(Request{}, Want{Match: "^2 "}, t.Get("/"))
		}},
		{Name: "reload-off", Covers: "IN13", App: "reload", Conf: []string{"WSGIScriptReloading Off"}, Do: func(t *T) {
			first := t.Get("/").Body
			t.generation(2, time.Hour)
			Same(t, "answer without reloading", string(t.Get("/").Body), string(first))
		}},
		{Name: "reload-required", Covers: "IN14", App: "reload", Script: "required.wsgi", Daemon: "threads=1", Announced: append(frames(`ValueError: cannot tell`), `WSGIM0609: reload_required\(\)`), Do: func(t *T) {
			if err := os.Chmod(t.Dir, 0o777); err != nil { // it removes its own sign
				t.Fatalf("%v", err)
			}
			first := string(t.Get("/").Body)
			Same(t, "answer while not required", string(t.Get("/").Body), first)
			t.open("again")
			second := string(t.Get("/").Body)
			if second == first {
				t.Errorf("not reloaded when reload_required said so")
			}
			t.open("raise")
			Same(t, "answer while reload_required raises", string(t.Get("/").Body), second)
		}},
	}
}

// firstLine wants the first grave line of a script that does not load to name
// the exception at the root of it.
func firstLine(t *T) {
	t.check(Request{}, Want{Status: 500}, t.Get("/"))
	t.WaitLog(`Traceback`)
	for _, r := range t.since(t.ownLog()) {
		if r.Grave() {
			if !strings.Contains(r.Text, "KeyError: 'DATABASE_URL'") {
				t.Errorf("the first line does not name the root exception: %s", r.Line)
			}
			return
		}
	}
}

// replace writes a script anew, with a time that differs from the old one.
func (t *T) replace(name, text string) {
	path := filepath.Join(t.Dir, name)
	beside := path + ".new"
	if err := os.WriteFile(beside, []byte(text), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(beside, later, later); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.Rename(beside, path); err != nil {
		t.Fatalf("%v", err)
	}
}

// generation changes the number that the application reload answers, and the
// time of its file by shift from now.
func (t *T) generation(n int, shift time.Duration) {
	path := filepath.Join(t.Dir, "app.wsgi")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	changed := strings.Replace(string(text), "generation = 1", "generation = "+string(rune('0'+n)), 1)
	t.replace("app.wsgi", changed)
	when := time.Now().Add(shift)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatalf("%v", err)
	}
}

// reload changes the script: in place and in the same process in embedded
// mode, by a new process in daemon mode; the answer is 200 in both.
func reload(t *T) {
	before := strings.Fields(string(t.Get("/").Body))
	again := strings.Fields(string(t.Get("/").Body))
	if len(before) != 3 || strings.Join(before, " ") != strings.Join(again, " ") {
		t.Fatalf("answers %q and %q, want one generation, process and count", before, again)
	}
	t.generation(2, time.Hour)
	after := strings.Fields(string(t.Get("/").Body))
	if len(after) != 3 {
		t.Fatalf("answer after the change: %q", after)
	}
	Same(t, "generation", after[0], "2")
	if t.Mode == Embedded {
		Same(t, "process", after[1], before[1])
		Same(t, "times that the script was run beside kept modules", after[2], "2")
		return
	}
	if after[1] == before[1] {
		t.Errorf("the process is still %s", after[1])
	}
	Same(t, "times that the script was run in its process", after[2], "1")
	Same(t, "generation of the next answer", string(t.Get("/").Body), strings.Join(after, " "))
}

// killed ends a process with a signal that it cannot answer.
func (t *T) killed(pid int) {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("killing %d: %v", pid, err)
	}
}
