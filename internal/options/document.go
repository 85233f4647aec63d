package options

import (
	"fmt"
	"slices"
	"strings"
)

// Usage is an option's help with its default: "… (default 0)".
func (o Option) Usage() string {
	if o.Default == "" || o.Kind == Switch {
		return o.Help
	}
	return fmt.Sprintf("%s (default: %s)", o.Help, o.Default)
}

// shown is what stands for the option's value.
func (o Option) shown() string {
	switch o.Kind {
	case Choice:
		return strings.Join(o.Values, " or ")
	case Switch:
		return "true or false"
	}
	return o.Shape
}

// Document is docs/options.md.
func Document() string {
	var b strings.Builder
	b.WriteString(head)
	for _, o := range Table() {
		variable := "`" + o.Variable() + "`"
		if o.Other != "" {
			variable += ", `" + o.Other + "`"
		}
		fallback := "–"
		if o.Default != "" {
			fallback = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| `-%s` | %s | %s | %s | %s |\n", o.Name, variable, o.shown(), fallback, strings.ReplaceAll(o.Help, "|", `\|`))
	}
	b.WriteString("\n## On which targets\n\n| target | options |\n|---|---|\n")
	for _, target := range Targets() {
		var list []string
		for _, o := range Table() {
			if slices.Contains(o.Targets, target) {
				list = append(list, "`-"+o.Name+"`")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", target, strings.Join(list, " "))
	}
	return b.String()
}

// Targets are those that take an option.
func Targets() []string {
	var list []string
	for _, o := range Table() {
		list = append(list, o.Targets...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

const head = `# Options of the toolchain

Printed from the table in ` + "`internal/options`" + `; a test compares the two (` + "`go test ./internal/options -update`" + ` writes it).

Each option can be said in three places. What stands further up in this list holds:

1. a flag: ` + "`go tool mage build -python=3.13 -jobs=2`" + `; of ` + "`mod_wsgi-express`" + ` with two hyphens, and ` + "`-` for `_`: `--allow-http`" + `;
2. a variable: ` + "`MODWSGI_PYTHON=3.13`" + `; where the table names a second one, it is heard after the first;
3. a line of ` + "`modwsgi.toml`" + ` in the working folder: ` + "`python = \"3.13\"`" + `. An option that does not exist is an error there, and so is a value of another
   kind: text and paths in quotes, numbers and ` + "`true`, `false`" + ` without. Paths are meant from that folder. A file of another user, or one that everybody may
   write, is refused;
4. the default.

In variables a switch is ` + "`1`, `true`, `yes` or `on`, and `0`, `false`, `no` or `off`" + `; one that is set to nothing is not set.

What is asked for goes to standard output, progress and notes to standard error. Lists (` + "`discover`, `apaches`, `pythons`" + `) end with 0 also where nothing is usable: they say so.

Exit statuses: 0 well · 1 failed · 2 the command line, a variable or the file is wrong · 3 not found (Apache, Python, compiler, source) · 4 built, and does not do what it
should · 5 refused (a safety rule) · 6 the doctor found an error · 124 timed out.

| flag | variable | value | default | what it does |
|---|---|---|---|---|
`
