package results

import (
	"cmp"
	"slices"
	"strings"

	"modwsgi/matrix/plan"
)

// grid is the table of every report: Pythons down, MPMs and modes across. Axes
// that a plan varies besides make lines of their own below the Python.
type grid struct {
	columns []column
	rows    []row
}

type column struct{ MPM, Mode string }

type row struct {
	Python string // "3.13t"
	More   string // the other axes, as in the ids
	Cells  []*entry
}

// entry is one cell of the plan: with its result, or none yet.
type entry struct {
	ID     string
	Axes   plan.Cell
	Result *Result
}

// newGrid arranges the cells in the order in which the plan has their Pythons,
// MPMs and modes.
func newGrid(rep Report) grid {
	var g grid
	results := map[string]*Result{}
	for i := range rep.Results {
		results[rep.Results[i].ID] = &rep.Results[i]
	}
	at := map[[2]string]int{} // of a row, by what names it
	for _, c := range rep.Plan.Cells {
		if col := (column{c.Cell.MPM, c.Cell.Mode}); !slices.Contains(g.columns, col) {
			g.columns = append(g.columns, col)
		}
	}
	slices.SortStableFunc(g.columns, func(a, b column) int {
		return cmp.Or(rank(a.MPM, plan.MPM)-rank(b.MPM, plan.MPM), cmp.Compare(a.MPM, b.MPM), rank(a.Mode, plan.Mode)-rank(b.Mode, plan.Mode), cmp.Compare(a.Mode, b.Mode))
	})
	for _, c := range rep.Plan.Cells {
		col := slices.Index(g.columns, column{c.Cell.MPM, c.Cell.Mode})
		key := [2]string{c.Cell.Python, further(c.ID)}
		n, ok := at[key]
		for ok && g.rows[n].Cells[col] != nil { // two cells that differ in nothing that is shown
			key[1] += " "
			n, ok = at[key]
		}
		if !ok {
			n = len(g.rows)
			at[key] = n
			g.rows = append(g.rows, row{Python: strings.TrimPrefix(key[0], "py"), More: strings.TrimSpace(key[1]), Cells: make([]*entry, len(g.columns))})
		}
		g.rows[n].Cells[col] = &entry{c.ID, c.Cell, results[c.ID]}
	}
	slices.SortStableFunc(g.rows, func(a, b row) int {
		return cmp.Or(byVersion(a.Python, b.Python), len(a.More)-len(b.More), cmp.Compare(a.More, b.More))
	})
	return g
}

// rank is where a value stands in the order of its axis; behind it if it does not.
func rank(value string, a plan.Axis) int {
	values := plan.Closed(a)
	if i := slices.Index(values, value); i >= 0 {
		return i
	}
	return len(values)
}

// further are the axes of an id behind Python, MPM and mode.
func further(id string) string {
	parts := strings.SplitN(id, "/", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}

// byVersion puts 3.9 before 3.13, and 3.13 before 3.13t.
func byVersion(a, b string) int {
	for a != "" && b != "" {
		na, ra := number(a)
		nb, rb := number(b)
		if na != "" && nb != "" {
			if d := cmp.Or(len(na)-len(nb), cmp.Compare(na, nb)); d != 0 {
				return d
			}
			a, b = ra, rb
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// number is the number that text begins with, without leading zeros, and the
// rest.
func number(text string) (digits, rest string) {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	if n == 0 {
		return "", text
	}
	digits = strings.TrimLeft(text[:n], "0")
	if digits == "" {
		digits = "0"
	}
	return digits, text[n:]
}
