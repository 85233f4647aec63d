package pybuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/words"
)

// The versions that are supported, and the newest that tests were run with.
const (
	oldestMinor = 9
	newestMinor = 15
)

// Errors a caller may decide by.
var (
	// ErrHeaders: nothing can be compiled for this Python.
	ErrHeaders = errors.New("its C headers are missing")
	// ErrShared: it has no shared library to link with.
	ErrShared = errors.New("it has no shared library to link with")

	errTooOld = fmt.Errorf("version 3.%d or later is needed", oldestMinor)
)

// describe tells all about the interpreter at path. With an error the Info holds
// what could be learnt; several things may be wrong at once.
func (f *finder) describe(ctx context.Context, path, source string) (Info, error) {
	info := Info{Executable: path, Source: source}
	p, err := ask(ctx, f.r, path)
	if err != nil {
		return info, notUsable(err)
	}
	relocate(&p)
	if filepath.IsAbs(p.Executable) {
		info.Executable = p.Executable // of a shim: what stands behind it
	}
	info.Version, info.HexVersion = p.version(), p.HexVersion
	info.Prefix, info.BasePrefix = p.Prefix, p.BasePrefix
	env := readVenv(info.Executable)
	if env.dir != "" {
		info.Prefix = env.dir
		info.Notes = append(info.Notes, env.oddities(&p)...)
	}
	info.Base = base(&p, info.Executable, env)

	if p.Implementation != "cpython" {
		return info, notUsable(fmt.Errorf("it is %s: only CPython is supported", p.Implementation))
	}
	if p.VersionInfo[0] != 3 || p.VersionInfo[1] < oldestMinor {
		return info, notUsable(fmt.Errorf("it is Python %s: %w", info.Version, errTooOld))
	}
	if p.VersionInfo[1] > newestMinor {
		info.Notes = append(info.Notes, fmt.Sprintf("Python %s is newer than what was tested (3.%d)", p.xy(), newestMinor))
	}
	if info.ABI, err = abiOf(&p); err != nil {
		return info, notUsable(err)
	}
	info.Defines, info.Sanitizer = defines(&p), sanitizer(&p)
	return info, errors.Join(f.headers(&info, &p), f.library(ctx, &info, &p))
}

func notUsable(err error) error { return hint.Exit(err, hint.Refused) }

// relocate mends the paths of an installation that was moved after it was
// built (rule P-9): the folder it was made for does not exist, the one it runs
// from does.
func relocate(p *probe) {
	was := p.text("installed_base")
	if was == "" || was == p.BasePrefix || isDir(was) {
		return
	}
	for name, value := range p.Vars {
		if rest, ok := strings.CutPrefix(string(value), was); ok && (rest == "" || rest[0] == '/') {
			p.Vars[name] = setting(p.BasePrefix + rest)
		}
	}
	for name, value := range p.Paths {
		if rest, ok := strings.CutPrefix(value, was); ok && (rest == "" || rest[0] == '/') {
			p.Paths[name] = p.BasePrefix + rest
		}
	}
}

// venv is what a pyvenv.cfg says (rule P-8).
type venv struct {
	dir     string // "" when the interpreter is not in one
	home    string // the folder of the base interpreter
	version string
}

// readVenv reads the pyvenv.cfg that belongs to the interpreter at exe: the
// interpreter itself, run with -S, does not tell before 3.14.
func readVenv(exe string) venv {
	for _, dir := range []string{filepath.Dir(filepath.Dir(exe)), filepath.Dir(exe)} {
		data, err := os.ReadFile(filepath.Join(dir, "pyvenv.cfg"))
		if err != nil {
			continue
		}
		env := venv{dir: dir}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, "=")
			value = strings.TrimSpace(value)
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "home":
				env.home = value
			case "version", "version_info":
				env.version = value
			}
		}
		return env
	}
	return venv{}
}

func (env venv) oddities(p *probe) []string {
	var notes []string
	if env.home != "" && !isDir(env.home) {
		notes = append(notes, fmt.Sprintf("the Python that %s was made from is gone from %s", env.dir, env.home))
	}
	if env.version != "" && env.version != p.xy() && !strings.HasPrefix(env.version, p.xy()+".") {
		notes = append(notes, fmt.Sprintf("%s was made for Python %s and runs %s: packages in it are not found", env.dir, env.version, p.version()))
	}
	return notes
}

// base is the real path of the interpreter that exe is, or is an environment of.
func base(p *probe, exe string, env venv) string {
	var paths []string
	if readVenv(p.BaseExecutable).dir == "" {
		paths = append(paths, p.BaseExecutable)
	}
	if env.dir == "" {
		paths = append(paths, exe)
	} else {
		for _, name := range []string{filepath.Base(exe), "python" + p.xy() + p.ABIFlags, "python3", "python"} {
			paths = append(paths, filepath.Join(env.home, name))
		}
	}
	for _, path := range paths {
		if real, err := filepath.EvalSymlinks(path); err == nil && filepath.IsAbs(real) && isFile(real) {
			return real
		}
	}
	return exe
}

// defines keeps of Python's own compiler flags what its headers depend on.
func defines(p *probe) []string {
	list, err := words.Split(p.text("CFLAGS"))
	if err != nil {
		return nil
	}
	var out []string
	for _, w := range list {
		if (w == "-DNDEBUG" || strings.HasPrefix(w, "-DDYNAMIC_ANNOTATIONS_ENABLED=")) && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// sanitizer is the word behind -fsanitize= in the flags that Python was compiled
// with, or was configured for.
func sanitizer(p *probe) string {
	list, err := words.Split(p.text("CFLAGS") + " " + p.text("LDSHARED"))
	if err != nil {
		return ""
	}
	for _, w := range list {
		if name, ok := strings.CutPrefix(w, "-fsanitize="); ok {
			return name
		}
	}
	for option, name := range map[string]string{"--with-thread-sanitizer": "thread", "--with-address-sanitizer": "address"} {
		if strings.Contains(p.text("CONFIG_ARGS"), option) {
			return name
		}
	}
	return ""
}

var patchLevel = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*define[ \t]+PY_(MAJOR|MINOR|MICRO)_VERSION[ \t]+(\d+)`)

// headers finds Python.h, pyconfig.h and patchlevel.h and compares the version
// there (rule P-9). A folder without all three is that of a Python without its
// development package.
func (f *finder) headers(info *Info, p *probe) error {
	var dirs []string
	for _, dir := range []string{p.text("INCLUDEPY"), p.text("CONFINCLUDEPY"), p.Paths["include"], p.Paths["platinclude"]} {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	found := map[string]string{}
	for _, name := range []string{"Python.h", "patchlevel.h", "pyconfig.h"} {
		i := slices.IndexFunc(dirs, func(dir string) bool { return isFile(filepath.Join(dir, name)) })
		if i < 0 {
			err := fmt.Errorf("%w: no %s in %s", ErrHeaders, name, strings.Join(dirs, ", "))
			return hint.Exit(hint.New(err, f.headersAdvice(info, p)), hint.NotFound)
		}
		found[name] = dirs[i]
		if !slices.Contains(info.Include, dirs[i]) {
			info.Include = append(info.Include, dirs[i])
		}
	}
	data, err := os.ReadFile(filepath.Join(found["patchlevel.h"], "patchlevel.h"))
	if err != nil {
		return fmt.Errorf("reading Python's headers: %w", err)
	}
	version := map[string]int{}
	for _, m := range patchLevel.FindAllStringSubmatch(string(data), -1) {
		version[m[1]], _ = strconv.Atoi(m[2])
	}
	said := fmt.Sprintf("%d.%d.%d", version["MAJOR"], version["MINOR"], version["MICRO"])
	if !strings.HasPrefix(said, p.xy()+".") {
		err := fmt.Errorf("%w: those in %s are of Python %s, the interpreter is %s", ErrHeaders, found["patchlevel.h"], said, p.version())
		return hint.Exit(hint.New(err, f.headersAdvice(info, p)), hint.NotFound)
	}
	if version["MICRO"] != p.VersionInfo[2] {
		info.Notes = append(info.Notes, fmt.Sprintf("the headers in %s are of Python %s, the interpreter is %s", found["patchlevel.h"], said, p.version()))
	}
	return nil
}

// library resolves libpython.
func (f *finder) library(ctx context.Context, info *Info, p *probe) error {
	lib, err := resolve(p, info.Base, f.root)
	if err != nil {
		info.Reason = fmt.Sprintf("Python %s has no shared library: %v", p.version(), err)
		return hint.Exit(fmt.Errorf("%w: %w", ErrShared, err), hint.NotFound)
	}
	info.LibPython, info.SONAME = lib.path, lib.soname
	if lib.note != "" {
		info.Notes = append(info.Notes, lib.note)
	}
	info.NeedsPath = !f.loader.findsItself(ctx, f.r, lib, p, info.Base)
	return nil
}
