package plan

import (
	"strings"

	"modwsgi/internal/words"
)

// Tool is what a matrix is run by: what is printed for people to type, or for a CI
// engine to run, is typed the same way.
type Tool string

// The tools. They have the same verbs.
const (
	Targets Tool = ""                 // those of Mage, in a checkout
	Program Tool = "mod_wsgi-express" // where there may be none
)

// Repro is the command that runs a cell again on whatever machine (rule M-15).
func (t Tool) Repro(id string) string {
	if t == Targets {
		return t.Command("run", t.Option("cells", id))
	}
	return t.Command("run", words.Quote(id))
}

// Command is a line of shell that has the matrix do what a verb says. What follows the
// verb is quoted already.
func (t Tool) Command(verb string, more ...string) string {
	start := string(t) + " matrix " + verb
	if t == Targets {
		start = "go tool mage matrix:" + verb
	}
	return strings.Join(append([]string{start}, more...), " ")
}

// Python is the command that makes a Python.
func (t Tool) Python(version string) string {
	if t == Targets {
		return "go tool mage python " + words.Quote(version)
	}
	return string(t) + " python " + words.Quote(version)
}

// Option is an option of the table in internal/options with its value, quoted.
func (t Tool) Option(name, value string) string {
	if t == Targets {
		return "-" + name + "=" + words.Quote(value)
	}
	return "--" + strings.ReplaceAll(name, "_", "-") + " " + words.Quote(value)
}

// known tells whether a text that was read is one of the tools: what else it may be
// would be run by whoever types what is printed.
func (t Tool) known() bool { return t == Targets || t == Program }
