package check

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/run"
)

// goFuzzTarget is a fuzz function of a Go package. go test only replays its seeds.
type goFuzzTarget struct{ pkg, name string }

// goFuzzSeconds is how long each looks for more; an input that fails is made
// smaller by few steps, since it is kept whatever its size (rule Y-4).
const (
	goFuzzSeconds  = 10
	goFuzzMinimize = "20x"
)

// goFuzz runs each fuzz target of the Go packages for some seconds, and prints how
// long each took and how many inputs that were. Go keeps what fails in testdata.
func goFuzz(ctx context.Context, r *run.Runner, dir string, seconds int, w io.Writer) (t Tally, err error) {
	list, err := goFuzzTargets(ctx, r, dir)
	if err != nil {
		return t, err
	}
	fmt.Fprintf(w, "go test -fuzz, %d s each, %d targets\n", seconds, len(list))
	for _, f := range list {
		said, err := f.run(ctx, r, dir, seconds)
		if ctx.Err() != nil {
			return t, ctx.Err()
		}
		if err != nil {
			t.Failed++
			t.Failures = append(t.Failures, "fuzz "+f.pkg+" "+f.name)
			fmt.Fprintf(w, "FAIL  fuzz %s %s\n%v\n", f.pkg, f.name, err)
			continue
		}
		t.Passed++
		fmt.Fprintf(w, "ok    fuzz %s %s  %s\n", f.pkg, f.name, said)
	}
	return t, nil
}

// goFuzzTargets asks the packages for their targets.
func goFuzzTargets(ctx context.Context, r *run.Runner, dir string) ([]goFuzzTarget, error) {
	said, err := r.Output(ctx, dir, "go", "test", "-list", "^Fuzz", "./...")
	if err != nil {
		return nil, fmt.Errorf("listing the fuzz targets: %w", err)
	}
	return parseFuzzList(said), nil
}

// parseFuzzList reads what -list says: names, and behind them a line with their
// package.
func parseFuzzList(said string) []goFuzzTarget {
	var list []goFuzzTarget
	var names []string
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		switch {
		case len(words) == 1 && strings.HasPrefix(words[0], "Fuzz"):
			names = append(names, words[0])
		case len(words) > 1 && words[0] == "ok":
			for _, name := range names {
				list = append(list, goFuzzTarget{words[1], name})
			}
			names = nil
		}
	}
	return list
}

// run looks for inputs that fail. What it returns is what there is to say of a good
// run.
func (f goFuzzTarget) run(ctx context.Context, r *run.Runner, dir string, seconds int) (string, error) {
	began := time.Now()
	res, err := r.Run(ctx, run.Cmd{
		Dir: dir, Path: "go", Timeout: time.Duration(seconds)*time.Second + 2*fuzzOverhead,
		Args: []string{"test", "-run", "^$", "-fuzz", "^" + f.name + "$", "-fuzztime", strconv.Itoa(seconds) + "s", "-fuzzminimizetime", goFuzzMinimize, f.pkg},
	})
	if err != nil && !onlyLate(res.Stdout) {
		return "", fmt.Errorf("%w\n%s", err, strings.TrimSpace(res.Stdout))
	}
	return goFuzzSummary(res.Stdout, time.Since(began))
}

// onlyLate tells that all go has to complain of is the end of the time it was given:
// before 1.27 its coordinator now and then takes that for a failure
// (https://go.dev/issue/75804). A target that fails says more than this, and names
// the input.
func onlyLate(log string) bool {
	_, said, ok := strings.Cut(log, "--- FAIL: ")
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return ok && len(lines) > 2 && strings.TrimSpace(lines[1]) == "context deadline exceeded" && lines[2] == "FAIL"
}

var goFuzzExecs = regexp.MustCompile(`(?m)^fuzz: elapsed: .*execs: (\d+) .*`)

// goFuzzSummary is what a run that found nothing says of itself. One without
// any input has shown nothing.
func goFuzzSummary(log string, took time.Duration) (string, error) {
	all := goFuzzExecs.FindAllStringSubmatch(log, -1)
	if len(all) == 0 || all[len(all)-1][1] == "0" {
		return "", fmt.Errorf("it ran no inputs:\n%s", strings.TrimSpace(log))
	}
	return fmt.Sprintf("%s  %s inputs", took.Round(10*time.Millisecond), all[len(all)-1][1]), nil
}
