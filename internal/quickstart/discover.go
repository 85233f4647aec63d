package quickstart

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// discovery is every Apache and Python of a machine, as JSON has it.
type discovery struct {
	Schema  int                 `json:"schema"`
	Apaches []apxs.Candidate    `json:"apaches"`
	Pythons []pybuild.Candidate `json:"pythons"`
}

// Discover lists every Apache and Python of this machine: as a table, or as one
// JSON document where MODWSGI_OUTPUT=json asks for it (rule T-5).
func Discover(ctx context.Context, w io.Writer) error {
	r := &run.Runner{}
	d := discovery{Schema: 1, Apaches: apxs.Candidates(ctx, r), Pythons: pybuild.Candidates(ctx, r)}
	if r.Getenv("MODWSGI_OUTPUT") == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	return d.print(w)
}

// print writes the table. Of those that are not usable it says why below.
func (d discovery) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Apache\tMPM\tmodules in\tto choose it")
	for _, a := range d.Apaches {
		if a.Usable && a.Info != nil {
			fmt.Fprintf(t, "httpd %s\t%s\t%s\t%s\n", a.Info.Version, a.Info.MPM, a.Info.ModulesDir, a.Select)
		}
	}
	fmt.Fprintln(t, "\nPython\tABI\tlibrary\tto choose it")
	for _, p := range d.Pythons {
		if p.Usable && p.Info != nil {
			fmt.Fprintf(t, "CPython %s\t%s\t%s\t%s\n", p.Info.Version, p.Info.ABI.ID(), p.Info.SONAME, p.Select)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return d.printUnusable(w)
}

func (d discovery) printUnusable(w io.Writer) error {
	var b strings.Builder
	for _, a := range d.Apaches {
		if !a.Usable {
			fmt.Fprintf(&b, "  %s: %s\n", first(a.Apxs, a.Httpd), a.Why)
		}
	}
	for _, p := range d.Pythons {
		if !p.Usable {
			fmt.Fprintf(&b, "  %s: %s\n", p.Executable, p.Why)
		}
	}
	if b.Len() > 0 {
		fmt.Fprintf(w, "\nNot usable\n%s", b.String())
	}
	_, err := fmt.Fprintf(w, "\nThe first of each is taken when none is named; PYTHON may also be a version, as PYTHON=3.12 or PYTHON=3.13t.\n")
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
