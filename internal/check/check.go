package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/quickstart"
	"modwsgi/internal/run"
	"modwsgi/internal/setup"
	"modwsgi/internal/verbs"
)

// Test installs what the tests need and runs all of them.
func Test(ctx context.Context, j *verbs.Job) error {
	if err := prepare(ctx, j); err != nil || j.Dry() {
		return planned(err, j, "go test ./...")
	}
	tally, err := goTest(ctx, j.R, j.Dir, j.Out, "./...")
	return finish(j.Out, tally, err)
}

// planned prints what a dry run would have done.
func planned(err error, j *verbs.Job, further ...string) error {
	if err != nil {
		return err
	}
	return j.Plan(further)
}

// Lint checks the form of everything that is checked in: gofmt, go vet (the
// magefile too, which ./... does not see), staticcheck, and the C sources with
// warnings as errors.
func Lint(ctx context.Context, j *verbs.Job) error {
	if err := quickstart.Checkout(j); err != nil {
		return err
	}
	say := func(line string) { fmt.Fprintln(j.Err, line) }
	if _, err := setup.ForBuild(ctx, j.R, say); err != nil || j.Dry() {
		return planned(err, j, "gofmt -l .", "go vet ./...", "go tool staticcheck ./...")
	}
	tally, err := lint(ctx, j.R, j.Dir, j.Out)
	return finish(j.Out, tally, err)
}

// CI is what the project's CI runs: the tests as the README has them, then
// lint, then the race detector over the Go packages that have goroutines, then
// the requests of the matrix against a build with sanitizers, then the fuzz
// targets of the C sources and of the Go packages, then what takes minutes.
func CI(ctx context.Context, j *verbs.Job) error {
	r, dir, w := j.R, j.Dir, j.Out
	if err := errors.Join(prepare(ctx, j), setup.ForFuzzing(ctx, r, j.Err)); err != nil || j.Dry() {
		return planned(err, j, "go test ./...", "go tool staticcheck ./...", "the slower tiers")
	}
	total, testErr := goTest(ctx, r, dir, w, "./...")
	linted, lintErr := lint(ctx, r, dir, w)
	total.Add(linted)
	raced, raceErr := goTest(ctx, r, dir, w, "-race", "./internal/...", "./csrc/...", "./installer/...", "-short")
	total.Add(raced)
	sane, saneErr := sanitize(ctx, r, dir, w)
	total.Add(sane)
	fuzzed, fuzzErr := fuzz(ctx, r, dir, w)
	total.Add(fuzzed)
	parsed, goFuzzErr := goFuzz(ctx, r, dir, goFuzzSeconds, w)
	total.Add(parsed)
	lasted, longErr := long(ctx, dir, w)
	total.Add(lasted)
	return finish(w, total, errors.Join(testErr, lintErr, raceErr, saneErr, fuzzErr, goFuzzErr, longErr))
}

// long runs again, at their full length, the tests that have a short form: a
// million requests, a GiB in both directions, minutes of load.
func long(ctx context.Context, dir string, w io.Writer) (Tally, error) {
	r := &run.Runner{Env: append(os.Environ(), "MODWSGI_MATRIX_LONG=1", "MODWSGI_MATRIX_FILTER=*/event/daemon/*-load */event/daemon/replaced */event/daemon/graceful-many */event/*/download-slow")}
	return goTest(ctx, r, dir, w, "-run", "^(TestMatrix|Test[A-Z][a-z]+Memory)$", "./matrix")
}

// prepare makes the machine and the checkout ready: some tests ask the module in
// build/, as a user has it, and not one of their own. A dry run builds nothing.
func prepare(ctx context.Context, j *verbs.Job) error {
	if err := quickstart.Checkout(j); err != nil {
		return err
	}
	if err := setup.ForTests(ctx, j.R, j.Err); err != nil || j.Dry() {
		return err
	}
	return quickstart.Prepare(ctx, j)
}

// goTest runs `go test` with args and reads what it says as it comes.
func goTest(ctx context.Context, r *run.Runner, dir string, w io.Writer, args ...string) (Tally, error) {
	fmt.Fprintf(w, "go test %s\n", strings.Join(args, " "))
	pr, pw := io.Pipe()
	p, err := r.Start(ctx, run.Cmd{
		Dir: dir, Path: "go", Args: append([]string{"test", "-json", "-timeout", "30m"}, args...),
		Stdout: pw, Stderr: w,
	})
	if err != nil {
		return Tally{}, err
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Wait()
		pw.Close()
		done <- err
	}()
	tally, readErr := readGoTest(pr, w)
	waitErr := <-done
	if waitErr != nil && tally.Failed > 0 {
		waitErr = nil // the failures were printed and are counted
	}
	return tally, errors.Join(readErr, waitErr)
}

// lint counts each linter as one test.
func lint(ctx context.Context, r *run.Runner, dir string, w io.Writer) (Tally, error) {
	var t Tally
	for _, l := range []struct {
		name string
		run  func(context.Context, *run.Runner, string) error
	}{
		{"gofmt", gofmt},
		{"go vet", goCommand("vet", "./...")},
		{"go vet -tags mage", goCommand("vet", "-tags", "mage", ".")},
		{"staticcheck", goCommand("tool", "staticcheck", "./...")},
		{"C warnings", cWarnings},
	} {
		if err := l.run(ctx, r, dir); err != nil {
			t.Failed++
			t.Failures = append(t.Failures, "lint "+l.name)
			fmt.Fprintf(w, "FAIL  lint %s\n%v\n", l.name, err)
			continue
		}
		t.Passed++
		fmt.Fprintf(w, "ok    lint %s\n", l.name)
	}
	return t, nil
}

func goCommand(args ...string) func(context.Context, *run.Runner, string) error {
	return func(ctx context.Context, r *run.Runner, dir string) error {
		res, err := r.Run(ctx, run.Cmd{Dir: dir, Path: "go", Args: args})
		if err != nil && res.Stdout != "" {
			return fmt.Errorf("%w\n%s", err, res.Stdout)
		}
		return err
	}
}

func gofmt(ctx context.Context, r *run.Runner, dir string) error {
	// The tool that belongs to this Go; a gofmt in PATH may be another's.
	root, err := r.Output(ctx, dir, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	out, err := r.Output(ctx, dir, filepath.Join(root, "bin", "gofmt"), "-l", ".")
	if err != nil {
		return err
	}
	if out != "" {
		return fmt.Errorf("not formatted, run gofmt -w on:\n%s", out)
	}
	return nil
}

// finish prints the skips and the count, which is the last line of every run.
func finish(w io.Writer, t Tally, err error) error {
	t.printSkips(w)
	for _, f := range t.Failures {
		fmt.Fprintf(w, "failed: %s\n", f)
	}
	if err == nil && t.Failed > 0 {
		err = fmt.Errorf("%d failed", t.Failed)
	}
	if err != nil && t.Failed == 0 {
		t.Failed++ // a run that broke off is not a pass
	}
	if err != nil {
		fmt.Fprintln(w, "error:", err)
	}
	fmt.Fprintln(w, t)
	if err != nil {
		return errors.New("checks failed")
	}
	return nil
}
