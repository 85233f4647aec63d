package main

import (
	"errors"
	"os"

	"modwsgi/expressgen"
	"modwsgi/internal/hint"
)

// reloadCommand is reload. Without --rolling it is Apache's own graceful
// restart.
type reloadCommand struct {
	Rolling bool   `help:"Replace the daemon processes one after the other and wait: each new one has to import the application before it takes over; if it cannot, the old ones go on."`
	Root    string `arg:"" optional:"" name:"server-root" help:"The folder of the server, as start-server named it."`
}

func reloadGrammar() grammar {
	return grammar{positionals: 1, options: []option{{Option: expressgen.Option{Name: "rolling"}}}}
}

func (c *reloadCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	if c.Root == "" {
		return hint.Exit(errors.New("no server root was given"), hint.Usage)
	}
	s, err := expressgen.FindRunning(c.Root)
	if err != nil {
		return err
	}
	if !c.Rolling {
		return s.Restart()
	}
	return s.Roll(a.ctx, os.Stdout)
}
