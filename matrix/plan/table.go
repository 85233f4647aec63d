package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table writes the cells for people: a line each, with what is known of it before
// it is run, and their counts.
func (p *Plan) Table(w io.Writer) error {
	width := 0
	for _, c := range p.Cells {
		width = max(width, len(c.ID))
	}
	for _, c := range p.Cells {
		line := fmt.Sprintf("%-*s  %s", width, c.ID, strings.Join(c.marks(), ", "))
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", p.Counts())
	return err
}

// marks are what is to be known of a cell.
func (c Planned) marks() []string {
	var list []string
	if c.Skip != "" {
		list = append(list, "skip: "+string(c.Skip))
	}
	if c.Xfail != nil {
		list = append(list, fmt.Sprintf("xfail: %s (%s)", c.Xfail.Reason, c.Xfail.Issue))
	}
	if c.Require {
		list = append(list, "required")
	}
	return list
}

// Counts is a line that counts the cells: "30 cells, 4 skipped (interpreter
// missing 4), 1 xfail, 2 required; 9 builds".
func (p *Plan) Counts() string {
	reasons := map[Reason]int{}
	skipped, xfail, required := 0, 0, 0
	for _, c := range p.Cells {
		if c.Skip != "" {
			skipped++
			reasons[c.Skip]++
		}
		if c.Xfail != nil {
			xfail++
		}
		if c.Require {
			required++
		}
	}
	text := count(len(p.Cells), "cell")
	if skipped > 0 {
		var why []string
		for _, r := range slices.DeleteFunc(Reasons(), func(r Reason) bool { return reasons[r] == 0 }) {
			why = append(why, fmt.Sprintf("%s %d", r, reasons[r]))
		}
		text += fmt.Sprintf(", %d skipped (%s)", skipped, strings.Join(why, ", "))
	}
	if xfail > 0 {
		text += fmt.Sprintf(", %d xfail", xfail)
	}
	if required > 0 {
		text += fmt.Sprintf(", %d required", required)
	}
	return text + "; " + count(len(p.Builds), "build")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
