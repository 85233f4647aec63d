package csrc

import (
	"errors"
	"fmt"

	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// StaticLibrary is a libpython that can only be linked whole into what uses it.
type StaticLibrary struct {
	Archive string   // absolute: LIBPL/LIBRARY
	Libs    []string // what it was linked with itself: -l words
}

// static is the archive to link for py, if it is one.
func (f Facts) static(py *pybuild.Info) (StaticLibrary, bool) {
	if py == nil {
		return StaticLibrary{}, false
	}
	s, ok := f.Static[py.ABI.Folder()]
	return s, ok
}

// linkStatic are the words that put all of an archive into a target (rule S-6).
// Extension modules take Python's symbols from there, so all of them are shown:
// by a shared object anyway, by a program only when told so.
func (s StaticLibrary) linkStatic(kind Kind) []string {
	args := []string{"-Wl,--whole-archive", s.Archive, "-Wl,--no-whole-archive"}
	if kind == Executable {
		args = append(args, "-rdynamic")
	}
	return append(append(args, s.Libs...), "-lm")
}

// checkStatic refuses static libraries that nobody allowed.
func (o Options) checkStatic() error {
	for _, py := range o.Python {
		s, ok := o.Static[py.ABI.Folder()]
		switch {
		case !ok:
		case !o.AllowStatic:
			return hint.Exit(hint.New(fmt.Errorf("%s would be linked with the static library %s (MW107)", py.Executable, s.Archive),
				"use a Python with a shared library, or allow this with MODWSGI_ALLOW_STATIC=1"), hint.Refused)
		case s.Archive == "":
			return errors.New("a static library without a file was given")
		}
	}
	return nil
}

// staticWarnings are what whoever links a libpython whole has to know.
func (o Options) staticWarnings() []string {
	var list []string
	for _, py := range o.Python {
		if s, ok := o.Static[py.ABI.Folder()]; ok {
			list = append(list, fmt.Sprintf("%s is linked whole: each file has its own copy in memory, stays at Python %s until it is built again, and conflicts with any other Python in its process",
				s.Archive, py.Version))
		}
	}
	return list
}
