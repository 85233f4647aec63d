package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"modwsgi/csrc"
	"modwsgi/internal/ctest"
	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// fuzzer runs the fuzz targets of the C sources with libFuzzer, each for a
// while. go test only replays their corpora; this looks for more.
type fuzzer struct {
	r       *run.Runner
	dir     string // the checkout
	work    string // temporary
	seconds int    // of each target
}

// Limits of one input: what takes longer or more is a finding as a crash is.
const (
	fuzzLongest  = 4096 // bytes
	fuzzSlowest  = 10   // seconds
	fuzzMemory   = 2048 // MiB, with what the address sanitizer keeps
	fuzzOverhead = time.Minute
)

// fuzz runs each target for eight seconds. The input of a failure is kept in
// build/fuzz, and how to see it again is printed.
func fuzz(ctx context.Context, r *run.Runner, dir string, w io.Writer) (t Tally, err error) {
	// The targets run elsewhere.
	if dir, err = filepath.Abs(dir); err != nil {
		return t, err
	}
	work, err := os.MkdirTemp("", "modwsgi-fuzz-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	f := fuzzer{r: r, dir: dir, work: work, seconds: 8}
	return f.all(ctx, w)
}

func (f fuzzer) all(ctx context.Context, w io.Writer) (t Tally, err error) {
	programs, err := ctest.Read(filepath.Join(f.dir, "csrc"))
	if err != nil {
		return t, err
	}
	if why := f.lacks(ctx); why != "" {
		t.Skipped, t.Skips = 1, map[string]string{"fuzz": why}
		return t, nil
	}
	fmt.Fprintf(w, "libFuzzer: clang -fsanitize=fuzzer,address,undefined, %d s each\n", f.seconds)
	for _, p := range programs {
		if p.Kind != ctest.Fuzz {
			continue
		}
		said, err := f.target(ctx, p)
		if ctx.Err() != nil {
			return t, ctx.Err()
		}
		if err != nil {
			t.Failed++
			t.Failures = append(t.Failures, "fuzz "+p.Name)
			fmt.Fprintf(w, "FAIL  fuzz %s\n%v\n", p.Name, err)
			continue
		}
		t.Passed++
		fmt.Fprintf(w, "ok    fuzz %s  %s\n", p.Name, said)
	}
	return t, nil
}

// lacks says what is missing for fuzzing, "" if nothing is. That there is a
// clang does not mean that it has libFuzzer and the sanitizers.
func (f fuzzer) lacks(ctx context.Context) string {
	const packages = "on Debian: clang, and libclang-rt-NN-dev of its version"
	if _, err := f.r.LookPath("clang"); err != nil {
		return "there is no clang (" + packages + ")"
	}
	probe := filepath.Join(f.work, "probe.c")
	text := "int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n) { return p && n ? 0 : 0; }\n"
	if err := os.WriteFile(probe, []byte(text), 0o600); err != nil {
		return err.Error()
	}
	_, err := f.r.Run(ctx, run.Cmd{Path: "clang", Args: []string{
		"-fsanitize=fuzzer,address,undefined", "-o", filepath.Join(f.work, "probe"), probe}})
	if err != nil {
		return "clang cannot link its fuzzer (" + packages + ")"
	}
	return ""
}

// target builds and runs p. It returns what there is to say of a good run.
func (f fuzzer) target(ctx context.Context, p ctest.Program) (string, error) {
	program := filepath.Join(f.work, p.Name)
	sources := filepath.Join(f.dir, "csrc")
	build := run.Cmd{Dir: sources, Path: "clang", Args: p.CompileFuzzer(csrc.Version(), program)}
	if _, err := f.r.Run(ctx, build); err != nil {
		return "", err
	}
	found, artifacts := program+".corpus", program+".artifacts"
	for _, d := range []string{found, artifacts} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return "", err
		}
	}
	log, err := os.Create(program + ".log")
	if err != nil {
		return "", err
	}
	defer log.Close()
	start := time.Now()
	_, runErr := f.r.Run(ctx, run.Cmd{
		Dir: artifacts, Path: program, Stderr: log, // megabytes, if it goes badly
		Timeout: time.Duration(f.seconds)*time.Second + fuzzOverhead,
		Args: []string{
			"-seed=1", fmt.Sprintf("-max_total_time=%d", f.seconds), fmt.Sprintf("-max_len=%d", fuzzLongest),
			fmt.Sprintf("-timeout=%d", fuzzSlowest), fmt.Sprintf("-rss_limit_mb=%d", fuzzMemory),
			"-artifact_prefix=" + artifacts + "/", found, filepath.Join(sources, p.Corpus()),
		},
	})
	text, err := os.ReadFile(log.Name())
	if err != nil {
		return "", err
	}
	if runErr != nil {
		return "", errors.Join(fmt.Errorf("%s%w", fuzzReport(string(text)), runErr), f.keep(p, artifacts))
	}
	return fuzzSummary(string(text), time.Since(start))
}

// keep puts the inputs that made p fail where the next build does not take them
// away. What it returns says how to see the failure again.
func (f fuzzer) keep(p ctest.Program, artifacts string) error {
	entries, err := os.ReadDir(artifacts)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return errors.New("no input was saved: it failed before the first, or at the end (a leak of all together)")
	}
	kept := filepath.Join(f.dir, "build", "fuzz")
	if err := fsx.MkdirAll(kept, 0o755); err != nil {
		return err
	}
	program := filepath.Join(kept, p.Name)
	build := run.Cmd{Dir: filepath.Join(f.dir, "csrc"), Path: "clang", Args: p.CompileFuzzer(csrc.Version(), program)}
	again := build.Line()
	for _, e := range entries {
		input := program + "-" + e.Name()
		if err := fsx.CopyFile(filepath.Join(artifacts, e.Name()), input, 0o644); err != nil {
			return err
		}
		again += " && " + run.Line(program, input)
	}
	return fmt.Errorf("to see it again:\n  %s\nonce it is mended, put the input into csrc/%s under a name that says what it is", again, p.Corpus())
}

// fuzzDone is the last line of a run that found nothing.
var fuzzDone = regexp.MustCompile(`(?m)^#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+)`)

// fuzzSummary is what a run that found nothing says of itself. One that ran
// next to nothing has shown nothing; a machine under load runs some thousand.
func fuzzSummary(log string, took time.Duration) (string, error) {
	m := fuzzDone.FindStringSubmatch(log)
	if m == nil {
		return "", fmt.Errorf("%sit did not say what it did", fuzzReport(log))
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < 100 {
		return "", fmt.Errorf("it ran %s inputs only", m[1])
	}
	return fmt.Sprintf("%s  %s inputs, cov %s, ft %s", took.Round(10*time.Millisecond), m[1], m[2], m[3]), nil
}

// fuzzReport is what a run said without the lines of its progress.
func fuzzReport(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "INFO:") && !strings.Contains(line, "NEW_FUNC[") {
			b.WriteString(line)
		}
	}
	return b.String()
}
