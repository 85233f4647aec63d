package installer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
)

// configure plans what Apache is told.
func (in *installation) configure(ctx context.Context) error {
	s, a := *in.o.Setup, in.o.Apache
	if a == nil {
		return fmt.Errorf("telling Apache of the module: which Apache is not known")
	}
	c := &configuration{setup: s, apache: *a, family: FamilyOf(*a), flavour: in.from.flavour(), r: in.o.Runner, root: in.o.Root}
	if in.record != nil {
		c.old = &in.record.Current
	}
	in.conf = c
	c.advice = c.family.Unexpected(*a)
	if in.o.Root == "" {
		warnings, err := checkHome(s.Python)
		if err != nil {
			return hint.Exit(err, hint.Refused)
		}
		c.advice = append(c.advice, warnings...)
	}
	o := in.final.Original
	d := Directives{
		About: []string{
			"Written by mod_wsgi-express " + csrc.Version() + " for mod_wsgi " + in.from.Apache.Version + " with " + strings.Join(abis(in.from), ", ") + ".",
			"Remove it: mod_wsgi-express uninstall"},
		Module: in.final.Module, Home: HomeFor(in.from, s.Python), Free: s.Python.ABI.Free,
	}
	if o != nil {
		d.LoadFile, d.Sockets = o.LoadFile, c.family.Sockets
		d.About[1] += " --flavour " + string(c.flavour)
	}
	return c.plan(ctx, d)
}

func abis(l Layout) []string {
	var list []string
	for _, py := range l.pythons() {
		list = append(list, py.ABI)
	}
	return list
}

// generation is what is being installed.
func (in *installation) generation() (Generation, error) {
	g := Generation{
		Tool: csrc.Version(), Version: in.manifest.Version, Source: in.manifest.Source, Modules: in.final.Dir,
		Flavour: in.from.flavour(), Again: in.o.Again,
	}
	if in.final.Original != nil {
		g.LoadFile = in.final.Original.LoadFile
	}
	if in.record != nil {
		g.Folders = slices.Clone(in.record.Current.Folders)
	}
	if a := in.o.Apache; a != nil {
		g.Apache = recordApache(*a)
	}
	for _, f := range in.manifest.Files {
		g.Files = append(g.Files, Entry{Path: filepath.Join(in.final.Dir, filepath.FromSlash(f.Path)), SHA256: f.SHA256, Mode: f.Mode, Link: f.Link, Part: partModule})
	}
	if in.final.Original == nil {
		data, err := in.manifest.encode()
		if err != nil {
			return g, err
		}
		g.Files = append(g.Files, Entry{Path: filepath.Join(in.final.Folder, manifestFile), SHA256: sumOf(data), Mode: "0644", Part: partModule})
	}
	in.remember(&g)
	if in.conf == nil && in.record != nil { // what Apache was told stays
		g.Home = in.record.Current.Home
		for _, e := range in.record.Current.Files {
			if e.Part == partSnippet {
				g.Files = append(g.Files, e)
			}
		}
	}
	if c := in.conf; c != nil {
		for _, f := range c.files {
			e := Entry{Path: f.Path, SHA256: sumOf([]byte(f.Text)), Mode: "0644", Part: partSnippet, Was: c.overwrote[f.Path]}
			if e.Was == nil {
				e.Was = in.before(f.Path)
			}
			g.Files = append(g.Files, e)
		}
		for _, dir := range made(c.steps) {
			g.Folders = append(g.Folders, strings.TrimPrefix(dir, filepath.Clean(in.o.Root)))
		}
		g.Home = HomeFor(in.from, c.setup.Python)
	}
	for _, dir := range made(folders(in.to.Dir)) {
		g.Folders = append(g.Folders, strings.TrimPrefix(dir, filepath.Clean(in.o.Root)))
	}
	slices.Sort(g.Folders)
	g.Folders = slices.Compact(g.Folders)
	slices.SortFunc(g.Files, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return g, nil
}

// remember notes what the module took the place of: now, or when it was first
// installed.
func (in *installation) remember(g *Generation) {
	i := slices.IndexFunc(g.Files, func(e Entry) bool { return e.Path == in.final.Module })
	if g.Files[i].Was = in.was; in.was == nil {
		g.Files[i].Was = in.before(in.final.Module)
	}
	for _, py := range in.from.pythons() {
		p := RecordedPython{ABI: py.ABI, Version: py.Python, Executable: py.Executable, Library: py.LibPython, SONAME: py.SONAME}
		if w, err := wasAt(realPath(py.LibPython)); err == nil && py.LibPython != "" && !py.Static {
			p.LibPython, p.SHA256 = w.Path, w.SHA256
		}
		g.Pythons = append(g.Pythons, p)
	}
}

// before is what the record says that stood at path before the first installation.
func (in *installation) before(path string) *Was {
	if in.record == nil {
		return nil
	}
	for _, e := range in.record.Current.Files {
		if e.Path == path {
			return e.Was
		}
	}
	return nil
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

func recordApache(a apxs.Info) *RecordedApache {
	return &RecordedApache{
		Httpd: a.Httpd, Version: a.Version, MMN: a.MMN,
		ConfFile: a.ConfFile, Root: a.Root, Family: a.Family,
	}
}

// contents are the files, by their sums, of which a copy has to be kept: those of
// the generation that is there and not of the next, and what is overwritten.
func (in *installation) contents(next Generation) map[string]string {
	keep := map[string]string{}
	if in.conf != nil {
		for sum, path := range in.conf.keep {
			keep[sum] = path
		}
	}
	if in.was != nil && in.was.SHA256 != "" {
		keep[in.was.SHA256] = in.was.Path
	}
	if in.record == nil {
		return keep
	}
	stays := next.sums()
	for _, e := range in.record.Current.Files {
		if w, err := wasAt(e.Path); err == nil && e.SHA256 != "" && w.SHA256 == e.SHA256 && !slices.Contains(stays, e.SHA256) {
			keep[e.SHA256] = e.Path
		}
	}
	return keep
}

// prove is the verification of what is in place.
func (in *installation) prove(ctx context.Context) error {
	if in.conf == nil || in.conf.setup.Verify == nil || in.o.Root != "" {
		return nil
	}
	l, err := in.to.locate()
	if err != nil {
		return err
	}
	proof, err := in.conf.setup.Verify(ctx, l, SetupLines{in.conf.lines, in.conf.enabled})
	if err != nil {
		return err
	}
	in.proof = &proof
	return proof.Err()
}

// seen completes a generation by what is known when all steps are done.
func (in *installation) seen(g *Generation) error {
	g.Time = time.Now().UTC().Truncate(time.Second)
	if in.proof != nil {
		g.Proof = in.proof.Levels
	}
	if in.record != nil {
		g.Enabling = slices.Clone(in.record.Current.Enabling)
	}
	if in.conf == nil {
		return nil
	}
	for _, w := range in.conf.switches {
		var paths []string
		for _, before := range w.Before {
			paths = append(paths, before.Path)
		}
		var err error
		if w.After, err = wasAll(paths); err != nil {
			return err
		}
		g.Enabling = append(g.Enabling, w)
	}
	return nil
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
