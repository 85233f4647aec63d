package results

import (
	"fmt"
	"strings"
)

// maxSummary is how long a summary may be: what GitHub takes of one.
const maxSummary = 1 << 20

// Markdown is the report for a page of a CI service: the table, and what is wrong
// with each bad cell, folded. It leaves room bytes of what such a page may have;
// what does not fit is counted.
func (rep Report) Markdown(room int) string {
	limit := maxSummary - room - 200 // of the last line
	var b strings.Builder
	fmt.Fprintf(&b, "## Matrix: %s\n\n%s\n\n", rep.Line(), rep.Counts())
	if table := rep.markdownTable(); b.Len()+len(table) <= limit {
		b.WriteString(table)
	} else {
		b.WriteString("The table has no room here: it is in report.html.\n")
	}
	left := 0
	for _, r := range rep.Results {
		part := r.markdown()
		if b.Len()+len(part) > limit {
			left++
			continue
		}
		b.WriteString(part)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%d more have no room here: they are in report.html.\n", left)
	}
	if b.Len() > maxSummary-room {
		return ""
	}
	return b.String()
}

func (rep Report) markdownTable() string {
	g := newGrid(rep)
	var b strings.Builder
	b.WriteString("| |")
	for _, c := range g.columns {
		b.WriteString(" " + escape(c.MPM+" "+c.Mode) + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(g.columns)) + "\n")
	for _, r := range g.rows {
		b.WriteString("| " + escape(strings.TrimSpace(r.Python+" "+r.More)) + " |")
		for _, e := range r.Cells {
			b.WriteString(" " + e.markdown() + " |")
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}

// markdown is the cell of the table: the word, so that nobody has to know a sign.
func (e *entry) markdown() string {
	switch {
	case e == nil:
		return ""
	case e.Result == nil:
		return "–"
	}
	word := e.Result.Word()
	if e.Result.Status.Bad() {
		word = "**" + word + "**"
	}
	if e.Result.Status == Skip {
		return word
	}
	return fmt.Sprintf("%s %.1f s", word, e.Result.Seconds())
}

// markdown is what is told of a cell below the table: of a bad one all but its
// whole log, of others why they did not simply pass.
func (r Result) markdown() string {
	switch {
	case r.Status.Bad():
		r.Log = tail(r.Log, 4<<10)
		text := clean(cut(r.story(), 32<<10))
		fence := strings.Repeat("`", max(3, longest(text, '`')+1))
		return fmt.Sprintf("\n<details><summary><code>%s</code> <b>%s</b>: %s</summary>\n\n%s\n%s\n%s\n\n</details>\n",
			escape(r.ID), r.Status, escape(cut(r.Complaint(), 300)), fence, strings.TrimRight(text, "\n"), fence)
	case r.Status != Pass || r.Flaky:
		return fmt.Sprintf("\n- `%s` %s: %s\n", r.ID, r.Word(), escape(cut(r.Complaint(), 300)))
	}
	return ""
}

// longest is the length of the longest run of c in text.
func longest(text string, c rune) int {
	most, n := 0, 0
	for _, is := range text {
		n++
		if is != c {
			n = 0
		}
		most = max(most, n)
	}
	return most
}

// escape is text that means nothing in Markdown, nor in HTML inside it.
func escape(text string) string {
	var b strings.Builder
	for _, c := range oneLine(clean(text)) {
		if strings.ContainsRune("&<>\"'\\`*_{}[]()#+!|~@$:", c) { // with the colon no address becomes a link
			fmt.Fprintf(&b, "&#%d;", c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}
