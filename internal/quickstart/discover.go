package quickstart

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"modwsgi/apxs"
	"modwsgi/internal/verbs"
	"modwsgi/pybuild"
)

// discovery is every Apache and Python of a machine, as JSON has it.
type discovery struct {
	Schema  int                 `json:"schema"`
	Apaches []apxs.Candidate    `json:"apaches,omitempty"`
	Pythons []pybuild.Candidate `json:"pythons,omitempty"`
	Notes   []string            `json:"notes,omitempty"` // on usable ones
}

// Discover lists every Apache and Python of this machine: as a table, or as one
// JSON document where MODWSGI_OUTPUT=json asks for it (rule T-5).
func Discover(ctx context.Context, j *verbs.Job) error {
	d := apaches(ctx, j)
	d.Pythons = pybuild.Candidates(ctx, j.R)
	return j.Print(d, d.print)
}

// Apaches lists every Apache of this machine.
func Apaches(ctx context.Context, j *verbs.Job) error {
	d := apaches(ctx, j)
	return j.Print(d, d.print)
}

// apaches is the discovery of Apaches alone.
func apaches(ctx context.Context, j *verbs.Job) discovery {
	list := apxs.Candidates(ctx, j.R)
	return discovery{Schema: 1, Apaches: list, Notes: apacheNotes(list, apxs.Others(j.R, list))}
}

// Pythons lists every Python of this machine.
func Pythons(ctx context.Context, j *verbs.Job) error {
	d := discovery{Schema: 1, Pythons: pybuild.Candidates(ctx, j.R)}
	return j.Print(d, d.print)
}

// print writes the table. Of those that are not usable it says why below.
func (d discovery) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if d.Apaches != nil {
		apacheRows(t, d.Apaches)
	}
	if d.Apaches != nil && d.Pythons != nil {
		fmt.Fprintln(t)
	}
	if d.Pythons != nil {
		fmt.Fprintln(t, "Python\tABI\tfound by\tlibrary\tto choose it")
	}
	for _, p := range d.Pythons {
		if p.Usable && p.Info != nil {
			fmt.Fprintf(t, "CPython %s\t%s\t%s\t%s\t%s\n", p.Info.Version, p.Info.ABI.ID(), p.Source, p.Info.SONAME, p.Select+remark(p))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(d.Notes) > 0 {
		fmt.Fprintf(w, "\nNotes\n  %s\n", strings.Join(d.Notes, "\n  "))
	}
	return d.printUnusable(w)
}

// remark is what is to be known of a usable Python besides.
func remark(p pybuild.Candidate) string {
	var list []string
	if p.Default {
		list = append(list, "taken when none is named")
	}
	if p.Of != "" {
		list = append(list, "an environment of "+p.Of)
	}
	if len(list) == 0 {
		return ""
	}
	return "  (" + strings.Join(list, "; ") + ")"
}

func (d discovery) printUnusable(w io.Writer) error {
	var b strings.Builder
	apachesLost(&b, d.Apaches)
	for _, p := range d.Pythons {
		if !p.Usable {
			fmt.Fprintf(&b, "  %s (%s): %s\n", p.Executable, p.Source, p.Why)
		}
	}
	if b.Len() > 0 {
		fmt.Fprintf(w, "\nNot usable\n%s", b.String())
	}
	_, err := fmt.Fprintf(w, "\nWhen none is named the first Apache is taken, and the Python marked so; PYTHON may also be a version, as PYTHON=3.12 or PYTHON=3.13t.\n")
	return err
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return "?"
}
