package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/pattern"
)

// Machine is what there is to run cells with, as discovery found it. A Python or
// Apache of a provider that was asked what it has says which by its Provider; of one
// that was not, no more is known than that it has a Python 3 and an Apache.
type Machine struct {
	Pythons []Runtime         // in the order in which they are preferred; of a request that finds nothing, one without a version
	Apaches []Server          // the same; of a provider other than the host, the first alone is taken
	Lacking map[string]Reason // kinds of providers that there are not, "rootfs", or single ones, "rootfs-trixie"
}

// named gives every Python and Apache of the machine its name, and drops a Python
// that nobody asked for and that is of the version of an earlier one. The first of a
// version is py3.11, another one py3.11.7.
func (m Machine) named() Machine {
	out := Machine{Lacking: m.Lacking}
	taken := map[[2]string]bool{}
	for _, py := range m.Pythons {
		if py.Request == "" && slices.ContainsFunc(out.Pythons, py.like) {
			continue
		}
		for _, name := range []string{py.shortName(), py.longName()} {
			if key := [2]string{py.Provider, name}; !taken[key] && name != "py" { // what is missing has no other name
				taken[key] = true
				py.Name = name
				if py.Request == "" && py.Sanitizer == "" { // by which another machine finds its own
					py.Request = strings.TrimPrefix(name, "py")
				}
				py.Request = cmp.Or(py.Request, py.Executable)
				out.Pythons = append(out.Pythons, py)
				break
			}
		}
	}
	for _, s := range m.Apaches {
		base := "ap" + name(cmp.Or(s.Version, s.Apxs))
		for s.Name = base; taken[[2]string{s.Provider, s.Name}]; {
			base += "x"
			s.Name = base
		}
		taken[[2]string{s.Provider, s.Name}] = true
		out.Apaches = append(out.Apaches, s)
	}
	return out
}

// of are the names of the Pythons of a provider: "" for the host.
func (m Machine) of(provider string) []string {
	var names []string
	for _, py := range m.Pythons {
		if py.Provider == provider {
			names = append(names, py.Name)
		}
	}
	return names
}

// lacking is why there is no such provider here, "" if there is.
func (m Machine) lacking(provider string) Reason {
	return cmp.Or(m.Lacking[provider], m.Lacking[kindOf(provider)])
}

// like tells whether two Pythons are the same release, built the same way.
func (r Runtime) like(other Runtime) bool {
	return r.Provider == other.Provider && r.longName() == other.longName()
}

// requested is a request for a version, with its flags.
var requested = pattern.New(`^(\d+)(?:\.(\d+))?(?:\.\d+)?(t?)(d?)$`)

// shortName is that of a request for a version as it was made, else of the version
// that it led to without its last number.
func (r Runtime) shortName() string {
	if requested.MatchString(r.Request) {
		return "py" + r.Request
	}
	if major, minor, ok := r.numbers(); ok {
		return fmt.Sprintf("py%d.%d%s", major, minor, r.flags())
	}
	return "py-" + name(r.Request)
}

func (r Runtime) longName() string { return "py" + name(r.Version) + r.flags() }

// flags are those that Python's own names have for its build, and the sanitizer.
func (r Runtime) flags() string {
	flags := ""
	if r.Free {
		flags = "t"
	}
	if r.Debug {
		flags += "d"
	}
	if r.Sanitizer != "" {
		flags += "-" + r.Sanitizer
	}
	return flags
}

// numbers are the first two of the version, found or asked for.
func (r Runtime) numbers() (major, minor int, ok bool) {
	text := r.Version
	if m := requested.FindStringSubmatch(r.Request); text == "" && m != nil {
		text = m[1] + "." + m[2]
	}
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err == nil && err2 == nil
}

// atLeast tells whether the version is known to be minor of Python 3, or later.
func (r Runtime) atLeast(minor int) bool {
	major, n, ok := r.numbers()
	return ok && (major > 3 || major == 3 && n >= minor)
}

// missing tells whether there is no such Python here.
func (r Runtime) missing() bool { return r.Executable == "" && r.Provider == "" }

// free tells whether it can do without the GIL, as far as that is known.
func (r Runtime) free() bool {
	m := requested.FindStringSubmatch(r.Request)
	return r.Free || r.Executable == "" && m != nil && m[3] == "t"
}

// guest tells whether a provider has a system of its own: another Apache and other
// Pythons. What it is called is KIND-NAME; a private Apache, "prefix", is run with
// the Pythons of the host.
func guest(provider string) bool {
	return provider != "" && provider != Host && kindOf(provider) != "prefix"
}

// kindOf is the kind of a provider: "rootfs" of rootfs-trixie.
func kindOf(provider string) string {
	kind, _, _ := strings.Cut(provider, "-")
	return kind
}

// Kinds lists the kinds of providers (rule M-16).
func Kinds() []string { return []string{Host, "prefix", "rootfs", "container"} }

// python is the Python of a cell, and whether it is known here. Of another system
// that was not asked every Python is taken to be there.
func (m Machine) python(c Cell) (Runtime, bool) {
	provider := ""
	if guest(c.Provider) {
		provider = c.Provider
	}
	i := slices.IndexFunc(m.Pythons, func(r Runtime) bool { return r.Name == c.Python && r.Provider == provider })
	if i >= 0 {
		return m.Pythons[i], true
	}
	return Runtime{Name: c.Python, Request: strings.TrimPrefix(c.Python, "py"), Provider: provider}, provider != "" && len(m.of(provider)) == 0
}

// apache is the Apache of a cell. That of another provider which was not asked has
// every MPM, as far as is known.
func (m Machine) apache(c Cell) (Server, bool) {
	i := slices.IndexFunc(m.Apaches, func(s Server) bool { return s.serves(c) })
	switch {
	case i >= 0:
		return m.Apaches[i], true
	case c.Provider != "":
		return Server{Provider: c.Provider, MPMs: Closed(MPM)}, true
	}
	return Server{}, false
}
