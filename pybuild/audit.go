package pybuild

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Audit is what the extension modules of an environment permit.
type Audit struct {
	Environment string      `json:"environment"` // the folder, or the interpreter
	Version     string      `json:"version"`     // "3.13.0"
	Free        bool        `json:"free_threaded"`
	Imported    bool        `json:"imported"` // each was imported, too
	Modules     []Extension `json:"modules"`
	Best        Advice      `json:"best"`

	minor int
}

// Extension is one extension module.
type Extension struct {
	Module   string      `json:"module"` // "numpy._core._multiarray_umath"
	File     string      `json:"file"`
	Declares Declaration `json:"declares"`
	Imports  Imports     `json:"imports"`
}

// Imports tells what became of importing a module in each kind of interpreter:
// "works", the exception, "ends the process by SIGSEGV", "does not return"; "" if
// it was not tried. Where there can be several of a kind, one that only the first
// may have is told as "works in one interpreter, then ImportError: …", and one
// that ends the process there as "ends the process by SIGABRT in the second
// interpreter, after ImportError: …".
type Imports struct {
	Main   string `json:"main,omitempty"`
	Shared string `json:"shared,omitempty"` // another interpreter with the same GIL
	Own    string `json:"own,omitempty"`    // one with a GIL of its own
	Free   string `json:"free,omitempty"`   // the main one without a GIL: "works" if that stays so
}

// works is the outcome of an import that did what it should.
const works = "works"

// Advice is how to run an application with these modules.
type Advice struct {
	Mode     string `json:"mode"` // "free-threaded", "own-gil", "shared", "main"
	Sentence string `json:"sentence"`
}

// Inspect audits the environment at place: a virtual environment, an
// installation, or an interpreter. With tryImports each module is imported as
// well, each time in a process of its own, and whatever that process comes to is
// a result.
func Inspect(ctx context.Context, r *run.Runner, place string, tryImports bool) (Audit, error) {
	if !strings.Contains(place, "/") {
		place = "./" + place // a folder here, rather than a command
	}
	python, err := newFinder(r).lookUp(request{place: place})
	if err != nil {
		return Audit{}, fmt.Errorf("the environment %s: %w", place, err)
	}
	site, err := askSite(ctx, r, python)
	if err != nil {
		return Audit{}, err
	}
	a := Audit{Environment: place, Version: site.Version, Free: site.Free, minor: site.Minor, Imported: tryImports, Modules: []Extension{}}
	for _, dir := range site.Folders {
		found, err := extensions(dir, site.Suffixes)
		if err != nil {
			return a, err
		}
		a.Modules = append(a.Modules, found...)
	}
	slices.SortFunc(a.Modules, func(x, y Extension) int { return strings.Compare(x.Module, y.Module) })
	if tryImports && len(a.Modules) > 0 {
		if err := importAll(ctx, r, python, a.Modules); err != nil {
			return a, err
		}
	}
	a.Best = a.advise()
	return a, nil
}

// extensions finds the extension modules below dir, a site-packages folder, that
// a Python with these suffixes loads.
func extensions(dir string, suffixes []string) ([]Extension, error) {
	var list []Extension
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) && path == dir {
				return fs.SkipAll
			}
			return err
		}
		if d.IsDir() && d.Name() == "__pycache__" {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".so") {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name, ok := moduleName(name, suffixes)
		if !ok {
			return nil
		}
		declares, ok, err := readDeclaration(path, name)
		if err != nil {
			return fmt.Errorf("reading the extension module %s: %w", path, err)
		}
		if ok {
			list = append(list, Extension{Module: name, File: path, Declares: declares})
		}
		return nil
	})
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("looking for extension modules in %s: %w", dir, err), hint.NotFound)
	}
	return list, nil
}

// moduleName makes the dotted name of a module of its file below site-packages.
func moduleName(file string, suffixes []string) (name string, ok bool) {
	for _, s := range suffixes { // the longest that fits: ".so" fits all
		if strings.HasSuffix(file, s) && (name == "" || len(file)-len(s) < len(name)) {
			name = strings.TrimSuffix(file, s)
		}
	}
	name = strings.ReplaceAll(name, string(filepath.Separator), ".")
	for part := range strings.SplitSeq(name, ".") {
		if !isIdentifier(part) {
			return "", false // a library, or of another Python
		}
	}
	return name, name != ""
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r < 0x80 && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// advise chooses the mode that gives most of what all modules permit.
func (a *Audit) advise() Advice {
	none := len(a.Modules) == 0
	// Python lets nothing into the first two that does not declare it, so there
	// an import that works tells as much.
	free := a.against(func(e *Extension) string {
		return verdict(e.Imports.Free, e.Declares.GIL == NotUsed || e.Imports.Free == works, "does not say that it can do without a GIL")
	})
	own := a.against(func(e *Extension) string {
		return verdict(e.Imports.Own, e.Declares.Interpreters == Own || e.Imports.Own == works, refusal(e.Declares, Own))
	})
	shared := a.against(func(e *Extension) string {
		d := e.Declares
		return verdict(e.Imports.Shared, d.sharedSafely() || e.Imports.Own == works || d.Init != SinglePhase && e.Imports.Shared == works, refusal(d, Shared))
	})
	why := func(reason, otherwise string) string {
		if none {
			return "there is no extension module that could stand in the way"
		}
		if reason != "" {
			return reason
		}
		return otherwise
	}
	switch {
	case a.Free && free == "":
		return Advice{"free-threaded", "Free-threaded: WSGIFreeThreading On with WSGIApplicationGroup %{GLOBAL}; " + why("", "every extension module does without a GIL") + "."}
	case !a.Free && a.minor >= 12 && own == "":
		return Advice{"own-gil", "A GIL for each interpreter: WSGIPerInterpreterGIL On; " + why("", "every extension module supports it") + "."}
	case shared == "":
		return Advice{"shared", "Sub-interpreters that share the GIL, which is the default; " + why(a.closest(free, own), "every extension module supports them") + "."}
	}
	return Advice{"main", "The main interpreter: WSGIApplicationGroup %{GLOBAL}, with a daemon group for each application; " + shared + "."}
}

// closest is what stood in the way of the mode that would have been better.
func (a *Audit) closest(free, own string) string {
	switch {
	case a.Free:
		return free
	case a.minor >= 12:
		return own
	}
	return ""
}

// against is the first module that rules a mode out and how many others do, or
// "". SAYS is why one does.
func (a *Audit) against(says func(*Extension) string) string {
	first, count := "", 0
	for i := range a.Modules {
		e := &a.Modules[i]
		if e.Imports.Main != "" && e.Imports.Main != works {
			continue // nobody can use it in any mode
		}
		if why := says(e); why != "" {
			if count++; count == 1 {
				first = e.Module + " " + why
			}
		}
	}
	if count > 1 {
		first += fmt.Sprintf(", and %d more", count-1)
	}
	return first
}

// verdict is why a mode is ruled out: by the import if that was tried and failed,
// else by what the module does not declare.
func verdict(imported string, declared bool, otherwise string) string {
	switch {
	case imported != "" && imported != works:
		return "cannot be imported there (" + imported + ")"
	case declared:
		return ""
	}
	return otherwise
}

// refusal says what a declaration lacks for an interpreter of kind.
func refusal(d Declaration, kind string) string {
	switch {
	case d.Init == SinglePhase:
		return "has one state for the whole process (single-phase initialisation)"
	case d.Interpreters == No:
		return "declares that it supports one interpreter only"
	case kind == Own && d.Interpreters == Shared:
		return "does not declare support for a GIL of its own"
	}
	return "does not tell what it supports"
}
