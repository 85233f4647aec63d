package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// modules are what the tests import in their Python, with Debian's package.
var modules = []struct{ name, debian string }{
	{"flask", "python3-flask"},
	{"django", "python3-django"},
	{"webtest", "python3-webtest"},
}

// tools are the programs that tests run, with Debian's package.
var tools = []struct{ name, debian string }{
	{"strace", "strace"},
	{"wrk", "wrk"},
}

// forTests makes sure of modules and tools where that is a matter of the
// system's packages. Any other Python is its owner's business: the tests that
// need its modules skip, and this says how they would not.
func forTests(ctx context.Context, r *run.Runner, say func(string), python pybuild.Info) error {
	sys := distro.Here()
	ours := sys.Family == distro.Debian && os.Geteuid() == 0
	var packages, pip []string
	for _, m := range modules {
		if _, err := r.Run(ctx, run.Cmd{Path: python.Executable, Args: []string{"-c", "import " + m.name}}); err == nil {
			continue
		}
		if ours && strings.HasPrefix(python.Base, "/usr/bin/") {
			packages = append(packages, m.debian)
		} else {
			pip = append(pip, m.name)
		}
	}
	for _, t := range tools {
		if _, err := exec.LookPath(t.name); err == nil {
			continue
		}
		if ours {
			packages = append(packages, t.debian)
		} else {
			say("tests that need " + t.name + " will be skipped; it is in the package " + t.debian)
		}
	}
	if len(pip) > 0 {
		say("tests that need " + strings.Join(pip, ", ") + " will be skipped; to run them: " +
			run.Line(python.Executable, append([]string{"-m", "pip", "install"}, pip...)...))
	}
	return install(ctx, r, say, sys, packages)
}

// ForFuzzing is a clang with libFuzzer and the sanitizers, for CI. Where it
// cannot be installed from here nothing happens: the fuzzing says itself that
// it is skipped, and why.
func ForFuzzing(ctx context.Context, r *run.Runner, w io.Writer) error {
	sys := distro.Here()
	if sys.Family != distro.Debian || os.Geteuid() != 0 {
		return nil
	}
	say := func(line string) { fmt.Fprintln(w, line) }
	if _, err := r.LookPath("clang"); err != nil {
		if err := install(ctx, r, say, sys, []string{"clang"}); err != nil || r.Dry != nil {
			return err // a dry run has nobody to ask for the rest
		}
	}
	folder, err := r.Output(ctx, "", "clang", "--print-runtime-dir")
	if err != nil {
		return fmt.Errorf("asking clang for its runtime: %w", err)
	}
	if found, _ := filepath.Glob(filepath.Join(folder, "libclang_rt.fuzzer*")); len(found) > 0 {
		return nil
	}
	version, err := r.Output(ctx, "", "clang", "-dumpversion")
	if err != nil {
		return fmt.Errorf("asking clang for its version: %w", err)
	}
	major, _, _ := strings.Cut(version, ".")
	return install(ctx, r, say, sys, []string{"libclang-rt-" + major + "-dev"})
}
