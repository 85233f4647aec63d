// Package hint carries advice and an exit status along with an error.
//
// Whoever knows what a person should type or change attaches it where the
// error arises; internal/cli prints it. No other package turns an error into
// text for a user.
package hint

import (
	"context"
	"errors"
	"strings"
)

// Exit statuses of every command of the project.
const (
	OK         = 0
	Failed     = 1   // anything without a status of its own
	Usage      = 2   // the command line or configuration is wrong
	NotFound   = 3   // no Apache, no Python, no compiler
	Unverified = 4   // it was built, and does not do what it should
	Refused    = 5   // a safety rule forbids it
	Unhealthy  = 6   // the doctor found problems of level error
	TimedOut   = 124 // a deadline passed
)

// Error is an error with advice: what to type or change. It reads as the error
// it wraps.
type Error struct {
	Err    error
	Advice string // may have several lines, each a hint of its own
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// New attaches advice to err. A nil err stays nil.
func New(err error, advice string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Advice: advice}
}

// Of returns the advice err carries, "" when there is none. Along one chain the
// outermost advice wins, since it knows most about what was wanted; of joined
// errors each gives its own line.
func Of(err error) string {
	var lines []string
	seen := map[string]bool{}
	collect(err, func(advice string) {
		if !seen[advice] {
			seen[advice] = true
			lines = append(lines, advice)
		}
	})
	return strings.Join(lines, "\n")
}

func collect(err error, add func(string)) {
	for err != nil {
		if e, ok := err.(*Error); ok && e.Advice != "" {
			add(e.Advice)
			return
		}
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			err = x.Unwrap()
		case interface{ Unwrap() []error }:
			for _, each := range x.Unwrap() {
				collect(each, add)
			}
			return
		default:
			return
		}
	}
}

// exitError gives an error the status its program ends with.
type exitError struct {
	err  error
	code int
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// Exit says that the program ends with code when err is what it ends by. A nil
// err stays nil. The outermost Exit decides.
func Exit(err error, code int) error {
	if err == nil {
		return nil
	}
	return &exitError{err: err, code: code}
}

// Code is the exit status for err: 0 for nil, what [Exit] said, 124 when a
// deadline passed, else 1.
func Code(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	}
	return Failed
}
