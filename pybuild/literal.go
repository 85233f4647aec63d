package pybuild

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseBuildVars reads a _sysconfigdata file: one dictionary, named
// build_time_vars, of strings and whole numbers written out. Strings that follow
// each other are one, as in Python. Whatever else stands there is an error: it
// would have to be run (rule P-7).
func parseBuildVars(text string) (map[string]setting, error) {
	p := literals{text: text}
	vars := map[string]setting{}
	err := p.dictionary("build_time_vars", vars)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", 1+strings.Count(text[:p.at], "\n"), err)
	}
	return vars, nil
}

// literals is a reader of Python's literals. at is where it stands.
type literals struct {
	text string
	at   int
}

// dictionary reads "NAME = {…}", all there is in the text.
func (p *literals) dictionary(name string, into map[string]setting) error {
	for _, want := range []string{name, "=", "{"} {
		if !p.take(want) {
			return p.unexpected(want)
		}
	}
	for !p.take("}") {
		key, err := p.str()
		if err != nil {
			return err
		}
		if !p.take(":") {
			return p.unexpected(":")
		}
		value, err := p.value()
		if err != nil {
			return fmt.Errorf("%.60q: %w", key, err)
		}
		into[key] = value
		if p.take(",") {
			continue
		}
		if !p.take("}") {
			return p.unexpected(", or }")
		}
		break
	}
	p.blanks()
	if p.at < len(p.text) {
		return p.unexpected("the end")
	}
	return nil
}

// value is a string, or a number as its digits.
func (p *literals) value() (setting, error) {
	p.blanks()
	start := p.at
	for p.at < len(p.text) && (p.text[p.at] >= '0' && p.text[p.at] <= '9' || p.at == start && p.text[p.at] == '-') {
		p.at++
	}
	if p.at == start {
		s, err := p.str()
		return setting(s), err
	}
	digits := p.text[start:p.at]
	if n, err := strconv.ParseInt(digits, 10, 64); err != nil || strconv.FormatInt(n, 10) != digits {
		return "", fmt.Errorf("%.40q is no number", digits) // 007 is none in Python either
	}
	return setting(digits), nil
}

// str is one string, or several side by side.
func (p *literals) str() (string, error) {
	var b strings.Builder
	for n := 0; ; n++ {
		p.blanks()
		if p.at == len(p.text) || p.text[p.at] != '\'' && p.text[p.at] != '"' {
			if n == 0 {
				return "", p.unexpected("a string or a number")
			}
			return b.String(), nil
		}
		if err := p.quoted(&b); err != nil {
			return "", err
		}
	}
}

// quoted reads one string from its opening quote on.
func (p *literals) quoted(b *strings.Builder) error {
	quote := p.text[p.at]
	if strings.HasPrefix(p.text[p.at:], strings.Repeat(string(quote), 3)) {
		return p.unexpected("a string of one line")
	}
	p.at++
	for p.at < len(p.text) {
		switch c := p.text[p.at]; c {
		case quote:
			p.at++
			return nil
		case '\n', '\r', 0:
			return p.unexpected("a closing quote")
		case '\\':
			if err := p.escape(b); err != nil {
				return err
			}
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return p.unexpected("a closing quote")
}

// simpleEscapes are those of one letter.
const simpleEscapes = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v"

// escape reads a backslash and what belongs to it.
func (p *literals) escape(b *strings.Builder) error {
	rest := p.text[p.at+1:]
	if rest == "" {
		return p.unexpected("the rest of an escape")
	}
	for i := 0; i < len(simpleEscapes); i += 2 {
		if rest[0] == simpleEscapes[i] {
			b.WriteByte(simpleEscapes[i+1])
			p.at += 2
			return nil
		}
	}
	size, base := map[byte]int{'x': 2, 'u': 4, 'U': 8}[rest[0]], 16
	from := 1
	switch {
	case rest[0] == '\n': // the line goes on
		p.at += 2
		return nil
	case rest[0] >= '0' && rest[0] <= '7':
		from, base = 0, 8
		for size = 1; size < 3 && size < len(rest) && rest[size] >= '0' && rest[size] <= '7'; size++ {
		}
	case size == 0 || len(rest) < 1+size:
		return fmt.Errorf("%.4q is no escape", p.text[p.at:])
	}
	n, err := strconv.ParseUint(rest[from:from+size], base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return fmt.Errorf("%.12q is no escape", p.text[p.at:])
	}
	b.WriteRune(rune(n))
	p.at += 1 + from + size
	return nil
}

// take steps over want, if it is next.
func (p *literals) take(want string) bool {
	p.blanks()
	if !strings.HasPrefix(p.text[p.at:], want) {
		return false
	}
	p.at += len(want)
	return true
}

// blanks steps over white space and comments.
func (p *literals) blanks() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r', '\f':
			p.at++
		case '#':
			end := strings.IndexByte(p.text[p.at:], '\n')
			if end < 0 {
				end = len(p.text) - p.at
			}
			p.at += end
		default:
			return
		}
	}
}

func (p *literals) unexpected(want string) error {
	return fmt.Errorf("%s is expected, not %.20q", want, p.text[p.at:])
}
