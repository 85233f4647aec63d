package doctor

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/pattern"
)

// Checks of what is to run, and of how it was installed.

// condaCompiler is a compiler that conda brings.
var condaCompiler = pattern.New(`(?:x86_64|aarch64|powerpc64le)-conda[\w-]*-linux-gnu|/(?:mini|ana)?conda3?/|compiler_compat`)

// homes looks at each folder that is to be Python's.
func homes(m Machine) []Result {
	var list []Result
	for _, h := range m.Homes {
		if r, bad := m.home(h); bad {
			list = append(list, r)
		}
	}
	return list
}

// home is the one thing that is wrong with a folder, the deepest cause first.
func (m Machine) home(h Home) (r Result, bad bool) {
	saw := h.Directive.Place() + " names " + h.Path
	fits := h.Fits
	if fits == "" && len(m.prefixes()) == 1 {
		fits = m.prefixes()[0]
	}
	seen := Values{"home": h.Path, "closed": h.Closed, "fits": fits}
	switch {
	case h.Shims:
		return m.result("MW317", seen, "%s, a folder of shims", saw), true
	case h.Missing:
		return m.result("MW302", seen, "%s, which is not there", saw), true
	case h.NoFolder:
		seen["fits"] = h.Fits
		return m.result("MW303", seen, "%s, which is a file", saw), true
	case h.Closed != "":
		return m.result("MW302", seen, "%s, and %s may not be entered by %s", saw, h.Closed, cmp.Or(m.User, "the server's user")), true
	case h.Orphaned != "":
		return m.result("MW305", seen, "%s, whose Python was in %s and is gone", saw, h.Orphaned), true
	case h.Bare:
		return m.result("MW301", seen, "%s, which holds no Python: neither pyvenv.cfg nor lib/python3.N", saw), true
	case h.Version != "" && !m.built(h):
		return m.result("MW304", seen, "%s, of Python %s; the module has %s", saw, h.Version, strings.Join(m.versions(), ", ")), true
	}
	return Result{}, false
}

// versions are the Pythons that loaded modules have: "3.11", "3.13t".
func (m Machine) versions() []string {
	var list []string
	for _, l := range m.Modules {
		for _, h := range l.Halves {
			list = append(list, h.xy())
		}
		if l.Classic && l.Binary != nil {
			for _, needed := range l.Binary.Needed {
				if v := libVersion.FindStringSubmatch(needed); v != nil {
					list = append(list, v[1])
				}
			}
		}
	}
	return list
}

// libVersion is the "3.13t" of "libpython3.13t.so.1.0"; a debug build's packages
// are where the others are.
var libVersion = pattern.New(`^libpython(\d+\.\d+t?)d?\.so`)

// built tells whether some half is of that version. Of a module whose halves are
// not known nothing is claimed.
func (m Machine) built(h Home) bool {
	list := m.versions()
	return len(list) == 0 || slices.ContainsFunc(list, func(v string) bool {
		return v == h.Version || !h.Exact && strings.TrimSuffix(v, "t") == h.Version
	})
}

// prefixes are those of the Pythons that loaded modules have, each once.
func (m Machine) prefixes() []string {
	var list []string
	for _, l := range m.Modules {
		for _, h := range l.Halves {
			if h.Prefix != "" && !slices.Contains(list, h.Prefix) {
				list = append(list, h.Prefix)
			}
		}
	}
	return list
}

// standalone looks for a module of the original whose Python is not the
// system's, and no line that says where it lies.
func standalone(m Machine) []Result {
	for _, l := range m.Modules {
		if !l.Classic || l.Library == "" || len(m.Homes) > 0 || slices.Contains(loaderFolders(), filepath.Dir(l.Library)) {
			continue
		}
		return []Result{m.result("MW307", Values{"fits": filepath.Dir(filepath.Dir(l.Library))}, "%s with %s, and no WSGIPythonHome", l.saw(), l.Library)}
	}
	return nil
}

// conda looks for its Python in an Apache whose modules bring the same
// libraries.
func conda(m Machine) []Result {
	i := slices.IndexFunc(m.Homes, func(h Home) bool { return h.Conda })
	embeds := slices.ContainsFunc(m.Modules, func(l LoadedModule) bool { return l.Classic })
	if i < 0 || !embeds {
		return nil
	}
	for _, o := range m.Others {
		if slices.Contains(clashing, o.Symbol) {
			return []Result{m.result("MW308", nil, "%s names %s, conda's, and %s loads %s", m.Homes[i].Directive.Place(), m.Homes[i].Path, o.Directive.Place(), o.Symbol)}
		}
	}
	return nil
}

// sockets looks at where the original puts its sockets. Ours has none.
func sockets(m Machine) []Result {
	embeds := slices.ContainsFunc(m.Modules, func(l LoadedModule) bool { return l.Classic })
	if m.Scan == nil || !embeds {
		return nil
	}
	var group, prefix string
	for _, d := range m.Scan.Directives {
		switch strings.ToLower(d.Name) {
		case "wsgidaemonprocess":
			group = cmp.Or(group, d.Place())
		case "wsgisocketprefix":
			if prefix = "set"; len(d.Args) > 0 && strings.HasPrefix(d.Args[0], "/tmp/") {
				return []Result{m.result("MW309", nil, "%s puts sockets below /tmp, where each service may have a folder of its own", d.Place()).as(Warning, "what one service puts there another may not see")}
			}
		}
	}
	if group != "" && prefix == "" && m.System.Family == distro.Fedora {
		return []Result{m.result("MW309", nil, "%s has a daemon group, and there is no WSGISocketPrefix: Apache's children may not enter the folder of its logs, where sockets are put", group)}
	}
	return nil
}

// freeThreading looks for a directive that needs a Python which is not there.
func freeThreading(m Machine) []Result {
	if m.Scan == nil || len(m.versions()) == 0 {
		return nil
	}
	free := slices.ContainsFunc(m.versions(), func(v string) bool { return strings.HasSuffix(v, "t") })
	for _, d := range m.Scan.Directives {
		if strings.EqualFold(d.Name, "WSGIFreeThreading") && len(d.Args) > 0 && strings.EqualFold(d.Args[0], "on") && !free {
			return []Result{m.result("MW310", nil, "%s turns WSGIFreeThreading on, and the module has no Python without the GIL: %s", d.Place(), strings.Join(m.versions(), ", "))}
		}
	}
	return nil
}

// packages looks for a module of a package beside one that was built.
func packages(m Machine) []Result {
	var packaged, own []Packaged
	for _, p := range m.Packaged {
		if p.Package != "" {
			packaged = append(packaged, p)
		} else {
			own = append(own, p)
		}
	}
	if len(packaged) == 0 || len(own) == 0 {
		return nil
	}
	return []Result{m.result("MW404", Values{"package": packaged[0].Package}, "%s is of the package %s, and %s of none", packaged[0].Path, packaged[0].Package, own[0].Path)}
}
