// Package doctor says what is wrong with a set-up of Apache, Python and the
// module, and what to type about it.
//
// [Explain] does so for a text: what a compiler, a linker, the loader or Apache
// wrote. What it knows is data: see signatures.go. It changes nothing.
package doctor

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
)

// Finding is one thing that a text says is wrong.
type Finding struct {
	Code  string   `json:"code"`            // "MW104", or "WSGIM0205" of a line of our own module
	Cause string   `json:"cause"`           // a sentence
	Fix   []string `json:"fix"`             // commands or changes, one each
	Line  string   `json:"line"`            // the first line that says so
	At    int      `json:"at"`              // its number, from 1
	Times int      `json:"times,omitempty"` // how many lines say so
}

// Signature is how one kind of trouble looks in a text.
type Signature struct {
	Code    string
	Pattern *regexp.Regexp
	Cause   string // ${name} is a group of the pattern
	Fix     []Remedy
}

// Remedy is one thing to type or to change. Packages, by family of system, are
// turned into the command that installs them there; ${name} is a group of the
// pattern.
type Remedy struct {
	Text     string
	Packages map[string]string
}

// line is for this system and this match.
func (r Remedy) line(sys distro.System, expand func(string) string) string {
	if r.Packages == nil {
		return expand(r.Text)
	}
	return expand(sys.InstallLine(sys.Package(r.Packages)))
}

// maxLine bounds a line of a log: what is longer is looked at in part.
const maxLine = 64 << 10

// ErrUnknown says that nothing in a text is known.
var errUnknown = fmt.Errorf("no known signature")

// Explain looks for known trouble in a text, in the order in which it appears;
// each kind is reported once. Messages are what the module itself writes, by
// number, with their advice. The error is about reading, or has status 1 when
// nothing is known.
func Explain(text io.Reader, sys distro.System, messages map[string]Message) ([]Finding, error) {
	var found []Finding
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	lines.Split(splitLong)
	for n := 1; lines.Scan(); n++ {
		for _, f := range explainLine(lines.Text(), sys, messages) {
			i := slices.IndexFunc(found, func(x Finding) bool { return x.Code == f.Code })
			if i >= 0 {
				found[i].Times++
				continue
			}
			f.At, f.Times = n, 1
			found = append(found, f)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the text: %w", err)
	}
	if len(found) == 0 {
		return nil, hint.Exit(hint.New(errUnknown, "give the whole error log or build output: the first error in it says most"), hint.Failed)
	}
	return found, nil
}

// splitLong gives lines, and parts of lines that are too long.
func splitLong(data []byte, atEOF bool) (int, []byte, error) {
	advance, token, err := bufio.ScanLines(data, atEOF)
	if advance == 0 && err == nil && len(data) >= maxLine {
		return maxLine, data[:maxLine], nil
	}
	return advance, token, err
}

// explainLine is what one line says: of signatures the first that fits, since
// the more special stand first, and the module's own number.
func explainLine(line string, sys distro.System, messages map[string]Message) []Finding {
	var found []Finding
	for _, s := range signatures {
		m := s.Pattern.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		expand := func(text string) string { return string(s.Pattern.ExpandString(nil, text, line, m)) }
		f := Finding{Code: s.Code, Cause: expand(s.Cause), Line: strings.TrimSpace(line)}
		for _, r := range s.Fix {
			f.Fix = append(f.Fix, r.line(sys, expand))
		}
		found = append(found, f)
		break
	}
	if number := ownNumber.FindString(line); number != "" {
		if m, ok := messages[number]; ok {
			found = append(found, Finding{Code: number, Cause: m.Text, Fix: []string{m.Advice}, Line: strings.TrimSpace(line)})
		}
	}
	return found
}

var ownNumber = regexp.MustCompile(`\bWSGIM[0-9]{4}\b`)

// Message is one line of the module's own that an admin may find in the log.
type Message struct{ Level, Text, Advice string }

var messageRow = regexp.MustCompile(`(?m)^\|\s*(WSGIM[0-9]{4})\s*\|\s*(\w+)\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|\s*$`)

// Messages reads the table of docs/messages.md.
func Messages(document string) map[string]Message {
	all := map[string]Message{}
	for _, m := range messageRow.FindAllStringSubmatch(document, -1) {
		all[m[1]] = Message{Level: m[2], Text: m[3], Advice: m[4]}
	}
	return all
}
