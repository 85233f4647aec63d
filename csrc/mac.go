package csrc

import (
	"debug/macho"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// Mac are the facts of a plan for macOS (rule S-7): what its linker is told
// beyond ELF's.
type Mac struct {
	SDK     string            // of xcrun --show-sdk-path; "" leaves it to the compiler
	Arches  []string          // of [MacArches]
	Minimum string            // of [MacMinimum]
	Names   map[string]string // install name of each libpython, by its path
}

// MacArches are the architectures for which both files have code: one of the
// module's cannot be loaded where the other has none.
func MacArches(httpd, libpython []string) ([]string, error) {
	var both []string
	for _, a := range httpd {
		if slices.Contains(libpython, a) {
			both = append(both, a)
		}
	}
	if len(both) == 0 {
		return nil, hint.Exit(hint.New(fmt.Errorf("no machine is common to Apache (%s) and Python (%s) (MW112)", strings.Join(httpd, " and "), strings.Join(libpython, " and ")),
			"take both from one Homebrew: arm64 with arm64"), hint.Refused)
	}
	slices.Sort(both)
	return both, nil
}

// MachoArches reads for which architectures the file at path has code.
func MachoArches(path string) ([]string, error) {
	name := func(cpu macho.Cpu) string {
		switch cpu {
		case macho.CpuAmd64:
			return "x86_64"
		case macho.CpuArm64:
			return "arm64"
		}
		return strings.ToLower(cpu.String())
	}
	fat, err := macho.OpenFat(path)
	if err == nil {
		defer fat.Close()
		var list []string
		for _, a := range fat.Arches {
			list = append(list, name(a.Cpu))
		}
		return list, nil
	}
	if !errors.Is(err, macho.ErrNotFat) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	f, err := macho.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	return []string{name(f.Cpu)}, nil
}

// MacMinimum is the oldest macOS that the result is for: Python's, the caller's,
// or that of the first arm64 machines, whichever is newest.
func MacMinimum(python, caller string, arches []string) string {
	newest := ""
	for _, v := range []string{python, caller} {
		if newest == "" || v != "" && olderMac(newest, v) {
			newest = v
		}
	}
	const firstARM = "11.0"
	if slices.Contains(arches, "arm64") && (newest == "" || olderMac(newest, firstARM)) {
		return firstARM
	}
	return newest
}

// olderMac compares two versions, "10.13" and "11.0".
func olderMac(a, b string) bool { return semver.Compare("v"+a, "v"+b) < 0 }

// checkMac refuses the Apache that comes with macOS: it loads nothing that Apple
// did not sign.
func (f Facts) checkMac() error {
	if f.System != "darwin" || f.Apache == nil {
		return nil
	}
	if f.Apache.Httpd == "/usr/sbin/httpd" {
		return hint.Exit(hint.New(fmt.Errorf("%s is Apple's, and loads only modules that Apple signed (MW206)", f.Apache.Httpd),
			"brew install httpd, and name its apxs: APXS=/opt/homebrew/bin/apxs"), hint.Refused)
	}
	if len(f.Mac.Arches) == 0 {
		return errors.New("a plan for macOS needs the architectures to build for")
	}
	return nil
}

// common are words of both steps.
func (m Mac) common() []string {
	var args []string
	for _, a := range m.Arches {
		args = append(args, "-arch", a)
	}
	if m.SDK != "" {
		args = append(args, "-isysroot", m.SDK)
	}
	if m.Minimum != "" {
		args = append(args, "-mmacosx-version-min="+m.Minimum)
	}
	return args
}

// link is how a target is linked on macOS: what the server and other modules
// bring is looked for when it is loaded, and everything is signed, if only by
// nobody. The library is named by its file; what is recorded is the name it has
// for itself.
func (m Mac) link(f Facts, l *Link, py *pybuild.Info) {
	var args []string
	if l.Target.Kind != Executable {
		args = append(args, "-bundle", "-undefined", "dynamic_lookup")
	}
	args = append(args, "-Wl,-headerpad_max_install_names")
	args = append(args, m.common()...)
	args = append(args, "-o", l.Staged)
	args = append(args, l.Objects...)
	args = append(args, l.Note.Object)
	if py != nil {
		l.LibPython, l.SONAME = py.LibPython, m.Names[py.LibPython]
		args = append(args, py.LibPython)
		if strings.HasPrefix(l.SONAME, "@rpath/") && l.RunPath != "" { // rule R-5
			args = append(args, "-Xlinker", "-rpath", "-Xlinker", l.RunPath)
		}
	}
	l.Command = Command{Dir: f.Dir, Args: slices.Concat(f.Compiler.Words, args)}
	l.After = []Command{{Dir: f.Dir, Args: []string{"codesign", "-f", "-s", "-", l.Staged}}}
}
