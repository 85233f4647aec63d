package run

import (
	"errors"

	"modwsgi/internal/hint"
)

// errOffline is why a program that downloads does not run.
var errOffline = errors.New("the network is not to be used")

// refuse is the error for a program that downloads; the first is remembered.
func (r *Runner) refuse(line string) error {
	err := hint.Exit(hint.New(&Error{Line: line, Code: -1, Err: errOffline},
		"do it yourself, or leave out -offline (MODWSGI_OFFLINE)"), hint.Refused)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = err
	}
	return err
}

// Refused is the first download that was refused, nil if none was: whoever can
// do without what it would have brought still ends with that.
func (r *Runner) Refused() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}
