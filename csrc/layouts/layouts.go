// Package layouts knows the two shapes of source trees of mod_wsgi, and what is
// known of a tree by its shape: which files are compiled, where it says its
// version, which Pythons it was tested with, whether it marks what it exports.
//
// It reads nothing but the bytes it is given.
package layouts

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// Layout is one shape of source trees (rule G-3).
type Layout struct {
	Name    string   // "ours", "classic"
	Folder  string   // where the C files are, below the top
	Marks   []string // the files by which it is known, below Folder
	Header  string   // the one of them that says the version; "": the program's own version holds
	windows []Window // by release, oldest first
}

// Ours is the tree of this project: flat, several targets.
func Ours() Layout {
	return Layout{
		Name: "ours", Folder: ".", Marks: []string{"wsgi_wire.h"},
		windows: []Window{{Oldest: Python{3, 9}, Newest: Python{3, 15}}},
	}
}

// Classic is the tree of a release of the original mod_wsgi: all C files in one
// folder, one module with Python in it. Nothing but these names is relied on.
// Windows are what its release notes name, and what was built and served here.
func Classic() Layout {
	return Layout{
		Name: "classic", Folder: "src/server", Marks: []string{"mod_wsgi.c", "wsgi_version.h"}, Header: "wsgi_version.h",
		windows: []Window{
			{Since: "4.9", Oldest: Python{3, 5}, Newest: Python{3, 12}},
			{Since: "5.0", Oldest: Python{3, 8}, Newest: Python{3, 13}},
			{Since: "6.0", Oldest: Python{3, 10}, Newest: Python{3, 14}},
			{Since: "6.1", Oldest: Python{3, 10}, Newest: Python{3, 15}},
		},
	}
}

// ErrNoTree says that something holds no source tree of a known layout.
var ErrNoTree = errors.New("not a source tree of mod_wsgi")

// Of tells which layout a tree has; have says whether it has a file. The error
// names what was looked for.
func Of(have func(name string) bool) (Layout, error) {
	ours, classic := Ours(), Classic()
	if len(ours.missing(have)) == 0 {
		return ours, nil
	}
	missing := classic.missing(have)
	switch len(missing) {
	case 0:
		return classic, nil
	case len(classic.Marks):
		return Layout{}, fmt.Errorf("%w: it has neither %s, as a release of the original, nor %s, as the sources of this project",
			ErrNoTree, strings.Join(missing, " and "), strings.Join(ours.Marks, " and "))
	}
	return Layout{}, fmt.Errorf("%w: it lacks %s", ErrNoTree, strings.Join(missing, " and "))
}

// Path is where a file of the layout is, below the top of the tree.
func (l Layout) Path(name string) string { return path.Join(l.Folder, name) }

func (l Layout) missing(have func(name string) bool) []string {
	var list []string
	for _, name := range l.Marks {
		if !have(l.Path(name)) {
			list = append(list, l.Path(name))
		}
	}
	return list
}

var versionLine = pattern.New(`(?m)^[ \t]*#[ \t]*define[ \t]+MOD_WSGI_VERSION_STRING[ \t]+"([0-9A-Za-z.+-]{1,40})"`)

// Version reads a release's version from its header: names of folders, tags and
// archives may say anything.
func (l Layout) Version(header []byte) (string, error) {
	m := versionLine.FindSubmatch(header)
	if m == nil {
		return "", fmt.Errorf("%w: %s does not define MOD_WSGI_VERSION_STRING", ErrNoTree, l.Path(l.Header))
	}
	return string(m[1]), nil
}

// Python is a version of Python, as far as it matters here.
type Python struct{ Major, Minor int }

func (p Python) String() string { return fmt.Sprintf("%d.%d", p.Major, p.Minor) }

func (p Python) before(q Python) bool {
	return p.Major < q.Major || p.Major == q.Major && p.Minor < q.Minor
}

// Window is the range of Pythons that releases were tested with.
type Window struct {
	Since          string // the first release that it holds for; "" all
	Oldest, Newest Python
}

// Window is what is known of a version. Releases older than the table, and
// versions that are none, have no window.
func (l Layout) Window(version string) (Window, bool) {
	for _, w := range slices.Backward(l.windows) {
		if w.Since == "" {
			return w, true
		}
		// A release candidate is a tree of the release it leads to.
		n, err := Compare(release(version), w.Since)
		if err == nil && n >= 0 {
			return w, true
		}
	}
	return Window{}, false
}

// UntestedVariable permits a Python that a release was never tested with.
const UntestedVariable = "MODWSGI_ALLOW_UNTESTED"

// Check refuses a Python outside the window of a version (rule G-3): such a
// module may build and then fail under load.
func (l Layout) Check(version string, python Python) error {
	w, known := l.Window(version)
	if !known || w.holds(python) {
		return nil
	}
	advice := fmt.Sprintf("choose a Python from %s to %s%s; %s=1 builds it all the same", w.Oldest, w.Newest, l.releasesFor(python), UntestedVariable)
	return hint.Exit(hint.New(fmt.Errorf("mod_wsgi %s was tested with Python %s to %s, not with %s", version, w.Oldest, w.Newest, python), advice), hint.Refused)
}

// releasesFor names the lines of releases that were tested with a Python, ready to
// stand in advice; "" if there are none.
func (l Layout) releasesFor(python Python) string {
	var list []string
	for _, w := range l.windows {
		if w.Since != "" && w.holds(python) {
			list = append(list, w.Since)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return ", or for Python " + python.String() + " a release of " + strings.Join(list, ", ")
}

// holds tells whether a Python is in the window.
func (w Window) holds(p Python) bool { return !p.before(w.Oldest) && !w.Newest.before(p) }
