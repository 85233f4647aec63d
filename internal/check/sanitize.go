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
)

// sanitizing is the compiler of the sanitized build.
const sanitizing = "gcc -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"

// unsanitized are the cases that cannot be run with it: the address sanitizer
// reserves more than any memory limit leaves, keeps freed memory for a while, and
// it has to be preloaded before what makes calls fail.
var unsanitized = []string{
	"!*/*/daemon/memory-limit", "!*/*/daemon/limits-set", "!*/*/daemon/memory-share", "!*/*/daemon/graceful-many",
	"!*/*/daemon/descriptors-out", "!*/*/daemon/disk-full", "!*/*/daemon/fork-refused", "!*/*/daemon/clock-set",
}

// sanitize runs the request corpus of the matrix against a build with the
// address and undefined behaviour sanitizers. The programs are linked with
// their runtime; httpd, which opens the module and the plugin, gets it
// preloaded. A report of any process fails the run, whatever the cases made of
// it. A process that kills itself by a signal does so as without it. Leaks are not looked for: httpd and Python keep much until the end.
func sanitize(ctx context.Context, r *run.Runner, dir string, w io.Writer) (t Tally, err error) {
	runtime, err := r.Output(ctx, "", "gcc", "-print-file-name=libasan.so")
	if err != nil || !filepath.IsAbs(runtime) {
		t.Skipped, t.Skips = 1, map[string]string{"sanitize": "this gcc has no libasan.so"}
		return t, nil
	}
	work, err := os.MkdirTemp("", "modwsgi-sanitize-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	build, reports := filepath.Join(work, "build"), filepath.Join(work, "reports")
	// The server's user executes the one and writes to the other.
	for path, mode := range map[string]os.FileMode{work: 0o755, build: 0o755, reports: 0o777} {
		if err := errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, mode)); err != nil {
			return t, err
		}
	}
	log := ":log_path=" + filepath.Join(reports, "report")
	sanitized := &run.Runner{Env: append(os.Environ(),
		"CC="+sanitizing,
		"CGO_ENABLED=0", // the tests themselves are not to be built with it
		"MODWSGI_MATRIX_BUILD="+build,
		"MODWSGI_MATRIX_FILTER="+strings.Join(unsanitized, " "),
		"MODWSGI_MATRIX_ENV="+strings.Join([]string{
			"LD_PRELOAD=" + runtime, "ASAN_OPTIONS=detect_leaks=0:handle_segv=0:handle_abort=0" + log, "UBSAN_OPTIONS=print_stacktrace=1" + log,
		}, "\n"),
	)}
	fmt.Fprintln(w, "sanitizers:", sanitizing)
	// What TestProve and TestProof start is for users and takes no environment. Memory and
	// system calls are not those of the product.
	t, err = goTest(ctx, sanitized, dir, w, "-skip", "^(TestProve|TestProof[A-Za-z]*|TestBudget|Test[A-Z][a-z]+Memory)$", "./matrix")
	text, reportErr := readReports(reports)
	if text != "" {
		t.Failed++
		t.Failures = append(t.Failures, "sanitize reports")
		fmt.Fprintf(w, "FAIL  sanitizer reports\n%s", text)
	}
	return t, errors.Join(err, reportErr)
}

// readReports is what sanitizers wrote in dir, "" if nothing.
func readReports(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s:\n%s\n", e.Name(), text)
	}
	return b.String(), nil
}
