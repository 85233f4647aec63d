// Package pybuild reports what a Python installation is: version, ABI, headers,
// and the shared library a program that embeds it must be linked with.
//
// It only reads. The interpreter says most of it itself, run isolated from its
// environment and packages; files are looked into to see that it is true.
package pybuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/record"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Candidate is one Python that was come across.
type Candidate struct {
	Executable string `json:"executable"`
	Source     string `json:"source"`
	Usable     bool   `json:"usable"` // it can be built for
	Why        string `json:"why"`    // its version, or why it is not usable
	Select     string `json:"select"` // the setting that chooses it: "PYTHON=/usr/bin/python3"
	Info       *Info  `json:"info,omitempty"`

	err error
}

// Find describes the Python to build for: the one that explicit asks for, else
// $MODWSGI_PYTHON, else $PYTHON, else the first of [Candidates] that has
// headers and a shared library and is neither free-threaded nor a debug build.
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

// Candidates lists every Python of this machine in the order Find tries them.
func Candidates(ctx context.Context, r *run.Runner) []Candidate {
	return newFinder(r).candidates(ctx)
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
	if info.ABI.Major != 3 || info.Version == "" || len(info.Include) == 0 || info.LibPython == "" {
		return Info{}, hint.Exit(fmt.Errorf("%s (%s) describes no Python that can be built for: version, abi, include and libpython are needed", path, recordSetting), hint.Usage)
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
	if req.place == "" {
		return f.matching(ctx, req)
	}
	path, err := f.lookUp(req.place)
	if err != nil {
		return Info{}, err
	}
	return f.describe(ctx, path, source)
}

// lookUp makes a place somebody named the path of an interpreter.
func (f *finder) lookUp(name string) (string, error) {
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
	if isDir(path) {
		dir := path
		if path = inFolder(dir); !isFile(path) {
			return "", hint.Exit(emptyFolder(dir), hint.NotFound)
		}
	}
	if _, err := f.r.LookPath(path); err != nil {
		err = fmt.Errorf("no such program: %w", err)
		return "", hint.Exit(hint.New(err, "name an interpreter, its folder or a version such as 3.12, or leave it out"), hint.NotFound)
	}
	return path, nil
}

// emptyFolder says why no interpreter is in dir.
func emptyFolder(dir string) error {
	if env := readVenv(filepath.Join(dir, "bin", "python3")); env.dir == dir {
		err := fmt.Errorf("the virtual environment lost its Python, %s of %s", env.version, env.home)
		return hint.New(err, "make it again: "+run.Line("python3", "-m", "venv", "--clear", dir))
	}
	return errors.New("there is no bin/python3 in this folder")
}

// matching is the first usable Python of a version asked for.
func (f *finder) matching(ctx context.Context, req request) (Info, error) {
	var first *Candidate
	var seen []string
	for _, c := range f.candidates(ctx) {
		if c.Info == nil || c.Info.Version == "" {
			continue
		}
		if errors.Is(c.err, errTooOld) { // it has no ABI; who asks for it is told why not
			if old, ok := outdated(c.Info.Version); ok && first == nil && req.matches(old) {
				first = &c
			}
			continue
		}
		seen = append(seen, c.Info.Version+c.Info.ABI.flags()+" ("+c.Executable+")")
		if !req.matches(c.Info.ABI) {
			continue
		}
		if c.Usable {
			return *c.Info, nil
		}
		if first == nil {
			first = &c
		}
	}
	if first != nil {
		return *first.Info, first.err
	}
	if len(seen) == 0 {
		return Info{}, f.absent(errors.New("there is no Python here"))
	}
	err := fmt.Errorf("no Python here is of that version; there are %s", strings.Join(seen, ", "))
	return Info{}, hint.Exit(hint.New(err, "ask for one of these, or install another and give its path"), hint.NotFound)
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
	for _, at := range f.distinct() {
		info, err := f.describe(ctx, at.path, at.source)
		if err == nil && (info.ABI.Free || info.ABI.Debug) {
			err = fmt.Errorf("it is %s, a build that must be asked for", info.ABI.ID())
		}
		if err == nil && info.Sanitizer != "" {
			err = fmt.Errorf("it was built with -fsanitize=%s, a build that must be asked for", info.Sanitizer)
		}
		if err == nil && !slices.Contains(implied, at.source) {
			err = f.private(info)
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

// distinct are the places where there is an interpreter, one place for each.
func (f *finder) distinct() []place {
	var list []place
	known := map[string]bool{}
	for _, at := range f.places() {
		real, err := filepath.EvalSymlinks(at.path)
		if err != nil {
			continue
		}
		if readVenv(at.path).dir != "" {
			real = filepath.Dir(at.path) // another environment of the same interpreter
		}
		if known[real] || isShim(at.path) && !slices.Contains([]string{"python3", "python"}, filepath.Base(at.path)) {
			continue
		}
		if _, err := f.r.LookPath(at.path); err != nil {
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

// probesAtOnce is how many interpreters are started together.
const probesAtOnce = 4

func (f *finder) candidates(ctx context.Context) []Candidate {
	places := f.distinct()
	if text, source := f.asked(""); source != "" {
		if req, err := parseRequest(text); err == nil && req.place != "" {
			if path, err := f.lookUp(req.place); err == nil {
				places = append([]place{{path, source}}, places...)
			}
		}
	}
	f.loader.ask(ctx, f.r) // before several would
	list := make([]Candidate, len(places))
	slots := make(chan struct{}, probesAtOnce)
	var wait sync.WaitGroup
	for i, at := range places {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			list[i] = f.candidate(ctx, at)
		})
	}
	wait.Wait()

	// What a shim or a wrapper led to may be there under its own name, and one
	// installation may have several: python3 and python3.13t can be two files.
	type identity struct{ prefix, base, abi string }
	known := map[identity]bool{}
	return slices.DeleteFunc(list, func(c Candidate) bool {
		if c.Info.Version == "" { // it did not say what it is
			return isShim(c.Executable)
		}
		id := identity{c.Info.Prefix, c.Info.BasePrefix, c.Info.ABI.ID()}
		again := known[id]
		known[id] = true
		return again
	})
}

func (f *finder) candidate(ctx context.Context, at place) Candidate {
	info, err := f.describe(ctx, at.path, at.source)
	c := Candidate{
		Executable: info.Executable, Source: at.source, Info: &info, err: err,
		Select: "PYTHON=" + words.Quote(info.Executable),
	}
	switch {
	case err != nil:
		c.Why = err.Error()
	default:
		c.Usable, c.Why = true, info.Version+info.ABI.flags()
	}
	return c
}
