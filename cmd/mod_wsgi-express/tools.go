package main

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/installer"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

type buildCommand struct {
	Apxs   string   `placeholder:"PATH" help:"The apxs of the Apache to build for; found otherwise."`
	Python []string `sep:"none" placeholder:"PATH" help:"A Python to build for; found otherwise. Repeatable: each is built beside the others."`
	Output string   `placeholder:"DIR" help:"The folder to build in; otherwise build, or of a release of the original build/mod_wsgi-VERSION."`
	Source string   `placeholder:"SOURCE" help:"A source tree to build instead of the one in this program: a folder or archive with a release of the original mod_wsgi, pypi:VERSION, release:VERSION, an https URL or git::URL?ref=REF."`
}

// source is what to build, and where.
func (c *buildCommand) source(a *app) (source fs.FS, output string, err error) {
	output = c.Output
	folder, _, err := fetch.Open(a.ctx, a.r, agent(), c.Source)
	if err != nil {
		return nil, "", err
	}
	if folder != "" {
		if source, err = csrc.OpenSource(folder); err != nil {
			return nil, "", err
		}
	}
	if output == "" {
		output, err = csrc.OutputFolder(source)
	}
	if err == nil {
		output, err = filepath.Abs(output)
	}
	return source, output, err
}

func (c *buildCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	source, dir, err := c.source(a)
	if err != nil {
		return err
	}
	apache, err := apxs.Find(a.ctx, a.r, c.Apxs)
	if err != nil {
		return err
	}
	if len(c.Python) == 0 {
		c.Python = []string{""}
	}
	var pythons []pybuild.Info
	for _, name := range c.Python {
		python, err := pybuild.Find(a.ctx, a.r, name)
		if err != nil {
			return err
		}
		pythons = append(pythons, python)
	}
	built, err := a.build(csrc.Options{Apache: &apache, Python: pythons, Dir: dir, Source: source})
	if err != nil {
		return err
	}
	for _, text := range built.Warnings {
		fmt.Println(text)
	}
	if len(built.Halves) == 0 { // of the original: one file is all of it
		printLines(installer.Snippet(installer.Layout{Module: built.Module}, pythons[0]))
		return nil
	}
	l, err := installer.Locate(dir)
	if err != nil {
		return err
	}
	printLines(installer.Snippet(l, pythons[0]))
	return nil
}

// built is the module for the Apache and Python of this machine, which the
// original's helper commands take no option for: MODWSGI_APXS and
// MODWSGI_PYTHON choose others. One that is installed counts only if installed is
// set.
func (a *app) built(installed bool) (installer.Layout, apxs.Info, pybuild.Info, error) {
	var none installer.Layout
	if a.bad != nil {
		return none, apxs.Info{}, pybuild.Info{}, a.bad
	}
	apache, err := apxs.Find(a.ctx, a.r, "")
	if err != nil {
		return none, apache, pybuild.Info{}, err
	}
	python, err := pybuild.Find(a.ctx, a.r, "")
	if err != nil {
		return none, apache, python, err
	}
	dirs := buildFolders(&apache)
	if installed {
		dirs = append([]string{apache.ModulesDir}, dirs...)
	}
	if l, ok := locate(&apache, &python, dirs); ok {
		return l, apache, python, nil
	}
	dir, err := cacheFolder(&apache)
	if err != nil {
		return none, apache, python, err
	}
	return none, apache, python, hint.New(
		fmt.Errorf("no module is built for the Apache at %s and Python %s", apache.Httpd, python.Version),
		fmt.Sprintf("build it: %s build --output %s", tool, dir))
}

type configCommand struct{}

func (c *configCommand) Run(a *app) error {
	l, _, python, err := a.built(true)
	if err == nil {
		printLines(installer.Snippet(l, python))
	}
	return err
}

type locationCommand struct{}

func (c *locationCommand) Run(a *app) error {
	l, _, _, err := a.built(true)
	if err == nil {
		fmt.Println(l.Module)
	}
	return err
}

type installCommand struct {
	ModulesDirectory string `placeholder:"DIR" help:"The folder to install into; Apache's own otherwise."`
}

func (c *installCommand) Run(a *app) error {
	from, apache, python, err := a.built(false)
	if err != nil {
		return err
	}
	to := c.ModulesDirectory
	if to == "" {
		to = apache.ModulesDir
	}
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	l, _, err := installer.InstallWith(a.ctx, from, to, installer.Options{Runner: a.r, Apache: &apache})
	if err == nil {
		printLines(installer.Snippet(l, python))
	}
	return err
}

func printLines(lines []string) {
	for _, line := range lines {
		fmt.Println(line)
	}
}
