package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/pattern"
)

// Level is how bad something is.
type Level string

const (
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error" // the module does not build, load or run
)

// rank orders levels, the worst first.
var rank = map[Level]int{Error: 0, Warning: 1, Info: 2}

// Code is one kind of trouble, whoever notices it: a check that looks at the
// machine, or a signature that knows the text of a tool. docs/doctor.md has a
// row for each.
type Code struct {
	ID    string // "MW104"
	Level Level
	Seen  string // what is there, in general
	Why   string // what follows from it
	Fix   []Remedy
}

// Remedy is one thing to type or to change: a text, which may differ by family
// of system, or packages by family, which become the command that installs them.
// ${name} is a value that was seen; a remedy with one that was not is left out.
type Remedy struct {
	Text     string
	On       map[string]string // by family; Text for the others, which may be ""
	Packages map[string]string
	Without  string // left out where this value is known: a better one has it
}

// Values are what was seen, by the names that texts use.
type Values map[string]string

// codeOf is the code with that name. Every name in this package is in the table,
// which a test holds.
func codeOf(id string) Code {
	i := slices.IndexFunc(codes, func(c Code) bool { return c.ID == id })
	if i < 0 {
		return Code{ID: id, Level: Error}
	}
	return codes[i]
}

// fixes are the remedies of a code for this system and what was seen.
func (c Code) fixes(sys distro.System, seen Values) []string {
	var list []string
	for _, r := range c.Fix {
		if line, ok := r.line(sys, seen); ok && !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return list
}

// line is what to type on this system; ok is false if the remedy does not serve
// here.
func (r Remedy) line(sys distro.System, seen Values) (text string, ok bool) {
	if r.Without != "" && seen[r.Without] != "" {
		return "", false
	}
	switch on, known := r.On[sys.Family]; {
	case r.Packages != nil:
		// Names first: what was seen has blanks that part no packages.
		text, ok = seen.expand(sys.Package(r.Packages))
		return sys.InstallLine(text), ok
	case known:
		text = on
	default:
		text = r.Text
	}
	text, ok = seen.expand(text)
	return text, ok && text != ""
}

var valueName = pattern.New(`\$\{(\w+)\}`)

// expand puts values in the place of their names; ok is false if one is not
// known.
func (v Values) expand(text string) (string, bool) {
	ok := true
	text = valueName.ReplaceAllStringFunc(text, func(ref string) string {
		value := v[ref[2:len(ref)-1]]
		ok = ok && value != ""
		return value
	})
	return text, ok
}

// groups are the values of a match. Alternatives of one pattern number their
// groups: of cc, cc1 and cc2 the first that took part is the value of cc.
func groups(pattern *regexp.Regexp, match []string) Values {
	seen := Values{}
	for i, name := range pattern.SubexpNames() {
		if name = strings.TrimRight(name, "0123456789"); name != "" && seen[name] == "" {
			seen[name] = match[i]
		}
	}
	return seen
}

// document is the row of docs/doctor.md: the remedies as they are on Debian and
// on Fedora, names of values in place of the values.
func (c Code) document() string {
	var fixes []string
	for _, r := range c.Fix {
		fixes = append(fixes, r.document())
	}
	row := fmt.Sprintf("| %s | %s | %s | %s | %s |", c.ID, c.Level, c.Seen, c.Why, strings.Join(fixes, "; "))
	return valueName.ReplaceAllString(row, "<$1>")
}

func (r Remedy) document() string {
	var list []string
	for _, sys := range []struct {
		name string
		distro.System
	}{{"Debian", distro.System{Family: distro.Debian}}, {"Fedora", distro.System{Family: distro.Fedora}}} {
		switch on, known := r.On[sys.Family]; {
		case r.Packages != nil:
			name := strings.ReplaceAll(sys.Package(r.Packages), "${version}", "3.N")
			list = append(list, fmt.Sprintf("`%s` (%s)", sys.InstallLine(name), sys.name))
		case known:
			list = append(list, fmt.Sprintf("%s (%s)", on, sys.name))
		}
	}
	if r.Text != "" {
		list = append(list, r.Text)
	}
	return strings.Join(list, ", ")
}
