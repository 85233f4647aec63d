package provider

import (
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// stanza is a paragraph of a Debian control file: fields by their names in lower
// case, with the lines that belong to them.
type stanza map[string]string

// readStanzas reads paragraphs: those of an index, or of the description of a
// source package, around which a signature may stand.
func readStanzas(text string) []stanza {
	var list []stanza
	var now stanza
	field := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "-----BEGIN PGP SIGNATURE"):
			return list // what follows is no field
		case strings.TrimSpace(line) == "":
			now, field = nil, ""
		case line[0] == ' ' || line[0] == '\t':
			if now != nil && field != "" {
				now[field] += "\n" + strings.TrimSpace(line)
			}
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(name, " \t") {
				field = "" // a line of a signature's head
				continue
			}
			if now == nil {
				now = stanza{}
				list = append(list, now)
			}
			field = strings.ToLower(name)
			now[field] = strings.TrimSpace(value)
		}
	}
	return list
}

// sourceFile is one file of a source package.
type sourceFile struct {
	name string
	sum  string // "sha256:…"
	size int64
}

// sourcePackage is what a .dsc says.
type sourcePackage struct {
	name, version string
	files         []sourceFile
}

// upstream is the version that upstream gave it: without the epoch and Debian's
// revision.
func upstream(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		version = version[:i]
	}
	return version
}

// readDsc reads the description of a source package.
func readDsc(text string) (sourcePackage, error) {
	for _, s := range readStanzas(text) {
		if s["source"] == "" || s["version"] == "" {
			continue // the head of a signature: "Hash: SHA512"
		}
		p := sourcePackage{name: s["source"], version: s["version"]}
		for line := range strings.Lines(s["checksums-sha256"]) {
			f := strings.Fields(line)
			if len(f) == 0 {
				continue
			}
			if len(f) != 3 {
				return p, fmt.Errorf("the line %q of Checksums-Sha256 has not three words", line)
			}
			size, err := strconv.ParseInt(f[1], 10, 64)
			if raw, bad := hex.DecodeString(f[0]); err != nil || bad != nil || len(raw) != 32 || size < 0 {
				return p, fmt.Errorf("the line %q of Checksums-Sha256 has no checksum and size", line)
			}
			if f[2] != path.Base(f[2]) || strings.HasPrefix(f[2], ".") || f[2] == "/" {
				return p, fmt.Errorf("%q is no name of a file beside it", f[2])
			}
			p.files = append(p.files, sourceFile{f[2], "sha256:" + strings.ToLower(f[0]), size})
		}
		return p, nil
	}
	return sourcePackage{}, fmt.Errorf("there is no source package in it")
}

// original is the archive that upstream released.
func (p sourcePackage) original() (sourceFile, error) {
	begin := p.name + "_" + upstream(p.version) + ".orig.tar."
	for _, f := range p.files {
		if strings.HasPrefix(f.name, begin) && !strings.HasSuffix(f.name, ".asc") {
			return f, nil
		}
	}
	return sourceFile{}, fmt.Errorf("%s %s has no archive %s*", p.name, p.version, begin)
}
