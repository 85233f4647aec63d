package verbs

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/installer"
	"modwsgi/internal/cli"
	"modwsgi/pybuild"
)

// BuildRequest is what to build beside what the options say.
type BuildRequest struct {
	Pythons []string  // each as the option python; none: that option
	Output  string    // the folder to build in; "": by the source
	Then    []Program // what is made beside it
}

// built is what a build says of itself.
type built struct {
	Schema int `json:"schema"`
	csrc.Artifact
	Snippet []string `json:"snippet"` // the lines for Apache's configuration
}

// Build builds the module for an Apache and some Pythons and prints the lines
// that load it. The source is looked at before anything is searched for.
func Build(q BuildRequest) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error { return build(ctx, j, q) }
}

func build(ctx context.Context, j *Job, q BuildRequest) error {
	o, fetching, err := j.resolve(ctx, q)
	if err != nil {
		return err
	}
	if len(fetching) > 0 {
		return j.Plan(append(fetching, "build it into "+filepath.Join("build", "mod_wsgi-VERSION")))
	}
	if j.Dry() {
		steps := []string{BuildStep(o)}
		for _, c := range q.Then {
			steps = append(steps, c.Cmd.Line())
		}
		return j.Plan(steps)
	}
	artifact, err := j.Compile(ctx, o)
	if err != nil {
		return err
	}
	for _, c := range q.Then {
		if err := j.Compiled(ctx, c); err != nil {
			return err
		}
	}
	l := installer.Layout{Module: artifact.Module} // of the original: one file is all of it
	if len(artifact.Halves) > 0 {
		if l, err = installer.Locate(o.Dir); err != nil {
			return err
		}
	}
	lines := installer.Snippet(l, o.Python[0])
	return j.Print(built{1, artifact, lines}, func(w io.Writer) error {
		return Lines(append(append([]string{}, artifact.Warnings...), lines...))(w)
	})
}

// resolve finds what a build is of, for whom and by which options. The source is
// looked at before anything is searched for: where a dry run would have to fetch
// it, fetching is how, and the rest is not known.
func (j *Job) resolve(ctx context.Context, q BuildRequest) (o csrc.Options, fetching []string, err error) {
	if fetching, err = j.sourceSteps(); err != nil || len(fetching) > 0 {
		return o, fetching, err
	}
	source, output, err := j.source(ctx, q.Output)
	if err != nil {
		return o, nil, err
	}
	apache, err := j.Apache(ctx)
	if err != nil {
		return o, nil, err
	}
	pythons, err := j.pythons(ctx, q.Pythons)
	if err != nil {
		return o, nil, err
	}
	o, err = j.Options(&apache, pythons, source, output)
	return o, nil, err
}

// sourceSteps says what a dry run would do to bring the source; nothing for the
// embedded one and for a folder.
func (j *Job) sourceSteps() ([]string, error) {
	s, err := fetch.Parse(j.Text("source"), fetch.IsDir)
	if err != nil || !j.Dry() {
		return nil, j.Blame("source", err)
	}
	o, err := fetch.FromEnvironment(j.R, j.Agent())
	if err != nil {
		return nil, err
	}
	return o.Steps(s)
}

// source is the tree to build, nil for ours, and the folder for the results.
func (j *Job) source(ctx context.Context, output string) (source fs.FS, dir string, err error) {
	folder, origin, err := fetch.Open(ctx, j.R, j.Agent(), j.Text("source"))
	j.origin = origin
	if err == nil && folder != "" {
		source, err = csrc.OpenSource(folder)
	}
	if err != nil {
		return nil, "", j.Blame("source", err)
	}
	if output == "" {
		output, err = csrc.OutputFolder(source)
	}
	if !filepath.IsAbs(output) {
		output = filepath.Join(j.Dir, output)
	}
	return source, output, err
}

// pythons finds the Pythons by name, or the one of the options.
func (j *Job) pythons(ctx context.Context, names []string) ([]pybuild.Info, error) {
	if len(names) == 0 {
		python, err := j.Python(ctx)
		return []pybuild.Info{python}, err
	}
	var list []pybuild.Info
	for _, name := range names {
		python, err := j.named(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, python)
	}
	return list, nil
}

// Compile builds, and shows how far it is.
func (j *Job) Compile(ctx context.Context, o csrc.Options) (csrc.Artifact, error) {
	o.Runtime = installer.Runtime()
	o = j.withCache(o)
	steps := j.Steps()
	steps.Start(fmt.Sprintf("building mod_wsgi for %s", forWhom(o.Apache, o.Python)))
	o.Progress = told(steps)
	artifact, err := csrc.Build(ctx, j.R, o)
	if err != nil {
		steps.Fail()
		return artifact, err
	}
	steps.Done(artifact.Dir + " (" + made(artifact) + ")")
	return artifact, nil
}

// told shows the steps of a build.
func told(steps *cli.Steps) func(done, total int, what string) {
	return func(done, total int, what string) {
		if total > 0 {
			what = fmt.Sprintf("%d/%d %s", done, total, what)
		}
		steps.Note(what)
	}
}

// made counts what a build did.
func made(a csrc.Artifact) string {
	text := fmt.Sprintf("%d files compiled, %d as before", a.Compiled, a.Cached)
	if a.Reused > 0 {
		text += fmt.Sprintf(", %d results of the cache", a.Reused)
	}
	return text
}

// BuildStep is a build as a step of a dry run.
func BuildStep(o csrc.Options) string {
	return fmt.Sprintf("build mod_wsgi for %s into %s", forWhom(o.Apache, o.Python), o.Dir)
}

func forWhom(apache *apxs.Info, pythons []pybuild.Info) string {
	names := []string{"Apache " + apache.Version}
	for _, p := range pythons {
		names = append(names, "Python "+p.Version)
	}
	return strings.Join(names, ", ")
}
