package main

import "modwsgi/internal/verbs"

type explainCommand struct {
	printFlags
	Redact *bool  `opt:"redact" help:"${redact}"`
	File   string `arg:"" optional:"" default:"-" help:"A build output or error log; - is the standard input."`
}

func explainGrammar() grammar { return grammarOf(explainCommand{}, 1) }

// Run says what the text of a file means, most of all its first error.
func (c *explainCommand) Run(a *app) error { return a.do("explain", c, verbs.Explain(c.File)) }
