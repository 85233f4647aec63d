package plan

import (
	"math/rand/v2"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// M-2: which names selectors ask for.
func TestSelected(t *testing.T) {
	const name = "py3.11/event/daemon/hello"
	for filter, want := range map[string]bool{
		"":                           true,
		name:                         true,
		"py3.11":                     true,
		"py3.*/event/*/hello":        true,
		"py3.11/event":               true,
		"py3.12":                     false,
		"!*/event":                   false,
		"py3.11 !*/*/daemon":         false,
		"!*/event */*/*/hello":       true,
		"py3.11/event/daemon/hello2": false,
	} {
		if got := Selected(strings.Fields(filter), name); got != want {
			t.Errorf("Selected(%q) = %v", filter, got)
		}
	}
}

// M-2, M-3: selectors of a plan, also for what no name says because it is the
// default.
func TestSelect(t *testing.T) {
	p := planOf(t, "[axes]\ngil = [\"default\", \"per-interpreter\", \"free\"]", "full", "py3.1[23]*/event", "!*/*/embedded")
	same(t, ids(p), []string{"py3.12/event/daemon", "py3.12/event/daemon/per-interpreter", "py3.13t/event/daemon", "py3.13t/event/daemon/free"})
	if len(p.Pythons) != 2 || len(p.Builds) != 3 {
		t.Errorf("what is not needed is there: %+v %+v", p.Pythons, p.Builds)
	}
	for _, c := range []struct{ words, want, advice string }{
		{"pairwis", `no cell matches "pairwis"`, "did you mean pairwise?"},
		{"py3.21/event", `no cell matches "py3.21/event"`, "did you mean py3.11/event?"},
		{"py3.11 !py3.11", "no cell is left by py3.11 !py3.11", ""},
		{"py3.11 nothing", `no cell matches "nothing"`, "the first word may also be full"},
		{"[", `"[" is no selector of cells`, ""},
		{"!", `"!" is no selector of cells`, ""},
	} {
		mode, selectors, err := Words(strings.Fields(c.words), Full)
		if err == nil {
			_, err = New(&Config{}, machine(), Request{Mode: mode, Selectors: selectors})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint.Of(err), c.advice) || hint.Code(err) != hint.Usage {
			t.Errorf("%s: %v (%s, %d), want %s", c.words, err, hint.Of(err), hint.Code(err), c.want)
		}
	}
	if mode, rest, err := Words([]string{"smoke", "smoke"}, Full); mode != Smoke || len(rest) != 1 || err != nil {
		t.Errorf("two modes: %s %q %v", mode, rest, err)
	}
}

// M-3: ids are short, lower-case, fit for the names of files, and name one cell;
// that does not depend on the mode or the selectors.
func TestIDs(t *testing.T) {
	random(t, 60, func(c *Config, m Machine, full *Plan, _ *rand.Rand) {
		names, files := map[Cell]string{}, map[string]bool{}
		for _, x := range full.Cells {
			if !isID(x.ID) || len(x.ID) > 80 || x.ID != strings.ToLower(x.ID) || files[FileName(x.ID)] || strings.Contains(FileName(x.ID), "/") {
				t.Errorf("%q is no good name", x.ID)
			}
			names[x.Cell], files[FileName(x.ID)] = x.ID, true
		}
		for _, q := range []Request{{Mode: Smoke}, {Mode: Pairwise}, {Mode: Full, Selectors: []string{"*/*/daemon"}}} {
			p, err := New(c, m, q)
			if err != nil {
				continue // no such cell
			}
			for _, x := range p.Cells {
				if names[x.Cell] != x.ID {
					t.Errorf("%s is %s in full", x.ID, names[x.Cell])
				}
			}
		}
	})
	long := Cell{Python: "py3.13t", MPM: "prefork", Mode: "embedded", GIL: "per-interpreter", Link: "static", Builder: "apxs", Source: "git-" + strings.Repeat("x", 60), Provider: "rootfs-bullseye"}
	other := long.With(Provider, "rootfs-trixie")
	if a, b := idOf(long, Axes()[3:]), idOf(other, Axes()[3:]); len(a) > 80 || a == b || !isID(a) || !strings.HasPrefix(a, "py3.13t/prefork/embedded/per-interpreter/") {
		t.Errorf("long ids: %s, %s", a, b)
	}
}
