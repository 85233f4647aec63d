// Package doctor says what is wrong with a set-up of Apache, Python and the
// module, and what to type about it.
//
// [Examine] looks at a machine and [Diagnose] tells what is wrong with it;
// [Explain] does so for a text: what a compiler, a linker, the loader or Apache
// wrote. What both know is data: codes.go has the kinds of trouble,
// signatures.go how they look in a text. Nothing on the machine changes.
package doctor

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
)

// Finding is one thing that a text says is wrong.
type Finding struct {
	Code   string   `json:"code"`             // "MW104", or "WSGIM0205" of a line of our own module that needs no more
	Number string   `json:"number,omitempty"` // "WSGIM0304": the line has this number in docs/messages.md
	Level  Level    `json:"level"`
	Cause  string   `json:"cause"`           // a sentence
	Fix    []string `json:"fix"`             // commands or changes, one each
	Line   string   `json:"line"`            // the first line that says so
	At     int      `json:"at"`              // its number, from 1
	Times  int      `json:"times,omitempty"` // how many lines say so

	Versions  []string `json:"versions,omitempty"` // of mod_wsgi that write such a line
	Platforms []string `json:"platforms,omitempty"`
}

// maxLine bounds a line of a log: what is longer is looked at in part.
const maxLine = 64 << 10

// errUnknown says that nothing in a text is known.
var errUnknown = fmt.Errorf("no known signature")

// consequences are codes of what other trouble leads to: where both are in a
// text, the other is what to read first.
var consequences = []string{"MW315", "MW319"}

// Explain looks for known trouble in a text, in the order in which it appears,
// what only follows from other trouble last; each kind is reported once. Messages are what the module itself writes, by
// number, with their advice. The error is about reading, or has status 1 when
// nothing is known (rule D-2).
func Explain(text io.Reader, sys distro.System, messages map[string]Message) ([]Finding, error) {
	x := explainer{sys: sys, messages: messages, seen: make([]bool, len(signatures))}
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 0, maxLine), 1<<20)
	lines.Split(splitLong)
	for n := 1; lines.Scan(); n++ {
		x.line(lines.Text(), n)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the text: %w", err)
	}
	if len(x.found) == 0 {
		return nil, hint.Exit(hint.New(errUnknown, "give the whole error log or build output: the first error in it says most"), hint.Failed)
	}
	slices.SortStableFunc(x.found, func(a, b Finding) int {
		return cmp.Compare(slices.Index(consequences, a.Code), slices.Index(consequences, b.Code))
	})
	return x.found, nil
}

// splitLong gives lines, and parts of lines that are too long.
func splitLong(data []byte, atEOF bool) (int, []byte, error) {
	advance, token, err := bufio.ScanLines(data, atEOF)
	if advance == 0 && err == nil && len(data) >= maxLine {
		return maxLine, data[:maxLine], nil
	}
	return advance, token, err
}

// explainer reads one text.
type explainer struct {
	sys      distro.System
	messages map[string]Message
	seen     []bool // of each signature: the line that it must stand behind was there
	found    []Finding
}

// line takes what one line says: of signatures the first that fits, since the
// more special stand first, and the module's own number.
func (x *explainer) line(line string, at int) {
	f, known := x.signature(line)
	number := ownNumber.FindString(line)
	if m, ok := x.messages[number]; ok {
		f.Number = number
		if !known {
			f.Code, f.Level, f.Cause, known = number, m.level(), m.Text, true
		}
		f.Fix = append(f.Fix, m.Advice)
	}
	if !known {
		return
	}
	i := slices.IndexFunc(x.found, func(o Finding) bool { return o.Code == f.Code && o.Number == f.Number })
	if i >= 0 {
		x.found[i].Times++
		return
	}
	f.Line, f.At, f.Times = strings.TrimSpace(line), at, 1
	x.found = append(x.found, f)
}

func (x *explainer) signature(line string) (f Finding, known bool) {
	for i, s := range signatures {
		if s.After != nil {
			x.seen[i] = x.seen[i] || s.After().find(line) != nil
		}
		if known || s.After != nil && !x.seen[i] {
			continue
		}
		m := s.Pattern().find(line)
		if m == nil {
			continue
		}
		values := groups(s.Pattern().Regexp, m)
		code := codeOf(s.Code)
		cause, ok := values.expand(s.Cause)
		if !ok {
			cause = code.Seen
		}
		known = true
		f = Finding{Code: s.Code, Level: code.Level, Cause: cause, Fix: code.fixes(x.sys, values), Versions: s.Versions, Platforms: s.Platforms}
	}
	return f, known
}
