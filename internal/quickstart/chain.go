// Package quickstart goes the whole way for somebody at a checkout: discover,
// build, prove, serve. Each of its functions is one Mage target; those that
// mod_wsgi-express has too are in package verbs.
package quickstart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	"modwsgi/internal/verbs"
	"modwsgi/matrix"
	"modwsgi/pybuild"
)

// chain is what the steps of one run hand on to each other.
type chain struct {
	*verbs.Job
	ctx   context.Context
	r     *run.Runner
	steps *cli.Steps
	dir   string // of the checkout, absolute

	apache apxs.Info
	python pybuild.Info
	built  csrc.Artifact
	layout installer.Layout

	lacked []string // packages that the machine lacked
}

func newChain(ctx context.Context, j *verbs.Job) *chain {
	return &chain{Job: j, ctx: ctx, r: j.R, steps: j.Steps(), dir: j.Dir}
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

// findApache finds the Apache that everything after it is for.
func (c *chain) findApache() error {
	return c.step("finding Apache", func() (string, error) {
		var err error
		c.apache, err = c.Apache(c.ctx)
		return describeApache(c.apache), err
	})
}

// discover finds the Apache and the Python that everything after it is for.
func (c *chain) discover() error {
	if err := c.findApache(); err != nil {
		return err
	}
	for _, note := range c.apache.Notes {
		fmt.Fprintln(c.Err, "note:", note)
	}
	return c.step("finding Python", func() (string, error) {
		var err error
		c.python, err = c.Python(c.ctx)
		return describePython(c.python), err
	})
}

func describeApache(a apxs.Info) string {
	return fmt.Sprintf("httpd %s (%s), %s, modules in %s", a.Version, a.MPM, a.Apxs, a.ModulesDir)
}

func describePython(p pybuild.Info) string {
	return fmt.Sprintf("CPython %s (%s), %s, found by %s, %s", p.Version, p.ABI.ID(), p.Executable, p.Source, p.SONAME)
}

// options are those of a build of ours.
func (c *chain) options() (csrc.Options, error) {
	return c.Options(&c.apache, []pybuild.Info{c.python}, nil, filepath.Join(c.dir, "build"))
}

// build makes all four targets and the command.
func (c *chain) build() error {
	o, err := c.options()
	if err != nil {
		return err
	}
	if c.built, err = c.Compile(c.ctx, o); err != nil {
		return err
	}
	for _, warning := range c.built.Warnings {
		fmt.Fprintln(c.Err, warning)
	}
	if c.layout, err = installer.Locate(c.built.Dir); err != nil {
		return err
	}
	for _, program := range programs(c.dir) {
		if err := c.Compiled(c.ctx, program); err != nil {
			return err
		}
	}
	return nil
}

// programs builds mod_wsgi-express, from a checkout; elsewhere there is nothing
// to build it from.
func programs(dir string) []verbs.Program {
	if !isCheckout(dir) {
		return nil
	}
	return []verbs.Program{{Cmd: makeExpress(dir, express(dir)), Made: express(dir), Of: dir}}
}

// makeExpress builds mod_wsgi-express from the checkout dir into the file to.
func makeExpress(dir, to string) run.Cmd {
	return run.Cmd{
		Dir: dir, Path: "go", Env: []string{"CGO_ENABLED=0"}, Args: []string{"build", "-trimpath", "-o", to, "./cmd/mod_wsgi-express"},
	}
}

// isCheckout tells whether a folder has the project's Go sources.
func isCheckout(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && bytes.HasPrefix(data, []byte("module modwsgi\n"))
}

// Checkout refuses to go on elsewhere, for targets that need the sources of the
// project itself; those of the module are in the program.
func Checkout(j *verbs.Job) error {
	if isCheckout(j.Dir) {
		return nil
	}
	return hint.Exit(hint.New(fmt.Errorf("%s is no checkout of the project, which this target works on", j.Dir),
		"change into a checkout; build, config, discover, doctor, explain, fetch, inspect and prove work everywhere"), hint.NotFound)
}

func express(dir string) string { return filepath.Join(dir, "bin", "mod_wsgi-express") }

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

// Build makes build/, and in a checkout bin/, or builds the tree that the option
// source names.
func Build(ctx context.Context, j *verbs.Job) error {
	q := verbs.BuildRequest{}
	if j.Text("source") == "" {
		q.Then = programs(j.Dir)
	}
	return verbs.Build(q)(ctx, j)
}

// Package packs what it builds, for one format or all.
func Package(format string) func(context.Context, *verbs.Job) error {
	return func(ctx context.Context, j *verbs.Job) error {
		q := verbs.PackageRequest{Format: format, Then: programs(j.Dir)}
		if len(q.Then) > 0 {
			q.Program = express(j.Dir)
		}
		return verbs.Package(q)(ctx, j)
	}
}

// Prepare is [Build] of ours for who prints something else.
func Prepare(ctx context.Context, j *verbs.Job) error {
	c := newChain(ctx, j)
	return c.each(c.discover, c.build)
}

// Prove builds what is out of date and proves the result in a temporary server.
func Prove(ctx context.Context, j *verbs.Job) error {
	c := newChain(ctx, j)
	if j.Dry() {
		return c.plan()
	}
	return c.each(c.discover, c.build, c.prove)
}

// plan prints what building and proving would do.
func (c *chain) plan(further ...string) error {
	if err := c.discover(); err != nil {
		return err
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	steps := []string{verbs.BuildStep(o)}
	for _, program := range programs(c.dir) {
		steps = append(steps, program.Cmd.Line())
	}
	steps = append(steps, "start a temporary Apache in "+os.TempDir()+", make requests, stop and remove it")
	return c.Plan(append(steps, further...))
}

// Config prints the lines that load the module that was built here.
func Config(ctx context.Context, j *verbs.Job) error {
	folders := func(*apxs.Info) []string { return []string{filepath.Join(j.Dir, "build")} }
	l, apache, python, err := j.Built(ctx, folders, func(*apxs.Info) string { return "build it: go tool mage build" })
	if err != nil {
		return err
	}
	return verbs.Config(j, l, apache, python)
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

// Clean removes what the targets make in the checkout, and of the cache what is
// old or too much (rule K-3).
func Clean(_ context.Context, j *verbs.Job) error {
	var errs []error
	var steps []string
	for _, name := range []string{"build", "bin"} {
		path := filepath.Join(j.Dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		steps = append(steps, run.Line("rm", "-r", path))
		if !j.Dry() {
			errs = append(errs, fsx.RemoveAll(path))
		}
	}
	trimmed, dir, err := j.TrimCache()
	errs = append(errs, err)
	if trimmed.Removed > 0 {
		steps = append(steps, fmt.Sprintf("remove %d entries, %d KiB, of the cache in %s; keep %d KiB", trimmed.Removed, trimmed.Freed>>10, dir, trimmed.Kept>>10))
	}
	if j.Dry() {
		return errors.Join(append(errs, j.Plan(steps))...)
	}
	return errors.Join(errs...)
}

// needs makes sure of the machine.
func (c *chain) needs() error {
	return c.step("looking for what a build needs", func() (string, error) {
		installed, err := setup.ForBuild(c.ctx, c.r, c.steps.Note)
		c.lacked = installed
		if len(installed) == 0 {
			return "everything is there", err
		}
		return "installed " + strings.Join(installed, " "), err
	})
}

// progress shows a build's steps.
func (c *chain) progress(done, total int, what string) {
	c.steps.Note(fmt.Sprintf("%d/%d %s", done, total, what))
}

// isRoot says whether a server needs to be told whom to run as.
func isRoot() bool { return os.Geteuid() == 0 }

// Express builds mod_wsgi-express beside what else is in the checkout, and gives its
// path. It needs no library, so other systems run it too.
func Express(ctx context.Context, j *verbs.Job) (string, error) {
	if err := Checkout(j); err != nil {
		return "", err
	}
	for _, p := range programs(j.Dir) {
		if err := j.Compiled(ctx, p); err != nil {
			return "", err
		}
	}
	return express(j.Dir), nil
}
