package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/run"
	"modwsgi/matrix"
)

// sanitize runs the request corpus of the matrix against a build with the
// address and undefined behaviour sanitizers. A report of any process fails the run,
// whatever the cases made of it.
func sanitize(ctx context.Context, r *run.Runner, dir string, w io.Writer) (t Tally, err error) {
	work, err := os.MkdirTemp("", "modwsgi-sanitize-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	sanitizer, err := matrix.NewSanitizer(ctx, r, "asan", work)
	if err != nil {
		t.Skipped, t.Skips = 1, map[string]string{"sanitize": err.Error()}
		return t, nil
	}
	build := filepath.Join(work, "build")
	for _, path := range []string{work, build} { // the server's user executes what is there
		if err := errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, 0o755)); err != nil {
			return t, err
		}
	}
	sanitized := &run.Runner{Env: append(os.Environ(),
		"CC="+sanitizer.Compiler,
		"CGO_ENABLED=0", // the tests themselves are not to be built with it
		"MODWSGI_MATRIX_BUILD="+build,
		"MODWSGI_MATRIX_FILTER=",
		"MODWSGI_MATRIX_ENV="+strings.Join(sanitizer.Env, "\n"),
	)}
	fmt.Fprintln(w, "sanitizers:", sanitizer.Compiler)
	// What TestProve and TestProof start is for users and takes no environment. Memory and
	// system calls are not those of the product.
	t, err = goTest(ctx, sanitized, dir, w, "-skip", "^(TestProve|TestProof[A-Za-z]*|TestBudget|Test[A-Z][a-z]+Memory)$", "./matrix")
	text, reportErr := sanitizer.Take()
	if text != "" {
		t.Failed++
		t.Failures = append(t.Failures, "sanitize reports")
		fmt.Fprintf(w, "FAIL  sanitizer reports\n%s", text)
	}
	return t, errors.Join(err, reportErr)
}
