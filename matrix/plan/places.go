package plan

import (
	"strconv"
	"strings"
)

// places knows on which line of a TOML text a key, or an element of its array, is
// said. The library that reads the text does not tell; this only helps to say where
// something wrong stands, and may be off in a text that is odd.
type places map[string]int

// line is where the key of the n-th table is said, else where the table begins,
// else the first line. Tables are counted from 0; of a table that is no array it is
// the only one.
func (p places) line(table string, n int, key string) int {
	at := table + "#" + strconv.Itoa(n)
	for _, place := range []string{at + "." + key, "#0." + table + "." + key, at, "#0." + table} {
		if line, ok := p[place]; ok {
			return line
		}
	}
	return 1
}

// element is where the i-th element of an array stands.
func (p places) element(table string, n int, key string, i int) int {
	if line, ok := p[table+"#"+strconv.Itoa(n)+"."+key+"["+strconv.Itoa(i)+"]"]; ok {
		return line
	}
	return p.line(table, n, key)
}

// placesOf goes over the lines of a TOML text.
func placesOf(text string) places {
	s := scanner{places: places{}, table: "#0", counts: map[string]int{}}
	for line := range strings.SplitSeq(text, "\n") {
		s.number++
		if s.depth == 0 && s.quote == "" {
			line = s.head(line)
		}
		s.skim(line)
	}
	return s.places
}

// scanner is the state between two lines.
type scanner struct {
	places
	number int
	table  string         // "exclude#1": where keys belong
	counts map[string]int // tables by name, so far
	key    string         // whose value is read
	items  int            // elements of its array, so far
	depth  int            // of brackets
	quote  string         // the quotes that end the text that is read
}

// head notes a table or key that begins on the line, and gives the rest of it.
func (s *scanner) head(line string) string {
	trimmed := strings.TrimSpace(line)
	if bare, ok := strings.CutPrefix(trimmed, "["); ok {
		name := strings.Trim(strings.SplitN(bare, "]", 2)[0], "[ \t")
		s.table = name + "#0"
		if strings.HasPrefix(bare, "[") {
			s.table = name + "#" + strconv.Itoa(s.counts[name])
			s.counts[name]++
		}
		s.places[s.table] = s.number
		return ""
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok || strings.HasPrefix(trimmed, "#") {
		return ""
	}
	s.key, s.items = s.table+"."+strings.Trim(strings.TrimSpace(key), `"'`), 0
	s.places[s.key] = s.number
	return value
}

// skim counts brackets and the texts of an array, and keeps track of quotes.
func (s *scanner) skim(line string) {
	for len(line) > 0 {
		if s.quote != "" {
			line = s.within(line)
			continue
		}
		c := line[0]
		switch {
		case strings.HasPrefix(line, `"""`), strings.HasPrefix(line, "'''"):
			s.open(line[:3])
			line = line[3:]
			continue
		case c == '"', c == '\'':
			s.open(line[:1])
		case c == '[', c == '{':
			s.depth++
		case c == ']', c == '}':
			s.depth = max(s.depth-1, 0)
		case c == '#':
			return
		}
		line = line[1:]
	}
	if len(s.quote) == 1 { // a text of one line that does not end: the library says so
		s.quote = ""
	}
}

// open begins a text; directly in an array, it is its next element.
func (s *scanner) open(quote string) {
	s.quote = quote
	if s.depth == 1 {
		s.places[s.key+"["+strconv.Itoa(s.items)+"]"] = s.number
		s.items++
	}
}

// within is what follows a text's next character, or its end.
func (s *scanner) within(line string) string {
	switch {
	case strings.HasPrefix(line, s.quote):
		line = line[len(s.quote):]
		s.quote = ""
		return line
	case line[0] == '\\' && s.quote[0] == '"' && len(line) > 1:
		return line[2:]
	}
	return line[1:]
}
