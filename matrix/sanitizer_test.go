package matrix

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// What processes report is taken once, whichever of them wrote it.
func TestSanitizerReports(t *testing.T) {
	s := Sanitizer{Reports: t.TempDir()}
	if text, err := s.Take(); text != "" || err != nil {
		t.Errorf("without reports: %q, %v", text, err)
	}
	const said = "ERROR: AddressSanitizer: heap-use-after-free"
	if err := os.WriteFile(filepath.Join(s.Reports, "report.12"), []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := s.Take(); !strings.Contains(text, said) || err != nil {
		t.Errorf("with a report: %q, %v", text, err)
	}
	if text, err := s.Take(); text != "" || err != nil {
		t.Errorf("taken twice: %q, %v", text, err)
	}
	if _, err := (Sanitizer{Reports: filepath.Join(s.Reports, "gone")}).Take(); err == nil {
		t.Error("a folder that is not there has no reports")
	}
}

// What a sanitizer cannot run is not run with one; its folder is for every user, and has nothing of a run before.
func TestSanitizerCases(t *testing.T) {
	for _, name := range unsanitized {
		if !slices.ContainsFunc(Cases(), func(c Case) bool { return c.Name == name && c.in(Daemon) }) {
			t.Errorf("there is no case %s in daemon mode", name)
		}
		c := Cell{Mode: Daemon, Target: Target{Env: []string{"LD_PRELOAD=x"}}}
		if c.Skips(Case{Name: name}) == "" {
			t.Errorf("%s is run", name)
		}
	}
	dir := t.TempDir()
	s, err := NewSanitizer(t.Context(), &run.Runner{}, "tsan", dir)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(s.Reports); err != nil || fi.Mode().Perm() != 0o777 {
		t.Errorf("%v, %v", fi, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "suppressions")); err != nil || !strings.Contains(strings.Join(s.Env, " "), filepath.Join(dir, "suppressions")) || len(text) == 0 {
		t.Errorf("what Python's own races are is not said: %v, %v", s.Env, err)
	}
	if err := os.WriteFile(filepath.Join(s.Reports, "report.7"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := NewSanitizer(t.Context(), &run.Runner{}, "tsan", dir); err != nil {
		t.Error(err)
	} else if text, err := s.Take(); text != "" || err != nil {
		t.Errorf("what an earlier run reported is taken for this one's: %q, %v", text, err)
	}
	if _, err := NewSanitizer(t.Context(), &run.Runner{}, "msan", dir); err == nil {
		t.Error("msan is known")
	}
}
