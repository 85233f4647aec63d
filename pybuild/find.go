// Package pybuild reports what a Python installation is: version, ABI, headers,
// and the shared library a program that embeds it must be linked with.
//
// It only reads, but for the cache folder, where it keeps what interpreters said
// until their files change. The interpreter says most of it itself, run isolated from its
// environment and packages; files are looked into to see that it is true.
package pybuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/record"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Find describes the Python to build for: the one that explicit asks for, else
// $MODWSGI_PYTHON, else $PYTHON, else the first of this machine that has headers
// and a shared library and is neither free-threaded nor a debug build: that of
// an environment one is in, of PATH and the system, and only then what a manager
// such as uv keeps.
// For root those in a folder that is closed to others, as its own home is, come
// to nothing too: the users that a server runs as could not read them.
//
// What is asked for is a path to an interpreter, an installation or a virtual
// environment; a command; or a version such as 3.12, 3.13t, ">=3.11,<3.14". If
// it cannot be used the error says why, and the Info what could be learnt;
// another Python is never taken in its place. Where nobody asks,
// $MODWSGI_PYTHON_CONFIG may name a file with the Info of another machine's
// Python, which is then believed and not run.
func Find(ctx context.Context, r *run.Runner, explicit string) (Info, error) {
	return newFinder(r).find(ctx, explicit)
}

// finder looks for Pythons. root is "" but in tests: folders of the system are
// looked for below it.
type finder struct {
	r      *run.Runner
	root   string
	sys    distro.System
	loader *loader
}

func newFinder(r *run.Runner) *finder {
	return &finder{r: r, sys: distro.Here(), loader: &loader{}}
}

func (f *finder) find(ctx context.Context, explicit string) (Info, error) {
	text, source := f.asked(explicit)
	if path := f.r.Getenv(recordSetting); text == "" && path != "" {
		return fromRecord(path)
	}
	if text == "" {
		return f.choose(ctx)
	}
	label := map[bool]string{true: "the Python asked for,", false: "the Python of $" + source + ","}[source == "flag"]
	info, err := f.requested(ctx, text, source)
	if err != nil {
		err = fmt.Errorf("%s %s: %w", label, words.Quote(text), err)
		if errors.Is(err, ErrShared) {
			err = hint.New(err, f.sharedAdvice(ctx, info, err))
		}
	}
	return info, err
}

// recordSetting names the file with an Info (rule P-14).
const recordSetting = "MODWSGI_PYTHON_CONFIG"

// fromRecord is the Info that a file has.
func fromRecord(path string) (Info, error) {
	var info Info
	if err := record.Read(path, recordSetting, &info); err != nil {
		return Info{}, err
	}
	if info.ABI.Major != 3 || info.Version == "" || len(info.Include) == 0 || info.LibPython == "" && info.Archive == "" {
		return Info{}, hint.Exit(fmt.Errorf("%s (%s) describes no Python that can be built for: version, abi, include and libpython are needed", path, recordSetting), hint.Usage)
	}
	if info.LibPython == "" {
		return info, hint.Exit(fmt.Errorf("%s (%s): %w", path, recordSetting, ErrShared), hint.NotFound)
	}
	return info, nil
}

// asked returns what somebody asked for, and by what.
func (f *finder) asked(explicit string) (text, source string) {
	if explicit != "" {
		return explicit, "flag"
	}
	for _, key := range []string{"MODWSGI_PYTHON", "PYTHON"} {
		if text := f.r.Getenv(key); text != "" {
			return text, key
		}
	}
	return "", ""
}

func (f *finder) requested(ctx context.Context, text, source string) (Info, error) {
	req, err := parseRequest(text)
	if err != nil {
		return Info{}, hint.Exit(err, hint.Usage)
	}
	if req.isVersion() {
		return f.matching(ctx, req)
	}
	path, err := f.lookUp(req)
	if err != nil {
		return Info{}, err
	}
	return f.describe(ctx, path, source)
}

// lookUp makes a place somebody named the path of an interpreter.
func (f *finder) lookUp(req request) (string, error) {
	name := req.place
	if req.conda != "" {
		if name = f.condaNamed(req.conda); name == "" {
			err := fmt.Errorf("conda has no environment %s here", req.conda)
			return "", hint.Exit(hint.New(err, "conda env list shows their folders: give one of these"), hint.NotFound)
		}
	}
	if !strings.Contains(name, "/") {
		if path, err := f.r.LookPath(name); err == nil {
			return path, nil
		}
		for _, dir := range []string{"/usr/bin", "/usr/local/bin"} {
			if path, err := f.r.LookPath(filepath.Join(f.root, dir, name)); err == nil {
				return path, nil
			}
		}
		return "", f.absent(errors.New("no such program in PATH"))
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if fsx.IsDir(path) {
		dir := path
		if path = inFolder(dir); !fsx.IsFile(path) {
			return "", hint.Exit(emptyFolder(dir), hint.NotFound)
		}
	}
	if _, err := f.r.LookPath(path); err != nil {
		err = fmt.Errorf("no such program: %w", err)
		return "", hint.Exit(hint.New(err, "name an interpreter, its folder or a version such as 3.12, or leave it out"), hint.NotFound)
	}
	return path, nil
}

// matching is the Python of a version asked for.
func (f *finder) matching(ctx context.Context, req request) (Info, error) {
	list := f.collect(ctx)
	if i := f.match(list, req); i >= 0 {
		return *list[i].Info, list[i].err
	}
	var seen []string
	for _, c := range list {
		if c.Info.Version != "" && !errors.Is(c.err, errTooOld) {
			seen = append(seen, c.Info.Version+c.Info.ABI.flags()+" ("+c.Executable+")")
		}
	}
	if len(seen) == 0 {
		return Info{}, f.absent(errors.New("there is no Python here"))
	}
	err := fmt.Errorf("no Python here is of that version; there are %s", strings.Join(seen, ", "))
	return Info{}, hint.Exit(hint.New(err, "ask for one of these, or install another and give its path"), hint.NotFound)
}

// match is the index of the first in list that req asks for: best one that is
// usable, and not closed to the users a server runs as; -1 if there is none.
func (f *finder) match(list []Candidate, req request) int {
	best, rank := -1, 0
	for i, c := range list {
		abi := c.Info.ABI
		if old, ok := outdated(c.Info.Version); ok && errors.Is(c.err, errTooOld) {
			abi = old // it has no ABI; who asks for it is told why not
		}
		if c.Info.Version == "" || !req.matches(abi) {
			continue
		}
		r := 1
		switch {
		case c.Usable && f.private(*c.Info) == nil:
			r = 3
		case c.Usable:
			r = 2
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

// outdated is as much of an ABI as a version of an unsupported Python tells.
func outdated(version string) (a ABI, ok bool) {
	n, _ := fmt.Sscanf(version, "%d.%d.%d", &a.Major, &a.Minor, &a.Micro)
	return a, n == 3
}

// implied are sources that a person chose by what they did before: if such a
// Python is passed over, that is said.
var implied = []string{"VIRTUAL_ENV", "CONDA_PREFIX", ".venv"}

// choose takes the first Python that will do. Each is asked only when those
// before it will not: starting an interpreter takes time.
func (f *finder) choose(ctx context.Context) (Info, error) {
	var notes []string
	var errs []error
	var last Info
	for _, at := range keptLast(f.distinct()) {
		info, err := f.describe(ctx, at.path, at.source)
		if err == nil {
			err = f.unwanted(info, at.source)
		}
		if err == nil {
			info.Notes = append(info.Notes, notes...)
			return info, nil
		}
		if isShim(at.path) && info.Version == "" {
			continue // it leads nowhere just now
		}
		if slices.Contains(implied, at.source) {
			notes = append(notes, fmt.Sprintf("the Python of %s was passed over: %v", at.source, err))
		}
		if last.Version == "" {
			last = info
		}
		errs = append(errs, fmt.Errorf("%s (%s): %w", at.path, info.Version, err))
	}
	if len(errs) == 0 {
		return Info{}, f.absent(errors.New("there is no Python here"))
	}
	err := fmt.Errorf("no Python here can be built for: %w", errors.Join(errs...))
	if hint.Of(err) == "" {
		return last, f.absent(err)
	}
	return last, hint.Exit(err, hint.NotFound)
}

// keptLast moves the places that a manager keeps behind all others.
func keptLast(places []place) []place {
	kept := func(p place) bool { return p.kept }
	return append(slices.DeleteFunc(slices.Clone(places), kept), slices.DeleteFunc(places, func(p place) bool { return !p.kept })...)
}

// unwanted says why a usable Python is not taken where nobody asked for it.
func (f *finder) unwanted(info Info, source string) error {
	if err := special(info); err != nil || slices.Contains(implied, source) {
		return err
	}
	return f.private(info)
}

// special says what is out of the ordinary about a build, nil of one that is not.
func special(info Info) error {
	switch {
	case info.Sanitizer != "":
		return fmt.Errorf("it was built with -fsanitize=%s, a build that must be asked for", info.Sanitizer)
	case info.ABI.Free || info.ABI.Debug:
		return fmt.Errorf("it is %s, a build that must be asked for", info.ABI.ID())
	}
	return nil
}

// distinct are the places where there is an interpreter, one place for each.
func (f *finder) distinct() []place {
	var list []place
	known := map[string]bool{}
	for _, at := range f.places() {
		env := environmentOf(at.path)
		real, err := filepath.EvalSymlinks(at.path)
		if lost := err != nil; lost && env.Dir == "" {
			continue
		} else if env.Dir != "" {
			real = filepath.Dir(at.path) // another environment of the same interpreter, or of none any more
		}
		if known[real] || isShim(at.path) && !slices.Contains([]string{"python3", "python"}, filepath.Base(at.path)) {
			continue
		}
		if _, notThere := f.r.LookPath(at.path); notThere != nil && err == nil {
			continue
		}
		known[real] = true
		list = append(list, at)
	}
	return list
}

// isShim tells whether path is a stand-in that starts some other interpreter:
// never an identity of its own (rule P-3). Those with a version in their name
// stand for interpreters that are found without them.
func isShim(path string) bool { return filepath.Base(filepath.Dir(path)) == "shims" }
