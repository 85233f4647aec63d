// Package quickstart goes the whole way for somebody at a checkout: discover,
// build, prove, serve. Each of its functions is one Mage target.
package quickstart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/cli"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/setup"
	"modwsgi/matrix"
	"modwsgi/pybuild"
)

// chain is what the steps of one run hand on to each other.
type chain struct {
	ctx   context.Context
	r     *run.Runner
	w     io.Writer
	steps *cli.Steps
	dir   string // of the checkout, absolute

	apache apxs.Info
	python pybuild.Info
	built  csrc.Artifact
	layout installer.Layout
}

func newChain(ctx context.Context, dir string, w io.Writer) (*chain, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the checkout: %w", err)
	}
	return &chain{ctx: ctx, r: &run.Runner{}, w: w, steps: cli.NewSteps(w), dir: abs}, nil
}

// step runs f with a line of progress; what f returns is the detail behind it.
func (c *chain) step(what string, f func() (string, error)) error {
	c.steps.Start(what)
	detail, err := f()
	if err != nil {
		c.steps.Fail()
		return err
	}
	c.steps.Done(detail)
	return nil
}

// discover finds the Apache and the Python that everything after it is for.
func (c *chain) discover() error {
	err := c.step("finding Apache", func() (string, error) {
		var err error
		c.apache, err = apxs.Find(c.ctx, c.r, "")
		return describeApache(c.apache), err
	})
	if err != nil {
		return err
	}
	return c.step("finding Python", func() (string, error) {
		var err error
		c.python, err = pybuild.Find(c.ctx, c.r, "")
		return describePython(c.python), err
	})
}

func describeApache(a apxs.Info) string {
	return fmt.Sprintf("httpd %s (%s), %s, modules in %s", a.Version, a.MPM, a.Apxs, a.ModulesDir)
}

func describePython(p pybuild.Info) string {
	return fmt.Sprintf("CPython %s (%s), %s, found by %s, %s", p.Version, p.ABI.ID(), p.Executable, p.Source, p.SONAME)
}

// build makes all four targets and the command.
func (c *chain) build() error {
	err := c.step("building the module", func() (string, error) {
		var err error
		c.built, err = csrc.Build(c.ctx, c.r, csrc.Options{
			Apache: &c.apache, Python: []pybuild.Info{c.python},
			Dir: filepath.Join(c.dir, "build"), Runtime: installer.Runtime(),
			Progress: c.progress,
		})
		if err != nil {
			return "", err
		}
		for _, warning := range c.built.Warnings {
			fmt.Fprintln(c.w, warning)
		}
		c.layout, err = installer.Locate(c.built.Dir)
		return fmt.Sprintf("%d files compiled, %d current, into %s", c.built.Compiled, c.built.Cached, c.built.Dir), err
	})
	if err != nil {
		return err
	}
	return c.step("building mod_wsgi-express", func() (string, error) {
		program := c.express()
		_, err := c.r.Run(c.ctx, run.Cmd{
			Dir: c.dir, Path: "go", Env: []string{"CGO_ENABLED=0"},
			Args: []string{"build", "-trimpath", "-o", program, "./cmd/mod_wsgi-express"},
		})
		return program, err
	})
}

func (c *chain) express() string { return filepath.Join(c.dir, "bin", "mod_wsgi-express") }

// prove makes real requests in both modes.
func (c *chain) prove() error {
	return c.step("proving the module by real requests", func() (string, error) {
		report, err := matrix.Prove(c.ctx, c.r, matrix.ProveOptions{
			Module: c.layout.Module, Lines: pythonHome(installer.Snippet(c.layout, c.python)),
			Apache: c.apache, Python: c.python, Keep: true,
		})
		if err != nil {
			return "", err
		}
		if err := report.Err(); err != nil {
			return "", hint.Exit(err, hint.Unverified)
		}
		return "embedded and daemon mode answer with the right Python; " + report.Line(), nil
	})
}

// pythonHome is the snippet without the line that loads the module.
func pythonHome(snippet []string) []string {
	var rest []string
	for _, line := range snippet {
		if !strings.HasPrefix(line, "LoadModule") {
			rest = append(rest, line)
		}
	}
	return rest
}

// Build makes build/ and bin/ in the checkout dir; with SOURCE in the
// environment it builds the tree of that folder instead of ours.
func Build(ctx context.Context, dir string, w io.Writer) error {
	c, err := newChain(ctx, dir, w)
	if err != nil {
		return err
	}
	if source := c.r.Getenv("SOURCE"); source != "" {
		return c.buildSource(source)
	}
	return c.each(c.discover, c.build)
}

// Prove builds what is out of date and proves the result in a temporary server.
func Prove(ctx context.Context, dir string, w io.Writer) error {
	c, err := newChain(ctx, dir, w)
	if err != nil {
		return err
	}
	return c.each(c.discover, c.build, c.prove)
}

// each runs steps until one fails.
func (c *chain) each(steps ...func() error) error {
	for _, f := range steps {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// Clean removes what the targets make in the checkout.
func Clean(dir string) error {
	var errs []error
	for _, name := range []string{"build", "bin"} {
		errs = append(errs, fsx.RemoveAll(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

// needs makes sure of the machine.
func (c *chain) needs() error {
	return c.step("looking for what a build needs", func() (string, error) {
		installed, err := setup.ForBuild(c.ctx, c.r, c.steps.Note)
		if len(installed) == 0 {
			return "everything is there", err
		}
		return "installed " + strings.Join(installed, " "), err
	})
}

// isRoot says whether a server needs to be told whom to run as.
func isRoot() bool { return os.Geteuid() == 0 }
