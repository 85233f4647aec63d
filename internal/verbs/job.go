// Package verbs is what can be asked of the toolchain, one function each: the
// Mage targets and the commands of mod_wsgi-express parse their words, call it,
// and hand back its error (rule T-2).
package verbs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/internal/cli"
	"modwsgi/internal/fsx"
	"modwsgi/internal/keep"
	"modwsgi/internal/options"
	"modwsgi/internal/run"
	"modwsgi/matrix/plan"
	"modwsgi/pybuild"
)

// Job is one request: where, by which options, and who hears what.
type Job struct {
	options.Set
	Dir string      // the working folder, absolute; of a checkout, its root
	R   *run.Runner // knows what the options say
	In  io.Reader   // whoever answers questions; nil: nobody
	Out io.Writer   // what was asked for
	Err io.Writer   // how far it is, and notes (rule T-5)

	Tool plan.Tool // what was typed, for what is printed to be typed; the zero value: a target

	planned bytes.Buffer // programs that a dry run would have run
	origin  fetch.Origin // of the source, once that is there
}

// New is the job of a target with the flags of a command line, in this process's
// working folder and environment.
func New(target string, flags options.Flags) (*Job, error) {
	dir, err := filepath.Abs(".")
	if err != nil {
		return nil, fmt.Errorf("finding the working folder: %w", err)
	}
	set, err := options.Resolve(target, flags, os.Environ(), dir)
	if err != nil {
		return nil, err
	}
	j := &Job{Set: set, Dir: dir, R: set.Runner(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if j.Dry() {
		j.R.Dry = &j.planned
	}
	return j, nil
}

// Do makes the job of a target and has f do it.
func Do(ctx context.Context, target string, flags options.Flags, f func(context.Context, *Job) error) error {
	j, err := New(target, flags)
	if err != nil {
		return err
	}
	return Run(ctx, j, f)
}

// Run has f do a job. A download that was refused fails it, even where f could
// do without (rule T-9).
func Run(ctx context.Context, j *Job, f func(context.Context, *Job) error) error {
	if err := f(ctx, j); err != nil {
		return err
	}
	return j.R.Refused()
}

// Dry tells whether nothing is to be changed (rule T-8).
func (j *Job) Dry() bool { return j.On("dryrun") }

// Agent is what servers are told of who asks.
func (j *Job) Agent() string { return "modwsgi/" + csrc.Version() }

// Steps shows progress.
func (j *Job) Steps() *cli.Steps {
	return cli.NewSteps(j.Err, cli.Colour(j.Err, j.Text("color"), j.R.Getenv))
}

// Print writes what was asked for: the document for programs, or else what text
// writes for people.
func (j *Job) Print(document any, text func(w io.Writer) error) error {
	if j.JSON() {
		return cli.JSON(j.Out, document)
	}
	return text(j.Out)
}

// Plan prints the steps of a dry run: the programs that would have been run so
// far, then steps.
func (j *Job) Plan(steps []string) error {
	steps = append(strings.FieldsFunc(j.planned.String(), func(c rune) bool { return c == '\n' }), steps...)
	return j.Print(struct {
		Schema int      `json:"schema"`
		Steps  []string `json:"steps"`
	}{1, append([]string{}, steps...)}, Lines(steps))
}

// Lines writes lines.
func Lines(lines []string) func(io.Writer) error {
	return func(w io.Writer) error {
		for _, line := range lines {
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
		return nil
	}
}

// Apache finds the Apache to work with. Its programs take longer than all of a
// build that has nothing to do, so what they said is kept until one of the files
// that it was made of changes.
func (j *Job) Apache(ctx context.Context) (apxs.Info, error) {
	return j.apache(ctx, "Apache", apxs.Find)
}

// anyServer is [Job.Apache] for what is not compiled: one without apxs does.
func (j *Job) anyServer(ctx context.Context) (apxs.Info, error) {
	return j.apache(ctx, "server", apxs.FindServer)
}

// apache finds one by find, whose answers are kept as those on what.
func (j *Job) apache(ctx context.Context, what string, find func(context.Context, *run.Runner, string) (apxs.Info, error)) (apxs.Info, error) {
	name := j.Named("apxs")
	m := keep.Memory{Folder: fsx.CacheFolder(j.R.Getenv), R: j.R}
	if j.Dry() || name == "" && j.R.Getenv("MODWSGI_APACHE_CONFIG") != "" { // a file of somebody's, read in no time
		m.Folder = ""
	}
	trail := func(info apxs.Info) []string { return append(apxs.Trail(j.R, info), filepath.Join(j.Dir, name), name) }
	info, err := keep.Recall(m, fmt.Sprintf("the %s %q in %s", what, name, j.Dir), trail, func() (apxs.Info, error) { return find(ctx, j.R, name) })
	return info, j.Blame("apxs", err)
}

// Python finds the Python to work with.
func (j *Job) Python(ctx context.Context) (pybuild.Info, error) {
	info, err := j.named(ctx, j.Named("python"))
	return info, j.Blame("python", err)
}
