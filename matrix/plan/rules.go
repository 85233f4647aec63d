package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// forbids says in a sentence why there is no such cell, "" if there may be: what a
// Python or an Apache can never do is no cell, while one that is missing here is a
// cell that is skipped.
func (m Machine) forbids(c Cell) string {
	py, _ := m.python(c)
	for _, why := range []string{forbidsGIL(c, py), forbidsLink(c, py), forbidsSanitizer(c, py), m.forbidsBuild(c), forbidsGuest(c, py)} {
		if why != "" {
			return why
		}
	}
	return ""
}

// forbidsGIL: threads without a GIL take a build that can do without, an
// interpreter with its own takes 3.12, and of the original 6.0.
func forbidsGIL(c Cell, py Runtime) string {
	switch {
	case c.GIL == "":
		return ""
	case c.GIL == Free && !py.free():
		return c.Python + " is no build that can do without the GIL"
	case c.GIL == PerInterpreter && py.free():
		return c.Python + " has no GIL that each interpreter could have"
	case c.GIL == PerInterpreter && !py.atLeast(12):
		return "interpreters have a GIL each from Python 3.12 on"
	case c.Source != "" && releaseOf(c.Source) < 6:
		return "the original has no such mode before 6.0"
	}
	return ""
}

// releaseOf is the first number of the release that a source names, 0 if it names
// none.
func releaseOf(source string) int {
	_, version, _ := strings.Cut(source, "-")
	n, _ := strconv.Atoi(strings.SplitN(version, ".", 2)[0])
	return n
}

// forbidsLink: there has to be the library that is to be linked.
func forbidsLink(c Cell, py Runtime) string {
	switch {
	case py.Executable == "":
		return ""
	case c.Link == Static && !py.Static:
		return c.Python + " has no static library"
	case c.Link == "" && !py.Shared:
		return c.Python + " has no shared library"
	}
	return ""
}

// forbidsSanitizer: a Python that was built with one needs a gateway that was, and
// the other way round with ThreadSanitizer. Its runtime has to be in the program, so
// Apache's own processes cannot have it; and Apache's half is built as ever.
func forbidsSanitizer(c Cell, py Runtime) string {
	switch {
	case py.Sanitizer != "" && c.Sanitizer != py.Sanitizer:
		return fmt.Sprintf("%s was built with %s", c.Python, py.Sanitizer)
	case c.Sanitizer == "":
		return ""
	case c.Sanitizer == Thread && py.Sanitizer != Thread:
		return c.Python + " was not built with ThreadSanitizer"
	case c.Sanitizer == Address && py.free():
		return "AddressSanitizer is for builds with a GIL"
	case c.Mode == Embedded:
		return "a sanitizer cannot be brought into Apache's own processes"
	case c.Source != "" || c.Builder != "":
		return "sanitizers are for our own sources, built directly"
	}
	return ""
}

// forbidsBuild: apxs -c takes an apxs, mod_wsgi-express is ours, and ours takes
// Python 3.9.
func (m Machine) forbidsBuild(c Cell) string {
	py, _ := m.python(c)
	server, _ := m.apache(c)
	_, _, numbered := py.numbers()
	switch {
	case c.Builder == ByApxs && len(server.MPMs) > 0 && c.Provider == "" && server.Apxs == "":
		return c.Apache + " has no apxs"
	case c.Suite == Express && c.Source != "":
		return "mod_wsgi-express is not of the original's sources"
	case c.Source == "" && numbered && !guest(c.Provider) && !py.atLeast(9):
		return "our sources need Python 3.9"
	}
	return ""
}

// forbidsGuest: another system has one Apache, which ids tell by the provider; of a
// Python that was not asked no more is known than what every Python can do.
func forbidsGuest(c Cell, py Runtime) string {
	switch {
	case !guest(c.Provider):
		return ""
	case c.Apache != "":
		return c.Provider + " has an Apache of its own"
	case py.Version == "" && (c.Link != "" || c.Sanitizer != ""):
		return "nothing is known of the Python of " + c.Provider
	}
	return ""
}

// skips says why a cell cannot be run here, "" if it can, as far as that is known
// before it is tried (rule M-7).
func (m Machine) skips(c Cell) Reason {
	if why := m.lacking(c.Provider); why != "" {
		return why
	}
	py, ok := m.python(c)
	if !ok || py.missing() {
		return NoInterpreter
	}
	server, ok := m.apache(c)
	switch {
	case !ok || server.Provider == "" && server.Apxs == "" && len(server.MPMs) == 0:
		return NoApache
	case !slices.Contains(server.MPMs, c.MPM):
		return NoMPM
	}
	return ""
}

// matches tells whether a rule is about a cell.
func (r rule) matches(c Cell) bool {
	for a, patterns := range r.fields {
		value := c.Value(a)
		if !slices.ContainsFunc(patterns, func(p string) bool { return patternFits(a, p, value) }) {
			return false
		}
	}
	return true
}

// patternFits tells whether a pattern matches the value of an axis as ids have it,
// or as matrix.toml does: "3.13*" is py3.13t, "rootfs:*" is rootfs-trixie.
func patternFits(a Axis, pattern, value string) bool {
	return matchesName(pattern, value) || matchesName(spelled(a, pattern), value)
}

// spelled is a value or pattern of matrix.toml as ids have it. A pattern keeps its
// wildcards.
func spelled(a Axis, text string) string {
	switch {
	case a == Python && strings.IndexAny(text, "0123456789*?[") == 0:
		return "py" + text
	case a == Apache && strings.IndexAny(text, "0123456789*?[") == 0:
		return "ap" + text
	}
	return strings.ReplaceAll(text, ":", "-")
}
