package csrc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"modwsgi/internal/ctest"
	"modwsgi/internal/run"
)

// embedTest is a program that needs a built plugin.
const embedTest = "test/test_embed.c"

// readCTests reads the list. Reading each file of the folder also tells go test
// that its cached result depends on them.
func readCTests(t *testing.T) []ctest.Program {
	t.Helper()
	err := filepath.WalkDir("test", func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := ctest.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestC compiles and runs the C tests of the plain tier.
func TestC(t *testing.T) {
	r := &run.Runner{}
	cc, _, err := FindCompiler(r, nil)
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	list := readCTests(t)
	mentioned := map[string]bool{embedTest: true, interpsTest: true} // run on what TestRealBuild builds
	var ran ranTests
	t.Cleanup(func() { ran.log(t) })
	for _, p := range list {
		for _, s := range p.Sources {
			mentioned[s] = true
		}
		t.Run(string(p.Kind)+"/"+p.Name, func(t *testing.T) {
			t.Parallel()
			runCTest(t, r, cc, p)
			ran.add(p)
		})
	}
	for _, kind := range []ctest.Kind{ctest.Unit, ctest.Thread, ctest.Fuzz} {
		if !slices.ContainsFunc(list, func(p ctest.Program) bool { return p.Kind == kind }) {
			t.Errorf("test/tests.txt lists no program of the kind %s", kind)
		}
	}
	programs, err := filepath.Glob("test/*_*.c")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range programs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !mentioned[path] && strings.Contains(string(text), "int main(") {
			t.Errorf("%s is a program that test/tests.txt does not list", path)
		}
	}
}

// ranTests is which programs ran, by kind: it is not to be overlooked that the
// thread sanitizer has looked at nothing.
type ranTests struct {
	mu   sync.Mutex
	kind map[ctest.Kind][]string
}

func (r *ranTests) add(p ctest.Program) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kind == nil {
		r.kind = map[ctest.Kind][]string{}
	}
	r.kind[p.Kind] = append(r.kind[p.Kind], p.Name)
}

// log says it; each line begins as package check passes it on.
func (r *ranTests) log(t *testing.T) {
	for _, kind := range []ctest.Kind{ctest.Unit, ctest.Thread, ctest.Fuzz} {
		names := slices.Sorted(slices.Values(r.kind[kind]))
		t.Logf("ran: C %s: %d: %s", kind, len(names), strings.Join(names, " "))
	}
}

func runCTest(t *testing.T, r *run.Runner, cc []string, p ctest.Program) {
	t.Helper()
	program := filepath.Join(t.TempDir(), p.Name)
	if _, err := r.Output(t.Context(), "", cc[0], slices.Concat(cc[1:], p.Compile(Version(), program))...); err != nil {
		t.Fatal(err)
	}
	var corpus []string
	if p.Kind == ctest.Fuzz {
		dir, err := filepath.Abs(p.Corpus())
		if err != nil {
			t.Fatal(err)
		}
		corpus = []string{dir}
	}
	res, err := r.Run(t.Context(), run.Cmd{Dir: t.TempDir(), Path: program, Args: corpus, Timeout: 2 * time.Minute})
	if err != nil {
		t.Errorf("%s%v", res.Stdout, err)
	}
}
