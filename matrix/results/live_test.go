package results

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"modwsgi/matrix/plan"
)

// viewed is a plan of four cells and a clock that stands until it is moved.
func viewed(live bool) (*View, *bytes.Buffer, func(time.Duration)) {
	p := &plan.Plan{}
	for _, id := range []string{"a", "b", "c", "d"} {
		p.Cells = append(p.Cells, plan.Planned{ID: id})
	}
	at := time.Unix(1000, 0)
	var out bytes.Buffer
	v := NewView(&out, ViewOptions{Jobs: 2, Plan: p, Timings: plan.Timings{"a": 10, "b": 20, "c": 15}, Now: func() time.Time { return at }})
	v.o.Live = live // and nobody draws but for events
	return v, &out, func(d time.Duration) { at = at.Add(d) }
}

func took(id string, s Status, seconds float64) Result {
	return Result{ID: id, Status: s, Durations: map[string]float64{"run": seconds}}
}

// M-8: a line for each cell that ended, its counts, and all that a bad one says
// with the id before each line.
func TestViewPlain(t *testing.T) {
	v, out, wait := viewed(false)
	v.Building("apache/ap2.4.62")
	wait(3 * time.Second)
	v.Built()
	v.Built()
	v.Started("a")
	v.Started("b")
	v.Note("b", "not shown")
	v.Say("a", "one\ntwo\x1b[2J\n")
	v.Ended(took("a", Pass, 9.5))
	bad := took("b", Fail, 1)
	bad.Messages, bad.Log, bad.Repro = []string{"it is 3"}, "line\n::error::no command", "run b"
	v.Ended(bad)
	skipped := Result{ID: "c", Status: Skip, Why: "not root"}
	v.Ended(skipped)
	flaky := took("d", Pass, 2)
	flaky.Flaky = true
	v.Ended(flaky)
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	want := `ok      3.00s  building apache/ap2.4.62
a | one
a | two�[2J
ok      9.50s  a (1/4)
FAIL    1.00s  b: fail (2/4)
b | it is 3
b | again: run b
b | error log:
b | line
b | ::error::no command
-       0.00s  c: skip: not root (3/4)
ok      2.00s  d: pass (flaky) (4/4)
`
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", out, want)
	}
}

// M-8: on a terminal the cells that run, with their times, and when it ends by
// what they took before, or else what others took.
func TestViewLive(t *testing.T) {
	v, out, wait := viewed(true)
	step := func(f func(), want string) {
		t.Helper()
		out.Reset()
		f()
		if out.String() != want {
			t.Errorf("%q\nwant %q", out, want)
		}
	}
	step(func() { v.Started("a") }, "           0s  a\n0 of 4, about 38 s to go\n") // 10 + 20 + 15 + 30, two at once
	wait(4 * time.Second)
	step(func() { v.Started("b") }, "\x1b[2A\r\x1b[J           4s  a\n           0s  b\n0 of 4, about 36 s to go\n")
	step(func() { v.Note("b", "run:\nhello") }, "\x1b[3A\r\x1b[J           4s  a\n           0s  b  run: hello\n0 of 4, about 36 s to go\n")
	step(func() { v.Building("python/py3.13") }, "\x1b[3A\r\x1b[J           0s  building python/py3.13\n           4s  a\n           0s  b  run: hello\n0 of 4, about 36 s to go\n")
	wait(6 * time.Second)
	step(func() { v.Ended(took("a", Pass, 10)) }, "\x1b[4A\r\x1b[Jok     10.00s  a\n           6s  b  run: hello\n1 of 4: 1 pass, about 20 s to go\n") // b has 14, and d is taken to be as a
	step(func() { v.Ended(took("b", Fail, 8)) }, "\x1b[2A\r\x1b[JFAIL    8.00s  b: fail\n2 of 4: 1 pass, 1 fail, about 15 s to go\n")                  // c alone takes that
	step(func() { _ = v.Close() }, "\x1b[1A\r\x1b[J")
}

// A terminal is left as it was, whatever comes at the same time; an error of
// writing is told in the end.
func TestViewEnds(t *testing.T) {
	_, list := sample(66)
	p, _ := sample(66)
	out := &slowWriter{}
	v := NewView(out, ViewOptions{Live: true, Jobs: 4, Plan: p})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for k := i; k < len(list); k += 4 {
				v.Started(list[k].ID)
				v.Note(list[k].ID, "run")
				v.Ended(list[k])
			}
		})
	}
	all.Wait()
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(out.text, "\x1b[1A\r\x1b[J") {
		t.Errorf("it ends in %q", out.text[max(0, len(out.text)-100):])
	}
	for _, r := range list {
		if !strings.Contains(out.text, "  "+r.ID) {
			t.Errorf("%s is not there", r.ID)
		}
	}
	out.err = errors.New("full")
	v = NewView(out, ViewOptions{Plan: p})
	v.Ended(list[0])
	if err := v.Close(); err == nil || err.Error() != "full" {
		t.Errorf("closed with %v", err)
	}
}

type slowWriter struct {
	text string
	err  error
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.text += string(p)
	return len(p), w.err
}
