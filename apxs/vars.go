package apxs

import "strings"

// Vars are the variables of a config_vars.mk as they stand there, not expanded.
type Vars map[string]string

// ParseVars reads a config_vars.mk: lines "NAME = value", of which the last for
// a name counts, as it does for apxs. Other lines mean nothing.
func ParseVars(text string) Vars {
	v := Vars{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if ok && isName(name) {
			v[name] = strings.TrimSpace(value)
		}
	}
	return v
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if !(c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return s != ""
}

// maxExpanded bounds the length of a value: references that double each other
// could otherwise fill the memory.
const maxExpanded = 64 << 10

// Get is the value of name with $(x) and ${x} expanded. unknown lists what was
// referred to and is not there, refers to itself, or grew too long: such a
// reference is kept as it was written. ok is false if there is no such name.
func (v Vars) Get(name string) (value string, unknown []string, ok bool) {
	raw, ok := v[name]
	if !ok {
		return "", nil, false
	}
	x := expander{vars: v, busy: map[string]bool{name: true}}
	return x.expand(raw), x.unknown, true
}

type expander struct {
	vars    Vars
	busy    map[string]bool // names on the way to here: one more time is a cycle
	unknown []string
	size    int // bytes made so far
}

func (x *expander) expand(s string) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(s[:i])
		s = s[i:]
		name, length := reference(s)
		if length == 0 { // "$x", "$$" or an open bracket: not ours to expand
			out.WriteString(s[:1])
			s = s[1:]
			continue
		}
		out.WriteString(x.value(name, s[:length]))
		s = s[length:]
	}
}

// value is what the reference to name, written as ref, stands for.
func (x *expander) value(name, ref string) string {
	raw, ok := x.vars[name]
	x.size += len(raw)
	if !ok || x.busy[name] || x.size > maxExpanded {
		x.unknown = append(x.unknown, name)
		return ref
	}
	x.busy[name] = true
	defer delete(x.busy, name)
	return x.expand(raw)
}

// reference reads "$(name)" or "${name}" at the start of s. The length is 0 if
// there is none.
func reference(s string) (name string, length int) {
	if len(s) < 4 {
		return "", 0
	}
	end := map[byte]string{'(': ")", '{': "}"}[s[1]]
	if end == "" {
		return "", 0
	}
	name, _, ok := strings.Cut(s[2:], end)
	if !ok || !isName(name) {
		return "", 0
	}
	return name, len(name) + 3
}
