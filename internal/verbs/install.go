package verbs

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/matrix"
	"modwsgi/pybuild"
)

// InstallModule installs a built module into a modules folder and prints the
// lines that load it from there.
func InstallModule(ctx context.Context, j *Job, from installer.Layout, to string, apache apxs.Info, python pybuild.Info) error {
	return j.planOr(j.placing(&apache), func(o installer.Options) error {
		r, err := installer.Install(ctx, from, to, o)
		if err != nil || j.Dry() {
			return err
		}
		return Config(j, r.Layout, apache, python)
	})
}

// placed is what an installation says of itself.
type placed struct {
	Schema  int              `json:"schema"`
	Module  string           `json:"module"`
	Changed bool             `json:"changed"`
	Enabled bool             `json:"enabled"`
	Snippet []string         `json:"snippet"`
	Advice  []string         `json:"advice,omitempty"`
	Proof   *installer.Proof `json:"proof,omitempty"`
}

// Install builds what is out of date, installs it where Apache has its modules,
// tells Apache of it and has all levels proved with what is in place; if anything
// fails, nothing has changed.
func Install(ctx context.Context, j *Job) error {
	apache, err := j.Apache(ctx)
	if err != nil {
		return err
	}
	python, err := j.Python(ctx)
	if err != nil {
		return err
	}
	output, err := csrc.OutputFolder(nil)
	if err != nil {
		return err
	}
	o, err := j.Options(&apache, []pybuild.Info{python}, nil, filepath.Join(j.Dir, output))
	if err != nil {
		return err
	}
	dir := j.Text("modules_directory")
	if dir == "" {
		dir = apache.ModulesDir
	}
	if _, ok := Locate(&apache, &python, []string{o.Dir}); !ok && j.Dry() {
		return j.Plan([]string{BuildStep(o), "install it into " + dir + ", tell Apache of it, and prove it there"})
	}
	if !j.Dry() {
		if _, err := j.Compile(ctx, o); err != nil {
			return err
		}
	}
	l, err := installer.Locate(o.Dir)
	if err != nil {
		return err
	}
	return j.place(ctx, l, dir, apache, python)
}

// place installs what is built.
func (j *Job) place(ctx context.Context, l installer.Layout, dir string, apache apxs.Info, python pybuild.Info) error {
	other := installer.OtherModule(j.Text("other_module"))
	r := j.R
	if other == installer.OtherAlongside { // that another one is loaded is what was asked for
		r = r.With(installer.BrokenVariable + "=1")
	}
	o := j.placing(&apache)
	o.Root = j.Text("destdir")
	o.Setup = &installer.Setup{
		Python: python, Other: other, Edit: j.On("edit_config"), Force: j.On("force"), Restart: j.On("restart"),
		Verify: func(ctx context.Context, l installer.Layout, lines installer.SetupLines) (installer.Proof, error) {
			return prove(ctx, r, matrix.Installed(r, l, lines, apache, python)), nil
		},
	}
	return j.planOr(o, func(o installer.Options) error {
		done, err := installer.Install(ctx, l, dir, o)
		if err != nil || j.Dry() {
			return err
		}
		doc := placed{1, done.Layout.Module, done.Changed, done.Enabled, done.Lines, done.Advice, done.Proof}
		return j.Print(doc, func(w io.Writer) error { return printPlaced(w, doc, j.On("restart")) })
	})
}

func printPlaced(w io.Writer, p placed, restarted bool) error {
	text := p.Module + " is installed"
	switch {
	case !p.Changed:
		text += " already: nothing has changed"
	case p.Enabled && restarted:
		text += " and enabled"
	case p.Enabled:
		text += " and enabled: Apache loads it at its next start"
	}
	if p.Proof != nil {
		for _, l := range p.Proof.Levels {
			text += fmt.Sprintf("\n  %s: %s", l.Level, l.Status)
		}
	}
	return Lines(append([]string{text}, p.Advice...))(w)
}

// placing are the options of whatever changes an installation.
func (j *Job) placing(apache *apxs.Info) installer.Options {
	return installer.Options{Runner: j.R, Apache: apache, State: j.Text("state")}
}

// planOr has f do it, or of a dry run tell its steps, which are printed.
func (j *Job) planOr(o installer.Options, f func(installer.Options) error) error {
	if !j.Dry() {
		return f(o)
	}
	var steps []string
	o.Plan = func(list []string) { steps = list }
	if err := f(o); err != nil {
		return err
	}
	if len(steps) == 0 {
		steps = []string{"nothing: all is there"}
	}
	return j.Plan(steps)
}
