package check

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// Y-4: every target of every package is run, and one that fails says by which
// input.
func TestGoFuzz(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: fuzzing builds packages with coverage")
	}
	dir := filepath.Join(t.TempDir(), "a 'checkout'")
	target := func(name, body string) string {
		return "package p\n\nimport \"testing\"\n\nfunc " + name + "(f *testing.F) {\n\tf.Add(\"seed\")\n\tf.Fuzz(func(t *testing.T, s string) {\n\t\t" + body + "\n\t})\n}\n"
	}
	for name, text := range map[string]string{
		"go.mod":         "module example.test/p\n\ngo 1.24\n",
		"a/good_test.go": target("FuzzGood", "_ = s"),
		"b/bad_test.go":  target("FuzzBad", "if s != \"seed\" {\n\t\t\tt.Error(\"found\")\n\t\t}"),
		"c/no_test.go":   "package c\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := (&run.Runner{}).With("GOFLAGS=", "GOCACHE="+goCache(t))
	var out bytes.Buffer
	tally, err := goFuzz(t.Context(), r, dir, 1, &out)
	if err != nil {
		t.Fatal(err)
	}
	if want := "1 passed, 1 failed, 0 skipped"; tally.String() != want || strings.Join(tally.Failures, " ") != "fuzz example.test/p/b FuzzBad" {
		t.Errorf("tally is %q with %q, want %q\n%s", tally, tally.Failures, want, &out)
	}
	for _, want := range []string{"2 targets", "ok    fuzz example.test/p/a FuzzGood  ", " inputs\n", "FAIL  fuzz example.test/p/b FuzzBad\n", "found", "testdata/fuzz/FuzzBad/"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, &out)
		}
	}
}

// goCache is the cache of this go: what is fuzzed imports the library, which is
// not to be compiled anew.
func goCache(t *testing.T) string {
	t.Helper()
	dir, err := (&run.Runner{}).Output(t.Context(), "", "go", "env", "GOCACHE")
	if err != nil {
		t.Skip("no go program: ", err)
	}
	return dir
}

func TestParseFuzzList(t *testing.T) {
	got := parseFuzzList("FuzzA\nFuzzB\nok  \tx/a\t0.005s\n?   \tx/b\t[no test files]\nok  \tx/c\t(cached) [no tests to run]\nFuzzC\nok  \tx/d\t0.1s\nFuzzLost\nFAIL\tx/e\n")
	if want := []goFuzzTarget{{"x/a", "FuzzA"}, {"x/a", "FuzzB"}, {"x/d", "FuzzC"}}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// The end of the time is no failure; an input that fails is one, whatever it says.
func TestOnlyLate(t *testing.T) {
	const late = "fuzz: elapsed: 10s, execs: 22480 (2582/sec), new interesting: 0 (total: 40)\n--- FAIL: FuzzA (10.10s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\tx/a\t10.107s\n"
	for log, want := range map[string]bool{
		late:                        true,
		"":                          false,
		"--- FAIL: FuzzA (0.02s)\n": false,
		"--- FAIL: FuzzA (0.02s)\n    --- FAIL: FuzzA (0.00s)\n        a_test.go:10: found\n    \n    Failing input written to testdata/fuzz/FuzzA/1\nFAIL\n": false,
		"--- FAIL: FuzzA (9.02s)\n    context deadline exceeded\n    \n    Failing input written to testdata/fuzz/FuzzA/1\nFAIL\n":                            false,
		"--- FAIL: FuzzA (9.02s)\n    --- FAIL: FuzzA (0.00s)\n        a_test.go:10: context deadline exceeded\n    Failing input written to x\nFAIL\n":       false,
	} {
		if got := onlyLate(log); got != want {
			t.Errorf("%v for %q", got, log)
		}
	}
}

func TestGoFuzzSummary(t *testing.T) {
	const log = "fuzz: elapsed: 0s, gathering baseline coverage: 0/6 completed\nfuzz: elapsed: 3s, execs: 10 (3/sec), new interesting: 0 (total: 6)\nfuzz: elapsed: 10s, execs: 1234 (3/sec), new interesting: 0 (total: 6)\nPASS\n"
	if got, err := goFuzzSummary(log, 10*time.Second); got != "10s  1234 inputs" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, log := range []string{"", "PASS\n", "fuzz: elapsed: 10s, execs: 0 (0/sec), new interesting: 0 (total: 6)\n"} {
		if got, err := goFuzzSummary(log, time.Second); err == nil {
			t.Errorf("a run that did nothing passes: %q", got)
		}
	}
}
