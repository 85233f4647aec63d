package pybuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
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
	if env := environmentOf(path); env.Dir != "" && !fsx.IsFile(path) {
		info.Environment = &env
		return info, hint.Exit(env.lost(), hint.NotFound)
	}
	p, err := f.answer(ctx, path)
	if err != nil {
		return info, notUsable(err)
	}
	relocate(&p)
	if filepath.IsAbs(p.Executable) {
		info.Executable = p.Executable // of a shim: what stands behind it
	}
	info.Version, info.HexVersion = p.version(), p.HexVersion
	info.Prefix, info.BasePrefix = p.Prefix, p.BasePrefix
	env := environmentOf(info.Executable)
	if env.Dir != "" {
		info.Prefix, info.Environment = env.Dir, &env
		info.Notes = append(info.Notes, env.compare(&p)...)
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
	if info.ABI.Free && info.ABI.Minor == 13 { // F-3
		info.Notes = append(info.Notes, "free-threading is experimental in Python 3.13")
	}
	info.Defines, info.Sanitizer = defines(&p), sanitizer(&p)
	return info, errors.Join(f.headers(&info, &p), f.library(ctx, &info, &p))
}

func notUsable(err error) error { return hint.Exit(err, hint.Refused) }

// answer is what the interpreter at path says of itself, or what its files say
// where it shall not be run.
func (f *finder) answer(ctx context.Context, path string) (probe, error) {
	if on := f.r.Getenv(readSetting); on != "" && on != "0" {
		p, err := read(path)
		if err != nil {
			err = fmt.Errorf("reading the files of %s: %w", path, err)
		}
		return p, err
	}
	return f.recall(ctx, path)
}

// base is the real path of the interpreter that exe is, or is an environment of.
func base(p *probe, exe string, env Environment) string {
	var paths []string
	if environmentOf(p.BaseExecutable).Dir == "" {
		paths = append(paths, p.BaseExecutable)
	}
	if env.Dir == "" {
		paths = append(paths, exe)
	} else {
		for _, name := range []string{filepath.Base(exe), "python" + p.xy() + p.ABIFlags, "python3", "python"} {
			paths = append(paths, filepath.Join(env.Home, name))
		}
	}
	for _, path := range paths {
		if real, err := filepath.EvalSymlinks(path); err == nil && filepath.IsAbs(real) && fsx.IsFile(real) {
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

var patchLevel = pattern.New(`(?m)^[ \t]*#[ \t]*define[ \t]+PY_(MAJOR|MINOR|MICRO)_VERSION[ \t]+(\d+)`)

// headerVersion is the version in the text of a patchlevel.h.
func headerVersion(text string) (v [3]int) {
	for _, m := range patchLevel.FindAllStringSubmatch(text, -1) {
		v[map[string]int{"MAJOR": 0, "MINOR": 1, "MICRO": 2}[m[1]]], _ = strconv.Atoi(m[2])
	}
	return v
}

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
		i := slices.IndexFunc(dirs, func(dir string) bool { return fsx.IsFile(filepath.Join(dir, name)) })
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
	version := headerVersion(string(data))
	said := fmt.Sprintf("%d.%d.%d", version[0], version[1], version[2])
	if !strings.HasPrefix(said, p.xy()+".") {
		err := fmt.Errorf("%w: those in %s are of Python %s, the interpreter is %s", ErrHeaders, found["patchlevel.h"], said, p.version())
		return hint.Exit(hint.New(err, f.headersAdvice(info, p)), hint.NotFound)
	}
	if version[2] != p.VersionInfo[2] {
		info.Notes = append(info.Notes, fmt.Sprintf("the headers in %s are of Python %s, the interpreter is %s", found["patchlevel.h"], said, p.version()))
	}
	return nil
}

// library resolves libpython.
func (f *finder) library(ctx context.Context, info *Info, p *probe) error {
	lib, looked, err := f.resolve(ctx, p, info.Base)
	info.Libraries = looked
	if info.Archive = staticLibrary(p); info.Archive != "" {
		info.StaticLibs = staticWords(p)
	}
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
