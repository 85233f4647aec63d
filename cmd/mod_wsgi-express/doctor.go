package main

import "modwsgi/internal/verbs"

type doctorCommand struct {
	findFlags
	Log string `placeholder:"FILE" help:"An error log to explain as well."`
	printFlags
	Report bool  `help:"Print all that was found as one JSON document, for an issue."`
	Redact *bool `opt:"redact" help:"${redact}"`
}

func doctorGrammar() grammar { return grammarOf(doctorCommand{}, 0) }

// Run looks at this machine. Nothing on it changes.
func (c *doctorCommand) Run(a *app) error { return a.do("doctor", c, verbs.Doctor(c.Log, c.Report)) }
