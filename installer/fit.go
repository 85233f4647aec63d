package installer

import (
	"debug/elf"
	"fmt"
	"os"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// What was built elsewhere fits this machine or is refused, before anything is
// changed (rule Q-8). The levels of proof would find the same, each in its own words.

// refused is what does not fit.
func refused(advice, format string, args ...any) error {
	return hint.Exit(hint.New(fmt.Errorf(format, args...), advice), hint.Refused)
}

const buildHere = "build it on this machine: mod_wsgi-express install"

// FitsMachine refuses the module at path if it is for another kind of machine than
// the server, or where none is known than this program.
func FitsMachine(path string, apache apxs.Info) error {
	beside := apache.Httpd
	if beside == "" {
		var err error
		if beside, err = os.Executable(); err != nil {
			return fmt.Errorf("finding this program: %w", err)
		}
	}
	theirs, err := elfOf(path)
	if err != nil {
		return err
	}
	ours, err := elfOf(beside)
	if err != nil {
		return err
	}
	if theirs.Machine != ours.Machine || theirs.Class != ours.Class || theirs.Data != ours.Data {
		return refused(buildHere, "it is for another machine: %v %v, this is %v %v", theirs.Class, theirs.Machine, ours.Class, ours.Machine)
	}
	return nil
}

func elfOf(path string) (elf.FileHeader, error) {
	f, err := elf.Open(path)
	if err != nil {
		return elf.FileHeader{}, refused(buildHere, "%s is no program of a system like this one: %w", path, err)
	}
	defer f.Close()
	return f.FileHeader, nil
}

// FitsApache refuses l if it is for another module interface than that of an Apache.
func (l Layout) FitsApache(apache apxs.Info) error {
	if l.Apache.Cookie == apache.MMN.Cookie && l.Apache.Major == apache.MMN.Major {
		return nil
	}
	return refused(buildHere, "it is for the module interface %s %d of Apache %s, the Apache here (%s) has %s %d",
		l.Apache.Cookie, l.Apache.Major, l.Apache.Apache, apache.Version, apache.MMN.Cookie, apache.MMN.Major)
}

// Pythons are the records of those that l is for.
func (l Layout) Pythons() []csrc.BuildInfo { return l.pythons() }

// FitsPython refuses l if it has nothing for python, or not its libpython. One half
// looks where its run path and its record say; of a release of the original Apache
// is told where the library is.
func (l Layout) FitsPython(python pybuild.Info) error {
	abi := python.ABI.Folder()
	var names []string
	for _, py := range l.pythons() {
		names = append(names, py.ABI)
		switch {
		case py.ABI != abi || py.Static:
		case py.SONAME != python.SONAME:
			return refused(buildHere, "it needs %s, Python %s here has %s", py.SONAME, python.Version, python.SONAME)
		case l.Original == nil && !isFile(py.LibPython):
			return refused(buildHere, "it needs %s as %s, which is not here; Python %s has %s", py.SONAME, py.LibPython, python.Version, python.LibPython)
		}
		if py.ABI == abi {
			return nil
		}
	}
	return refused(buildHere+"; or name another Python: --python PYTHON", "it is for %v, not for Python %s (%s)", names, python.Version, abi)
}
