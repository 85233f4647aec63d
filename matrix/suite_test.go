package matrix

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// Each name of a suite's list is that of a case.
func TestSuiteNames(t *testing.T) {
	var names []string
	for _, c := range Cases() {
		names = append(names, c.Name)
	}
	for _, name := range slices.Concat(smokeCases, soakCases, oneProcess) {
		if !slices.Contains(names, name) {
			t.Errorf("there is no case %s", name)
		}
	}
	if _, err := (Cell{}).RunSuite(t.Context(), &run.Runner{}, "smok", SuiteOptions{}); err == nil || !strings.Contains(err.Error(), `suite "smok" is not known; there are load, smoke`) {
		t.Error(err)
	}
}

// The suites run in a cell, and keep what they found; a cell that promises another
// GIL, another Python or another MPM fails (M-11).
func TestSuites(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	mpm := theMPMs(t, r, target.Apache)[0]
	cell := Cell{Target: target, MPM: mpm, Mode: Daemon}
	few := SuiteOptions{Only: func(name string) bool { return name == "hello" }}
	for name, c := range map[string]struct {
		suite string
		bend  func(*Cell)
		want  string // what fails; "" nothing
		facts []string
	}{
		"load":       {"load", func(*Cell) {}, "", []string{"apache", "mmn", "mpm"}},
		"smoke":      {"smoke", func(*Cell) {}, "", []string{"abiflags", "apache", "gil", "hexversion", "libpython", "mmn", "mpm", "prefix", "python"}},
		"embedded":   {"smoke", func(c *Cell) { c.Mode = Embedded }, "", nil},
		"python":     {"smoke", func(c *Cell) { c.Target.Python.HexVersion++ }, "sys.hexversion is", nil},
		"no GIL":     {"smoke", func(c *Cell) { c.GIL = NoGIL }, "the GIL is", nil},
		"no module":  {"load", func(c *Cell) { c.Target.Module = os.Args[0] }, "starting httpd", nil},
		"no such":    {"load", func(c *Cell) { c.MPM = "threaded" }, "the MPM threaded cannot be loaded", nil},
		"wrong line": {"smoke", func(c *Cell) { c.Target.Lines = append(c.Target.Lines, "WSGINothing On") }, "WSGINothing", nil},
	} {
		t.Run(name, func(t *testing.T) {
			cell := cell
			cell.Target.Lines = slices.Clone(cell.Target.Lines)
			c.bend(&cell)
			got, err := cell.RunSuite(t.Context(), r, c.suite, few)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if err := got.Err(); err != nil {
					t.Error(err)
				}
			} else if err := got.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			for _, name := range c.facts {
				if got.Facts[name] == "" && name != "abiflags" {
					t.Errorf("nothing is known of %s: %v", name, got.Facts)
				}
			}
		})
	}
}

// The suite express serves with the program that it is given.
func TestSuiteExpress(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it compiles mod_wsgi-express")
	}
	r := &run.Runner{}
	target := theTarget(t, r)
	program := filepath.Join(t.TempDir(), "mod_wsgi-express")
	if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Output(t.Context(), "..", "go", "build", "-o", program, "./cmd/mod_wsgi-express"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range Modes() {
		cell := Cell{Target: target, MPM: theMPMs(t, r, target.Apache)[0], Mode: mode}
		got, err := cell.RunSuite(t.Context(), r, "express", SuiteOptions{Program: program})
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Err(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		if want := 5; mode == Daemon && got.Count(Pass) != want {
			t.Errorf("%s: %s, want %d", mode, got.Line(), want)
		}
		if got.Facts["python"] != target.Python.Version {
			t.Errorf("%s: %v", mode, got.Facts)
		}
	}
}
