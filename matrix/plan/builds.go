package plan

import (
	"slices"
	"strings"
)

// buildsFor are what a cell needs built (rule M-5). Of our own sources the Apache
// half knows no Python and the Python half no Apache, so N Apaches and M Pythons are
// N + M builds; a module of the original is for both.
func buildsFor(c Cell) []Build {
	if c.Source != "" {
		return []Build{keyed("module", Build{Apache: c.Apache, Python: c.Python, Source: c.Source, Link: c.Link, Builder: c.Builder, Provider: c.Provider})}
	}
	python := Build{Python: c.Python, Link: c.Link, Sanitizer: c.Sanitizer}
	if guest(c.Provider) { // the Pythons of the host serve a private Apache too
		python.Provider = c.Provider
	}
	return []Build{keyed("apache", Build{Apache: c.Apache, Builder: c.Builder, Provider: c.Provider}), keyed("python", python)}
}

// keyed gives a build its key: what it is, and of what.
func keyed(kind string, b Build) Build {
	parts := []string{kind}
	for _, v := range []string{b.Source, b.Apache, b.Python, b.Link, b.Builder, b.Sanitizer, b.Provider} {
		if v != "" {
			parts = append(parts, v)
		}
	}
	b.Key = strings.Join(parts, "/")
	return b
}

// buildsOf are what cells need, each once, in the order in which it is first
// needed. What is skipped needs nothing.
func buildsOf(cells []Planned) []Build {
	var list []Build
	for _, c := range cells {
		if c.Skip != "" {
			continue
		}
		for _, b := range buildsFor(c.Cell) {
			if !slices.Contains(list, b) {
				list = append(list, b)
			}
		}
	}
	return list
}
