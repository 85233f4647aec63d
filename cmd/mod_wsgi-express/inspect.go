package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"modwsgi/csrc"
	"modwsgi/expressgen"
	"modwsgi/internal/hint"
)

type inspectCommand struct {
	JSON   bool   `name:"json" help:"Print one JSON document."`
	Strict bool   `help:"Fail if something that a hardened build has is missing."`
	File   string `arg:"" optional:"" help:"A module, program or library."`
}

func inspectGrammar() grammar {
	return grammar{positionals: 1, options: []option{{Option: expressgen.Option{Name: "json"}}, {Option: expressgen.Option{Name: "strict"}}}}
}

// Run tells what a linked file is, from the file alone.
func (c *inspectCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	if c.File == "" {
		return hint.Exit(errors.New("which file?"), hint.Usage)
	}
	binary, err := csrc.Inspect(c.File)
	if err != nil {
		return err
	}
	hardening, err := csrc.ReadHardening(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(struct {
			Schema    int            `json:"schema"`
			File      string         `json:"file"`
			Needed    []string       `json:"needed"`
			Exports   []string       `json:"exports"`
			Hardening csrc.Hardening `json:"hardening"`
		}{1, c.File, binary.Needed, binary.Exports, hardening})
	} else {
		printInspection(c.File, binary, hardening)
	}
	if weak := hardening.Weaknesses(); err == nil && c.Strict && len(weak) > 0 {
		return hint.Exit(errors.New(c.File+": "+strings.Join(weak, "; ")), hint.Unverified)
	}
	return err
}

func printInspection(file string, b csrc.Binary, h csrc.Hardening) {
	row := func(what, value string) { fmt.Printf("%-12s %s\n", what, value) }
	list := func(values []string) string {
		if len(values) == 0 {
			return "none"
		}
		return strings.Join(values, " ")
	}
	yes := map[bool]string{true: "yes", false: "no"}
	row("file", file)
	if b.Module != nil {
		row("module", fmt.Sprintf("%s %d.%d", b.Module.Cookie, b.Module.Major, b.Module.Minor))
	}
	row("needs", list(b.Needed))
	row("exports", list(b.Exports))
	row("run path", list(strings.Fields(h.RunPath)))
	row("RELRO", h.RELRO)
	row("NX stack", yes[h.StackNX])
	row("canary", yes[h.Canary])
	row("fortified", list(h.Fortified))
	row("unchecked", list(h.Unchecked))
	row("CET/BTI", list(h.CET))
	row("TEXTREL", yes[h.TextRel])
	row("stripped", yes[h.Stripped])
	row("build id", list(strings.Fields(h.BuildID)))
	for _, w := range h.Weaknesses() {
		row("weak", w)
	}
}
