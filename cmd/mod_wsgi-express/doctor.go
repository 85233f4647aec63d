package main

import (
	"encoding/json"
	"fmt"
	"os"

	"modwsgi/expressgen"
	"modwsgi/installer/doctor"
)

type doctorCommand struct {
	Apxs   string `placeholder:"PATH" help:"The apxs of the Apache to look at; found otherwise."`
	Python string `placeholder:"PATH" help:"The Python to look at; found otherwise."`
	JSON   bool   `name:"json" help:"Print one JSON document."`
}

func doctorGrammar() grammar {
	g := simpleGrammar("apxs", "python")
	g.options = append(g.options, option{Option: expressgen.Option{Name: "json"}})
	return g
}

// Run looks at this machine. Nothing on it changes.
func (c *doctorCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	m := doctor.Examine(a.ctx, a.r, c.Apxs, c.Python)
	results := doctor.Diagnose(m)
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(struct {
			Schema  int             `json:"schema"`
			System  string          `json:"system"`
			Results []doctor.Result `json:"results"`
		}{1, m.System.Name, append([]doctor.Result{}, results...)}); err != nil {
			return err
		}
		return doctor.Unhealthy(results)
	}
	fmt.Println(looked(m))
	for _, r := range results {
		fmt.Printf("\n%s  %s: %s\n  so:   %s\n", r.Code, r.Level, r.Saw, r.Why)
		for _, fix := range r.Fix {
			fmt.Printf("  fix:  %s\n", fix)
		}
	}
	if len(results) == 0 {
		fmt.Println("Nothing is wrong with it.")
	}
	return doctor.Unhealthy(results)
}

// looked is a line about what was looked at.
func looked(m doctor.Machine) string {
	text := "Looked at " + m.System.Name
	if m.Apache != nil {
		text += fmt.Sprintf(", httpd %s (%s)", m.Apache.Version, m.Apache.Httpd)
	}
	if m.Python != nil {
		text += fmt.Sprintf(", CPython %s (%s)", m.Python.Version, m.Python.Executable)
	}
	if m.Scan != nil {
		text += fmt.Sprintf(", %d files of configuration", len(m.Scan.Files))
	}
	return text + "."
}
