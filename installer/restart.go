package installer

import (
	"context"
	"fmt"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// manager starts and stops services. Of each word list, the name of the service
// takes the place of NAME.
type manager struct {
	program              string
	running, stop, start []string
}

// managers are asked in this order: the first that is there and knows the service.
func managers() []manager {
	return []manager{
		{"systemctl", []string{"is-active", "--quiet", "NAME"}, []string{"stop", "NAME"}, []string{"start", "NAME"}},
		{"rc-service", []string{"NAME", "status"}, []string{"NAME", "stop"}, []string{"NAME", "start"}},
		{"service", []string{"NAME", "status"}, []string{"NAME", "stop"}, []string{"NAME", "start"}},
		{"brew", []string{"services", "info", "NAME"}, []string{"services", "stop", "NAME"}, []string{"services", "start", "NAME"}},
	}
}

// serviceTimeout bounds one command: a server that drains takes its time.
const serviceTimeout = 2 * time.Minute

// service is one that runs now.
type service struct {
	manager
	r    *run.Runner
	name string
}

// runningService finds who runs the service of a family; nil if nobody does.
func runningService(ctx context.Context, r *run.Runner, name string) *service {
	for _, m := range managers() {
		if _, err := r.LookPath(m.program); err != nil || name == "" {
			continue
		}
		s := &service{m, r, name}
		if s.do(ctx, s.running) == nil {
			return s
		}
	}
	return nil
}

func (s *service) do(ctx context.Context, words []string) error {
	args := make([]string, len(words))
	for i, word := range words {
		if args[i] = word; word == "NAME" {
			args[i] = s.name
		}
	}
	_, err := s.r.Run(ctx, run.Cmd{Path: s.program, Args: args, Timeout: serviceTimeout})
	return err
}

// again stops and starts the service, since a graceful restart does not unload all
// of a module, and asks once whether it runs (rule I-8).
func (s *service) again(ctx context.Context) error {
	for _, words := range [][]string{s.stop, s.start, s.running} {
		if err := s.do(ctx, words); err != nil {
			return hint.Exit(fmt.Errorf("restarting Apache: %w", err), hint.Unverified)
		}
	}
	return nil
}

// restart restarts Apache if that was asked for and it runs.
func (in *installation) restart(ctx context.Context) error {
	c := in.conf
	if c == nil || !c.setup.Restart || in.o.Root != "" {
		return nil
	}
	if in.service = runningService(ctx, in.o.Runner, c.family.Service); in.service == nil {
		c.advice = append(c.advice, "Apache does not run as a service that is known: it was not restarted")
		return nil
	}
	return in.service.again(ctx)
}

// revive starts Apache as it was, after a restart that led to everything being put
// back.
func (in *installation) revive(ctx context.Context) error {
	if in.service == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	_ = in.service.do(ctx, in.service.stop) // it may be half started, or not at all
	if err := in.service.do(ctx, in.service.start); err != nil {
		return fmt.Errorf("starting Apache again as it was: %w", err)
	}
	return nil
}
