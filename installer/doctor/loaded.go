package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Loaded is a module that the configuration loads as wsgi_module, told in a
// line: there may be nothing wrong with it, and still be another than one thinks.
type Loaded struct {
	Path     string   `json:"path"`
	Place    string   `json:"place"`              // of the line
	Original bool     `json:"original,omitempty"` // it links libpython itself
	Pythons  []string `json:"pythons,omitempty"`  // that it runs: versions of ours, a SONAME of the original
	Package  string   `json:"package,omitempty"`  // that it was installed by
}

// loaded are the modules of m, in the order of their lines.
func loaded(m Machine) []Loaded {
	list := []Loaded{}
	for _, module := range m.Modules {
		l := Loaded{Path: module.Path, Place: module.Directive.Place(), Original: module.Classic, Package: m.packageOf(module)}
		for _, h := range module.Halves {
			l.Pythons = append(l.Pythons, h.xy())
		}
		if module.Classic && module.Binary != nil {
			if i := slices.IndexFunc(module.Binary.Needed, isLibPython); i >= 0 {
				l.Pythons = []string{module.Binary.Needed[i]}
			}
		}
		list = append(list, l)
	}
	return list
}

// String is a sentence.
func (l Loaded) String() string {
	text := fmt.Sprintf("Apache loads %s (%s)", l.Path, l.Place)
	switch {
	case l.Original:
		text += ": the original, for " + strings.Join(l.Pythons, " ")
	case len(l.Pythons) > 0:
		text += ": ours, for Python " + strings.Join(l.Pythons, ", ")
	}
	if l.Package != "" {
		text += ", of the package " + l.Package
	}
	return text + "."
}

// looked is what was looked at, a sentence each.
func looked(m Machine) string {
	text := "Looked at " + m.System.Name
	if m.Apache != nil {
		text += fmt.Sprintf(", httpd %s (%s)", m.Apache.Version, m.Apache.Httpd)
	}
	if m.Python != nil {
		text += fmt.Sprintf(", CPython %s (%s)", m.Python.Version, m.Python.Executable)
	}
	if m.Scan == nil || m.Apache == nil {
		return text + "."
	}
	text += fmt.Sprintf(", %d files of configuration below %s.", len(m.Scan.Files), filepath.Dir(m.Apache.ConfFile))
	list := loaded(m)
	for _, l := range list {
		text += "\n" + l.String()
	}
	if len(list) == 0 {
		text += "\nApache loads no wsgi_module."
	}
	return text
}
