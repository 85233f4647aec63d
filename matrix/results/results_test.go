package results

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"modwsgi/matrix/plan"
)

// M-2, M-7, M-9, M-11: what becomes of what happened, by what the plan says.
func TestJudge(t *testing.T) {
	known := &plan.Xfail{Reason: "it leaks", Issue: "12"}
	good := map[string]string{FactPython: "3.13.5", FactMPM: "event", FactGIL: "on"}
	other := map[string]string{FactPython: "3.12.1", FactMPM: "event"}
	again := []Attempt{{Status: Error, Seconds: 1}}
	tests := []struct {
		name  string
		was   Result
		p     plan.Planned
		want  Status
		word  string
		first string
	}{
		{"good", Result{Status: Pass, Facts: good}, plan.Planned{}, Pass, "pass", ""},
		{"another Python", Result{Status: Pass, Facts: other}, plan.Planned{}, Fail, "fail", "Python 3.12.1 ran, and not 3.13"},
		{"no Python told", Result{Status: Pass}, plan.Planned{}, Fail, "fail", "it did not tell which Python ran"},
		{"after another attempt", Result{Status: Pass, Facts: good, Earlier: again}, plan.Planned{}, Pass, "pass (flaky)", ""},
		{"never well", Result{Status: Error, Earlier: again}, plan.Planned{}, Error, "error", ""},
		{"skipped", Result{Status: Skip, Why: "not root"}, plan.Planned{}, Skip, "skip", ""},
		{"skipped, and required", Result{Status: Skip, Why: "interpreter missing"}, plan.Planned{Require: true}, Fail, "fail", "the plan requires this cell, and it was not run: interpreter missing"},
		{"known to fail", Result{Status: Fail, Messages: []string{"it leaks"}}, plan.Planned{Xfail: known}, XFail, "xfail", "it leaks"},
		{"known to fail, and late", Result{Status: Timeout}, plan.Planned{Xfail: known}, XFail, "xfail", ""},
		{"known to fail, and does not", Result{Status: Pass, Facts: good, Earlier: again}, plan.Planned{Xfail: known}, XPass, "xpass", "it passes, and the plan expects it to fail: it leaks (12)"},
		{"known to fail, another Python", Result{Status: Pass, Facts: other}, plan.Planned{Xfail: known}, XFail, "xfail", "Python 3.12.1 ran, and not 3.13"},
		{"known to fail, skipped, and required", Result{Status: Skip, Why: "budget"}, plan.Planned{Xfail: known, Require: true}, Fail, "fail", "the plan requires this cell, and it was not run: budget"},
		{"known to fail, skipped", Result{Status: Skip}, plan.Planned{Xfail: known}, Skip, "skip", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.p.ID, tt.p.Cell = "py3.13/event/daemon", plan.Cell{Python: "py3.13", MPM: "event", Mode: "daemon"}
			got := Judge(tt.was, tt.p, plan.Targets)
			first := ""
			if len(got.Messages) > 0 {
				first = got.Messages[0]
			}
			if got.Status != tt.want || got.Word() != tt.word || first != tt.first {
				t.Errorf("%s (%s), %q; want %s (%s), %q", got.Status, got.Word(), first, tt.want, tt.word, tt.first)
			}
			if got.ID != tt.p.ID || got.Repro != "go tool mage matrix:run -cells=py3.13/event/daemon" {
				t.Errorf("id %q, command %q", got.ID, got.Repro)
			}
			if (got.Status == XFail || got.Status == XPass) && got.Why != "it leaks (12)" {
				t.Errorf("the reason is %q", got.Why)
			}
		})
	}
}

// M-11: each fact that a cell asks for is compared, and no other.
func TestForeign(t *testing.T) {
	cell := func(python string) plan.Cell { return plan.Cell{Python: python, MPM: "event", Mode: "daemon"} }
	free, served := cell("py3.13t"), cell("py3.13")
	free.GIL, served.Apache = plan.Free, "ap2.4.62"
	tests := []struct {
		name  string
		cell  plan.Cell
		facts map[string]string
		want  string
	}{
		{"right", cell("py3.13"), map[string]string{FactPython: "3.13.5", FactFlags: "", FactGIL: "on", FactMPM: "event", FactApache: "2.4.62"}, ""},
		{"3.1 is not 3.13", cell("py3.1"), map[string]string{FactPython: "3.13.5"}, "Python 3.13.5 ran, and not 3.1"},
		{"a release", cell("py3.13.5"), map[string]string{FactPython: "3.13.5"}, ""},
		{"no GIL where one was asked for", cell("py3.13"), map[string]string{FactPython: "3.13.5", FactFlags: "t", FactGIL: "off"}, `a Python with the ABI flags "t" ran, and not 3.13; the GIL was off`},
		{"a GIL in a build without", free, map[string]string{FactPython: "3.13.5", FactFlags: "t", FactGIL: "on"}, "the GIL was on"},
		{"no GIL", free, map[string]string{FactPython: "3.13.5", FactFlags: "t", FactGIL: "off"}, ""},
		{"a build that can do without, either way", cell("py3.13t"), map[string]string{FactPython: "3.13.5", FactFlags: "t", FactGIL: "on"}, ""},
		{"one for a sanitizer", cell("py3.13t-tsan"), map[string]string{FactPython: "3.13.5", FactFlags: "t"}, ""},
		{"the build with a GIL", free, map[string]string{FactPython: "3.13.5", FactFlags: ""}, `a Python with the ABI flags "" ran, and not 3.13t`},
		{"another MPM", cell("py3.13"), map[string]string{FactPython: "3.13.5", FactMPM: "prefork"}, "the MPM was prefork, and not event"},
		{"another Apache", served, map[string]string{FactPython: "3.13.5", FactApache: "2.4.6"}, "Apache was 2.4.6, and not ap2.4.62"},
		{"nothing runs Python", plan.Cell{Python: "py3.13", MPM: "event", Suite: "load"}, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(Foreign(tt.cell, tt.facts), "; "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// M-7: counts by status, the last line, and a run that ran nothing fails.
func TestCounts(t *testing.T) {
	p := &plan.Plan{}
	list := []Result{}
	add := func(s Status, flaky bool) {
		id := "cell-" + string(rune('a'+len(list)))
		p.Cells = append(p.Cells, plan.Planned{ID: id})
		list = append(list, Result{ID: id, Status: s, Flaky: flaky, Messages: []string{"\n because\nof it"}})
	}
	tests := []struct {
		add               Status
		flaky             bool
		counts, line, err string
	}{
		{"", false, "no cells", "0 passed, 0 failed, 0 skipped", "no cell was run (no cells)"},
		{Skip, false, "1 skip", "0 passed, 0 failed, 1 skipped", "no cell was run (1 skip)"},
		{XFail, false, "1 skip, 1 xfail", "0 passed, 0 failed, 2 skipped", ""},
		{Pass, false, "1 pass, 1 skip, 1 xfail", "1 passed, 0 failed, 2 skipped", ""},
		{Pass, true, "2 pass, 1 skip, 1 xfail, 1 of them flaky", "2 passed, 0 failed, 2 skipped", ""},
		{XPass, false, "2 pass, 1 skip, 1 xfail, 1 xpass, 1 of them flaky", "2 passed, 1 failed, 2 skipped", "1 of 5 cells failed, first cell-e: xpass: because"},
		{Fail, false, "2 pass, 1 fail, 1 skip, 1 xfail, 1 xpass, 1 of them flaky", "2 passed, 2 failed, 2 skipped", "2 of 6 cells failed, first cell-e: xpass: because"},
		{Error, false, "2 pass, 1 fail, 1 error, 1 skip, 1 xfail, 1 xpass, 1 of them flaky", "2 passed, 3 failed, 2 skipped", "3 of 7 cells failed, first cell-e: xpass: because"},
		{Timeout, false, "2 pass, 1 fail, 1 error, 1 timeout, 1 skip, 1 xfail, 1 xpass, 1 of them flaky", "2 passed, 4 failed, 2 skipped", "4 of 8 cells failed, first cell-e: xpass: because"},
	}
	for _, tt := range tests {
		if tt.add != "" {
			add(tt.add, tt.flaky)
		}
		rep := NewReport(p, list)
		said := ""
		if err := rep.Err(); err != nil {
			said = err.Error()
		}
		if rep.Counts() != tt.counts || rep.Line() != tt.line || said != tt.err {
			t.Errorf("with %s: %q, %q, %q; want %q, %q, %q", tt.add, rep.Counts(), rep.Line(), said, tt.counts, tt.line, tt.err)
		}
		if text := rep.Text(); !strings.HasSuffix(text, "\n"+tt.counts+"\n"+tt.line+"\n") {
			t.Errorf("the summary ends in %q", text[max(0, len(text)-200):])
		}
	}
	if rep := NewReport(p, list[:2]); rep.Counts() != "1 skip, 1 xfail, 6 not run yet" {
		t.Errorf("on the way: %s", rep.Counts())
	}
}

// What is said of a cell in one line.
func TestComplaint(t *testing.T) {
	for _, tt := range []struct {
		r    Result
		want string
	}{
		{Result{Status: Pass}, ""},
		{Result{Status: Pass, Messages: []string{"a note"}}, "a note"},
		{Result{Status: Fail, Messages: []string{"\n \n", " one\ntwo"}}, "one"},
		{Result{Status: Fail, Cases: []CaseResult{{Name: "a", Status: Pass}, {Name: "b", Status: Fail, Messages: []string{"", "wrong"}}}}, "b: wrong"},
		{Result{Status: Fail, Cases: []CaseResult{{Name: "b", Status: Fail}}}, "b"},
		{Result{Status: Skip, Why: "not root", Messages: []string{"x"}}, "not root: x"},
		{Result{Status: Skip, Why: "provider missing", Messages: []string{"provider missing: no podman\nno docker", "install it"}}, "provider missing: no podman"},
		{Result{Status: Skip, Why: "budget"}, "budget"},
		{Result{Status: XFail, Why: "it leaks\n(12)", Messages: []string{"x"}}, "it leaks (12)"},
		{Result{Status: XPass, Why: "it leaks (12)", Messages: []string{"it passes"}}, "it passes"},
		{Result{Status: Pass, Flaky: true, Earlier: []Attempt{{Status: Timeout}, {Status: Error, Messages: []string{"no port\nat all"}}}}, "attempt 3; before that error: no port"},
		{Result{Status: Pass, Flaky: true, Earlier: []Attempt{{Status: Timeout}}}, "attempt 2; before that timeout"},
		{Result{Status: Pass, Flaky: true}, ""}, // somebody else's record
	} {
		if got := tt.r.Complaint(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.r, got, tt.want)
		}
	}
}

// M-10: a line is an object with what the specification lists, comes back as it
// was, and has a bound.
func TestRecord(t *testing.T) {
	_, list := sample(66)
	var file bytes.Buffer
	for i, r := range list {
		r.Log = strings.ToValidUTF8(r.Log, "\ufffd") // as JSON has it
		for k := range r.Cases {
			for m := range r.Cases[k].Messages {
				r.Cases[k].Messages[m] = strings.ToValidUTF8(r.Cases[k].Messages[m], "\ufffd")
			}
		}
		for k := range r.Earlier {
			r.Earlier[k].Messages = []string{strings.ToValidUTF8(r.Earlier[k].Messages[0], "\ufffd")}
		}
		list[i] = r
		line, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(line)
	}
	back, whole, err := Read(bytes.NewReader(file.Bytes()))
	if err != nil || int(whole) != file.Len() || len(back) != len(list) {
		t.Fatalf("%d results of %d, %d bytes of %d, %v", len(back), len(list), whole, file.Len(), err)
	}
	for i := range list {
		want := list[i].bound()
		if !reflect.DeepEqual(want, back[i]) {
			t.Errorf("came back as\n%+v\nand was\n%+v", back[i], want)
		}
	}
	var object map[string]any
	line, _, _ := strings.Cut(file.String(), "\n")
	if err := json.Unmarshal([]byte(line), &object); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema", "plan", "id", "axes", "status", "attempts", "durations", "facts", "fingerprints", "host", "began"} {
		if object[name] == nil {
			t.Errorf("a record has no %s", name)
		}
	}
}

func TestBounds(t *testing.T) {
	long := "x" + strings.Repeat("é", 20000) + strings.Repeat("é line\n", 40000)
	r := Result{ID: "cell", Status: Fail, Log: long, Began: time.Now(), Messages: make([]string, 200), Earlier: []Attempt{{Status: Error, Messages: []string{long}}}}
	for i := range r.Messages {
		r.Messages[i] = long
	}
	for range 2 * maxCases {
		r.Cases = append(r.Cases, CaseResult{Name: cut(long, 301), Status: Fail, Messages: []string{long}})
	}
	line, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(line) > 3<<20 {
		t.Errorf("a record of %d bytes", len(line))
	}
	once := r.bound()
	if !reflect.DeepEqual(once, once.bound()) {
		t.Error("what is bound is bound again")
	}
	if len(once.Log) > maxLog || !strings.HasPrefix(once.Log, "é line") || !strings.HasSuffix(once.Log, "line\n") {
		t.Errorf("the log has %d bytes, and begins with %q", len(once.Log), once.Log[:20])
	}
	if last := once.Messages[len(once.Messages)-1]; len(once.Messages) != maxMessages || last != "… and 151 more" {
		t.Errorf("%d messages, the last is %q", len(once.Messages), last)
	}
	for _, text := range append(once.Messages, once.Cases[0].Name) {
		if !utf8.ValidString(text) {
			t.Errorf("cut within a character: %q", text[max(0, len(text)-20):])
		}
	}
	if len(once.Cases) != maxCases || len(r.Cases) != 2*maxCases || len(r.Log) != len(long) {
		t.Errorf("%d cases; what was given has %d, and a log of %d bytes", len(once.Cases), len(r.Cases), len(r.Log))
	}
	r.Facts = map[string]string{"x": strings.Repeat("x", maxLine)}
	if _, err := encode(r); err == nil {
		t.Error("a record that nobody can read was written")
	}
}

// What is no record is refused with its line; what was cut short at the end is
// nothing.
func TestRead(t *testing.T) {
	good := `{"schema":1,"id":"py3.13/event/daemon","status":"pass","axes":{"python":"py3.13"},"began":"2026-11-21T20:00:00Z"}` + "\n"
	tests := []struct {
		name, text, want string
	}{
		{"two", good + good, ""},
		{"nothing", "", ""},
		{"an empty line", "\n" + good + good, ""},
		{"half a line", good + good + good[:40], ""},
		{"a line without its end", good + good + good[:len(good)-1], ""},
		{"zeros, of a disk that lost power", good + good + "\x00\x00\x00", ""},
		{"half a line in the middle", good + good[:40] + "\n" + good, "line 2: invalid character '\\n' in string literal"},
		{"another schema", strings.Replace(good, `:1`, `:2`, 1), "line 1: schema 2: this version reads 1"},
		{"no schema", `{}` + "\n", "line 1: schema 0: this version reads 1"},
		{"no status", strings.Replace(good, `pass`, `well`, 1), `line 1: py3.13/event/daemon: "well" is no status`},
		{"a name for a shell", strings.Replace(good, `py3.13/event/daemon`, `x;reboot`, 1), `line 1: "x;reboot" is no name of a cell`},
		{"a name that is an option", strings.Replace(good, `py3.13/event/daemon`, `-rf`, 1), `line 1: "-rf" is no name of a cell`},
		{"an endless name", strings.Replace(good, `py3.13/event/daemon`, strings.Repeat("x", 81), 1), `line 1: "` + strings.Repeat("x", 81) + `" is no name of a cell`},
		{"a time before the beginning", strings.Replace(good, `{`, `{"durations":{"run":-1},`, 1), `line 1: py3.13/event/daemon: "run" took -1 seconds`},
		{"a time of ages", strings.Replace(good, `{`, `{"durations":{"run":1e300},`, 1), `line 1: py3.13/event/daemon: "run" took 1e+300 seconds`},
		{"phases of ages", strings.Replace(good, `{`, `{"durations":{"start":400000,"run":400000},`, 1), `line 1: py3.13/event/daemon: it took 800000 seconds`},
		{"a flaky failure", strings.Replace(strings.Replace(good, `{`, `{"flaky":true,`, 1), `pass`, `fail`, 1), `line 1: py3.13/event/daemon: flaky, and did not pass`},
		{"a case with no status", strings.Replace(good, `{`, `{"cases":[{"name":"x"}],`, 1), `line 1: py3.13/event/daemon: case "x": status "", 0 seconds`},
		{"no end", strings.Repeat("x", maxLine+100000), "line 1: it is longer than 8 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, whole, err := Read(strings.NewReader(tt.text))
			said := ""
			if err != nil {
				said = err.Error()
			}
			if said != tt.want {
				t.Fatalf("%q, want %q", said, tt.want)
			}
			if err == nil && (len(list) != strings.Count(tt.text, "}\n") || whole != int64(strings.LastIndex(tt.text, "\n")+1)) {
				t.Errorf("%d results in %d bytes", len(list), whole)
			}
		})
	}
}

// Y-4: whatever a file has in it, reading it gives results that can be written and
// read again, or an error; and what was whole stays whole when more comes.
func FuzzRead(f *testing.F) {
	_, list := sample(20)
	for _, r := range list {
		line, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		f.Add(line[:len(line)/2])
	}
	f.Add([]byte("\n{}\n"))
	f.Add([]byte(`{"schema":1,"id":"a","status":"pass","began":"0001-01-01T00:00:00-23:59"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, whole, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		for _, r := range list {
			line, err := encode(r)
			if err != nil {
				t.Fatalf("read, and cannot be written: %v", err)
			}
			again.Write(line)
			if s := r.Seconds(); math.IsNaN(s) || s < 0 {
				t.Fatalf("%v seconds", s)
			}
		}
		back, _, err := Read(&again)
		if err != nil || len(back) != len(list) || len(list) > 0 && !reflect.DeepEqual(back, list) {
			t.Fatalf("%d results came back as %d: %v", len(list), len(back), err)
		}
		cut, size, err := Read(bytes.NewReader(data[:whole]))
		if err != nil || size != whole || len(cut) != len(list) {
			t.Fatalf("the whole lines are %d of %d bytes: %v", size, whole, err)
		}
		p := &plan.Plan{Hash: "x"}
		for _, r := range list {
			p.Cells = append(p.Cells, plan.Planned{ID: r.ID, Cell: r.Axes})
		}
		checkReports(t, NewReport(p, list))
	})
}

// M-7: of a cell that was skipped all that is known is told: what went wrong, and
// what to do about it.
func TestAdvice(t *testing.T) {
	r := Result{ID: "py3/event/daemon", Status: Skip, Why: "provider missing", Messages: []string{"provider missing: no podman\nno docker", "install it"}}
	want := "py3/event/daemon  skip: provider missing: no podman\n    no docker\n    install it\n"
	if text := NewReport(&plan.Plan{Cells: []plan.Planned{{ID: "py3/event/daemon"}}}, []Result{r}).Text(); !strings.Contains(text, want) {
		t.Errorf("%s\nwant %s", text, want)
	}
	var out bytes.Buffer
	v := NewView(&out, ViewOptions{Plan: &plan.Plan{Cells: []plan.Planned{{ID: "py3/event/daemon"}}}})
	v.Ended(r)
	if err := v.Close(); err != nil || !strings.Contains(out.String(), "skip: provider missing: no podman (1/") || !strings.HasSuffix(out.String(), "\npy3/event/daemon | no docker\npy3/event/daemon | install it\n") {
		t.Errorf("%v: %s", err, out.String())
	}
}
