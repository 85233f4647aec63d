package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
)

// Removal says how something is uninstalled.
type Removal struct {
	Restore bool // enable again what was disabled for it
	Force   bool // remove files that were changed since, too
}

// Removed is what became of it.
type Removed struct {
	Kept   []string // files that somebody has changed since, and what is not ours
	Advice []string // what is left to do, a line each
}

// Uninstall takes away what is installed in the folder modulesDir, and what tells
// Apache of it (rule X-4). Files that were changed since are kept. It is all done
// or nothing: Apache must accept its configuration without the module.
func Uninstall(ctx context.Context, modulesDir string, how Removal, o Options) (Removed, error) {
	o, st, err := o.ready()
	if err != nil {
		return Removed{}, err
	}
	dir, err := filepath.Abs(modulesDir)
	if err != nil {
		return Removed{}, fmt.Errorf("uninstalling: %w", err)
	}
	u := &removal{how: how, o: o, state: st, dir: dir}
	plan := func() (change, error) { return u.plan(ctx) }
	if o.Plan != nil {
		return u.done, st.tell(o, plan)
	}
	if _, err := st.carryOut(ctx, o, "uninstalling from "+dir, plan); err != nil {
		return Removed{}, fmt.Errorf("uninstalling from %s: %w", dir, err)
	}
	return u.done, nil
}

// Disabled says what was disabled for what is installed in a folder, a sentence each:
// whoever uninstalls may want it enabled again.
func Disabled(modulesDir string, o Options) ([]string, error) {
	o, st, err := o.ready()
	if err != nil {
		return nil, err
	}
	r, err := st.meant(modulesDir, o.Flavour)
	if err != nil || r == nil {
		return nil, err
	}
	var list []string
	for _, s := range r.Current.Enabling {
		if s.Other {
			list = append(list, s.What)
		}
	}
	return list, nil
}

type removal struct {
	how    Removal
	o      Options
	state  state
	dir    string
	record *Record
	done   Removed
}

// notInstalled says that no record knows of anything in dir.
func notInstalled(dir string) error {
	return hint.Exit(hint.New(fmt.Errorf("nothing is installed in %s, as far as is noted", dir), "name the folder: --modules-directory DIR; of another user's installations only that user knows"), hint.NotFound)
}

func (u *removal) plan(ctx context.Context) (c change, err error) {
	if u.record, err = u.state.meant(u.dir, u.o.Flavour); err != nil {
		return c, err
	}
	if u.record == nil {
		return c, notInstalled(u.dir)
	}
	g := u.record.Current
	if err := u.mayGo(ctx, g); err != nil {
		return c, err
	}
	switching, err := u.switches(g)
	if err != nil {
		return c, err
	}
	snippets, err := u.files(g, partSnippet)
	if err != nil {
		return c, err
	}
	modules, discard, err := u.modules(g)
	if err != nil {
		return c, err
	}
	c.phases = []phase{
		{steps: append(switching, snippets...), check: func(ctx context.Context) error { return accepted(ctx, u.o) }},
		{steps: append(modules, tidying(g.Folders)...)},
		{steps: []journal.Step{{Kind: journal.Remove, Path: u.state.record(g.place())}}},
	}
	unneeded, err := u.state.unneeded(g.place(), nil)
	c.discard = append(discard, unneeded...)
	return c, err
}

// mayGo refuses while directives of the module stand in files that are not ours:
// Apache would not start without it. Another module of the kind that comes back
// knows them.
func (u *removal) mayGo(ctx context.Context, g Generation) error {
	comesBack := u.how.Restore && slices.ContainsFunc(g.Enabling, func(s Switched) bool { return s.Other })
	a := u.o.Apache
	if a == nil || len(g.snippets()) == 0 || comesBack {
		return nil
	}
	scan, err := apxs.ScanConfig(a.ConfFile, a.Root, apxs.Environment(ctx, u.o.Runner, *a))
	if err != nil {
		return fmt.Errorf("looking for directives of the module: %w", err)
	}
	var places []string
	for _, d := range scan.Directives {
		if strings.HasPrefix(strings.ToUpper(d.Name), "WSGI") && !guardedByModule(d) && !u.ours(g, d.File) {
			places = append(places, fmt.Sprintf("%s: %s", d.Place(), d.Name))
		}
	}
	if len(places) == 0 {
		return nil
	}
	return hint.Exit(hint.New(fmt.Errorf("without the module its configuration would be refused by Apache, since it has directives of it:\n%s", strings.Join(places, "\n")),
		"take them out first, or put them between <IfModule wsgi_module> and </IfModule>"), hint.Refused)
}

func guardedByModule(d apxs.Directive) bool {
	return slices.ContainsFunc(d.Within, func(section string) bool {
		name := strings.ToLower(strings.TrimRight(strings.TrimPrefix(strings.ToLower(section), "<ifmodule "), ">"))
		return name == "wsgi_module" || name == "mod_wsgi.c"
	})
}

// ours tells whether a file, or what it is a link to, was written by the
// installation.
func (u *removal) ours(g Generation, file string) bool {
	return slices.ContainsFunc(g.snippets(), func(path string) bool { return path == file || same(path, file) })
}

// snippets are the configuration files of a generation.
func (g Generation) snippets() []string {
	var list []string
	for _, e := range g.Files {
		if e.Part == partSnippet {
			list = append(list, e.Path)
		}
	}
	return list
}

// switches are the steps that disable it, and enable again what was disabled.
func (u *removal) switches(g Generation) ([]journal.Step, error) {
	var steps []journal.Step
	for _, s := range slices.Backward(g.Enabling) {
		if s.Other && !u.how.Restore {
			u.done.Advice = append(u.done.Advice, fmt.Sprintf("%s, since this was installed, and stays so: --restore reverts that", s.What))
			continue
		}
		list, left, err := u.state.switchBack(s)
		if err != nil {
			return nil, err
		}
		steps = append(steps, list...)
		u.done.Kept = append(u.done.Kept, left...)
	}
	return steps, nil
}

// files are the steps that remove a part of the files, and put back what they took
// the place of.
func (u *removal) files(g Generation, part string) ([]journal.Step, error) {
	var steps []journal.Step
	for _, e := range g.Files {
		if e.Part != part {
			continue
		}
		now, err := wasAt(e.Path)
		if err != nil {
			return nil, err
		}
		switch {
		case now.nothing():
		case (now.SHA256 != e.SHA256 || now.Link != e.Link) && !u.how.Force || now.Folder:
			u.done.Kept = append(u.done.Kept, e.Path)
			continue
		case e.Was == nil:
			steps = append(steps, journal.Step{Kind: journal.Remove, Path: e.Path})
		}
		if e.Was != nil {
			step, err := u.state.restore(*e.Was)
			if err != nil {
				return nil, err
			}
			steps = append(steps, step)
		}
	}
	return steps, nil
}

// modules are the steps that empty the modules folder: as a whole what has nothing
// of anybody else's in it, else file by file.
func (u *removal) modules(g Generation) (steps []journal.Step, discard []string, err error) {
	if g.Flavour != "" {
		steps, err = u.files(g, partModule)
		return steps, nil, err
	}
	to := layoutAt(u.dir)
	m := g.manifest()
	strangers, err := m.strangers(u.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("looking at what is installed: %w", err)
	}
	for _, rel := range strangers {
		u.done.Kept = append(u.done.Kept, filepath.Join(u.dir, rel))
	}
	kept := len(u.done.Kept)
	steps, err = u.files(g, partModule)
	if err != nil {
		return nil, nil, err
	}
	if len(strangers) > 0 || len(u.done.Kept) > kept || !isFolder(to.Folder) {
		var folders []string
		for _, rel := range m.folders() {
			folders = append(folders, filepath.Join(u.dir, rel))
		}
		return append(steps, tidying(folders)...), nil, nil
	}
	steps = slices.DeleteFunc(steps, func(s journal.Step) bool { return strings.HasPrefix(s.Path, to.Folder+"/") })
	stage := filepath.Join(u.dir, stageName)
	return append(steps, journal.Step{Kind: journal.Move, Path: to.Folder, To: stage}), []string{stage}, nil
}

// manifest lists the files of the modules folder, as the file beside them does.
func (g Generation) manifest() Manifest {
	m := Manifest{Schema: manifestSchema, Version: g.Version, Source: g.Source}
	for _, e := range g.Files {
		rel, err := filepath.Rel(g.Modules, e.Path)
		if e.Part != partModule || err != nil || e.Path == filepath.Join(layoutAt(g.Modules).Folder, manifestFile) {
			continue
		}
		m.Files = append(m.Files, ManifestFile{Path: filepath.ToSlash(rel), SHA256: e.SHA256, Mode: e.Mode, Link: e.Link})
	}
	return m
}

// tidying are the steps that remove those of some folders that are empty by then,
// inner ones first.
func tidying(folders []string) []journal.Step {
	list := slices.Clone(folders)
	slices.Sort(list)
	slices.Reverse(list)
	var steps []journal.Step
	for _, dir := range list {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		steps = append(steps, journal.Step{Kind: journal.Tidy, Path: dir})
	}
	return steps
}

// accepted has Apache read its own configuration as it is now.
func accepted(ctx context.Context, o Options) error {
	a := o.Apache
	if a == nil || a.Httpd == "" || !isFile(a.ConfFile) {
		return nil
	}
	p := &prover{ctx: ctx, r: o.Runner, s: Subject{Apache: *a}}
	t := configTest{prover: p, conf: a.ConfFile, env: apxs.Environment(ctx, o.Runner, *a)}
	if said, err := t.test(); err != nil && !p.acceptsBroken() {
		return hint.Exit(hint.New(fmt.Errorf("the configuration %s is refused by Apache then: %s", t.conf, whatSaid(said, err)),
			"mend that, or accept it: "+BrokenVariable+"=1"), hint.Unverified)
	}
	return nil
}
