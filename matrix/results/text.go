package results

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text is the report for a terminal or a log: the table, what is wrong with each
// bad cell, and the counts. Its last line is Line.
func (rep Report) Text() string {
	var b strings.Builder
	for _, line := range rep.table() {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n" + rep.legend() + "\n\n")
	for _, r := range rep.Results {
		if r.Status != Pass || r.Flaky {
			fmt.Fprintf(&b, "%s  %s: %s\n", r.ID, r.Word(), clean(r.Complaint()))
		}
		if advice := r.advice(); advice != "" {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(clean(advice), "\n", "\n    "))
		}
		if r.Status.Bad() && r.Repro != "" {
			fmt.Fprintf(&b, "    %s\n", r.Repro)
		}
	}
	fmt.Fprintf(&b, "%s\n%s\n", rep.Counts(), rep.Line())
	return b.String()
}

// table is the grid as lines: a letter and the seconds for each cell.
func (rep Report) table() []string {
	g := newGrid(rep)
	head := []string{""}
	for _, c := range g.columns {
		head = append(head, c.MPM+" "+c.Mode)
	}
	rows := [][]string{head}
	for _, r := range g.rows {
		line := []string{strings.TrimSpace(r.Python + " " + r.More)}
		for _, e := range r.Cells {
			line = append(line, e.short())
		}
		rows = append(rows, line)
	}
	return align(rows)
}

// short is what a table without room says of a cell.
func (e *entry) short() string {
	switch {
	case e == nil:
		return ""
	case e.Result == nil:
		return "-"
	case e.Result.Status == Skip:
		return Skip.Letter()
	case e.Result.Flaky:
		return fmt.Sprintf("%s* %.1f", e.Result.Status.Letter(), e.Result.Seconds())
	}
	return fmt.Sprintf("%s %.1f", e.Result.Status.Letter(), e.Result.Seconds())
}

// legend says what the letters are, of which there are some.
func (rep Report) legend() string {
	var parts []string
	for _, s := range Statuses() {
		if rep.Count(s) > 0 {
			parts = append(parts, s.Letter()+" "+string(s))
		}
	}
	if len(rep.flaky()) > 0 {
		parts = append(parts, "* flaky")
	}
	if len(rep.Pending) > 0 {
		parts = append(parts, "- not run yet")
	}
	return strings.Join(append(parts, "seconds"), ", ")
}

// align makes the columns of rows equally wide.
func align(rows [][]string) []string {
	var widths []int
	for _, r := range rows {
		for i, text := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	var lines []string
	for _, r := range rows {
		var b strings.Builder
		for i, text := range r {
			b.WriteString(text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+2))
		}
		lines = append(lines, b.String())
	}
	return lines
}

// clean is text without what moves the cursor or colours a terminal.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if c != '\n' && c != '\t' && (c < ' ' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069) {
			return '�'
		}
		return c
	}, text)
}

func cleanAll(list []string) []string {
	list = slices.Clone(list)
	for i := range list {
		list[i] = clean(list[i])
	}
	return list
}
