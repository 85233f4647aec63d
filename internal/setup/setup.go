// Package setup makes sure that a machine has what the project's commands
// need: as root on a system whose package manager it knows it installs what is
// missing, otherwise it says the line to type and stops with exit status 3.
package setup

import (
	"context"
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
//
// It returns the packages that it installed. say is told what is being done.
func ForBuild(ctx context.Context, r *run.Runner, say func(string)) ([]string, error) {
	sys := distro.Here()
	missing := append(apxs.Missing(ctx, r, sys), pybuild.Missing(ctx, r, sys)...)
	return missing, install(ctx, r, say, sys, missing)
}

// ForTests is [ForBuild], the frameworks that the tests serve, and the tools
// with which they look at processes.
func ForTests(ctx context.Context, r *run.Runner, w io.Writer) error {
	say := func(line string) { fmt.Fprintln(w, line) }
	if _, err := ForBuild(ctx, r, say); err != nil {
		return err
	}
	python, err := pybuild.Find(ctx, r, "")
	if err != nil {
		return err
	}
	return forTests(ctx, r, say, python)
}

// install installs packages, or says how. Nothing is started by it: a service
// that a package would start at once stays down where the system lets us say so.
func install(ctx context.Context, r *run.Runner, say func(string), sys distro.System, packages []string) error {
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
		say("apt-get update")
		if _, err := r.Run(ctx, run.Cmd{Path: "apt-get", Args: []string{"update", "-q"}, Env: quiet, Network: true, Changes: true}); err != nil {
			return fmt.Errorf("reading the package lists: %w", err)
		}
	}
	say(run.Line(command[0], command[1:]...))
	if _, err := r.Run(ctx, run.Cmd{Path: command[0], Args: command[1:], Env: quiet, Network: true, Changes: true}); err != nil {
		if hint.Code(err) == hint.Refused {
			return err
		}
		return hint.Exit(fmt.Errorf("installing %s: %w", strings.Join(packages, ", "), err), hint.NotFound)
	}
	return nil
}
