package verbs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/words"
	"modwsgi/pybuild"
)

// discovery is every Apache and Python of a machine, as JSON has it.
type discovery struct {
	Schema  int                 `json:"schema"`
	Apaches []apxs.Candidate    `json:"apaches,omitempty"`
	Pythons []pybuild.Candidate `json:"pythons,omitempty"`
	Notes   []string            `json:"notes,omitempty"` // on usable Apaches

	none strings.Builder // what was looked for, and nothing is usable
}

// Discover lists every Apache and Python of this machine: as a table, or as one
// JSON document where MODWSGI_OUTPUT=json asks for it (rule T-5).
func Discover(ctx context.Context, j *Job) error {
	d := &discovery{Schema: 1}
	d.apaches(ctx, j)
	d.pythons(ctx, j)
	return j.Print(d, d.print)
}

// Apaches lists every Apache of this machine.
func Apaches(ctx context.Context, j *Job) error {
	d := &discovery{Schema: 1}
	d.apaches(ctx, j)
	return j.Print(d, d.print)
}

// Pythons lists every Python of this machine.
func Pythons(ctx context.Context, j *Job) error {
	d := &discovery{Schema: 1}
	d.pythons(ctx, j)
	return j.Print(d, d.print)
}

func (d *discovery) apaches(ctx context.Context, j *Job) {
	d.Apaches = apxs.Candidates(ctx, j.R)
	d.Notes = apacheNotes(d.Apaches, apxs.Others(j.R, d.Apaches))
	if !slices.ContainsFunc(d.Apaches, func(c apxs.Candidate) bool { return c.Usable }) {
		var err error
		if len(d.Apaches) == 0 {
			_, err = apxs.Find(ctx, j.R, "") // it asks all of them again
		}
		d.lacks("Apache", len(d.Apaches), err)
	}
}

func (d *discovery) pythons(ctx context.Context, j *Job) {
	d.Pythons = pybuild.Candidates(ctx, j.R)
	if !slices.ContainsFunc(d.Pythons, func(c pybuild.Candidate) bool { return c.Usable }) {
		var err error
		if len(d.Pythons) == 0 {
			_, err = pybuild.Find(ctx, j.R, "") // it asks all of them again
		}
		d.lacks("Python", len(d.Pythons), err)
	}
}

// lacks notes that there is nothing to build for: what was come across says why
// itself, and where there was nothing err has the advice.
func (d *discovery) lacks(what string, seen int, err error) {
	fmt.Fprintf(&d.none, "\nNo %s here can be built for.\n", what)
	if seen == 0 && err != nil {
		fold(&d.none, "  ", "  ", hint.Of(err))
	}
}

// width is that of a terminal in which the table is read. What has to be pasted
// is never broken, so a line with a long path may be longer.
const width = 120

// print writes the table: first what can be built for, then sentences about it,
// then what cannot and why.
func (d *discovery) print(w io.Writer) error {
	var b strings.Builder
	var notes footnotes
	for _, rows := range [][][]string{apacheRows(d.Apaches), pythonRows(d.Pythons, &notes)} {
		if len(rows) > 1 {
			if err := table(&b, rows); err != nil {
				return err
			}
		}
	}
	b.WriteString(d.none.String())
	if strings.Contains(b.String(), "\n"+mark[true]) || len(notes) > 0 {
		fmt.Fprintln(&b)
	}
	if strings.Contains(b.String(), "\n"+mark[true]) {
		fmt.Fprintln(&b, "*   taken when none is named")
	}
	notes.print(&b)
	if len(d.Notes) > 0 {
		b.WriteString("\nNotes\n")
		for _, note := range d.Notes {
			fold(&b, "  ", "    ", note)
		}
	}
	var rest strings.Builder
	apachesLost(&rest, d.Apaches)
	pythonsLost(&rest, d.Pythons)
	if rest.Len() > 0 {
		b.WriteString("\nNot usable\n" + rest.String())
	}
	fmt.Fprintln(&b)
	fold(&b, "", "", "APXS and PYTHON are variables. -apxs= and -python= of a Mage target, --apxs and --python of mod_wsgi-express, and apxs and python in modwsgi.toml say the same. "+
		"PYTHON may also be a version: PYTHON=3.12, PYTHON=3.13t.")
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// table writes rows in columns, the first row as their heads, with a line before
// them.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// mark is what stands before the one that is taken when none is named.
var mark = map[bool]string{true: "* ", false: "  "}

// pythonRows are the lines of the table for Pythons that can be built for, below
// a head. What is to be known of several is said once.
func pythonRows(list []pybuild.Candidate, notes *footnotes) [][]string {
	rows := [][]string{{"  Python", "ABI", "found by", "library", "notes", "to choose it"}}
	for _, p := range list {
		if !p.Usable || p.Info == nil {
			continue
		}
		about := slices.Clone(p.Notes)
		if p.Of != "" {
			about = append(about, "an environment of "+words.Quote(p.Of))
		}
		rows = append(rows, []string{mark[p.Default] + p.Info.Version, p.Info.ABI.ID(), p.Source, p.Info.SONAME, notes.numbers(about), p.Select})
	}
	return rows
}

// pythonsLost writes why the others cannot.
func pythonsLost(w io.Writer, list []pybuild.Candidate) {
	for _, p := range list {
		if !p.Usable {
			lost(w, fmt.Sprintf("%s (%s): %s", p.Executable, p.Source, p.Why), p.Advice)
		}
	}
}

// lost writes why one is not usable, and what to do about it.
func lost(w io.Writer, why, advice string) {
	fold(w, "  ", "    ", why)
	if advice != "" {
		fold(w, "    ", "    ", advice)
	}
}

// footnotes are sentences that rows of the table refer to by number.
type footnotes []string

// numbers are those of some sentences: "1,3".
func (n *footnotes) numbers(texts []string) string {
	var list []string
	for _, text := range texts {
		i := slices.Index(*n, text)
		if i < 0 {
			i = len(*n)
			*n = append(*n, text)
		}
		list = append(list, strconv.Itoa(i+1))
	}
	return strings.Join(list, ",")
}

func (n *footnotes) print(w io.Writer) {
	for i, text := range *n {
		fold(w, fmt.Sprintf("%-4d", i+1), "    ", text)
	}
}

// fold writes text in lines of at most width, broken between words; those it has
// itself stay. The first begins with first, the others with next.
func fold(w io.Writer, first, next, text string) {
	begin := first
	for part := range strings.SplitSeq(text, "\n") {
		line := begin
		for i, word := range strings.Split(part, " ") {
			switch {
			case i == 0:
				line += word
			case len(line)+1+len(word) > width:
				fmt.Fprintln(w, line)
				line = next + word
			default:
				line += " " + word
			}
		}
		fmt.Fprintln(w, line)
		begin = next
	}
}
