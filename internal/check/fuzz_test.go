package check

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// fuzzTree is a checkout with one good target and one that fails on the input
// of its corpus.
func fuzzTree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a 'checkout'")
	for name, text := range map[string]string{
		"csrc/test/tests.txt": "fuzz_good fuzz test/good.c\nfuzz_bad fuzz test/bad.c\ntest_it unit test/unit.c\n",
		"csrc/test/good.c":    "int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n) { return p && n ? 0 : 0; }\n",
		"csrc/test/bad.c": "#include <stdlib.h>\n" +
			"int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n) { if (n > 2 && p[0] == 'b') abort(); return 0; }\n",
		"csrc/test/corpus/fuzz_good/seed": "x",
		"csrc/test/corpus/fuzz_bad/seed":  "bad",
		"csrc/src/empty.h":                "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFuzz(t *testing.T) {
	f := fuzzer{r: &run.Runner{}, dir: fuzzTree(t), work: t.TempDir(), seconds: 1}
	if why := f.lacks(t.Context()); why != "" {
		t.Skip(why)
	}
	var out bytes.Buffer
	tally, err := f.all(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if want := "1 passed, 1 failed, 0 skipped"; tally.String() != want || strings.Join(tally.Failures, " ") != "fuzz fuzz_bad" {
		t.Errorf("tally is %q with %q, want %q\n%s", tally, tally.Failures, want, &out)
	}
	kept, err := filepath.Glob(filepath.Join(strings.ReplaceAll(f.dir, "'", "?"), "build/fuzz/fuzz_bad-crash-*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("inputs kept: %q, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || string(text) != "bad" {
		t.Errorf("the input is %q, %v", text, err)
	}
	for _, want := range []string{"ok    fuzz fuzz_good  ", " inputs, cov ", "deadly signal", run.Line(kept[0]), "csrc/test/corpus/fuzz_bad "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, &out)
		}
	}
	// The command that was printed shows the failure.
	_, command, _ := strings.Cut(out.String(), "to see it again:\n")
	command, _, _ = strings.Cut(command, "\n")
	res, err := f.r.Run(t.Context(), run.Cmd{Path: "/bin/sh", Args: []string{"-c", command}, Timeout: time.Minute})
	if err == nil || !strings.Contains(res.Stderr, "deadly signal") {
		t.Errorf("%s\n%v\n%s", command, err, res.Stderr)
	}
}

func TestFuzzSkips(t *testing.T) {
	dir, bin := fuzzTree(t), t.TempDir()
	tests := []struct{ name, clang, want string }{
		{"no clang", "", "there is no clang (on Debian: clang"},
		{"no runtime", "#!/bin/sh\necho 'cannot find libclang_rt.fuzzer' >&2; exit 1\n", "clang cannot link its fuzzer (on Debian: clang, and libclang-rt-NN-dev"},
	}
	for _, tt := range tests {
		if tt.clang != "" {
			if err := os.WriteFile(filepath.Join(bin, "clang"), []byte(tt.clang), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		f := fuzzer{r: &run.Runner{Env: []string{"PATH=" + bin}}, dir: dir, work: t.TempDir(), seconds: 1}
		tally, err := f.all(t.Context(), t.Output())
		if err != nil || tally.String() != "0 passed, 0 failed, 1 skipped" || !strings.HasPrefix(tally.Skips["fuzz"], tt.want) {
			t.Errorf("%s: %s, %q, %v", tt.name, tally, tally.Skips, err)
		}
	}
}

func TestFuzzSummary(t *testing.T) {
	good := "INFO: Seed: 1\n#12\tNEW    cov: 1 ft: 2\n#81234\tDONE   cov: 202 ft: 558 corp: 16/3857b lim: 3010\nDone 81234 runs in 8 second(s)\n"
	if got, err := fuzzSummary(good, 8*time.Second); got != "8s  81234 inputs, cov 202, ft 558" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, log := range []string{"", "#99\tDONE   cov: 1 ft: 1 corp\n"} {
		if got, err := fuzzSummary(log, time.Second); err == nil {
			t.Errorf("a run that did nothing passes: %q", got)
		}
	}
	if got := fuzzReport("INFO: x\n#1\tNEW\nfuzz_x.c:3: does not hold: n > 2\n\tNEW_FUNC[1/2]: y\n"); got != "fuzz_x.c:3: does not hold: n > 2\n" {
		t.Errorf("the report is %q", got)
	}
}
