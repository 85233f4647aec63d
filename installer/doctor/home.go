package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/installer"
	"modwsgi/internal/fsx"
	"modwsgi/pybuild"
)

// Home is a folder that a directive names as Python's.
type Home struct {
	Directive apxs.Directive `json:"directive"`
	Path      string         `json:"path"`
	Missing   bool           `json:"missing,omitempty"`
	NoFolder  bool           `json:"no_folder,omitempty"` // a file, as bin/python
	Fits      string         `json:"fits,omitempty"`      // the folder that was meant, of a file or of bin
	Closed    string         `json:"closed,omitempty"`    // the folder on the way that the server's user may not pass
	Bare      bool           `json:"bare,omitempty"`      // it holds no Python: no pyvenv.cfg and no library
	Shims     bool           `json:"shims,omitempty"`     // of pyenv and the like
	Conda     bool           `json:"conda,omitempty"`
	Version   string         `json:"version,omitempty"`  // "3.12", "3.13t" of one without the GIL; "" unknown
	Exact     bool           `json:"exact,omitempty"`    // Version tells whether it has a GIL
	Orphaned  string         `json:"orphaned,omitempty"` // where the Python of the environment was
}

// readHome looks at the folder that a directive names.
func readHome(d apxs.Directive, path string) Home {
	h := Home{Directive: d, Path: path, Shims: strings.Contains(path+"/", "/shims/")}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.Missing = true
		return h
	case err == nil && !info.IsDir():
		h.NoFolder = true
		if dir := filepath.Dir(filepath.Dir(path)); library(dir) != "" || isEnvironment(dir) {
			h.Fits = dir
		}
		return h
	}
	h.Closed = installer.ClosedOnTheWay(path)
	h.Conda = fsx.Exists(filepath.Join(path, "conda-meta"))
	h.Version = library(path)
	h.Exact = h.Version != ""
	if !isEnvironment(path) {
		h.Bare = h.Version == "" && err == nil
		if dir := filepath.Dir(path); h.Bare && (library(dir) != "" || isEnvironment(dir)) {
			h.Fits = dir // bin was named
		}
		return h
	}
	if env, err := pybuild.ReadEnvironment(path); err == nil {
		if free := strings.HasSuffix(h.Version, "t"); env.XY() != "" {
			h.Version = env.XY()
			if free {
				h.Version += "t"
			}
		}
		if env.Is(pybuild.Orphaned) {
			h.Orphaned = env.Home
		}
	}
	return h
}

func isEnvironment(dir string) bool { return fsx.Exists(filepath.Join(dir, "pyvenv.cfg")) }

// library is the version whose library, or folder of packages, is in a prefix:
// "3.13t" of lib/python3.13t; "" where there is none or several.
func library(dir string) string {
	found := ""
	for _, lib := range []string{"lib", "lib64"} {
		folders, _ := fsx.Glob(filepath.Join(dir, lib), "python3.*")
		for _, folder := range folders {
			version := strings.TrimPrefix(filepath.Base(folder), "python")
			if found != "" && found != version {
				return ""
			}
			found = version
		}
	}
	return found
}

// minor is the "3.12" of "3.12.4".
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	return fmt.Sprintf("%s.%s", parts[0], parts[1])
}
