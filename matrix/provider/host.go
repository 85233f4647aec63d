package provider

import (
	"context"

	"modwsgi/internal/run"
)

// Host is this machine as it is.
type Host struct{ R *run.Runner }

// Name is "host".
func (h Host) Name() string { return HostName }

// Lacks says nothing: this machine is here.
func (h Host) Lacks(context.Context) error { return nil }

// Machine is this one.
func (h Host) Machine(context.Context, string) (Machine, error) { return h, nil }

// ID is "host".
func (h Host) ID() string { return HostName }

// Stamp says nothing: it was not made here.
func (h Host) Stamp() Stamp { return Stamp{} }

// Run runs c with this machine's environment.
func (h Host) Run(ctx context.Context, c Command) (run.Result, error) {
	if err := c.check(); err != nil {
		return run.Result{}, err
	}
	return c.carry(ctx, h.R, run.Cmd{Dir: c.Dir, Path: c.Program, Args: c.Args, Env: c.Env})
}
