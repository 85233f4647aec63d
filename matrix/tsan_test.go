package matrix

import (
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// TestThreadSanitizer runs the cases that have many threads in the gateway with
// a daemon process built for ThreadSanitizer. It needs a Python built for it,
// without the GIL, which MODWSGI_TSAN_PYTHON names: CONTRIBUTING.md says how to
// make one.
func TestThreadSanitizer(t *testing.T) {
	name := os.Getenv("MODWSGI_TSAN_PYTHON")
	if name == "" {
		t.Skip("MODWSGI_TSAN_PYTHON names no Python built with --with-thread-sanitizer")
	}
	r := &run.Runner{Env: append(os.Environ(), "TSAN_OPTIONS=report_bugs=0")}
	python, err := pybuild.Find(t.Context(), r, name)
	if err != nil {
		t.Fatal(err)
	}
	apache, err := apxs.Find(t.Context(), r, "")
	if err != nil {
		t.Skipf("no Apache: %v", err)
	}
	dir, err := os.MkdirTemp("", "modwsgi-tsan-") // the server's user executes what is in it
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sanitizer, err := NewSanitizer(t.Context(), r, "tsan", dir)
	if err != nil {
		t.Fatal(err)
	}
	module := buildForTSan(t, sanitizer, &apache, python, filepath.Join(dir, "build"))
	target := Target{Apache: apache, Python: python, Module: module, Env: sanitizer.Env}
	for _, line := range installer.Snippet(installer.Layout{Module: module}, python) {
		if !strings.HasPrefix(line, "LoadModule") {
			target.Lines = append(target.Lines, line)
		}
	}
	mpms := theMPMs(t, r, apache)
	for _, c := range hammerCases() {
		o := Cell{Target: target, MPM: mpms[0], Mode: Daemon}.RunOwn(t.Context(), r, c, false)
		report(t, o)
	}
	complainOfRaces(t, sanitizer)
}

// isSanitized complains if a program has no sanitizer in it.
func isSanitized(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil || !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == "__tsan_init" }) {
		t.Fatalf("%s has no ThreadSanitizer in it (%v)", program, err)
	}
}

// buildForTSan builds Apache's half as ever and Python's with the sanitizer, and
// returns the module.
func buildForTSan(t *testing.T, s Sanitizer, apache *apxs.Info, python pybuild.Info, dir string) string {
	t.Helper()
	a, err := csrc.Build(t.Context(), s.Asking(&run.Runner{}), csrc.Options{Apache: apache, Dir: dir, Runtime: installer.Runtime()})
	if err != nil {
		t.Fatal(err)
	}
	half, err := csrc.Build(t.Context(), s.Building(&run.Runner{}), csrc.Options{Python: []pybuild.Info{python}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	isSanitized(t, half.Halves[0].Host)
	return a.Module
}

// complainOfRaces fails for each report.
func complainOfRaces(t *testing.T, s Sanitizer) {
	t.Helper()
	text, err := s.Take()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile(`(?m)^SUMMARY: ThreadSanitizer: .*$`).FindAllString(text, -1) {
		t.Error(line)
	}
	if testing.Verbose() {
		t.Logf("%s", text)
	}
}
