package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/expressgen"
	"modwsgi/installer/pack"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/verbs"
	"modwsgi/pybuild"
)

// module is the mod_wsgi.so for an Apache and a Python, and how it comes to be
// there.
type module struct {
	path  string
	build func() error // makes it if it is not there
}

// module finds the module for what was discovered. One that the options name is
// taken as it is; else the installed one, the one in the build folder beside
// this program, and the one built here before, if they are for this Apache and
// this Python. If none is, it will be built.
func (a *app) module(found *expressgen.Discovery, named string) (module, error) {
	nothing := func() error { return nil }
	if named != "" {
		return module{named, nothing}, nil
	}
	if l, ok := verbs.Locate(&found.Apache, &found.Python, append([]string{found.Apache.ModulesDir}, buildFolders(&found.Apache)...)); ok {
		return module{l.Module, nothing}, nil
	}
	dir, err := cacheFolder(&found.Apache)
	if err != nil {
		return module{}, err
	}
	return module{
		path:  filepath.Join(dir, "mod_wsgi.so"),
		build: func() error { return a.buildInto(dir, &found.Apache, found.Python) },
	}, nil
}

// buildFolders are where a module may have been built for the Apache: in the wheel
// that this program came with, beside it in a checkout, and in the cache.
func buildFolders(apache *apxs.Info) []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			root := filepath.Dir(filepath.Dir(exe))
			wheels, _ := filepath.Glob(filepath.Join(literalGlob(root), "lib*", "python3*", "site-packages", pack.WheelFolder))
			dirs = append(append(dirs, wheels...), filepath.Join(root, "build"))
		}
	}
	if dir, err := cacheFolder(apache); err == nil {
		dirs = append(dirs, dir)
	}
	return dirs
}

// literalGlob is a path as a pattern for that path alone.
func literalGlob(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// ownEnvironment has everything that follows work with the virtual environment
// that this program was installed into, whether or not it is activated.
func ownEnvironment() {
	exe, err := os.Executable()
	if err != nil {
		return
	}
	root := filepath.Dir(filepath.Dir(exe))
	if _, err := os.Stat(filepath.Join(root, "pyvenv.cfg")); err == nil {
		os.Setenv("VIRTUAL_ENV", root)
	}
}

// cacheFolder is where modules are built for who has none: one folder for each
// Apache. Of root it is one that the users which requests run as can read.
func cacheFolder(apache *apxs.Info) (string, error) {
	base := cacheBase()
	if base == "" {
		return "", hint.New(errors.New("finding a folder to build in: $HOME is not defined"), "set XDG_CACHE_HOME")
	}
	return filepath.Join(base, apacheKey(apache)), nil
}

// cacheBase is the folder of all that is kept here from one run to the next; ""
// if there is no place for one. Nobody can pass through root's home folder.
func cacheBase() string {
	if os.Geteuid() == 0 && os.Getenv("MODWSGI_CACHE") == "" && os.Getenv("XDG_CACHE_HOME") == "" {
		return "/var/cache/modwsgi"
	}
	return fsx.CacheFolder(os.Getenv)
}

// apacheKey names an Apache: another server, or another version of it, is
// another folder.
func apacheKey(apache *apxs.Info) string {
	sum := sha256.Sum256(fmt.Append(nil, apache.Httpd, apache.Version, apache.MMN, apache.IncludeDirs))
	return fmt.Sprintf("apache-%s-%x", apache.Version, sum[:4])
}

// buildInto builds the module for an Apache and some Pythons in the cache.
func (a *app) buildInto(dir string, apache *apxs.Info, pythons ...pybuild.Info) error {
	if err := fsx.MkdirCache(filepath.Dir(dir)); err != nil {
		return err
	}
	j, err := verbs.New("build", nil)
	if err != nil {
		return err
	}
	o, err := j.Options(apache, pythons, nil, dir)
	if err == nil {
		_, err = j.Compile(a.ctx, o)
	}
	return err
}
