package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"modwsgi/docs"
	"modwsgi/expressgen"
	"modwsgi/installer/doctor"
	"modwsgi/internal/distro"
)

type explainCommand struct {
	JSON bool   `name:"json" help:"Print one JSON document."`
	File string `arg:"" optional:"" default:"-" help:"A build output or error log; - is the standard input."`
}

func explainGrammar() grammar {
	return grammar{positionals: 1, options: []option{{Option: expressgen.Option{Name: "json"}}}}
}

// Run says what the text of a file means, most of all its first error.
func (c *explainCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	from := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	found, err := doctor.Explain(from, distro.Here(), doctor.Messages(docs.Messages))
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Schema   int              `json:"schema"`
			Findings []doctor.Finding `json:"findings"`
		}{1, found})
	}
	for i, f := range found {
		if i > 0 {
			fmt.Println()
		}
		fmt.Printf("%s  %s\n", f.Code, f.Cause)
		for _, fix := range f.Fix {
			fmt.Printf("  fix:  %s\n", fix)
		}
		fmt.Printf("  line %d%s: %s\n", f.At, times(f.Times), f.Line)
	}
	return nil
}

func times(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n-1)
}
