package main

import "modwsgi/internal/verbs"

type discoverCommand struct{ printFlags }

// Run lists the Apaches and Pythons of this machine. Nothing on it changes.
func (c *discoverCommand) Run(a *app) error { return a.do("discover", c, verbs.Discover) }

type apachesCommand struct{ printFlags }

// Run lists the Apaches of this machine.
func (c *apachesCommand) Run(a *app) error { return a.do("apaches", c, verbs.Apaches) }

type pythonsCommand struct{ printFlags }

// Run lists the Pythons of this machine.
func (c *pythonsCommand) Run(a *app) error { return a.do("pythons", c, verbs.Pythons) }
