package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"modwsgi/internal/hint"
	"modwsgi/internal/telemetry"
)

// telemetryMemory is where the collector of this process begins to work harder:
// what it keeps is bounded far below.
const telemetryMemory = 64 << 20

// telemetryCommand is telemetry: what --enable-telemetry runs beside the server.
type telemetryCommand struct {
	Listen   string `placeholder:"unix:PATH" help:"The socket that WSGITelemetryService names."`
	HTTPHost string `name:"http-host" default:"127.0.0.1" placeholder:"ADDRESS" help:"Address of the page. There is no password."`
	HTTPPort int    `name:"http-port" default:"8888" placeholder:"N" help:"Port of the page; 0 is a free one."`
}

func telemetryGrammar() grammar { return grammarOf(telemetryCommand{}, 0) }

func (c *telemetryCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	debug.SetMemoryLimit(telemetryMemory)
	// A supervisor of daemon processes asks by SIGUSR1, too.
	ctx, stop := signal.NotifyContext(a.ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
	defer stop()
	s, err := telemetry.Open(telemetry.Options{Listen: c.Listen, Host: c.HTTPHost, Port: c.HTTPPort, Log: os.Stderr})
	if err != nil {
		return err
	}
	return hint.Exit(s.Run(ctx), hint.Failed)
}
