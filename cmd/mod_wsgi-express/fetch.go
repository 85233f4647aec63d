package main

import "modwsgi/internal/verbs"

type fetchCommand struct {
	Update *bool `opt:"update" help:"${update}"`
	fetchFlags
	printFlags
	Source string `arg:"" optional:"" help:"release:VERSION, pypi:VERSION, an https URL or git::URL?ref=REF."`
}

// Run fetches a source tree and says what it is.
func (c *fetchCommand) Run(a *app) error { return a.do("fetch", c, verbs.Fetch(c.Source)) }
