//go:build mage

// Builds, proves and serves Python web applications in Apache httpd: mod_wsgi,
// its daemon hosts and mod_wsgi-express.
//
// APXS and PYTHON choose the Apache and the Python (PYTHON=3.12, PYTHON=/path/to/python3).
package main

import (
	"context"
	"os"

	"modwsgi/internal/check"
	"modwsgi/internal/cli"
	"modwsgi/internal/quickstart"
)

// Quickstart installs what is missing, builds, proves the module by real requests and prints the Apache lines.
func Quickstart(ctx context.Context) error {
	return cli.ForMage(quickstart.Tour(ctx, ".", os.Stdout))
}

// Build compiles the module, the supervisor and the Python half into build/, and bin/mod_wsgi-express; SOURCE=dir a release of the original.
func Build(ctx context.Context) error {
	return cli.ForMage(quickstart.Build(ctx, ".", os.Stdout))
}

// Prove starts a temporary Apache with the built module and makes real requests in both modes.
func Prove(ctx context.Context) error {
	return cli.ForMage(quickstart.Prove(ctx, ".", os.Stdout))
}

// Discover lists the Apaches and Pythons of this machine, which are usable and how to choose one.
func Discover(ctx context.Context) error {
	return cli.ForMage(quickstart.Discover(ctx, os.Stdout))
}

// Test installs what the tests need, then runs all of them.
func Test(ctx context.Context) error {
	return cli.ForMage(check.Test(ctx, ".", os.Stdout))
}

// Lint runs gofmt, go vet (also on this file), staticcheck and the C compiler with warnings as errors.
func Lint(ctx context.Context) error {
	return cli.ForMage(check.Lint(ctx, ".", os.Stdout))
}

// CI runs test, lint and the slower tiers, and ends with a line of counts.
func CI(ctx context.Context) error {
	return cli.ForMage(check.CI(ctx, ".", os.Stdout))
}

// Bench races the module against its peers and writes tables, a plot and the budgets into build/bench; BENCH=quick makes it short.
func Bench(ctx context.Context) error {
	return cli.ForMage(quickstart.Bench(ctx, ".", os.Stdout))
}

// Clean removes build/ and bin/.
func Clean() error {
	return cli.ForMage(quickstart.Clean("."))
}
