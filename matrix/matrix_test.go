package matrix

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
	"modwsgi/matrix/plan"
)

// selected tells whether a name is asked for by MODWSGI_MATRIX_FILTER: selectors
// apart by blanks.
func selected(filter, name string) bool { return plan.Selected(strings.Fields(filter), name) }

// report turns an outcome into the test's.
func report(t *testing.T, o Outcome) {
	t.Helper()
	for _, n := range o.Notes {
		fmt.Printf("note: %s: %s\n", o.Name, n)
	}
	switch o.Status {
	case Skip:
		t.Skip(strings.Join(o.Why, "; "))
	case Fail:
		t.Error(strings.Join(o.Why, "\n"))
		if o.Root != "" {
			t.Logf("kept: %s\nagain: %s", o.Root, o.Again)
		}
	}
}

// TestMatrix runs every case against a real httpd: one server for most cases
// of a cell, one of their own for those that disturb it.
func TestMatrix(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	mpms := theMPMs(t, r, target.Apache)
	if target.Foreign {
		mpms = mpms[:1]
	}
	filter := os.Getenv("MODWSGI_MATRIX_FILTER")
	for i, mpm := range mpms {
		for _, mode := range Modes() {
			cell := Cell{Target: target, MPM: mpm, Mode: mode}
			if selected(filter, cell.Name()) || strings.Count(filter, "/") > 2 {
				t.Run(cell.Name(), func(t *testing.T) {
					t.Parallel()
					runCell(t, r, cell, i == 0, filter)
				})
			}
		}
	}
}

func runCell(t *testing.T, r *run.Runner, cell Cell, first bool, filter string) {
	keep := os.Getenv("MODWSGI_MATRIX_KEEP") != ""
	shared, own := cell.Select(Cases(), first)
	for _, c := range own {
		if name := cell.Name() + "/" + c.Name; selected(filter, name) {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				o := cell.RunOwn(t.Context(), r, c, keep)
				promised.note(c.Covers, o)
				report(t, o)
			})
		}
	}
	shared = slices.DeleteFunc(shared, func(c Case) bool { return !selected(filter, cell.Name()+"/"+c.Name) })
	if len(shared) == 0 {
		return
	}
	s, err := cell.Open(t.Context(), r, shared)
	if err != nil {
		t.Fatal(err)
	}
	s.Keep = keep
	for _, c := range shared {
		t.Run(c.Name, func(t *testing.T) {
			o := s.Run(t.Context(), c)
			promised.note(c.Covers, o)
			report(t, o)
		})
	}
	stopped := false
	t.Run("stop", func(t *testing.T) {
		stopped = true
		report(t, s.Close())
	})
	if !stopped { // -run named cases only: what others would have announced is not judged
		if err := errors.Join(s.Server.Stop(), s.Server.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusals asks `httpd -t` about configurations that must not start.
func TestRefusals(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation says it in other words")
	}
	mpms := theMPMs(t, r, target.Apache)
	for _, c := range Refusals() {
		t.Run(c.Name, func(t *testing.T) {
			o := RunRefusal(t.Context(), r, target, mpms[0], c)
			promised.note(c.Covers, o)
			report(t, o)
		})
	}
}

// TestProve proves the module, and then disproves it: asked for another Python
// than the one that answers, it must say so in both modes.
func TestProve(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation has no record to compare with")
	}
	o := ProveOptions{Module: target.Module, Lines: target.Lines, Apache: target.Apache, Python: target.Python}
	proved, err := Prove(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := proved.Err(); err != nil || proved.Count(Pass) != 3 {
		t.Errorf("%s: %v", proved.Line(), err)
	}
	o.Python.Version, o.Python.LibPython = "3.1.4", "/nowhere/libpython3.1.so"
	disproved, err := Prove(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	if disproved.Count(Fail) != 2 {
		t.Errorf("%s, want both modes to fail", disproved.Line())
	}
	for _, o := range disproved.Outcomes {
		if why := strings.Join(o.Why, "\n"); o.Status == Fail && (!strings.Contains(why, "3.1.4") || !strings.Contains(why, "/nowhere/libpython3.1.so")) {
			t.Errorf("%s: %s", o.Name, why)
		}
	}
}

// M-1: a plan knows the suites that there are.
func TestSuitesOfPlans(t *testing.T) {
	planned, there := plan.Closed(plan.Suite), Suites()
	slices.Sort(planned)
	slices.Sort(there)
	if !slices.Equal(planned, there) {
		t.Errorf("plans have the suites %q, there are %q", planned, there)
	}
}
