package main

import (
	"errors"

	"modwsgi/internal/hint"
	"modwsgi/internal/verbs"
)

// placeFlags say where an installation is and is noted.
type placeFlags struct {
	ModulesDirectory *string `opt:"modules_directory" placeholder:"DIR" help:"${modules_directory}"`
	State            *string `opt:"state" placeholder:"DIR" help:"${state}"`
	printFlags
}

// serverFlags choose the Apache alone.
type serverFlags struct {
	Apxs         *string `opt:"apxs" placeholder:"PATH" help:"${apxs}"`
	ApacheConfig *string `opt:"apache_config" placeholder:"FILE" help:"${apache_config}"`
}

type installAllCommand struct {
	File    string  `arg:"" optional:"" help:"An archive to install, as --archive."`
	Archive *string `opt:"archive" placeholder:"FILE" help:"${archive}"`
	findFlags
	makeFlags
	placeFlags
	OtherModule        *string `opt:"other_module" placeholder:"WHAT" help:"${other_module}"`
	Destdir            *string `opt:"destdir" placeholder:"DIR" help:"${destdir}"`
	Source             *string `opt:"source" placeholder:"SOURCE" help:"${source}"`
	AllowUntested      *bool   `opt:"allow_untested" help:"${allow_untested}"`
	EditConfig         *bool   `opt:"edit_config" help:"${edit_config}"`
	Force              *bool   `opt:"force" help:"${force}"`
	Restart            *bool   `opt:"restart" help:"${restart}"`
	AcceptBrokenConfig *bool   `opt:"accept_broken_config" help:"${accept_broken_config}"`
	fetchFlags
}

func (c *installAllCommand) Run(a *app) error {
	switch {
	case c.File == "":
	case c.Archive != nil:
		return hint.Exit(errors.New("two archives are named, and one is installed"), hint.Usage)
	default:
		c.Archive = &c.File
	}
	return a.do("install", c, verbs.Install)
}

// whichFlags name one of several installations in a folder.
type whichFlags struct {
	placeFlags
	Flavour *string `opt:"flavour" placeholder:"NAME" help:"${flavour}"`
}

type uninstallCommand struct {
	serverFlags
	whichFlags
	Restore            *bool `opt:"restore" help:"${restore}"`
	Force              *bool `opt:"force" help:"${force}"`
	AcceptBrokenConfig *bool `opt:"accept_broken_config" help:"${accept_broken_config}"`
	Dryrun             *bool `opt:"dryrun" help:"${dryrun}"`
}

func (c *uninstallCommand) Run(a *app) error { return a.do("uninstall", c, verbs.Uninstall) }

type rollbackCommand struct {
	serverFlags
	whichFlags
	AcceptBrokenConfig *bool `opt:"accept_broken_config" help:"${accept_broken_config}"`
	Dryrun             *bool `opt:"dryrun" help:"${dryrun}"`
}

func (c *rollbackCommand) Run(a *app) error { return a.do("rollback", c, verbs.Rollback) }

type checkCommand struct {
	serverFlags
	whichFlags
	Hook *string `opt:"hook" placeholder:"MANAGER" help:"${hook}"`
}

func (c *checkCommand) Run(a *app) error { return a.do("check", c, verbs.CheckInstalled) }
