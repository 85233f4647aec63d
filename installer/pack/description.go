// Package pack makes packages of a built module: deb, rpm, apk, arch, wheel and
// tar, each from a [Description].
//
// A description is a value: [Describe] makes those of a build for one format
// (the Apache half, a Python half each, or a release of the original in one),
// and a writer turns each into a file. The same description gives the same
// bytes, wherever and whenever that is (rule H-3).
package pack

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind is what a file is to a package manager.
type Kind int

const (
	Plain   Kind = iota // it belongs to the package
	Config              // the administrator's changes to it are kept
	Link                // a symbolic link
	Folder              // a folder of the package's own
	Doc                 // to read
	Licence             // what the law wants along
)

// File is one entry of a package. All belong to root.
type File struct {
	Path   string // absolute, on the system where it is installed
	Kind   Kind
	Mode   fs.FileMode
	Source string // the file here that it is a copy of; or, if that is "", Data
	Data   []byte
	Target string // of a Link
}

// content is what the file holds.
func (f File) content() ([]byte, error) {
	if f.Source == "" {
		return f.Data, nil
	}
	return os.ReadFile(f.Source)
}

// Scripts are run by package managers: shell, each whole with its first line.
type Scripts struct {
	AfterInstall, BeforeRemove, AfterRemove string
	AfterUpgrade, BeforeUpgrade             string // of managers that tell these apart by the script
}

// Description is one package. Names of other packages, and how relations to
// them are written, are those of its format.
type Description struct {
	Name     string
	Version  Version
	Arch     string // as Go says it: amd64
	Summary  string // a line
	Text     string // some lines, no blank ones
	Section  string
	Origin   string // the package that is made along with others of one source, by which all of them are known
	Homepage string
	License  string // SPDX
	Contact  string // NAME <ADDRESS> of who made it
	Date     time.Time
	Compress string  // as Options have it
	Key      *ApkKey // as Options have it

	Files []File // sorted by path

	Depends, Provides, Conflicts, Replaces []string
	Scripts                                Scripts
	Fields                                 map[string]string // further ones, where a format has them
}

// check refuses what no format could hold, and puts the files in order.
func (d *Description) check() error {
	var list []error
	add := func(format string, args ...any) { list = append(list, fmt.Errorf(format, args...)) }
	if strings.ContainsAny(d.Summary, "\n") || d.Summary == "" {
		add("its summary is not one line")
	}
	for _, r := range slices.Concat(d.Depends, d.Provides, d.Conflicts, d.Replaces) {
		if r == "" || strings.ContainsAny(r, "\n,") {
			add("%q is no relation", r)
		}
	}
	slices.SortFunc(d.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	for i, f := range d.Files {
		switch {
		case !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/":
			add("%q is no place for a file", f.Path)
		case strings.ContainsFunc(f.Path, func(c rune) bool { return c < ' ' || c == 0x7f }):
			add("%q has a control character", f.Path)
		case i > 0 && d.Files[i-1].Path == f.Path:
			add("%s is there twice", f.Path)
		case (f.Kind == Link) != (f.Target != ""):
			add("%s is a link without a target, or has one and is none", f.Path)
		case f.Mode.Perm() != f.Mode:
			add("%s has the mode %v", f.Path, f.Mode)
		case strings.HasSuffix(f.Path, ".c") || strings.HasSuffix(f.Path, ".h"):
			add("%s is a C source", f.Path)
		}
	}
	if err := errors.Join(list...); err != nil {
		return fmt.Errorf("the package %s cannot be made: %w", d.Name, err)
	}
	return nil
}
