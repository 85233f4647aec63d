package plan

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// maxID bounds an id (rule M-3).
const maxID = 80

// ID names a cell: Python, MPM and mode, then what the plan varies and is not the
// default (rule M-3). Two cells of a plan have different ids. One that would be
// too long ends in a part of its sum.
func (p *Plan) ID(c Cell) string { return idOf(c, p.Varies) }

func idOf(c Cell, varies []Axis) string {
	parts := []string{c.Python, c.MPM, c.Mode}
	for _, a := range varies {
		if v := *c.at(a); v != "" {
			parts = append(parts, v)
		}
	}
	id := strings.Join(parts, "/")
	if len(id) <= maxID {
		return id
	}
	tail := fmt.Sprintf("-%.8x", sha256.Sum256([]byte(id)))
	return id[:maxID-len(tail)] + tail
}

// varied are the further axes of which cells have more than one value. Another
// system's Apache is told by its provider.
func varied(cells []Cell) []Axis {
	var list []Axis
	for _, a := range Axes()[3:] {
		first, several := "", false
		for i, c := range cells {
			v := *c.at(a)
			switch {
			case a == Apache && v == "":
			case first == "" && (a == Apache || i == 0):
				first = v
			case v != first:
				several = true
			}
		}
		if several {
			list = append(list, a)
		}
	}
	return list
}

// idText is the set of characters of which ids are made, and of whatever is put
// into the files and command lines of a CI engine (rule E-4).
const idText = "abcdefghijklmnopqrstuvwxyz0123456789._+-"

// name makes text the value of an axis: lower-case, of the characters of ids.
func name(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(idText, r) {
			return r
		}
		return '-'
	}, strings.ToLower(text)), "-")
}

// isID tells whether text can be an id.
func isID(text string) bool {
	return len(text) > 0 && len(text) <= maxID && text[0] != '-' && strings.Trim(text, idText+"/") == ""
}
