package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"modwsgi/expressgen"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/words"
)

// The words of a command line are put into one form before they are parsed:
// variables replaced, abbreviations written out, values joined to their
// options. What is wrong is collected on the way, so that a person sees all of
// it at once; the words that are left are ones the parser can take.

// option is what the rewriting knows of an option.
type option struct {
	expressgen.Option
	now     string // the option that this is another name of; "" for itself
	note    string // what to warn of when it is used
	refusal string // why it cannot be used; "" when it can
	ignored bool   // accepted, without any effect
}

// grammar are the options of one command.
type grammar struct {
	options     []option
	positionals int // how many other words it takes at most
}

// result are the words in their one form.
type result struct {
	words []string
	help  bool
	given map[string]bool
	file  string   // of --config
	notes []string // what to warn of
	err   error    // all that is wrong, joined
}

// rewrite puts args into one form.
func (g grammar) rewrite(args []string) result {
	w := &rewriter{grammar: g, rest: args, out: result{given: map[string]bool{}}}
	for len(w.rest) > 0 && !w.out.help {
		w.next()
	}
	if n := len(w.others); n > g.positionals {
		w.bad("unexpected argument %s", strconv.Quote(w.others[g.positionals]))
		w.others = w.others[:g.positionals]
	}
	if len(w.others) > 0 {
		w.out.given["entry-point"] = true
		w.out.words = append(append(w.out.words, "--"), w.others...)
	}
	w.out.err = errors.Join(w.errs...)
	return w.out
}

type rewriter struct {
	grammar
	rest   []string
	others []string
	errs   []error
	out    result
}

func (w *rewriter) bad(format string, args ...any) {
	w.errs = append(w.errs, fmt.Errorf(format, args...))
}

// take removes and returns the next word.
func (w *rewriter) take() string {
	word := w.rest[0]
	w.rest = w.rest[1:]
	return word
}

func (w *rewriter) next() {
	word := w.take()
	switch {
	case word == "--":
		w.others = append(w.others, w.rest...)
		w.rest = nil
	case word == "-h" || word == "--help":
		w.out.help = true
	case strings.HasPrefix(word, "--"):
		name, value, joined := strings.Cut(word[2:], "=")
		w.option(name, value, joined)
	case strings.HasPrefix(word, "-") && word != "-":
		w.bad("unknown option %s", word)
	default:
		w.others = append(w.others, word)
	}
}

// option takes the option name with its values, the first of which was joined
// to it by = or follows.
func (w *rewriter) option(name, value string, joined bool) {
	o, err := w.find(name)
	if err != nil {
		w.errs = append(w.errs, err)
		return
	}
	if o.note != "" {
		w.out.notes = append(w.out.notes, o.note)
	}
	if o.now != "" {
		if o, err = w.find(o.now); err != nil { // not in this release
			w.errs = append(w.errs, err)
			return
		}
	}
	values := []string{}
	if joined {
		values = append(values, value)
	}
	switch {
	case o.Words == 0 && joined:
		w.bad("--%s=%s: the option takes no value", o.Name, value)
		return
	case len(values)+len(w.rest) < o.Words:
		w.bad("--%s: the option needs %s, and %d follow", o.Name, count(o.Words), len(values)+len(w.rest))
		w.rest = nil
		return
	}
	for len(values) < o.Words {
		values = append(values, w.take())
	}
	shown := strings.Join(append([]string{"--" + o.Name}, values...), " ")
	switch {
	case o.refusal != "":
		w.bad("%s: %s", shown, o.refusal)
		return
	case o.ignored:
		return
	}
	w.out.given[o.Name] = true
	if o.Name == configOption {
		w.out.file = values[0]
	}
	switch o.Kind {
	case expressgen.Integer:
		_, err = strconv.Atoi(values[0])
		if errors.Is(err, strconv.ErrRange) {
			w.bad("%s: out of range", shown)
			return
		}
		err = wrap(err, "%s: not a whole number", shown)
	case expressgen.Number:
		_, err = strconv.ParseFloat(values[0], 64)
		err = wrap(err, "%s: not a number", shown)
	}
	if err != nil {
		w.errs = append(w.errs, err)
		return
	}
	if o.Words == 0 {
		w.out.words = append(w.out.words, "--"+o.Name)
		return
	}
	w.out.words = append(w.out.words, "--"+o.Name+"="+values[0])
	w.out.words = append(w.out.words, values[1:]...)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func count(n int) string {
	if n == 1 {
		return "a value"
	}
	return fmt.Sprintf("%d values", n)
}

// find is the option called name, or the one of the original of which name is
// the only possible beginning.
func (w *rewriter) find(name string) (option, error) {
	var begin []string
	var found option
	for _, o := range w.options {
		if o.Name == name {
			return o, nil
		}
		if !o.Whole && name != "" && strings.HasPrefix(o.Name, name) {
			begin = append(begin, "--"+o.Name)
			found = o
		}
	}
	switch len(begin) {
	case 0:
		err := fmt.Errorf("unknown option --%s", name)
		if near := words.Nearest(name, w.names()); near != "" {
			return found, hint.New(err, "did you mean --"+near+"?")
		}
		return found, err
	case 1:
		return found, nil
	}
	slices.Sort(begin)
	return found, hint.New(fmt.Errorf("ambiguous option --%s", name), "it could be "+strings.Join(begin, ", "))
}

// names are the options that people may be told of.
func (g grammar) names() []string {
	var out []string
	for _, o := range g.options {
		if !o.Hidden && o.refusal == "" {
			out = append(out, o.Name)
		}
	}
	return out
}

var variable = pattern.New(`\$?\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})`)

// expand replaces $NAME and ${NAME} by the variable, for containers whose
// command line no shell has seen. What is not set stays as it is written, and
// $$ before a name stands for one dollar.
func expand(word string) string {
	return variable.ReplaceAllStringFunc(word, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		name := strings.Trim(found[1:], "{}")
		if value, ok := os.LookupEnv(name); ok {
			return value
		}
		return found
	})
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if list, ok := e.(interface{ Unwrap() []error }); ok {
			var out []error
			for _, each := range list.Unwrap() {
				out = append(out, flatten(each)...)
			}
			return out
		}
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
