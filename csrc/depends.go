package csrc

import (
	"errors"
	"strings"
)

// parseDepends reads the make rule that a compiler writes by -MMD and returns
// its prerequisites in the order given: the source and each header it read. A
// blank or a number sign in a name is escaped by a backslash, a dollar sign is
// doubled, lines go on after a backslash; any other backslash is part of a
// name.
func parseDepends(rule string) ([]string, error) {
	rest, ok := afterTarget(rule)
	if !ok {
		return nil, errors.New("no rule in the compiler's list of headers")
	}
	var (
		names []string
		name  strings.Builder
	)
	end := func() {
		if name.Len() > 0 {
			names = append(names, name.String())
			name.Reset()
		}
	}
	for i := 0; i < len(rest); i++ {
		next := byte(0)
		if i+1 < len(rest) {
			next = rest[i+1]
		}
		switch c := rest[i]; {
		case c == '\n':
			end()
			return names, nil // one rule; -MP would add more
		case c == ' ' || c == '\t' || c == '\r':
			end()
		case c == '\\' && next == '\n':
			end()
			i++
		case c == '\\' && (next == ' ' || next == '#' || next == '\t'), c == '$' && next == '$':
			name.WriteByte(next)
			i++
		default:
			name.WriteByte(c)
		}
	}
	end()
	return names, nil
}

// afterTarget cuts off the target: up to a colon with a blank behind it.
func afterTarget(rule string) (string, bool) {
	for i := 0; i+1 < len(rule); i++ {
		if rule[i] == ':' && strings.IndexByte(" \t\n\\", rule[i+1]) >= 0 {
			return rule[i+1:], true
		}
	}
	return "", false
}
