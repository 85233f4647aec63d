package verbs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/installer/pack"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// installArchive installs what an archive holds that package tar made (rule Q-8).
// Whether it fits this machine is seen before anything else is done.
func (j *Job) installArchive(ctx context.Context, file string) error {
	if j.Text("source") != "" {
		return hint.Exit(errors.New("an archive is installed as it is, a source is built: name one of the two"), hint.Usage)
	}
	apache, err := j.anyServer(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "modwsgi-archive-")
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", file, err)
	}
	defer os.RemoveAll(dir)
	m, err := pack.Unpack(file, dir)
	if err != nil {
		return err
	}
	wrong := func(err error) error { return fmt.Errorf("%s cannot be installed here: %w", filepath.Base(file), err) }
	module := filepath.Join(dir, csrc.ClassicModule) // ours has the same name
	if err := installer.FitsMachine(module, apache); err != nil {
		return wrong(err)
	}
	locate := func() (installer.Layout, error) { return installer.Locate(dir) }
	if m.Tree == "classic" {
		locate = func() (installer.Layout, error) { return installer.ReadOriginal(module) }
	}
	l, err := locate()
	if err == nil {
		err = l.FitsApache(apache)
	}
	if err != nil {
		return wrong(err)
	}
	python, err := j.pythonOf(ctx, l)
	if err != nil {
		return wrong(err)
	}
	to := j.modules(apache)
	if l.Original != nil {
		if l, err = installer.LocateOriginal(module, python, to); err != nil {
			return wrong(err)
		}
	}
	return j.place(ctx, l, to, apache, python)
}

// pythonOf is the Python of the options, or where they name none one that what was
// built is for: the same, or another of its version.
func (j *Job) pythonOf(ctx context.Context, l installer.Layout) (pybuild.Info, error) {
	if j.Text("python") != "" || j.Text("python_config") != "" {
		python, err := withoutHeaders(j.Python(ctx))
		if err == nil {
			err = l.FitsPython(python)
		}
		return python, err
	}
	var last error
	for _, py := range l.Pythons() {
		names := []string{py.Executable, version(py.ABI)}
		for _, name := range names {
			if name == "" {
				continue
			}
			python, err := withoutHeaders(j.named(ctx, name))
			if err == nil {
				err = l.FitsPython(python)
			}
			if err == nil {
				return python, nil
			}
			if last == nil || hint.Code(err) == hint.Refused { // what is there says more than what is not
				last = err
			}
		}
	}
	if hint.Code(last) != hint.Refused {
		last = hint.Exit(fmt.Errorf("the Python that it is for is not here: %w", last), hint.Refused)
	}
	return pybuild.Info{}, last
}

// withoutHeaders takes a Python that nothing can be compiled for: nothing is.
func withoutHeaders(python pybuild.Info, err error) (pybuild.Info, error) {
	if errors.Is(err, pybuild.ErrHeaders) && !errors.Is(err, pybuild.ErrShared) {
		err = nil
	}
	return python, err
}

// version is that of an ABI as a request, "3.13t".
func version(abi string) string {
	parts := strings.SplitN(abi, "-", 3)
	if len(parts) < 2 || len(parts[1]) < 2 {
		return ""
	}
	return parts[1][:1] + "." + parts[1][1:]
}

// again is the command that installs the same once more; "" of the plain one.
func (j *Job) again() string {
	words := []string{"install"}
	if file := j.Text("archive"); file != "" {
		words = append(words, file)
	}
	for _, name := range []string{"source", "python"} {
		if text := j.Text(name); text != "" {
			words = append(words, "--"+name, text)
		}
	}
	if len(words) == 1 {
		return ""
	}
	return run.Line("mod_wsgi-express", words...)
}
