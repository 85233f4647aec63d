// Command mod_wsgi-express serves a WSGI application with a private Apache, and
// builds and installs the Apache module that this needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"modwsgi/internal/cli"
	"modwsgi/internal/hint"
)

const tool = "mod_wsgi-express"

func main() {
	ownEnvironment()
	os.Exit(report(execute(context.Background(), os.Args[1:])))
}

// report prints err, each of several errors on its own, and returns the status
// to exit with.
func report(err error) int {
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(os.Stderr, "%s\n\n", strings.TrimRight(usage.text, "\n"))
		for _, e := range flatten(usage.err) {
			cli.Main(tool, e, os.Stderr)
		}
		return hint.Usage
	}
	return cli.Main(tool, err, os.Stderr)
}

// exitStatus ends the program without a word: httpd has said what there is.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// usageError is everything that is wrong with a command line. Its text goes
// before that.
type usageError struct {
	text string
	err  error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
