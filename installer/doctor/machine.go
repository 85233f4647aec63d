package doctor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/distro"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Machine is all that the checks look at: what was found, as values. The zero
// value of a member means that it could not be looked at, and nothing is said
// of it.
type Machine struct {
	System distro.System `json:"system"`

	Apache        *apxs.Info `json:"apache,omitempty"`
	ApacheProblem string     `json:"apache_problem,omitempty"` // why there is none
	Python        *pybuild.Info
	PythonProblem string

	User    string         // that Apache's children run as, "" unknown
	Scan    *apxs.Scan     // of Apache's own configuration
	Modules []LoadedModule // each LoadModule of wsgi_module
	Homes   []Home         // each WSGIPythonHome and python-home=
	MPMs    []apxs.Directive
}

// LoadedModule is a LoadModule line of wsgi_module, and the file it names.
type LoadedModule struct {
	Directive apxs.Directive
	Path      string
	Missing   bool         // there is no such file
	Problem   string       // why the file could not be read as a module
	Binary    *csrc.Binary // what it is
	Halves    []Half       // beside a module of ours
	Classic   bool         // the original: it links libpython itself
}

// Half is a Python that a module of ours has a half for.
type Half struct {
	Folder  string // "cpython-313t-x86_64-linux-gnu"
	Version string // "3.13.0"
	Lost    string // the libpython it was linked with, if that is gone
}

// Home is a folder that a directive names as Python's.
type Home struct {
	Directive apxs.Directive
	Path      string
	Missing   bool
	NoFolder  bool   // a file, as bin/python
	Closed    string // the folder on the way that the server's user may not pass
	Version   string // of a virtual environment: "3.12"; "" for none
	Orphaned  string // where the Python of the environment was
}

// Examine looks at this machine. Explicit names of apxs and python may be "".
func Examine(ctx context.Context, r *run.Runner, apache, python string) Machine {
	m := Machine{System: distro.Here()}
	if info, err := apxs.Find(ctx, r, apache); err != nil {
		m.ApacheProblem = err.Error()
	} else {
		m.Apache = &info
	}
	if info, err := pybuild.Find(ctx, r, python); err != nil {
		m.PythonProblem = err.Error()
	} else {
		m.Python = &info
	}
	if m.Apache != nil && m.Apache.ConfFile != "" {
		env := apxs.Environment(ctx, r, *m.Apache)
		if scan, err := apxs.ScanConfig(m.Apache.ConfFile, m.Apache.Root, env); err == nil {
			m.User = env["APACHE_RUN_USER"]
			m.read(scan)
		}
	}
	return m
}

// read takes from a scan what the checks need.
func (m *Machine) read(scan apxs.Scan) {
	m.Scan = &scan
	for _, d := range scan.Directives {
		switch name := strings.ToLower(d.Name); {
		case name == "loadmodule" && len(d.Args) > 1 && d.Args[0] == "wsgi_module":
			m.Modules = append(m.Modules, readModule(d, m.absolute(d.Args[1])))
		case name == "loadmodule" && len(d.Args) > 1 && strings.HasPrefix(d.Args[0], "mpm_"):
			m.MPMs = append(m.MPMs, d)
		case name == "wsgipythonhome" && len(d.Args) > 0:
			m.Homes = append(m.Homes, readHome(d, d.Args[0]))
		case name == "wsgidaemonprocess":
			for _, option := range d.Args {
				if home, ok := strings.CutPrefix(option, "python-home="); ok {
					m.Homes = append(m.Homes, readHome(d, strings.Trim(home, `"'`)))
				}
			}
		}
	}
}

// absolute completes a path of a LoadModule line.
func (m *Machine) absolute(path string) string {
	if !filepath.IsAbs(path) && m.Apache != nil {
		return filepath.Join(m.Apache.Root, path)
	}
	return path
}

func readModule(d apxs.Directive, path string) LoadedModule {
	l := LoadedModule{Directive: d, Path: path}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		l.Missing = true
		return l
	}
	binary, err := csrc.Inspect(path)
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	l.Binary = &binary
	for _, needed := range binary.Needed {
		l.Classic = l.Classic || strings.HasPrefix(needed, "libpython")
	}
	folders, _ := filepath.Glob(filepath.Join(filepath.Dir(path), csrc.RuntimeFolder, "cpython-*"))
	for _, folder := range folders {
		if info, err := csrc.ReadBuildInfo(folder); err == nil {
			h := Half{Folder: filepath.Base(folder), Version: info.Python}
			if _, err := os.Stat(info.LibPython); err != nil {
				h.Lost = info.LibPython
			}
			l.Halves = append(l.Halves, h)
		}
	}
	return l
}

func readHome(d apxs.Directive, path string) Home {
	h := Home{Directive: d, Path: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.Missing = true
		return h
	case err == nil && !info.IsDir():
		h.NoFolder = true
		return h
	}
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(dir); err == nil && !passable(fi) {
			h.Closed = dir // the outermost one is what is to be opened first
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	data, err := os.ReadFile(filepath.Join(path, "pyvenv.cfg"))
	if err != nil {
		return h
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "version", "version_info":
			h.Version = minor(value)
		case "home":
			if _, err := os.Stat(value); err != nil {
				h.Orphaned = value
			}
		}
	}
	return h
}

// passable tells whether others than the owner may enter a folder. What the
// server's user may do by its groups is not known here; a folder of root's that
// nobody else may enter is closed to it.
func passable(fi fs.FileInfo) bool {
	if fi.Mode().Perm()&0o011 != 0 {
		return true
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && os.Geteuid() == int(st.Uid) // one's own, run as oneself
}

// minor is the "3.12" of "3.12.4".
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	return fmt.Sprintf("%s.%s", parts[0], parts[1])
}
