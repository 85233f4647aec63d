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

// Install builds what is out of date, ours or a release of the original, or takes
// what an archive has, installs it where Apache has its modules, tells Apache of it and has all levels proved with
// what is in place; if anything fails, nothing has changed.
func Install(ctx context.Context, j *Job) error {
	if file := j.Text("archive"); file != "" {
		return j.installArchive(ctx, file)
	}
	o, fetching, err := j.resolve(ctx, BuildRequest{})
	if err != nil {
		return err
	}
	const rest = "tell Apache of it, and prove it there"
	if len(fetching) > 0 {
		return j.Plan(append(fetching, "build it", "install it where Apache has its modules, "+rest))
	}
	dir := j.modules(*o.Apache)
	if !j.Dry() {
		l, err := j.ready(ctx, o, dir)
		if err != nil {
			return err
		}
		return j.place(ctx, l, dir, *o.Apache, o.Python[0])
	}
	l, ok := Locate(o.Apache, &o.Python[0], []string{o.Dir})
	if o.Source != nil {
		l, err = installer.LocateOriginal(filepath.Join(o.Dir, csrc.ClassicModule), o.Python[0], dir)
		ok = err == nil
	}
	if !ok {
		return j.Plan([]string{BuildStep(o), "install it into " + dir + ", " + rest})
	}
	return j.place(ctx, l, dir, *o.Apache, o.Python[0])
}

// modules is the folder to install into.
func (j *Job) modules(apache apxs.Info) string {
	if dir := j.Text("modules_directory"); dir != "" {
		return dir
	}
	return apache.ModulesDir
}

// ready builds what is installed into the folder dir: for the Pythons that an
// installed module serves too, where they could not go on with the new one.
func (j *Job) ready(ctx context.Context, o csrc.Options, dir string) (installer.Layout, error) {
	artifact, err := j.Compile(ctx, o)
	if err != nil {
		return installer.Layout{}, err
	}
	if len(artifact.Halves) == 0 {
		return installer.LocateOriginal(artifact.Module, o.Python[0], dir)
	}
	l, err := installer.Locate(o.Dir)
	if err != nil {
		return l, err
	}
	n := len(o.Python)
	for _, h := range installer.Outdated(l, filepath.Join(j.Text("destdir"), dir)) {
		if py, err := j.named(ctx, h.Info.Executable); err == nil && py.ABI.Folder() == h.ABI {
			o.Python = append(o.Python, py)
		} // of one that is gone, installing says what to do
	}
	if len(o.Python) == n {
		return l, nil
	}
	if _, err := j.Compile(ctx, o); err != nil {
		return l, err
	}
	return installer.Locate(o.Dir)
}

// place installs what is built.
func (j *Job) place(ctx context.Context, l installer.Layout, dir string, apache apxs.Info, python pybuild.Info) error {
	other := installer.OtherModule(j.Text("other_module"))
	r := j.R
	if other == installer.OtherAlongside { // that another one is loaded is what was asked for
		r = r.With(installer.BrokenVariable + "=1")
	}
	o := j.placing(&apache)
	o.Root, o.Again = j.Text("destdir"), j.again()
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
