package quickstart

import (
	"fmt"
	"path/filepath"

	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/installer"
	"modwsgi/pybuild"
)

// buildSource builds the source tree that spec names, normally a release of the
// original, and says how to load it. It is looked at before anything is searched
// for.
func (c *chain) buildSource(spec string) error {
	dir, _, err := fetch.Open(c.ctx, c.r, "modwsgi/"+csrc.Version(), spec)
	if err != nil {
		return err
	}
	source, err := csrc.OpenSource(dir)
	if err != nil {
		return err
	}
	output, err := csrc.OutputFolder(source)
	if err != nil {
		return err
	}
	if err := c.discover(); err != nil {
		return err
	}
	err = c.step("building "+spec, func() (string, error) {
		c.built, err = csrc.Build(c.ctx, c.r, csrc.Options{
			Apache: &c.apache, Python: []pybuild.Info{c.python}, Source: source, Runtime: installer.Runtime(),
			Dir: filepath.Join(c.dir, output), Progress: c.progress,
		})
		return fmt.Sprintf("mod_wsgi %s, %d files compiled, %d current, into %s", c.built.Version, c.built.Compiled, c.built.Cached, c.built.Dir), err
	})
	if err != nil {
		return err
	}
	for _, line := range installer.Snippet(installer.Layout{Module: c.built.Module}, c.python) {
		fmt.Fprintln(c.w, line)
	}
	return nil
}

// progress shows a build's steps.
func (c *chain) progress(done, total int, what string) {
	c.steps.Note(fmt.Sprintf("%d/%d %s", done, total, what))
}
