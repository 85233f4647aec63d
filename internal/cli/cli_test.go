package cli

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"modwsgi/internal/hint"
)

func TestMain(t *testing.T) {
	base := errors.New("asking apxs: exit status 3\ncannot read config_vars.mk\n")
	tests := []struct {
		name string
		err  error
		want string
		code int
	}{
		{"nil", nil, "", 0},
		{"plain", base, "tool: error: asking apxs: exit status 3\ncannot read config_vars.mk\n", 1},
		{"hint and status", hint.Exit(hint.New(errors.New("no apxs"), "install it"), hint.NotFound),
			"tool: error: no apxs\ntool: hint: install it\n", 3},
		{"several hints", hint.New(errors.New("x"), "one\ntwo"), "tool: error: x\ntool: hint: one\ntool: hint: two\n", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := Main("tool", tt.err, &out); code != tt.code || out.String() != tt.want {
				t.Errorf("Main = %d, %q; want %d, %q", code, out.String(), tt.code, tt.want)
			}
		})
	}
}

// clock advances by a second whenever it is read.
func clock() func() time.Time {
	at := time.Unix(0, 0)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

func TestStepsPlain(t *testing.T) {
	var out bytes.Buffer
	s := NewSteps(&out, false)
	s.now = clock()
	s.Start("finding Apache")
	s.Note("not shown")
	s.Done("2.4.65")
	s.Start("building")
	s.Start("installing") // the one before is done
	s.Fail()
	s.Fail() // nothing runs: nothing happens
	want := "ok     1.00s  finding Apache: 2.4.65\n" +
		"ok     1.00s  building\n" +
		"FAIL   1.00s  installing\n"
	if out.String() != want {
		t.Errorf("output\n%s\nwant\n%s", out.String(), want)
	}
	if got := s.Timings(); len(got) != 3 || got[0].Took != time.Second || !got[2].Failed {
		t.Errorf("Timings = %+v", got)
	}
}

// screen collects what a terminal gets and tells when text has come.
type screen struct {
	mu   sync.Mutex
	text string
	came chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(p)
	if strings.Contains(s.text, "half way") && s.came != nil {
		close(s.came)
		s.came = nil
	}
	return len(p), nil
}

func TestStepsLive(t *testing.T) {
	came := make(chan struct{})
	out := &screen{came: came}
	s := NewSteps(out, false)
	s.live = true
	s.Start("building " + strings.Repeat("x", 20))
	s.Note("half way" + strings.Repeat("y", 200))
	select {
	case <-came:
	case <-time.After(10 * time.Second):
		t.Fatal("the note was never drawn")
	}
	s.Done("")
	out.mu.Lock()
	defer out.mu.Unlock()
	if !strings.HasSuffix(out.text, "\n") || strings.Count(out.text, "\n") != 1 {
		t.Errorf("not one line: %q", out.text)
	}
	for frame := range strings.SplitSeq(out.text, "\r\x1b[K") {
		if len([]rune(strings.TrimSuffix(frame, "\n"))) > 79 {
			t.Errorf("a frame would wrap: %q", frame)
		}
	}
}

// What stays is written where the block was, and the block below it: never a line
// that wraps, and never one line too few or too many taken back.
func TestBlock(t *testing.T) {
	var out bytes.Buffer
	var b Block
	for _, step := range []struct {
		text  string
		lines []string
		want  string
	}{
		{"", []string{"one", strings.Repeat("é", 100)}, "one\n" + strings.Repeat("é", 79) + "\n"},
		{"done\n", []string{"two"}, "\x1b[2A\r\x1b[Jdone\ntwo\n"},
		{"end\n", nil, "\x1b[1A\r\x1b[Jend\n"},
		{"behind\n", nil, "behind\n"},
	} {
		out.Reset()
		if err := b.Draw(&out, step.text, step.lines...); err != nil || out.String() != step.want {
			t.Errorf("%q, %v; want %q", out.String(), err, step.want)
		}
	}
}
