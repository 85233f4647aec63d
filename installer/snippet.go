package installer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"modwsgi/pybuild"
)

// Directives are what Apache is told of a module, wherever it stands: on a screen,
// in a configuration file, in a package (rule N-1).
type Directives struct {
	About    []string // comments: who wrote it, how to remove it
	LoadFile string   // a library that is loaded first (rule R-7); "" for none
	Module   string
	Home     string // what WSGIPythonHome names; "" for none
	Free     bool   // the Python can do without its GIL
	Sockets  string // what WSGISocketPrefix has to be; "" for its default
}

// Lines are the directives alone (rule N-5). A path that cannot be written there
// gives a comment that says so.
func (d Directives) Lines() []string {
	return append(d.load(), d.settings()...)
}

func (d Directives) load() []string {
	var lines []string
	if d.LoadFile != "" {
		lines = append(lines, Directive("LoadFile", d.LoadFile))
	}
	return append(lines, LoadModule(d.Module))
}

func (d Directives) settings() []string {
	if d.Home == "" {
		return nil
	}
	return []string{Directive("WSGIPythonHome", d.Home)}
}

// hints are what somebody may want to switch on.
func (d Directives) hints() []string {
	var lines []string
	if d.Free {
		lines = append(lines, "# WSGIFreeThreading On")
	}
	if d.Sockets != "" {
		lines = append(lines, "# "+Directive("WSGISocketPrefix", d.Sockets))
	}
	return lines
}

func (d Directives) comments() []string {
	var lines []string
	for _, text := range d.About {
		lines = append(lines, "# "+strings.Map(func(c rune) rune {
			if unicode.IsControl(c) {
				return ' '
			}
			return c
		}, text))
	}
	return lines
}

// check refuses what cannot be written into a file that Apache reads (rule N-4):
// as a line on a screen it would be a comment.
func (d Directives) check() error {
	for _, path := range []string{d.LoadFile, d.Module, d.Home, d.Sockets} {
		if _, err := quote(path); err != nil {
			return fmt.Errorf("%q: %w", path, err)
		}
		if path != "" && !filepath.IsAbs(path) {
			return fmt.Errorf("%q is no absolute path", path)
		}
	}
	return nil
}

// ConfText is one configuration file.
type ConfText struct {
	Path string
	Text string
}

// Files are the configuration files of the family that tell Apache of the module,
// conf being the folder of the main one. None where there is no place.
func (f Family) Files(conf string, v Flavour, d Directives) ([]ConfText, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("telling Apache of the module: %w", err)
	}
	path := f.ConfFile(conf, v)
	guarded := within("<IfModule !wsgi_module>", d.load()) // N-3
	settings := append(d.settings(), d.hints()...)
	switch f.Enable {
	case ByHand:
		return nil, nil
	case ByA2enmod: // N-2
		files := []ConfText{{path, text(d.comments(), []string{"# Conflicts: " + strings.Join(conflicts(v), " ")}, d.load())}}
		return append(files, ConfText{strings.TrimSuffix(path, ".load") + ".conf", text(d.comments(), within("<IfModule wsgi_module>", settings))}), nil
	case ByDefine:
		inner := append(guarded, within("<IfModule wsgi_module>", settings)...)
		return []ConfText{{path, text(d.comments(), within("<IfDefine WSGI>", inner))}}, nil
	case ByName:
		return []ConfText{{path, text(d.comments(), within("<IfModule wsgi_module>", settings))}}, nil
	}
	return []ConfText{{path, text(d.comments(), guarded, within("<IfModule wsgi_module>", settings))}}, nil
}

// within puts lines into a section; none need none.
func within(section string, lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	list := []string{section}
	for _, line := range lines {
		list = append(list, "    "+line)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(section, "<"), " ")
	return append(list, "</"+name+">")
}

func text(parts ...[]string) string {
	var b strings.Builder
	for _, part := range parts {
		for _, line := range part {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// conflicts are what a2enmod knows modules of this kind by, but v itself: the one
// that serves all, and those of each Python there has been one for.
func conflicts(v Flavour) []string {
	list := []string{Flavour("").Load()}
	for minor := 6; minor <= 15; minor++ {
		name := Flavour(fmt.Sprintf("py3%d", minor))
		list = append(list, name.Load())
		if minor >= 13 {
			list = append(list, (name + "t").Load())
		}
	}
	var others []string
	for _, name := range list {
		if name != v.Load() {
			others = append(others, name)
		}
	}
	return others
}

// Snippet returns the lines that tell Apache of l, for python: LoadModule and
// WSGIPythonHome.
func Snippet(l Layout, python pybuild.Info) []string {
	return Directives{Module: l.Module, Home: python.Prefix}.Lines()
}

// LoadModule is the line that loads the module at path.
func LoadModule(path string) string { return Directive("LoadModule wsgi_module", path) }

// Directive is a line of Apache's configuration with one path. A path that cannot
// be written there gives a comment that says so.
func Directive(name, path string) string {
	quoted, err := quote(path)
	if err != nil {
		return fmt.Sprintf("# %s is left out: %q: %v", name, path, err)
	}
	return name + " " + quoted
}

// quote makes s one word of httpd.conf. Apache replaces ${NAME} even within
// quotes and has no escape for it, so that is refused, and so is what would end
// the line.
func quote(s string) (string, error) {
	switch {
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errors.New("control characters cannot be written into Apache's configuration")
	case strings.Contains(s, "${") || strings.Contains(s, "%{"):
		return "", errors.New("what begins with ${ or %{ would be replaced by Apache")
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, nil
}
