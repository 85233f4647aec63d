package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Original is what is known of a release of the original, which is one module with
// a Python in it: several lie side by side, each under the name of its Python, and
// one of them can be loaded.
type Original struct {
	Python csrc.BuildInfo `json:"python"`
	// LoadFile is the libpython that Apache has to load first; "" where the loader
	// finds it (rule R-7).
	LoadFile string `json:"load_file,omitempty"`
}

// LocateOriginal reads the release of the original whose module is at path and is
// for python, and says what it needs when it lies in the folder place. What it was
// built as, it says itself.
func LocateOriginal(path string, python pybuild.Info, place string) (Layout, error) {
	l, err := ReadOriginal(path)
	if err != nil {
		return l, err
	}
	info := l.Original.Python
	if info.ABI != python.ABI.Folder() || !info.Static && info.SONAME != python.SONAME {
		return l, hint.Exit(fmt.Errorf("%s is for %s (%s), not for %s (%s)", path, info.ABI, info.SONAME, python.ABI.Folder(), python.SONAME), hint.Refused)
	}
	info.Python, info.LibPython, info.Prefix, info.Executable = python.Version, libraryOf(python), python.BasePrefix, python.Base
	l.Original.Python = info
	if !info.Static && python.NeedsPath && !leadsTo(info.RunPath, place, info.SONAME) {
		l.Original.LoadFile = python.LibPython
	}
	return l, nil
}

// ReadOriginal reads what the module at path says of itself.
func ReadOriginal(path string) (Layout, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Layout{}, fmt.Errorf("locating the module: %w", err)
	}
	l := Layout{Dir: filepath.Dir(path), Module: path, Original: &Original{}}
	if _, err := quote(path); err != nil {
		return l, fmt.Errorf("the module cannot be used from %q: %w", path, err)
	}
	made, err := csrc.Inspect(path)
	if err != nil {
		return l, err
	}
	if made.Build == nil || made.Build.ABI == "" || made.Module == nil {
		return l, hint.Exit(hint.New(fmt.Errorf("%s does not say for which Python it was built", path), "install what this program built: mod_wsgi-express install --source SOURCE"), hint.Refused)
	}
	note := made.Build
	l.Apache = csrc.ApacheInfo{Apache: note.Apache, Cookie: made.Module.Cookie, Major: made.Module.Major, Minor: made.Module.Minor, Source: note.Source, Version: note.Version}
	l.Original.Python = csrc.BuildInfo{ABI: note.ABI, HexVersion: note.HexVersion, LibPython: note.LibPython, SONAME: note.SONAME, RunPath: made.RunPath,
		Static: note.Link == "static", Source: note.Source, Version: note.Version}
	return l, nil
}

// leadsTo tells whether a run path of a file in the folder place finds a library.
func leadsTo(runPath, place, soname string) bool {
	for dir := range strings.SplitSeq(runPath, ":") {
		if dir != "" && isFile(filepath.Join(strings.ReplaceAll(dir, "$ORIGIN", place), soname)) {
			return true
		}
	}
	return false
}

// flavour is that of a release of the original; "" of ours, which serves all.
func (l Layout) flavour() Flavour {
	if l.Original == nil {
		return ""
	}
	return flavourOf(l.Original.Python.ABI)
}

// flavourOf is the one for what was built as abi, "cpython-313t-x86_64-linux-gnu".
func flavourOf(abi string) Flavour {
	parts := strings.SplitN(abi, "-", 3)
	if len(parts) < 2 {
		return Flavour("py" + abi)
	}
	return Flavour("py" + parts[1])
}

// pythons are those that l is for.
func (l Layout) pythons() []csrc.BuildInfo {
	if l.Original != nil {
		return []csrc.BuildInfo{l.Original.Python}
	}
	var list []csrc.BuildInfo
	for _, h := range l.Halves {
		list = append(list, h.Info)
	}
	return list
}

// placed is where the parts of l lie in the modules folder dir of an Apache; nil: of
// one of which nothing is known.
func (l Layout) placed(dir string, apache *apxs.Info) Layout {
	if l.Original == nil {
		return layoutAt(dir)
	}
	var a apxs.Info
	if apache != nil {
		a = *apache
	}
	l.Dir, l.Module = dir, filepath.Join(dir, FamilyOf(a).ModuleFile(l.flavour()))
	return l
}

// at names the same parts in another folder.
func (l Layout) at(dir string) Layout {
	if l.Original == nil {
		return layoutAt(dir)
	}
	l.Module, l.Dir = filepath.Join(dir, filepath.Base(l.Module)), dir
	return l
}

// locate reads what is there of l.
func (l Layout) locate() (Layout, error) {
	if l.Original == nil {
		return Locate(l.Dir)
	}
	if !isFile(l.Module) {
		return l, fmt.Errorf("%s: %w", l.Module, ErrNotBuilt)
	}
	return l, nil
}

// layoutOf names the parts of a generation.
func layoutOf(g Generation) Layout {
	l := layoutAt(g.Modules)
	if g.Flavour == "" {
		return l
	}
	l = Layout{Dir: g.Modules, Original: &Original{LoadFile: g.LoadFile}}
	for _, e := range g.Files {
		if e.Part == partModule {
			l.Module = e.Path
		}
	}
	for _, p := range g.Pythons {
		l.Original.Python = csrc.BuildInfo{ABI: p.ABI, Python: p.Version, LibPython: p.Library, SONAME: p.SONAME, Executable: p.Executable, Static: p.SONAME == ""}
	}
	return l
}

// installedOriginal is [installed] for a release of the original: what is ours of
// the one file, the record says.
func installedOriginal(ctx context.Context, r *run.Runner, at Layout, record *Record, force bool) (old *Manifest, was *Was, err error) {
	now, err := wasAt(at.Module)
	if err != nil {
		return nil, nil, err
	}
	if record != nil {
		m := record.Current.manifest()
		if f, ours := m.find(filepath.Base(at.Module)); ours && (now.nothing() || f.SHA256 == now.SHA256) {
			return &m, nil, nil
		}
	}
	if now.nothing() {
		return nil, nil, nil
	}
	now.Package = distro.Owner(ctx, r, at.Module)
	if !force || now.Folder {
		why := "was not installed by this program"
		if record != nil {
			why = "is not as it was installed"
		}
		return nil, nil, foreign(at.Module, now.Package, why)
	}
	return nil, &now, nil
}

// checkOriginal is the verification of a copy of l before it takes its place.
func (in *installation) checkOriginal(ctx context.Context, l Layout) error {
	if _, err := os.Stat(l.Module); err != nil {
		return fmt.Errorf("looking at the copy: %w", err)
	}
	a := in.o.Apache
	if a == nil {
		return nil
	}
	list := []Check{{Level: Static, Path: l.Module, Err: verifyClassic(l.Module, *a, l.Original.Python.SONAME)}}
	if a.Httpd != "" && in.o.Root == "" {
		d := Directives{LoadFile: l.Original.LoadFile, Module: l.Module}
		_, err := load(ctx, in.o.Runner, d.Lines(), *a)
		list = append(list, Check{Level: Load, Path: l.Module, Err: err})
	}
	return Failures(list)
}

// place is what a record is kept under: several releases of the original, and ours,
// can lie in one folder.
type place struct {
	dir     string
	flavour Flavour
}

func (g Generation) place() place { return place{g.Modules, g.Flavour} }

// meant finds the record for the folder dir that somebody means who names a
// flavour, or none where there is only one.
func (s state) meant(dir string, flavour Flavour) (*Record, error) {
	if r, err := s.read(place{dir, flavour}); err != nil || r != nil || flavour != "" {
		return r, err
	}
	all, err := s.records(place{}, nil)
	if err != nil {
		return nil, err
	}
	var found []Record
	var names []string
	for _, r := range all {
		if r.Current.Modules == dir {
			found, names = append(found, r), append(names, string(r.Current.Flavour))
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return &found[0], nil
	}
	return nil, hint.Exit(hint.New(errors.New(dir+" has several releases of the original: "+strings.Join(names, ", ")), "name one: --flavour "+names[0]), hint.Usage)
}
