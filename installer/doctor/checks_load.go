package doctor

import (
	"fmt"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/fsx"
)

// Checks of what Apache loads.

// moduleLoaded looks for directives of a module that is not loaded, and for a
// module that is loaded more than once.
func moduleLoaded(m Machine) []Result {
	if m.Scan == nil {
		return nil
	}
	var sure []LoadedModule
	for _, l := range m.Modules {
		if !l.Directive.Conditional() {
			sure = append(sure, l)
		}
	}
	if len(sure) > 1 {
		return []Result{m.result("MW208", Values{"name": sure[1].Directive.Enabled()}, "%s loads %s, %s loads %s: the first wins",
			sure[0].Directive.Place(), sure[0].Path, sure[1].Directive.Place(), sure[1].Path)}
	}
	if len(m.Modules) > 0 {
		return nil
	}
	for _, d := range m.Scan.Directives {
		if strings.HasPrefix(strings.ToLower(d.Name), "wsgi") && !d.Conditional() {
			return []Result{m.result("MW214", nil, "%s has %s, and no line loads wsgi_module", d.Place(), d.Name)}
		}
	}
	return nil
}

// moduleFiles looks at the file of each line.
func moduleFiles(m Machine) []Result {
	var list []Result
	for _, l := range m.Modules {
		saw, seen := l.saw(), Values{"path": l.Path}
		switch {
		case l.Missing && l.Link != "":
			list = append(list, m.result("MW215", seen, "%s, a link to %s, which is not there", saw, l.Link))
		case l.Missing:
			list = append(list, m.result("MW215", seen, "%s, which is not there", saw))
		case l.Closed != "":
			list = append(list, m.result("MW209", seen, "%s, and %s may not be passed or read", saw, l.Closed))
		case l.Problem != "":
			list = append(list, m.result("MW205", seen, "%s: %s", saw, l.Problem))
		case l.Binary != nil && m.Server != nil && !m.Server.same(l.Binary):
			list = append(list, m.result("MW205", seen, "%s, a file for %s; the server %s is %v", saw, kindText(l.Binary), m.Server.File, *m.Server))
		}
	}
	return list
}

// saw names a line and its file.
func (l LoadedModule) saw() string { return fmt.Sprintf("%s loads %s", l.Directive.Place(), l.Path) }

// readable are the modules whose file is one that this Apache could load.
func (m Machine) readable() []LoadedModule {
	return slices.DeleteFunc(slices.Clone(m.Modules), func(l LoadedModule) bool {
		return l.Binary == nil || m.Server != nil && !m.Server.same(l.Binary)
	})
}

// moduleFits compares each module with the Apache that is to load it.
func moduleFits(m Machine) []Result {
	var list []Result
	for _, l := range m.readable() {
		magic := l.Binary.Module
		switch {
		case !slices.Contains(l.Binary.Exports, "wsgi_module"):
			list = append(list, m.result("MW207", nil, "%s, which has no record wsgi_module", l.saw()))
		case magic != nil && m.Apache != nil && (magic.Major != m.Apache.MMN.Major || magic.Cookie != m.Apache.MMN.Cookie):
			list = append(list, m.result("MW204", nil, "%s, for interface %s %d; this Apache has %s %d", l.saw(), magic.Cookie, magic.Major, m.Apache.MMN.Cookie, m.Apache.MMN.Major))
		case len(l.NotInApache) > 0:
			list = append(list, m.result("MW203", nil, "%s, which takes %s of httpd; %s has no such function", l.saw(), some(l.NotInApache), m.Server.File))
		}
	}
	return list
}

// some joins a few names.
func some(names []string) string {
	const limit = 4
	text := strings.Join(names[:min(limit, len(names))], ", ")
	if len(names) > limit {
		text += fmt.Sprintf(" and %d more", len(names)-limit)
	}
	return text
}

// moduleProtected looks at what protects each module, and where it looks for
// libraries. What a package of the system brings is the system's decision.
func moduleProtected(m Machine) []Result {
	var list []Result
	for _, l := range m.readable() {
		if run := l.Binary.RPath + l.Binary.RunPath; strings.Contains(run, "/build/") || strings.HasPrefix(run, "/tmp/") {
			list = append(list, m.result("MW401", nil, "%s, which looks for libraries in %s", l.saw(), run))
		}
		if l.Hardening == nil || m.packageOf(l) != "" {
			continue
		}
		if weak := l.Hardening.Weaknesses(); len(weak) > 0 {
			list = append(list, m.result("MW402", nil, "%s: %s", l.saw(), strings.Join(weak, "; ")))
		}
	}
	return list
}

// packageOf is the package that a loaded module belongs to, "" for none.
func (m Machine) packageOf(l LoadedModule) string {
	for _, p := range m.Packaged {
		if p.Loaded && p.Package != "" && (p.Path == l.Path || sameFile(p.Path, l.Path)) {
			return p.Package
		}
	}
	return ""
}

// libraries looks at the libpython of each module of the original.
func libraries(m Machine) []Result {
	var list []Result
	for _, l := range m.readable() {
		switch {
		case l.LibraryLost != "":
			list = append(list, m.result("MW201", Values{"lib": l.LibraryLost}, "%s, which needs %s; the loader finds none", l.saw(), l.LibraryLost))
		case len(l.NotInPython) > 0:
			list = append(list, m.result("MW202", nil, "%s, which takes %s of Python; %s does not have it", l.saw(), some(l.NotInPython), l.Library))
		}
	}
	return list
}

// others looks for a second libpython of the same name in one process. A module
// of ours brings none.
func others(m Machine) []Result {
	for _, l := range m.Modules {
		if !l.Classic || l.Library == "" {
			continue
		}
		for _, o := range m.Others {
			if o.Library != "" && slices.Contains(l.Binary.Needed, o.SONAME) && o.Library != l.Library && !sameFile(o.Library, l.Library) {
				return []Result{m.result("MW212", nil, "%s brings %s, %s brings %s", o.Directive.Place(), o.Library, l.Directive.Place(), l.Library)}
			}
		}
	}
	return nil
}

// halves looks at the Python halves beside a module of ours.
func halves(m Machine) []Result {
	var list []Result
	for _, l := range m.readable() {
		if !slices.Contains(l.Binary.Exports, "wsgi_module") {
			continue
		}
		if l.Classic {
			if l.Binary.Build == nil && m.packageOf(l) == "" {
				list = append(list, m.result("MW403", nil, "%s, which does not say how it was built", l.saw()).as(Info, "whether it fits this Apache and Python shows when it runs"))
			}
			continue
		}
		if len(l.Halves) == 0 {
			list = append(list, m.result("MW403", nil, "beside %s there is no %s/cpython-… folder", l.Path, csrc.RuntimeFolder))
			continue
		}
		if l.Record == nil {
			list = append(list, m.result("MW403", nil, "beside %s there is no %s/%s, which says how it was built", l.Path, csrc.RuntimeFolder, csrc.ApacheInfoFile))
		}
		if l.Record != nil && m.Sources != "" && l.Record.Source != m.Sources {
			list = append(list, m.result("MW403", nil, "%s, version %s of other sources than this tool has", l.saw(), l.Record.Version).as(Info, "what this tool and its documents say may not hold for it"))
		}
		for _, h := range l.Halves {
			list = append(list, m.half(l, h)...)
		}
	}
	return list
}

func (m Machine) half(l LoadedModule, h Half) []Result {
	seen := Values{"python": h.Python, "path": h.Lost}
	switch {
	case h.Lost != "":
		return []Result{m.result("MW201", nil, "%s was linked with %s, which is gone", h.Folder, h.Lost)}
	case l.Record != nil && h.Interface != 0 && h.Interface != l.Record.Interface:
		return []Result{m.result("MW403", seen, "%s speaks interface %d, %s interface %d: they are of different versions", h.Folder, h.Interface, l.Path, l.Record.Interface)}
	case m.Python != nil && h.Hex != 0 && m.Python.Base == h.Python && m.Python.HexVersion != h.Hex:
		r := m.result("MW306", seen, "%s was built with Python %s, %s is %s now", h.Folder, h.Version, h.Python, m.Python.Version)
		if minor(m.Python.Version) != minor(h.Version) {
			r = r.as(Error, "the half is for another Python, and does not start")
		}
		return []Result{r}
	}
	return nil
}

// mpms looks for more than one MPM, and for none.
func mpms(m Machine) []Result {
	var sure []apxs.Directive
	for _, d := range m.MPMs {
		if !d.Conditional() {
			sure = append(sure, d)
		}
	}
	switch {
	case len(sure) > 1:
		return []Result{m.result("MW213", nil, "%s loads %s, %s loads %s", sure[0].Place(), sure[0].Args[0], sure[1].Place(), sure[1].Args[0])}
	case len(m.MPMs) == 0 && m.Scan != nil && m.Apache != nil && m.loadable():
		return []Result{m.result("MW213", nil, "no line of %s and what it includes loads one of the MPMs in %s", m.Apache.ConfFile, m.Apache.ModulesDir)}
	}
	return nil
}

// loadable tells whether this Apache has its MPMs in files, and none in itself.
func (m Machine) loadable() bool {
	files, _ := fsx.Glob(m.Apache.ModulesDir, "mod_mpm_*.so")
	return len(files) > 0
}

// variables looks for names in the configuration that stand for nothing.
func variables(m Machine) []Result {
	if m.Scan == nil {
		return nil
	}
	for _, d := range m.Scan.Directives {
		for _, arg := range d.Args {
			if name := valueName.FindStringSubmatch(arg); name != nil && strings.HasPrefix(name[1], "APACHE_") {
				return []Result{m.result("MW216", nil, "%s has %s, and nothing defines it", d.Place(), arg)}
			}
		}
	}
	return nil
}
