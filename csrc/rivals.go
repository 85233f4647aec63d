package csrc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/pybuild"
)

// Rival is another file of the same SONAME that a server maps before ours: the
// first one mapped wins, and no run path is looked at (rule R-6).
type Rival struct {
	Library string // the other library, "" where only the loader knows
	By      string // the module that brings it, or the library itself
	Place   string // "file:line" of the configuration
}

// Rivals looks through a configuration for libraries that take the place of
// py's. Relative names begin at root. Files that cannot be read are passed
// over: Apache says so itself.
func Rivals(py pybuild.Info, scan apxs.Scan, root string) []Rival {
	var list []Rival
	for _, d := range scan.Directives {
		module := strings.EqualFold(d.Name, "LoadModule") && len(d.Args) == 2 && d.Args[0] != "wsgi_module"
		files := d.Args
		switch {
		case module:
			files = d.Args[1:]
		case !strings.EqualFold(d.Name, "LoadFile"):
			continue
		}
		for _, file := range files {
			if !filepath.IsAbs(file) {
				file = filepath.Join(root, file)
			}
			if library, ok := brings(file, py); ok {
				list = append(list, Rival{Library: library, By: file, Place: d.Place()})
			}
		}
	}
	return list
}

// brings tells whether loading file maps a library of py's SONAME that is not
// py's, and which.
func brings(file string, py pybuild.Info) (string, bool) {
	b, err := Inspect(file)
	if err != nil || py.SONAME == "" {
		return "", false
	}
	if b.SONAME == py.SONAME {
		return file, !sameFile(file, py.LibPython)
	}
	if !slices.Contains(b.Needed, py.SONAME) {
		return "", false
	}
	for _, dir := range strings.Split(b.RunPath+":"+b.RPath, ":") {
		dir = strings.NewReplacer("$ORIGIN", filepath.Dir(file), "${ORIGIN}", filepath.Dir(file)).Replace(dir)
		path := filepath.Join(dir, py.SONAME)
		if _, err := os.Stat(path); dir != "" && err == nil {
			return path, !sameFile(path, py.LibPython)
		}
	}
	// By the loader's own way, which leads to py's library unless that needs help.
	return "", py.NeedsPath
}

// rivalWarnings says of each Python which rivals it has in the server it is
// built for.
func (o Options) rivalWarnings() []string {
	if o.Apache == nil || o.Apache.ConfFile == "" || o.Package {
		return nil
	}
	scan, err := apxs.ScanConfig(o.Apache.ConfFile, o.Apache.Root, nil)
	if err != nil {
		return nil // a server without a configuration, say one of another machine
	}
	var list []string
	for _, py := range o.Python {
		for _, r := range Rivals(py, scan, o.Apache.Root) {
			library := r.Library
			if library == "" {
				library = "another file"
			}
			list = append(list, fmt.Sprintf("%s (%s) maps %s as %s before %s: the first one wins, whatever the run path (MW212)",
				r.By, r.Place, library, py.SONAME, py.LibPython))
		}
	}
	return list
}
