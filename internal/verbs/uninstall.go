package verbs

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/installer"
	"modwsgi/internal/cli"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// where finds the installation that is meant: by the folder that is named, the
// Apache that is found, or, where there is none any more, what is noted.
func (j *Job) where(ctx context.Context) (dir string, o installer.Options, err error) {
	dir = j.Text("modules_directory")
	apache, err := j.anyServer(ctx)
	switch named := j.Text("apxs") != "" || j.Text("apache_config") != ""; {
	case err == nil:
		o = j.undoing(&apache)
	case named || hint.Code(err) != hint.NotFound:
		return dir, o, err
	default:
		o = j.undoing(nil)
		noted, err := installer.Noted(o)
		if err != nil {
			return dir, o, err
		}
		for _, g := range noted {
			if dir == "" && len(noted) == 1 || g.Modules == dir {
				dir, o.Apache = g.Modules, g.Server()
			}
		}
	}
	if dir == "" && o.Apache != nil {
		dir = o.Apache.ModulesDir
	}
	if dir == "" {
		return dir, o, hint.Exit(hint.New(fmt.Errorf("which installation is meant is not known: %w", err), "name its folder: --modules-directory DIR"), hint.NotFound)
	}
	return dir, o, nil
}

// undoing are the options of what looks at an installation, or takes it away.
func (j *Job) undoing(apache *apxs.Info) installer.Options {
	o := j.placing(apache)
	o.Flavour = installer.Flavour(j.Text("flavour"))
	return o
}

// Uninstall takes away what is installed, and what tells Apache of it.
func Uninstall(ctx context.Context, j *Job) error {
	dir, o, err := j.where(ctx)
	if err != nil {
		return err
	}
	restore, err := j.restores(ctx, dir, o)
	if err != nil {
		return err
	}
	return j.planOr(o, func(o installer.Options) error {
		done, err := installer.Uninstall(ctx, dir, installer.Removal{Restore: restore, Force: j.On("force")}, o)
		if err != nil || j.Dry() {
			return err
		}
		lines := []string{"uninstalled from " + dir}
		for _, path := range done.Kept {
			lines = append(lines, "kept, since it was changed or is not ours: "+path)
		}
		return j.Print(struct {
			Schema int      `json:"schema"`
			Dir    string   `json:"modules_dir"`
			Kept   []string `json:"kept"`
			Advice []string `json:"advice,omitempty"`
		}{1, dir, append([]string{}, done.Kept...), done.Advice}, Lines(append(lines, done.Advice...)))
	})
}

// restores tells whether what was disabled for the module is to be enabled again:
// as the option says, or else the person at the terminal, if there is one (rule X-4).
func (j *Job) restores(ctx context.Context, dir string, o installer.Options) (bool, error) {
	in, isFile := j.In.(*os.File)
	if j.Dry() || j.JSON() || j.Said("restore") || !isFile || !cli.Terminal(in) || !cli.Terminal(j.Err) {
		return j.On("restore"), nil
	}
	disabled, err := installer.Disabled(dir, o)
	if err != nil || len(disabled) == 0 {
		return false, err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	yes, err := cli.Ask(ctx, in, j.Err, strings.Join(disabled, ", ")+", since this was installed. Enable it again?")
	if err != nil {
		return false, hint.New(fmt.Errorf("asking whether to enable it again: %w; nothing is changed", err), "say it: --restore, or MODWSGI_RESTORE=0")
	}
	return yes, nil
}

// Rollback puts back what an interrupted change did; if there was none, it makes
// what is installed what it was before the last installation.
func Rollback(ctx context.Context, j *Job) error {
	o := j.undoing(nil)
	if !j.Dry() {
		lines, err := installer.Recover(ctx, o)
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			return j.Print(recovered{1, lines}, Lines(lines))
		}
	}
	dir, o, err := j.where(ctx)
	if err != nil {
		return err
	}
	return j.planOr(o, func(o installer.Options) error {
		g, err := installer.Rollback(ctx, dir, o)
		if err != nil || j.Dry() {
			return err
		}
		lines := []string{fmt.Sprintf("%s has mod_wsgi %s again, as installed at %s", dir, g.Version, g.Time.Format("2006-01-02 15:04:05 MST"))}
		return j.Print(recovered{1, lines}, Lines(lines))
	})
}

// recovered is what was put back.
type recovered struct {
	Schema int      `json:"schema"`
	Done   []string `json:"done"`
}

// CheckInstalled compares what is installed with today's machine, or prints what
// has a package manager do that after each upgrade.
func CheckInstalled(ctx context.Context, j *Job) error {
	if manager := j.Text("hook"); manager != "" {
		return j.hook(manager)
	}
	dir, o, err := j.where(ctx)
	if err != nil {
		return err
	}
	h, err := installer.CheckInstalled(ctx, dir, o, func(python string) (pybuild.Info, error) { return j.named(ctx, python) })
	if err != nil {
		return err
	}
	if err := j.Print(h, h.Print); err != nil {
		return err
	}
	return h.Err()
}

// hook prints the file of a package manager.
func (j *Job) hook(manager string) error {
	program, err := os.Executable()
	if err != nil || filepath.Base(program) != "mod_wsgi-express" { // a target, which is a temporary program
		program, err = j.R.LookPath("mod_wsgi-express")
	}
	if err != nil {
		return hint.New(fmt.Errorf("finding the program for a hook: %w", err), "install mod_wsgi-express where PATH finds it")
	}
	h, err := installer.Hook(manager, program)
	if err != nil {
		return err
	}
	return j.Print(struct {
		Schema int    `json:"schema"`
		Path   string `json:"path"`
		Text   string `json:"text"`
	}{1, h.Path, h.Text}, Lines([]string{"# " + h.Path, strings.TrimSuffix(h.Text, "\n")}))
}
