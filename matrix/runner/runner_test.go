package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
	"modwsgi/pybuild"
)

// aPlan has cells py3.9/event/daemon and so on, one for each name of a suite.
func aPlan(suites ...string) *plan.Plan {
	p := &plan.Plan{Schema: plan.Schema, Hash: "sha256:0", Mode: plan.Full, Varies: []plan.Axis{plan.Suite},
		Pythons: []plan.Runtime{{Name: "py3.11", Request: "3.11", Version: "3.11.2"}}, Apaches: []plan.Server{{Name: "ap2.4.62"}}}
	for _, suite := range suites {
		c := plan.Cell{Python: "py3.11", MPM: "event", Mode: "daemon", Apache: "ap2.4.62", Suite: suite}
		p.Cells = append(p.Cells, plan.Planned{ID: p.ID(c), Cell: c, Builds: []string{"apache/ap2.4.62", "python/py3.11"}, Timeout: time.Minute, Retries: 1})
	}
	return p
}

// aRunner runs a plan without Apache: script says what comes of a suite.
func aRunner(t *testing.T, p *plan.Plan, script func(ctx context.Context, suite string) matrix.SuiteReport) *Runner {
	t.Helper()
	dir := t.TempDir()
	book, err := results.Start(filepath.Join(dir, "matrix"), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Runner{
		Plan: p, Book: book, R: &run.Runner{}, Dir: dir, Parallel: 1,
		Build: func(_ context.Context, w Wanted) (Made, error) {
			module := filepath.Join(w.Dir, "mod_wsgi.so")
			err := errors.Join(os.MkdirAll(w.Dir, 0o755), os.WriteFile(module, []byte("a module"), 0o644))
			return Made{Artifact: csrc.Artifact{Dir: w.Dir, Module: module}}, err
		},
		suite: func(ctx context.Context, c matrix.Cell, suite string, _ matrix.SuiteOptions) (matrix.SuiteReport, error) {
			return script(ctx, suite), nil
		},
	}
}

func outcome(name string, s matrix.Status, why ...string) matrix.Outcome {
	return matrix.Outcome{Name: "py3.11/event/daemon/" + name, Status: s, Why: why, Took: time.Millisecond}
}

func reported(list ...matrix.Outcome) matrix.SuiteReport {
	return matrix.SuiteReport{Report: matrix.Report{Outcomes: list}, Facts: map[string]string{"python": "3.11.2", "gil": "on"}}
}

// byID are the results of the book by the last part of their ids.
func byID(x *Runner) map[string]results.Result {
	found := map[string]results.Result{}
	for _, r := range x.Book.Report().Results {
		found[r.ID[strings.LastIndexByte(r.ID, '/')+1:]] = r
	}
	return found
}

// M-7, M-9: what a cell comes to, and which ones are tried again.
func TestStatuses(t *testing.T) {
	p := aPlan("passes", "fails", "flaky", "dead", "slow", "empty", "known", "absent", "other")
	for i := range p.Cells {
		switch c := &p.Cells[i]; c.Cell.Suite {
		case "slow":
			c.Timeout = time.Nanosecond
		case "known":
			c.Xfail = &plan.Xfail{Reason: "not yet", Issue: "#7"}
		case "absent":
			c.Skip = plan.NoMPM
		}
	}
	tries := map[string]int{}
	x := aRunner(t, p, func(ctx context.Context, suite string) matrix.SuiteReport {
		tries[suite]++
		switch suite {
		case "fails", "known":
			return reported(outcome("hello", matrix.Pass), outcome("body", matrix.Fail, "it is empty"))
		case "flaky":
			if tries[suite] == 1 {
				return reported(outcome("start", matrix.Fail, "no port"))
			}
		case "dead":
			return reported(outcome("start", matrix.Fail, "no httpd"))
		case "slow":
			<-ctx.Done()
		case "empty":
			return reported(outcome("http2", matrix.Skip, "no module"))
		case "other":
			s := reported(outcome("hello", matrix.Pass))
			s.Facts["python"] = "3.12.1"
			return s
		}
		return reported(outcome("hello", matrix.Pass))
	})
	x.Explain = func(string) []string { return []string{"MW101"} }
	if err := x.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := byID(x)
	for name, want := range map[string]struct {
		status results.Status
		tries  int
		says   string
	}{
		"passes": {results.Pass, 1, ""}, "fails": {results.Fail, 1, "body: it is empty"}, "flaky": {results.Pass, 2, ""}, "dead": {results.Error, 2, "start: no httpd"},
		"slow": {results.Timeout, 2, "it was not done within 1ns"}, "empty": {results.Error, 2, ""}, "known": {results.XFail, 1, "not yet (#7)"},
		"absent": {results.Skip, 0, "MPM not loadable"}, "other": {results.Fail, 1, "Python 3.12.1 ran, and not 3.11"},
	} {
		r := got[name]
		if r.Status != want.status || tries[name] != want.tries || want.says != "" && r.Complaint() != want.says {
			t.Errorf("%s: %s after %d tries: %q, want %+v", name, r.Status, tries[name], r.Complaint(), want)
		}
		if wantCodes := r.Status != results.Pass && r.Status != results.Skip && name != "other"; (len(r.Codes) > 0) != wantCodes {
			t.Errorf("%s: codes %v", name, r.Codes)
		}
	}
	if r := got["flaky"]; !r.Flaky || len(r.Earlier) != 1 || r.Earlier[0].Status != results.Error {
		t.Errorf("flaky: %+v", r)
	}
	if r := got["passes"]; r.Fingerprints["mod_wsgi.so"] == "" || r.Facts["python"] != "3.11.2" || len(r.Cases) != 1 || r.Cases[0].Name != "hello" {
		t.Errorf("%+v", r)
	}
}

// M-5: what cells share is built once; a build that fails is told whole once.
func TestBuilds(t *testing.T) {
	x := aRunner(t, aPlan("one", "two", "three"), func(context.Context, string) matrix.SuiteReport { return reported(outcome("hello", matrix.Pass)) })
	builds := 0
	x.Build = func(context.Context, Wanted) (Made, error) {
		builds++
		return Made{}, errors.New("the compiler says no\nfile.c:1: all of it")
	}
	if err := x.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole := 0
	for name, r := range byID(x) {
		if r.Status != results.Error || !strings.HasPrefix(r.Complaint(), "build: the compiler says no") {
			t.Errorf("%s: %s %q", name, r.Status, r.Complaint())
		}
		for _, text := range r.Messages {
			whole += strings.Count(text, "all of it")
		}
	}
	if builds != 1 || whole != 1 {
		t.Errorf("%d builds, told whole %d times", builds, whole)
	}
}

// M-6: of a server that failed configuration and log stay, and its root goes.
func TestKept(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"httpd.conf": "Listen 1\n", "logs/error.log": strings.Repeat("a line\n", 20000)} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	x := aRunner(t, aPlan("fails"), func(context.Context, string) matrix.SuiteReport {
		o := outcome("graceful/x", matrix.Fail, "no")
		o.Root, o.Again = root, "httpd -f there"
		return reported(o)
	})
	if err := x.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(x.Dir, "cells", "py3.11-event-daemon-fails", "graceful-x")
	for name, want := range map[string]string{"httpd.conf": "Listen 1\n", "error.log": "a line\n", "again.sh": "go tool mage matrix:run -cells=py3.11/event/daemon/fails\n"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) || len(text) > 65<<10 {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("the root is still there")
	}
}

// M-8: once it is to stop, what runs is finished and nothing else begun; a context
// that ends is told of.
func TestStop(t *testing.T) {
	stop := make(chan struct{})
	var once sync.Once
	x := aRunner(t, aPlan("one", "two", "three"), func(context.Context, string) matrix.SuiteReport {
		once.Do(func() { close(stop) })
		return reported(outcome("hello", matrix.Pass))
	})
	x.Stop = stop
	if err := x.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := x.Book.Report().Count(results.Pass); got != 1 {
		t.Errorf("%d cells were run", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	y := aRunner(t, aPlan("one", "two"), func(ctx context.Context, _ string) matrix.SuiteReport { cancel(); <-ctx.Done(); return reported() })
	if err := y.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := y.Book.Report().Count(results.Error); got != 1 {
		t.Errorf("%d errors", got)
	}
}

// M-16: cells of another system are its own; what it does not answer for is told.
func TestGuests(t *testing.T) {
	p := aPlan("one", "two", "three")
	for i := range p.Cells {
		p.Cells[i].Cell.Provider = "rootfs-trixie"
	}
	never := func(context.Context, string) matrix.SuiteReport { panic("it was run here") }
	for name, c := range map[string]struct {
		guest func(string) (Guest, error)
		want  string // statuses of the three
	}{
		"absent": {func(string) (Guest, error) { return nil, errors.New("no debootstrap") }, "skip skip skip"},
		"none":   {nil, "skip skip skip"},
		"whole": {func(string) (Guest, error) {
			return func(_ context.Context, cells []plan.Planned, record func(results.Result) error) error {
				for _, c := range cells {
					if err := record(results.Result{ID: c.ID, Status: results.Pass, Facts: map[string]string{"python": "3.11.9"}}); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}, "pass pass pass"},
		"half": {func(string) (Guest, error) {
			return func(_ context.Context, cells []plan.Planned, record func(results.Result) error) error {
				return record(results.Result{ID: cells[0].ID, Status: results.Fail})
			}, nil
		}, "fail error error"},
		"broken": {func(string) (Guest, error) {
			return func(context.Context, []plan.Planned, func(results.Result) error) error {
				return fmt.Errorf("chroot: no")
			}, nil
		}, "error error error"},
	} {
		t.Run(name, func(t *testing.T) {
			x := aRunner(t, p, never)
			x.Guest = c.guest
			if err := x.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			found := byID(x)
			for _, cell := range p.Cells {
				got = append(got, string(found[cell.ID[strings.LastIndexByte(cell.ID, '/')+1:]].Status))
			}
			slices.Sort(got[1:])
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

// M-7: all that is known of a system that is missing is told once, with what to do.
func TestGuestAdvice(t *testing.T) {
	p := aPlan("one", "two")
	for i := range p.Cells {
		p.Cells[i].Cell.Provider = "container-trixie"
	}
	x := aRunner(t, p, nil)
	x.Guest = func(string) (Guest, error) { return nil, hint.New(errors.New("no podman\nno docker"), "install it") }
	if err := x.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := x.Book.Report().Results
	if len(list) != 2 || !slices.Equal(list[0].Messages, []string{"no podman\nno docker", "install it"}) || !slices.Equal(list[1].Messages, []string{"no podman"}) {
		t.Errorf("%+v", list)
	}
}

// M-8: after an interrupt the cells that another system had not begun have no
// result, also where the system was only being made.
func TestGuestInterrupted(t *testing.T) {
	for name, during := range map[string]int{"made": 0, "run": 1} {
		p := aPlan("one", "two", "three")
		for i := range p.Cells {
			p.Cells[i].Cell.Provider = "container-trixie"
		}
		x := aRunner(t, p, nil)
		stop := make(chan struct{})
		x.Stop = stop
		x.Guest = func(string) (Guest, error) {
			if during == 0 {
				close(stop)
				return nil, errors.New("called off")
			}
			return func(_ context.Context, cells []plan.Planned, record func(results.Result) error) error {
				close(stop)
				return record(results.Result{ID: cells[0].ID, Status: results.Pass})
			}, nil
		}
		if err := x.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list := x.Book.Report().Results; len(list) != during {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// A real cell: built, started, asked, stopped.
func TestRealCell(t *testing.T) {
	r := &run.Runner{}
	apache, err := apxs.Find(t.Context(), r, "")
	if err != nil {
		t.Skip("no Apache: ", err)
	}
	python, err := pybuild.Find(t.Context(), r, "")
	if err != nil {
		t.Skip("no Python: ", err)
	}
	p := aPlan("load")
	p.Cells[0].Cell.Apache, p.Apaches[0].Name = "ap"+apache.Version, "ap"+apache.Version
	p.Cells[0].Cell.Python, p.Pythons[0] = "py", plan.Runtime{Name: "py", Version: python.Version}
	p.Cells[0].Cell.MPM = matrix.LoadableMPMs(t.Context(), r, apache)[0]
	x := aRunner(t, p, nil)
	if err := os.Chmod(filepath.Dir(x.Dir), 0o755); err != nil { // the server's user executes what is built
		t.Fatal(err)
	}
	if err := os.Chmod(x.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	x.suite = nil
	x.Build = func(ctx context.Context, w Wanted) (Made, error) {
		a, err := csrc.Build(ctx, r, csrc.Options{Apache: &apache, Python: []pybuild.Info{python}, Dir: w.Dir, Runtime: installer.Runtime()})
		return Made{Artifact: a, Apache: apache, Python: python}, err
	}
	if err := x.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := x.Book.Report().Results
	if len(got) != 1 || got[0].Status != results.Pass || got[0].Facts["mpm"] != p.Cells[0].Cell.MPM || got[0].Facts["apache"] != apache.Version || len(got[0].Fingerprints) != 4 {
		t.Errorf("%+v", got)
	}
}
