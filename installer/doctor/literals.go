package doctor

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
)

// lateExpression is one that is compiled when it is first wanted: most commands
// read no text, and to compile all took longer than the rest of their start.
type lateExpression func() expression

// expression is a regular one that is tried only on lines which can match: logs are
// long, and nearly all of their lines are of no interest to most patterns.
type expression struct {
	*regexp.Regexp
	literals []string // a match has one of these in it; nil: not known
}

func compile(text string) lateExpression {
	return sync.OnceValue(func() expression {
		e := expression{Regexp: regexp.MustCompile(text)}
		if tree, err := syntax.Parse(text, syntax.Perl); err == nil {
			e.literals = literals(tree.Simplify())
		}
		return e
	})
}

// find is FindStringSubmatch.
func (e expression) find(line string) []string {
	if e.literals != nil && !slices.ContainsFunc(e.literals, func(l string) bool { return strings.Contains(line, l) }) {
		return nil
	}
	return e.FindStringSubmatch(line)
}

// literals are texts of which every match of an expression has one; nil where
// there are none.
func literals(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(re.Sub[0])
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if list := literals(sub); shortest(list) > shortest(best) {
				best = list
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			list := literals(sub)
			if list == nil {
				return nil
			}
			all = append(all, list...)
		}
		return all
	}
	return nil
}

// shortest is the length of the shortest of a list, 0 without one: the longer,
// the fewer lines have it by chance.
func shortest(list []string) int {
	if len(list) == 0 {
		return 0
	}
	return len(slices.MinFunc(list, func(a, b string) int { return len(a) - len(b) }))
}
