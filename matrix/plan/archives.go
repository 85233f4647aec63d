package plan

import (
	"fmt"
	"path/filepath"
	"strings"

	"modwsgi/csrc/fetch"
	"modwsgi/internal/pattern"
)

// Archives are what releases that are not here are made of, by version: an https URL
// with its checksum, or a file.
type Archives struct {
	Apache map[string]string // of httpd: "2.4.58"
	Python map[string]string // "3.14", "3.14.1t"
}

// In is the archives with files of the folder dir, where their paths are not whole.
func (a Archives) In(dir string) Archives {
	in := func(of map[string]string) map[string]string {
		out := map[string]string{}
		for version, from := range of {
			out[version] = from
			if s, err := archive(from); err == nil && s.Kind == fetch.File && !filepath.IsAbs(s.At) {
				out[version] = "file:" + filepath.Join(dir, s.At)
				if s.Sum != "" {
					out[version] += from[strings.LastIndexByte(from, '#'):]
				}
			}
		}
		return out
	}
	return Archives{in(a.Apache), in(a.Python)}
}

// archive is what an archive is fetched by, as far as its words tell: files are not
// looked for.
func archive(from string) (fetch.Source, error) {
	s, err := fetch.Parse(from, func(string) (dir, ok bool) { return false, true })
	switch {
	case err != nil:
		return s, err
	case s.Kind == fetch.HTTPS && s.Sum == "":
		return s, fmt.Errorf("no checksum is known of %s: append #sha256=HEX", from)
	case s.Kind != fetch.HTTPS && s.Kind != fetch.File:
		return s, fmt.Errorf("%q is no archive: it is a file, or an https URL with #sha256=HEX", from)
	}
	return s, nil
}

// What there can be archives of, by version.
var (
	archivedApache = pattern.New(`^2\.4\.[0-9]{1,3}$`)
	archivedPython = pattern.New(`^3\.[0-9]{1,2}(\.[0-9]{1,2})?t?$`)
)

// archives reads which archives the file names.
func (r *reader) archives(t table) {
	for _, key := range r.keys(t) {
		line := max(r.places.line(t.name, t.n, key), r.places.line(t.name+"."+key, 0, ""))
		m, ok := t.m[key].(map[string]any)
		switch {
		case key != string(Apache) && key != string(Python):
			r.unknown(line, "archives are of an axis, which is not", key, []string{string(Apache), string(Python)})
		case !ok:
			r.failAt(line, "", "archives.%s is a table: [archives.%s]", key, key)
		case key == string(Apache):
			r.c.Archives.Apache = r.archivesOf(table{name: "archives." + key, m: m}, archivedApache, "release of httpd, as 2.4.58")
		default:
			r.c.Archives.Python = r.archivesOf(table{name: "archives." + key, m: m}, archivedPython, "version of a Python, as 3.14 or 3.14.1t")
		}
	}
}

func (r *reader) archivesOf(t table, versions *pattern.Late, what string) map[string]string {
	list := map[string]string{}
	for _, version := range r.keys(t) {
		line := r.places.line(t.name, t.n, version)
		from, ok := t.m[version].(string)
		_, dotted := t.m[version].(map[string]any)
		switch {
		case dotted:
			r.failAt(line, "put the version in quotes", "%s: %s is no %s", t.name, version, what)
		case !versions.MatchString(version):
			r.failAt(line, "", "%s: %q is no %s", t.name, version, what)
		case !ok:
			r.failAt(line, "", "%s: %v is no text in quotes", version, t.m[version])
		default:
			if _, err := archive(from); err != nil {
				r.failAt(line, "", "%s: %v", version, err)
			}
			list[version] = from
		}
	}
	return list
}

// archived are the archives that the providers of the plan's cells need.
func (p *Plan) archived(a Archives) map[string]string {
	var needed map[string]string
	for _, c := range p.Cells {
		version, ok := strings.CutPrefix(c.Cell.Provider, "prefix-")
		if from := a.Apache[version]; ok && from != "" {
			if needed == nil {
				needed = map[string]string{}
			}
			needed[version] = from
		}
	}
	return needed
}

// checkArchives looks at those of a plan that was read.
func (p *Plan) checkArchives() error {
	for version, from := range p.Archives {
		if !archivedApache.MatchString(version) {
			return fmt.Errorf("%q is no release of httpd", version)
		}
		if _, err := archive(from); err != nil {
			return fmt.Errorf("httpd %s: %w", version, err)
		}
	}
	return nil
}
