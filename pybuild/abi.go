package pybuild

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/pattern"
)

// ID is the short name of the ABI: "cp312", "cp313t", "cp314td".
func (a ABI) ID() string {
	impl := a.Impl
	if impl == "cpython" {
		impl = "cp"
	}
	return impl + a.digits()
}

// FullID is ID with the platform (rule P-12): "cp313t-x86_64-linux-gnu".
func (a ABI) FullID() string { return a.ID() + "-" + a.Triplet }

// Folder is the name of everything built for the ABI:
// "cpython-313t-x86_64-linux-gnu".
func (a ABI) Folder() string {
	return fmt.Sprintf("%s-%s-%s", a.Impl, a.digits(), a.Triplet)
}

// digits is the version with its flags: "313t".
func (a ABI) digits() string {
	return fmt.Sprintf("%d%d%s", a.Major, a.Minor, a.flags())
}

func (a ABI) flags() string {
	flags := ""
	if a.Free {
		flags += "t"
	}
	if a.Debug {
		flags += "d"
	}
	return flags
}

// abiOf makes the record of what p says. The error is a table of what said what
// where a build contradicts itself (rules F-1, F-4).
func abiOf(p *probe) (ABI, error) {
	a := ABI{
		Impl:  p.Implementation,
		Major: p.VersionInfo[0], Minor: p.VersionInfo[1], Micro: p.VersionInfo[2],
		Triplet: triplet(p),
	}
	a.Libc = "glibc"
	switch {
	case strings.Contains(a.Triplet, "musl"):
		a.Libc = "musl"
	case p.Platform == "darwin":
		a.Libc = "darwin"
	case strings.Contains(p.Platform, "bsd"):
		a.Libc = "bsd"
	}
	list := marks(p)
	var err error
	if a.Free, err = agree(list, "t"); err != nil {
		return a, err
	}
	if a.Debug, err = agree(list, "d"); err != nil {
		return a, err
	}
	if a.Free && a.Minor < 13 {
		return a, fmt.Errorf("it says that it is free-threaded, and Python %s cannot be", p.xy())
	}
	return a, nil
}

// mark is something that tells builds of one version apart.
type mark struct {
	what, value string
	flags       string // the letters that it has
	tells       string // the letters that it has wherever they apply
}

// Where the letters are in names: behind the version.
var (
	inVersion    = pattern.New(`^\d+\.\d+([a-z]*)$`)
	inSOABI      = pattern.New(`^\.?cpython-\d+([a-z]*)(?:[-.]|$)`)
	inLibrary    = pattern.New(`^libpython\d+\.\d+([a-z]*)\.`)
	inFolderName = pattern.New(`^python\d+\.\d+([a-z]*)$`)
)

// marks lists all that p has of rule F-1's.
func marks(p *probe) []mark {
	list := []mark{{"sys.abiflags", p.ABIFlags, p.ABIFlags, "td"}}
	for what, flag := range map[string]string{"Py_GIL_DISABLED": "t", "Py_DEBUG": "d"} {
		m := mark{what: what, value: p.text(what), tells: flag}
		if p.on(what) {
			m.flags = flag
		}
		list = append(list, m)
	}
	if _, ok := p.Vars["ABIFLAGS"]; ok {
		list = append(list, mark{"ABIFLAGS", p.text("ABIFLAGS"), p.text("ABIFLAGS"), "td"})
	}
	for _, m := range []struct {
		what, value string
		pattern     *pattern.Late
		tells       string
	}{
		{"LDVERSION", p.text("LDVERSION"), inVersion, "td"},
		{"SOABI", p.text("SOABI"), inSOABI, "td"},
		{"EXT_SUFFIX", p.text("EXT_SUFFIX"), inSOABI, "td"},
		{"INSTSONAME", path.Base(p.text("INSTSONAME")), inLibrary, "td"},
		{"headers", path.Base(p.text("INCLUDEPY")), inFolderName, "td"},
		{"stdlib", path.Base(p.stdlib()), inFolderName, "t"}, // a debug build shares it
	} {
		if found := m.pattern.FindStringSubmatch(m.value); found != nil {
			list = append(list, mark{m.what, m.value, found[1], m.tells})
		}
	}
	switch name := p.text("PYTHONFRAMEWORK"); name { // others were named by who built them
	case "Python":
		list = append(list, mark{"framework", name, "", "t"})
	case "PythonT":
		list = append(list, mark{"framework", name, "t", "t"})
	}
	slices.SortFunc(list, func(a, b mark) int { return strings.Compare(a.what, b.what) })
	return list
}

// agree tells whether a build has what the letter flag stands for. All that say
// something must say the same.
func agree(list []mark, flag string) (bool, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(m mark) bool { return !strings.Contains(m.tells, flag) })
	says := func(m mark) bool { return strings.Contains(m.flags, flag) }
	on := says(list[0])
	if !slices.ContainsFunc(list, func(m mark) bool { return says(m) != on }) {
		return on, nil
	}
	var table strings.Builder
	for _, m := range list {
		fmt.Fprintf(&table, "\n  %-15s  %-40q  %s", m.what, m.value, map[bool]string{true: "yes", false: "no"}[says(m)])
	}
	what := map[string]string{"t": "free-threaded", "d": "a debug build"}[flag]
	return on, fmt.Errorf("this Python contradicts itself: is it %s?%s", what, table.String())
}

// triplet names the platform as extension modules of this Python do.
func triplet(p *probe) string {
	if parts := strings.SplitN(p.text("SOABI"), "-", 3); len(parts) == 3 {
		return parts[2]
	}
	if multi := p.text("MULTIARCH"); multi != "" {
		return multi
	}
	os, machine, ok := strings.Cut(p.SysPlatform, "-")
	if ok && os == "linux" {
		return machine + "-linux-gnu"
	}
	return strings.ReplaceAll(p.SysPlatform, " ", "-")
}
