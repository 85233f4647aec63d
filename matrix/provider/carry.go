package provider

import (
	"context"
	"syscall"

	"modwsgi/internal/run"
)

// carry runs the program that takes c to its machine, which may be c's own, to its
// end. An interrupt of c is one of that program.
func (c Command) carry(ctx context.Context, r *run.Runner, by run.Cmd) (run.Result, error) {
	by.Timeout, by.Stdout, by.Stderr = c.Timeout, c.Stdout, c.Stderr
	p, err := r.Start(ctx, by)
	if err != nil {
		return run.Result{Code: -1}, err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-c.Interrupt:
			_ = p.Signal(syscall.SIGINT) // it may be over
		case <-ended:
		}
	}()
	return p.Wait()
}
