package csrc

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"strings"

	"modwsgi/pybuild"
)

// sectionName is where a linked file says how it was built (rule C-11).
const sectionName = ".modwsgi.build"

// maxSection bounds what it says there.
const maxSection = 2 << 10

// BuildNote is what a linked file says of its own making. There is no time, host
// or user in it: the same inputs give the same bytes.
type BuildNote struct {
	Toolchain string `json:"toolchain"` // version of this project
	Target    string `json:"target"`
	Version   string `json:"version"` // of the C sources
	Source    string `json:"source"`  // sha256 of those this target is made of

	ABI        string `json:"abi,omitempty"` // of the Python in it
	HexVersion int    `json:"hexversion,omitempty"`
	SONAME     string `json:"soname,omitempty"`
	LibPython  string `json:"libpython,omitempty"` // "" in packages
	Apache     string `json:"apache,omitempty"`    // "2.4.65", of the headers
	MMN        string `json:"mmn,omitempty"`       // "20120211.124"

	Profile Profile `json:"profile"`
	Builder Builder `json:"builder,omitempty"` // "" for direct
	Flags   string  `json:"flags"`             // hash of all commands
	Link    string  `json:"link"`              // "shared", "static", or "none" without Python
}

// Rows are what a person reads of n: names and values, of what there is.
func (n BuildNote) Rows() [][2]string {
	rows := [][2]string{{"target", n.Target + " of mod_wsgi " + n.Version}, {"toolchain", n.Toolchain}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, [2]string{name, value})
		}
	}
	if n.Apache != "" {
		add("for Apache", n.Apache+", interface "+n.MMN)
	}
	if n.ABI != "" {
		add("for Python", fmt.Sprintf("%s, %s, hexversion 0x%08x", hexVersion(n.HexVersion), n.ABI, n.HexVersion))
	}
	add("libpython", strings.TrimSpace(strings.Join([]string{n.Link, n.SONAME, n.LibPython}, " ")))
	add("profile", string(n.Profile))
	add("builder", string(n.Builder))
	add("sources", n.Source)
	add("flags", n.Flags)
	return rows
}

// hexVersion is the version that sys.hexversion stands for, "3.13.0rc1".
func hexVersion(v int) string {
	text := fmt.Sprintf("%d.%d.%d", v>>24&0xff, v>>16&0xff, v>>8&0xff)
	if level := map[int]string{0xa: "a", 0xb: "b", 0xc: "rc"}[v>>4&0xf]; level != "" {
		text += fmt.Sprint(level, v&0xf)
	}
	return text
}

// text is the JSON of n in at most maxSection bytes: the path of libpython, which
// is the only part without a bound, is left out where it does not fit.
func (n BuildNote) text() (string, error) {
	for {
		data, err := json.Marshal(n)
		if err != nil {
			return "", fmt.Errorf("describing %s: %w", n.Target, err)
		}
		if len(data) < maxSection {
			return string(data), nil
		}
		if n.LibPython == "" {
			return "", fmt.Errorf("describing %s: %d bytes are too many", n.Target, len(data))
		}
		n.LibPython = ""
	}
}

// noteSource is the C file that puts text into the section.
func noteSource(text, system string) string {
	section := sectionName
	if system == "darwin" {
		section = "__TEXT,__modwsgi"
	}
	return "/* Generated: how this file was built, as JSON. */\n" +
		"static const char modwsgi_build[]\n" +
		"    __attribute__((used, section(\"" + section + "\"))) =\n    " + cString(text) + ";\n"
}

// cString is a C string literal. What a trigraph, an escape or the source's
// encoding could change is written as a number.
func cString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f || c == '?':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// buildNote reads the section of a linked file, nil if it has none of ours.
func buildNote(f *elf.File) *BuildNote {
	s := f.Section(sectionName)
	if s == nil || s.Size > 2*maxSection {
		return nil
	}
	data, err := s.Data()
	if err != nil {
		return nil
	}
	return parseNote(data)
}

// parseNote reads the text of a section up to the NUL that ends a C string.
func parseNote(data []byte) *BuildNote {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		data = data[:i]
	}
	n := &BuildNote{}
	if json.Unmarshal(data, n) != nil || n.Target == "" {
		return nil
	}
	return n
}

// note describes target l, built for py (nil: without Python).
func (f Facts) note(l Link, py *pybuild.Info) BuildNote {
	n := BuildNote{
		Toolchain: Version(), Target: l.Target.Name, Version: f.Version, Source: f.Sums[l.Target.Name],
		Profile: f.Profile, Link: "none",
	}
	if n.Profile == "" {
		n.Profile = ProfileDefault
	}
	if f.byApxs(l.Target) {
		n.Builder = BuilderApxs
	}
	if f.Apache != nil && (l.Target.Needs == NeedsApache || l.Target.Needs == NeedsBoth) {
		n.Apache = f.Apache.Version
		n.MMN = fmt.Sprintf("%d.%d", f.Apache.MMN.Major, f.Apache.MMN.Minor)
	}
	if py == nil {
		return n
	}
	n.ABI, n.HexVersion, n.SONAME, n.Link = py.ABI.Folder(), py.HexVersion, py.SONAME, "shared"
	library := py.LibPython
	if static, ok := f.static(py); ok {
		n.SONAME, n.Link, library = "", "static", static.Archive
	}
	if !f.Package {
		n.LibPython = library
	}
	return n
}

// targetSums hashes what each of targets is made of: its C files, and every header,
// since which of them it reads is known only afterwards.
func (t *tree) targetSums(targets []Target) map[string]string {
	sums := map[string]string{}
	for _, target := range targets {
		var list []string
		for _, s := range target.Sources {
			list = append(list, s.File, t.sums[s.File])
		}
		for _, name := range t.names {
			if strings.HasSuffix(name, ".h") {
				list = append(list, name, t.sums[name])
			}
		}
		sums[target.Name] = hash(list)
	}
	return sums
}
