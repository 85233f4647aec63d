package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"modwsgi/csrc"
	"modwsgi/expressgen"
	"modwsgi/installer"
)

// sourceFlags say where further options are.
type sourceFlags struct {
	Config string `group:"Further options" placeholder:"FILE" help:"File of options in TOML, such as port = 8080. The command line comes before it, and MODWSGI_EXPRESS_PORT in the environment, too."`
}

type startCommand struct {
	sourceFlags
	Script string `arg:"" optional:"" help:"The application: a script, a module's name or a folder, by --application-type."`
	expressgen.Options
}

type setupCommand struct {
	sourceFlags
	Script string `arg:"" optional:"" help:"The application: a script, a module's name or a folder, by --application-type."`
	expressgen.Options
}

func (c *startCommand) Run(a *app) error { return a.serve(c.Script, c.Options) }

func (c *setupCommand) Run(a *app) error {
	c.SetupOnly = true
	return a.serve(c.Script, c.Options)
}

// serve generates the server of o and, unless that is all that is wanted, runs
// it. Everything that can be wrong is found out before the first file is
// written.
func (a *app) serve(script string, o expressgen.Options) error {
	cwd, err := workingFolder()
	if err != nil {
		return err
	}
	if o.EntryPoint == "" {
		o.EntryPoint = script
	}
	o.Absolute(cwd)
	if err := errors.Join(a.bad, o.Check()); err != nil {
		return err
	}
	if o.Dockerfile {
		return a.image(&o)
	}
	restore := openUmask()
	defer restore()
	found, err := expressgen.Discover(a.ctx, a.r, &o, cacheBase())
	if err != nil {
		return err
	}
	module, err := a.module(&found, o.ModuleFile)
	if err != nil {
		return err
	}
	f := found.Facts
	f.Version, f.Module, f.Runtime = csrc.Version(), module.path, installer.Runtime()
	s, err := expressgen.Generate(o, f)
	if err != nil {
		return err
	}
	if err := expressgen.Ready(&s); err != nil {
		return err
	}
	if !o.SetupOnly {
		if err := expressgen.PortFree(&s); err != nil {
			return err
		}
	}
	if err := module.build(); err != nil {
		return err
	}
	s.Passing = !o.SetupOnly
	if err := expressgen.Write(&s); err != nil {
		return err
	}
	a.warn(found.Warnings, s.Warnings)
	expressgen.PrintBanner(os.Stdout, s.Banner)
	if o.SetupOnly {
		return nil
	}
	restore()
	status, err := expressgen.Run(a.ctx, a.r, &s)
	if err == nil && status != 0 {
		err = exitStatus(status)
	}
	return err
}

// warn prints what is allowed and probably not meant, after what was said of the
// command line itself.
func (a *app) warn(lists ...[]string) {
	for _, text := range append(a.notes, slices.Concat(lists...)...) {
		fmt.Fprintf(os.Stderr, "%s: warning: %s\n", tool, text)
	}
}

// image writes what an image of o is built from. Neither Apache nor the Python of
// this machine is asked: the image has its own.
func (a *app) image(o *expressgen.Options) error {
	s, err := expressgen.LookAround(a.ctx, o)
	if err != nil {
		return err
	}
	s.Version = csrc.Version()
	m, err := expressgen.DescribeImage(*o, s)
	if err != nil {
		return err
	}
	if err := expressgen.WriteImage(&m); err != nil {
		return err
	}
	a.warn(m.Warnings)
	expressgen.PrintBanner(os.Stdout, m.Banner)
	return nil
}

// openUmask sees to it that what root's commands put into the cache can be read by
// the user that requests run as, and returns what puts the umask back.
func openUmask() func() {
	if os.Geteuid() != 0 {
		return func() {}
	}
	old := syscall.Umask(0o022)
	return func() { syscall.Umask(old) }
}

// serverGrammar are the options of start-server and setup-server, and the names
// of other releases.
func serverGrammar() grammar {
	g := grammar{positionals: 1}
	g.options = append(g.options, option{Option: expressgen.Option{Name: configOption, Words: 1, Whole: true, Help: "File of options in TOML."}})
	for _, o := range expressgen.Table() {
		g.options = append(g.options, option{Option: o})
	}
	for _, o := range expressgen.OlderOptions() {
		g.options = append(g.options, option{
			Option:  expressgen.Option{Name: o.Name, Words: o.Words, Whole: o.Whole, Hidden: true},
			now:     o.Now,
			note:    o.Note,
			refusal: o.Refusal,
			ignored: o.Now == "" && o.Refusal == "",
		})
	}
	return g
}
