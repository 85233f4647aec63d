package main

import "modwsgi/internal/verbs"

type inspectCommand struct {
	printFlags
	Strict *bool  `opt:"strict" help:"${strict}"`
	File   string `arg:"" optional:"" help:"A module, program or library."`
}

// Run tells what a linked file is, from the file alone.
func (c *inspectCommand) Run(a *app) error { return a.do("inspect", c, verbs.Inspect(c.File)) }
