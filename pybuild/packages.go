package pybuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// devPackage brings the system's Python with headers and shared library.
var devPackage = map[string]string{
	distro.Debian: "python3-dev", distro.Fedora: "python3-devel", distro.SUSE: "python3-devel", distro.Alpine: "python3-dev",
	distro.Arch: "python", distro.FreeBSD: "python3", distro.MacOS: "python",
	distro.Unknown: "Python with its development files (python3-dev or python3-devel)",
}

// Missing names the packages of sys that this machine lacks for building for a
// Python: none, if Find finds one. For [distro.System.InstallLine].
func Missing(ctx context.Context, r *run.Runner, sys distro.System) []string {
	f := newFinder(r)
	f.sys = sys
	return f.missing(ctx)
}

func (f *finder) missing(ctx context.Context) []string {
	info, err := f.find(ctx, "")
	if err == nil {
		return nil
	}
	if name := f.ownPackage(&info); name != "" {
		return []string{name}
	}
	return []string{f.sys.Package(devPackage)}
}

// absent makes err say which package brings a Python.
func (f *finder) absent(err error) error {
	return hint.Exit(hint.New(err, f.sys.InstallLine(f.sys.Package(devPackage))), hint.NotFound)
}

// ownPackage is the package with the development files of exactly this Python,
// "" if it is none of the system's.
func (f *finder) ownPackage(info *Info) string {
	bin := filepath.Join(f.root, "/usr/bin")
	if info.Version == "" || filepath.Dir(info.Base) != bin {
		return ""
	}
	if real, err := filepath.EvalSymlinks(filepath.Join(bin, "python3")); err == nil && real == info.Base {
		return f.sys.Package(devPackage)
	}
	xy := strings.Join(strings.SplitN(info.Version, ".", 3)[:2], ".")
	switch f.sys.Family {
	case distro.Debian:
		return "python" + xy + "-dev"
	case distro.Fedora:
		return "python" + xy + "-devel"
	case distro.SUSE:
		return "python" + strings.ReplaceAll(xy, ".", "") + "-devel"
	}
	return f.sys.Package(devPackage)
}

func (f *finder) headersAdvice(info *Info, p *probe) string {
	if name := f.ownPackage(info); name != "" {
		return f.sys.InstallLine(name)
	}
	return fmt.Sprintf("install the headers of Python %s for %s, or choose another Python: PYTHON=/path/to/python3", p.xy(), p.BasePrefix)
}

// sharedAdvice says what to do about a Python without a shared library: for the
// system's, its package; else which Pythons here have one; else how to build it.
func (f *finder) sharedAdvice(ctx context.Context, info Info, err error) string {
	var lines []string
	if name := f.ownPackage(&info); name != "" {
		lines = append(lines, f.sys.InstallLine(name))
	} else if errors.Is(err, ErrHeaders) {
		lines = append(lines, hint.Of(err))
	}
	var others []string
	for _, c := range f.candidates(ctx) {
		if c.Usable && c.Info.Base != info.Base {
			others = append(others, fmt.Sprintf("%s (%s)", c.Select, c.Why))
		}
	}
	if len(others) > 0 {
		lines = append(lines, "these Pythons here have one: "+strings.Join(others, ", "))
	}
	if f.ownPackage(&info) == "" {
		lines = append(lines, "or build it with one: PYTHON_CONFIGURE_OPTS=--enable-shared "+run.Line("pyenv", "install", "--force", info.Version))
	}
	return strings.Join(lines, "\n")
}
