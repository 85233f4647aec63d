package main

import (
	"fmt"
	"time"

	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/expressgen"
	"modwsgi/internal/hint"
)

type fetchCommand struct {
	Update bool   `help:"Write what was fetched into modwsgi.lock, in place of what it says."`
	Source string `arg:"" optional:"" help:"release:VERSION, pypi:VERSION, an https URL or git::URL?ref=REF."`
}

func fetchGrammar() grammar {
	return grammar{positionals: 1, options: []option{{Option: expressgen.Option{Name: "update"}}}}
}

// agent is how this program calls itself on the network.
func agent() string { return "modwsgi/" + csrc.Version() }

// Run fetches a source tree and says what it is.
func (c *fetchCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	s, err := fetch.Parse(c.Source, fetch.IsDir)
	if err != nil {
		return err
	}
	if s.Kind == fetch.Embedded {
		return hint.Exit(fmt.Errorf("nothing is to be fetched: name a source"), hint.Usage)
	}
	o, err := fetch.FromEnvironment(a.r, agent())
	if err != nil {
		return err
	}
	o.Update = c.Update
	began := time.Now()
	dir, origin, err := o.Folder(a.ctx, s)
	if err != nil {
		return err
	}
	fmt.Printf("mod_wsgi %s from %s, %.1f s\n", origin.Version, s, time.Since(began).Seconds())
	for _, row := range []struct{ name, value string }{
		{"archive", origin.Sum}, {"commit", origin.Commit}, {"tree", origin.Tree}, {"folder", dir},
	} {
		if row.value != "" {
			fmt.Printf("  %-8s %s\n", row.name, row.value)
		}
	}
	if origin.Unverified {
		fmt.Println("  unverified: no checksum of it was known")
	}
	if !c.Update {
		return nil
	}
	return o.Lock.With(origin).Write(fetch.LockFile)
}
