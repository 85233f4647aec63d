package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"modwsgi/expressgen"
	"modwsgi/internal/cli"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// auditCommand is audit.
type auditCommand struct {
	JSON     bool   `name:"json" help:"Print everything as one JSON object."`
	NoImport bool   `help:"Only read the files; otherwise each module is imported as well, in a process of its own for each kind of interpreter."`
	Venv     string `arg:"" optional:"" name:"venv" help:"The folder of a virtual environment or an installation, or the path of its interpreter."`
}

func auditGrammar() grammar {
	return grammar{positionals: 1, options: []option{{Option: expressgen.Option{Name: "json"}}, {Option: expressgen.Option{Name: "no-import"}}}}
}

func (c *auditCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	if c.Venv == "" {
		return hint.Exit(errors.New("no virtual environment was given"), hint.Usage)
	}
	audit, err := pybuild.Inspect(a.ctx, a.r, c.Venv, !c.NoImport)
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.JSON(os.Stdout, audit)
	}
	return printAudit(os.Stdout, audit)
}

// printAudit writes a table with one line for the modules of a package of which
// the same is to be said, and then what to do.
func printAudit(out io.Writer, audit pybuild.Audit) error {
	type row struct {
		modules []string
		rest    string
	}
	var rows []*row
	known := map[string]*row{}
	for _, m := range audit.Modules {
		top, _, _ := strings.Cut(m.Module, ".")
		rest := strings.Join(cells(audit, m), "\t")
		r := known[top+"\t"+rest]
		if r == nil {
			r = &row{rest: rest}
			known[top+"\t"+rest] = r
			rows = append(rows, r)
		}
		r.modules = append(r.modules, m.Module)
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if len(rows) > 0 {
		fmt.Fprintf(table, "extension module\tinitialised\tinterpreters\tGIL\t%s\n", strings.Join(heads(audit), "\t"))
	}
	for _, r := range rows {
		name := r.modules[0]
		if n := len(r.modules) - 1; n > 0 {
			name = fmt.Sprintf("%s and %d more", name, n)
		}
		fmt.Fprintf(table, "%s\t%s\n", name, r.rest)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	kind := ""
	if audit.Free {
		kind = ", built without the GIL"
	}
	_, err := fmt.Fprintf(out, "\nPython %s%s, %d extension modules.\n%s\n", audit.Version, kind, len(audit.Modules), audit.Best.Sentence)
	return err
}

// heads are those of the columns of imports.
func heads(audit pybuild.Audit) []string {
	switch {
	case !audit.Imported:
		return nil
	case audit.Free:
		return []string{"main", "sub-interpreter", "without a GIL"}
	}
	return []string{"main", "sub-interpreter", "own GIL"}
}

// cells are the columns of one module.
func cells(audit pybuild.Audit, m pybuild.Extension) []string {
	list := []string{m.Declares.Init, m.Declares.Interpreters, m.Declares.GIL}
	if !audit.Imported {
		return list
	}
	last := m.Imports.Own
	if audit.Free {
		last = m.Imports.Free
	}
	for _, said := range []string{m.Imports.Main, m.Imports.Shared, last} {
		kind, _, _ := strings.Cut(said, ":")
		if kind == "" {
			kind = "-"
		}
		list = append(list, kind)
	}
	return list
}
