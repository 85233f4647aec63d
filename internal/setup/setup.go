// Package setup makes sure that a machine has what the project's commands
// need: as root on a system whose package manager it knows it installs what is
// missing, otherwise it says the line to type and stops with exit status 3.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// ForBuild makes sure of Apache with its development files, a C compiler, and a
// Python with headers and a shared library.
func ForBuild(ctx context.Context, r *run.Runner, w io.Writer) error {
	sys := distro.Here()
	missing := append(apxs.Missing(ctx, r, sys), pybuild.Missing(ctx, r, sys)...)
	return install(ctx, r, w, sys, missing)
}

// ForTests is [ForBuild] and the frameworks that the tests serve.
func ForTests(ctx context.Context, r *run.Runner, w io.Writer) error {
	if err := ForBuild(ctx, r, w); err != nil {
		return err
	}
	python, err := pybuild.Find(ctx, r, "")
	if err != nil {
		return err
	}
	return frameworks(ctx, r, w, python)
}

// install installs packages, or says how. Nothing is started by it: a service
// that a package would start at once stays down where the system lets us say so.
func install(ctx context.Context, r *run.Runner, w io.Writer, sys distro.System, packages []string) error {
	if len(packages) == 0 {
		return nil
	}
	command := sys.Install(packages...)
	if os.Geteuid() != 0 || command == nil {
		line := sys.InstallLine(packages...)
		if command != nil {
			line = "sudo " + line
		}
		return hint.Exit(hint.New(
			fmt.Errorf("this machine lacks %s", strings.Join(packages, ", ")), line), hint.NotFound)
	}
	quiet := []string{"DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"}
	if sys.Family == distro.Debian {
		// A machine without package lists knows no package at all.
		fmt.Fprintln(w, "apt-get update")
		if _, err := r.Run(ctx, run.Cmd{Path: "apt-get", Args: []string{"update", "-q"}, Env: quiet}); err != nil {
			return fmt.Errorf("reading the package lists: %w", err)
		}
	}
	fmt.Fprintln(w, run.Line(command[0], command[1:]...))
	if _, err := r.Run(ctx, run.Cmd{Path: command[0], Args: command[1:], Env: quiet}); err != nil {
		return hint.Exit(fmt.Errorf("installing %s: %w", strings.Join(packages, ", "), err), hint.NotFound)
	}
	return nil
}

// FrameworksDir is where frameworks for a Python are put when it has none of
// its own, in the build folder of the checkout.
func FrameworksDir(build string, python pybuild.Info) string {
	return build + "/frameworks/" + python.ABI.Folder()
}

// ErrNoFrameworks says that a Python has no Django and Flask and cannot get them.
var ErrNoFrameworks = errors.New("no Flask and Django for this Python")

// frameworks makes sure that the tests' Python can import Flask and Django: as
// packages of the system for the system's own Python, from PyPI into the build
// folder for any other. Where neither can be done it says so and goes on: the
// tests that need them skip with that reason.
func frameworks(ctx context.Context, r *run.Runner, w io.Writer, python pybuild.Info) error {
	dir := FrameworksDir("build", python)
	if HasFrameworks(ctx, r, python, "") || HasFrameworks(ctx, r, python, dir) {
		return nil
	}
	sys := distro.Here()
	if sys.Family == distro.Debian && strings.HasPrefix(python.Base, "/usr/bin/") && os.Geteuid() == 0 {
		return install(ctx, r, w, sys, []string{"python3-flask", "python3-django"})
	}
	args := []string{"-m", "pip", "install", "--quiet", "--target", dir, "flask", "django"}
	fmt.Fprintln(w, run.Line(python.Executable, args...))
	if _, err := r.Run(ctx, run.Cmd{Path: python.Executable, Args: args}); err != nil {
		fmt.Fprintf(w, "%v: %v\n", ErrNoFrameworks, err)
	}
	return nil
}

// HasFrameworks tells whether Python can import both, with dir in its path
// unless that is "".
func HasFrameworks(ctx context.Context, r *run.Runner, python pybuild.Info, dir string) bool {
	c := run.Cmd{Path: python.Executable, Args: []string{"-c", "import flask, django"}}
	if dir != "" {
		c.Env = []string{"PYTHONPATH=" + dir}
	}
	_, err := r.Run(ctx, c)
	return err == nil
}
