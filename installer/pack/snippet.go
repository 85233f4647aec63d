package pack

import (
	"fmt"
	"slices"
	"strings"
)

// snippet is what a package tells Apache.
type snippet struct {
	comment    []string
	load       []string // LoadFile, LoadModule
	directives []string
}

// block is lines between the first and the last of a section, indented.
func block(first string, lines []string, last string) []string {
	out := []string{first}
	for _, line := range lines {
		out = append(out, "    "+line)
	}
	return append(out, last)
}

// remarks are lines as comments.
func remarks(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, "# "+line)
	}
	return out
}

func configFile(path string, lines ...[]string) File {
	var b strings.Builder
	for _, list := range lines {
		for _, line := range list {
			b.WriteString(line + "\n")
		}
	}
	return File{Path: path, Kind: Config, Mode: 0o644, Data: []byte(b.String())}
}

// debianSnippets are the files that a2enmod NAME enables: how the module is
// loaded, and apart from it what only holds where it is (rule N-2).
func debianSnippets(name string, s snippet) []File {
	const folder = "/etc/apache2/mods-available/"
	directives := append(remarks(s.comment), s.directives...)
	load := append([]string{"# Conflicts: " + strings.Join(otherLoads(name), " ")}, s.load...)
	return []File{
		configFile(folder+name+".conf", block("<IfModule wsgi_module>", directives, "</IfModule>")),
		configFile(folder+name+".load", load),
	}
}

// otherLoads are the names by which a2enmod knows modules of this kind, but for
// one: the distribution's and ours, and the original's for each Python. It looks
// at them only when it enables the module that names them (rule N-2).
func otherLoads(name string) []string {
	list := []string{"wsgi"}
	for minor := 9; minor <= 15; minor++ {
		list = append(list, fmt.Sprintf("wsgi-py3%d", minor))
		if minor >= 13 {
			list = append(list, fmt.Sprintf("wsgi-py3%dt", minor))
		}
	}
	return slices.DeleteFunc(list, func(other string) bool { return other == name })
}

// guarded is the file that a server reads because it is there, or by an Include.
// A wsgi_module that is loaded already stays the one (rule N-3), without
// directives that it may not know.
func (s snippet) guarded(path string) []File {
	return []File{configFile(path, remarks(s.comment),
		block("<IfModule !wsgi_module>", append(append([]string{}, s.load...), s.directives...), "</IfModule>"))}
}
