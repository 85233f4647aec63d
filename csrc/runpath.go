package csrc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/words"
	"modwsgi/pybuild"
)

// Values of [Options.RunPath] besides a folder (rule R-2).
const (
	RunPathAuto   = "auto"   // one only where the loader would not find that very library by itself
	RunPathExact  = "exact"  // the library's own folder, whatever else leads there
	RunPathNone   = "none"   // none: the loader's configuration or a LoadFile has to do
	RunPathOrigin = "origin" // relative to the file that is linked
)

// CheckRunPath refuses what is no value of [Options.RunPath].
func CheckRunPath(mode string) error {
	switch {
	case mode == "", mode == RunPathAuto, mode == RunPathExact, mode == RunPathNone, mode == RunPathOrigin:
		return nil
	case !filepath.IsAbs(mode):
		return hint.Exit(fmt.Errorf("a run path is auto, exact, none, origin or an absolute folder, not %q", mode), hint.Usage)
	}
	return runPathFolder(mode)
}

// runPathFolder refuses a folder that a run path cannot name: the loader takes
// these characters for its own and has no escape for them.
func runPathFolder(dir string) error {
	if strings.ContainsAny(dir, "$:") {
		return fmt.Errorf("a run path cannot name the folder %s", dir)
	}
	return nil
}

// RunPaths say where the files of one Python look for its library.
type RunPaths struct {
	Dir    string // absolute; "": no run path
	Origin bool   // Dir is written relative to the file, which will lie below Install
	Prefix string // with Origin: what library and file have in common
}

// For is the run path of a file that will lie in the folder place.
func (p RunPaths) For(place string) (string, error) {
	if p.Dir == "" || !p.Origin {
		return p.Dir, nil
	}
	if !below(p.Prefix, place) {
		return "", hint.New(fmt.Errorf("a run path of origin needs module and Python under one prefix: %s is not below %s", place, p.Prefix),
			"install below that prefix, or name the folder of libpython")
	}
	rel, err := filepath.Rel(place, p.Dir)
	if err == nil && filepath.Join(place, rel) != p.Dir {
		err = fmt.Errorf("%s does not lead from %s to %s", rel, place, p.Dir)
	}
	if err != nil {
		return "", fmt.Errorf("working out a run path: %w", err)
	}
	if rel == "." {
		return "$ORIGIN", runPathFolder(rel)
	}
	return "$ORIGIN/" + filepath.ToSlash(rel), runPathFolder(rel)
}

func below(prefix, path string) bool {
	rel, err := filepath.Rel(prefix, path)
	return err == nil && filepath.IsLocal(rel)
}

// runPaths decides how the library of py is found (rules ). It looks
// at links beside the library and changes nothing.
func (o Options) runPaths(py pybuild.Info) (RunPaths, error) {
	if err := CheckRunPath(o.RunPath); err != nil {
		return RunPaths{}, err
	}
	dir := filepath.Dir(py.LibPython)
	if o.RunPath == RunPathOrigin {
		return RunPaths{Dir: dir, Origin: true, Prefix: py.BasePrefix}, nil
	}
	var p RunPaths
	switch o.RunPath {
	case "", RunPathAuto:
		if py.NeedsPath {
			p.Dir = steady(py.LibPython, py.Version)
		}
	case RunPathExact:
		p.Dir = dir
	case RunPathNone:
	default:
		p.Dir = filepath.Clean(o.RunPath)
		if _, err := os.Stat(filepath.Join(p.Dir, py.SONAME)); err != nil && !o.Package {
			return p, hint.Exit(hint.New(fmt.Errorf("the run path %s leads to no %s: %w", p.Dir, py.SONAME, err),
				"name the folder that has it, or leave the run path to auto"), hint.Usage)
		}
	}
	if o.Package && p.Dir != "" {
		return p, hint.Exit(hint.New(fmt.Errorf("a package may not carry the run path %s of a Python that is not its own", p.Dir),
			"build for the distribution's Python; or put that Python into the package and build with a run path of origin; or build with none and load it by LoadFile"), hint.Refused)
	}
	return p, runPathFolder(p.Dir)
}

// steady is the folder of the library at path by a name that survives updates to
// another patch level, where whoever manages that Python keeps one: a link named
// after the minor version, as cpython-3.13-linux beside cpython-3.13.1-linux.
func steady(path, version string) string {
	dir := filepath.Dir(path)
	minor := version
	if i := strings.LastIndexByte(version, '.'); strings.Count(version, ".") == 2 {
		minor = version[:i]
	}
	if minor == version {
		return dir
	}
	parts := strings.Split(dir, string(filepath.Separator))
	for i, part := range parts {
		if !strings.Contains(part, version) {
			continue
		}
		other := append([]string(nil), parts...)
		other[i] = strings.Replace(part, version, minor, 1)
		candidate := strings.Join(other, string(filepath.Separator))
		if sameFile(filepath.Join(candidate, filepath.Base(path)), path) {
			return candidate
		}
	}
	return dir
}

func sameFile(a, b string) bool {
	one, err := filepath.EvalSymlinks(a)
	if err != nil {
		return false
	}
	other, err := filepath.EvalSymlinks(b)
	return err == nil && one == other
}

// LoadFileLine is the directive that Apache needs before a module with Python in
// it that has no run path, if the loader would not find the library; "" where
// it would (rule R-7).
func LoadFileLine(py pybuild.Info, runPath string) string {
	if runPath != "" || !py.NeedsPath || py.LibPython == "" {
		return ""
	}
	quoted := strings.ReplaceAll(strings.ReplaceAll(py.LibPython, `\`, `\\`), `"`, `\"`)
	return `LoadFile "` + quoted + `"`
}

// cannotStart says that the programs of our tree have no way to their library:
// they are not loaded by Apache, so that no LoadFile helps them.
func cannotStart(py pybuild.Info) string {
	return fmt.Sprintf("the programs for Python %s have no run path, and the loader does not find %s: list %s in /etc/ld.so.conf.d and run ldconfig",
		py.Version, py.SONAME, words.Quote(filepath.Dir(py.LibPython)))
}
