package matrix

import (
	"context"
	_ "embed" // what Python's own races are
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

//go:embed testdata/tsan-python.supp
var pythonRaces []byte

// Sanitizer is how C is built and run to find faults that no test sees by itself.
type Sanitizer struct {
	Compiler string   // CC
	HalfOnly bool     // Apache's half is built as ever: only programs that Python is in have it
	Env      []string // of httpd
	Reports  string   // the folder that it writes to
	python   []string // for a Python that was built with it
}

// NewSanitizer is the one of that name: asan, which also looks for undefined
// behaviour, or tsan, which takes a Python that was built for it. What it needs and
// what it reports is below dir, which it makes, and which the server's user has to reach. Leaks are not
// looked for: httpd and Python keep much until the end. A process that kills itself
// by a signal does so as without it.
func NewSanitizer(ctx context.Context, r *run.Runner, name, dir string) (Sanitizer, error) {
	s := Sanitizer{Reports: filepath.Join(dir, "reports")}
	err := errors.Join(fsx.MkdirAll(dir, 0o755), fsx.RemoveAll(s.Reports)) // those of a run that was killed are not this one's
	if err == nil {
		err = fsx.Mkdir(s.Reports, 0o777) // httpd's user writes into it
	}
	if err != nil {
		return s, err
	}
	log := ":log_path=" + filepath.Join(s.Reports, "report")
	switch name {
	case "asan":
		runtime, err := r.Output(ctx, "", "gcc", "-print-file-name=libasan.so")
		if err != nil || !filepath.IsAbs(runtime) {
			return s, errors.New("this gcc has no libasan.so")
		}
		// The programs are linked with its runtime; httpd, which opens the module and
		// the plugin, gets it preloaded.
		s.Compiler = "gcc -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
		s.Env = []string{"LD_PRELOAD=" + runtime, "ASAN_OPTIONS=detect_leaks=0:handle_segv=0:handle_abort=0" + log, "UBSAN_OPTIONS=print_stacktrace=1" + log}
	case "tsan":
		suppressions := filepath.Join(dir, "suppressions")
		if err := fsx.WriteFile(suppressions, pythonRaces, 0o644); err != nil {
			return s, err
		}
		s.Compiler, s.HalfOnly, s.python = "clang -fsanitize=thread -fno-omit-frame-pointer", true, []string{"TSAN_OPTIONS=report_bugs=0"}
		s.Env = []string{"TSAN_OPTIONS=report_thread_leaks=0:handle_segv=0:report_signal_unsafe=0:second_deadlock_stack=1:history_size=4:suppressions=" + suppressions + log}
	default:
		return s, fmt.Errorf("there is no sanitizer %q", name)
	}
	return s, nil
}

// Asking is r for a Python that was built with the sanitizer, and is not under test.
func (s Sanitizer) Asking(r *run.Runner) *run.Runner { return r.With(s.python...) }

// Building is r with the sanitizer's compiler.
func (s Sanitizer) Building(r *run.Runner) *run.Runner {
	return r.With(append([]string{"CC=" + s.Compiler}, s.python...)...)
}

// Take is what all processes have reported, which is gone afterwards; "" if nothing.
func (s Sanitizer) Take() (string, error) {
	entries, err := os.ReadDir(s.Reports)
	var b strings.Builder
	for _, e := range entries {
		path := filepath.Join(s.Reports, e.Name())
		text, readErr := os.ReadFile(path)
		fmt.Fprintf(&b, "%s:\n%s\n", e.Name(), text)
		err = errors.Join(err, readErr, fsx.Remove(path))
	}
	return b.String(), err
}

// sanitized tells whether a sanitizer is in the target: nothing else needs a word in
// the environment of httpd.
func (t Target) sanitized() bool { return len(t.Env) > 0 }

// unsanitized are the cases that cannot be run with one: the address sanitizer
// reserves more than any memory limit leaves, keeps freed memory for a while, and
// it has to be preloaded before what makes calls fail.
var unsanitized = []string{
	"memory-limit", "limits-set", "memory-share", "graceful-many", "descriptors-out", "disk-full", "fork-refused", "clock-set",
}
