package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Health is an installation compared with today's machine (rule I-9).
type Health struct {
	Schema   int       `json:"schema"`
	Dir      string    `json:"modules_dir"`
	Version  string    `json:"version"`
	Pythons  []string  `json:"pythons"`  // their ABIs
	Earlier  int       `json:"earlier"`  // generations that can be rolled back to
	Findings []Finding `json:"findings"` // nothing: all is as it was installed
}

// Finding is one thing that is otherwise than when it was installed.
type Finding struct {
	What    string `json:"what"`
	Rebuild bool   `json:"rebuild"` // only building anew helps
	Fix     string `json:"fix"`
}

// CheckInstalled compares what is noted of the installation in modulesDir with what is there
// today: files, Python libraries and environments, Apache and its configuration.
// Python is asked what it is now by python, if that is not nil; it changes nothing.
func CheckInstalled(ctx context.Context, modulesDir string, o Options, python func(executable string) (pybuild.Info, error)) (Health, error) {
	o, st, err := o.ready()
	if err != nil {
		return Health{}, err
	}
	dir, err := filepath.Abs(modulesDir)
	if err != nil {
		return Health{}, fmt.Errorf("checking: %w", err)
	}
	if err := st.pending(); err != nil {
		return Health{}, err
	}
	r, err := st.meant(dir, o.Flavour)
	if err != nil {
		return Health{}, err
	}
	if r == nil {
		return Health{}, notInstalled(dir)
	}
	c := &checker{g: r.Current}
	c.files()
	c.pythons(python)
	if err := c.interfaces(); err != nil {
		return Health{}, err
	}
	if err := c.apache(ctx, o); err != nil {
		return Health{}, err
	}
	h := Health{Schema: 1, Dir: dir, Version: c.g.Version, Earlier: len(r.Earlier), Findings: c.found}
	for _, p := range c.g.Pythons {
		h.Pythons = append(h.Pythons, p.ABI)
	}
	return h, nil
}

type checker struct {
	g     Generation
	found []Finding
}

// again is what puts things right where the same fits still.
func (c *checker) again() string {
	if c.g.Again != "" {
		return "install again: " + c.g.Again
	}
	return "install again: mod_wsgi-express install"
}

// rebuild is what puts things right where only building anew helps.
func (c *checker) rebuild() string {
	if c.g.Flavour != "" {
		return "rebuild needed: mod_wsgi-express install --source SOURCE --python PYTHON, of mod_wsgi " + c.g.Version
	}
	return "rebuild needed: mod_wsgi-express build, then mod_wsgi-express install"
}

func (c *checker) note(fix, format string, args ...any) {
	c.found = append(c.found, Finding{What: fmt.Sprintf(format, args...), Rebuild: strings.HasPrefix(fix, "rebuild"), Fix: fix})
}

func (c *checker) files() {
	for _, e := range c.g.Files {
		now, err := wasAt(e.Path)
		switch {
		case err != nil:
			c.note(c.again(), "%s cannot be read: %v", e.Path, err)
		case now.nothing():
			c.note(c.again(), "%s is gone", e.Path)
		case now.SHA256 != e.SHA256 || now.Link != e.Link:
			c.note("move it away if it is wanted, then "+c.again(), "%s is not as it was installed", e.Path)
		case now.Mode != e.Mode:
			c.note("chmod "+e.Mode+" "+e.Path, "%s has the permissions %s, not %s", e.Path, now.Mode, e.Mode)
		}
	}
}

// interfaces compares what the halves speak with what the module does, which
// refuses one that speaks another: whoever put it there, a build or a package.
func (c *checker) interfaces() error {
	module := layoutOf(c.g)
	if module.Original != nil {
		return nil
	}
	apache, err := csrc.ReadApacheInfo(module.Folder)
	if err != nil {
		return nil // a file that is gone was said
	}
	halves, err := readHalves(module.Folder)
	for _, h := range halves {
		if h.Info.Interface != apache.Interface {
			c.note("rebuild needed: "+buildToo([]Half{h})+", then mod_wsgi-express install", "%s speaks interface %d, %s speaks %d and refuses it", h.Dir, h.Info.Interface, module.Module, apache.Interface)
		}
	}
	return err
}

func (c *checker) pythons(python func(string) (pybuild.Info, error)) {
	for _, p := range c.g.Pythons {
		c.libpython(p)
		if python == nil || p.Executable == "" {
			continue
		}
		switch now, err := python(p.Executable); {
		case err != nil:
			c.note(c.rebuild(), "the Python %s, %s, is not usable any more: %v", p.Version, p.Executable, err)
		case now.ABI.Folder() != p.ABI:
			c.note(c.rebuild(), "%s is Python %s (%s) now, it was %s (%s)", p.Executable, now.Version, now.ABI.Folder(), p.Version, p.ABI)
		}
	}
	if c.g.Home == "" {
		return
	}
	if !isFolder(c.g.Home) {
		c.note("make it again, or install for another: mod_wsgi-express install --python PYTHON", "%s, which WSGIPythonHome names, is gone", c.g.Home)
		return
	}
	env, err := pybuild.ReadEnvironment(c.g.Home)
	if err != nil {
		return // no virtual environment: the installation itself
	}
	if env.Is(pybuild.Orphaned) {
		c.note("make the environment again", "the Python of the environment %s is gone: %s", c.g.Home, env.Home)
	}
	fits := slices.ContainsFunc(c.g.Pythons, func(p RecordedPython) bool { return env.XY() == "" || strings.HasPrefix(p.Version+".", env.XY()+".") })
	if !fits {
		c.note(c.rebuild(), "the environment %s is of Python %s now, for which nothing is installed", c.g.Home, env.Version)
	}
}

// libpython looks at the libpython of a half. One with other content and the name it
// had is an update that the half can use.
func (c *checker) libpython(p RecordedPython) {
	if p.SHA256 == "" { // it is part of the half's own files, or was not there
		return
	}
	made, err := csrc.Inspect(p.LibPython)
	if err != nil && p.Library != "" {
		made, err = csrc.Inspect(p.Library) // the name it is found by; an update may lie elsewhere
	}
	switch {
	case err != nil:
		c.note(c.rebuild(), "%s, which %s needs, is gone: %v", p.LibPython, p.ABI, err)
	case made.SONAME != p.SONAME:
		c.note(c.rebuild(), "%s is %s now, %s needs %s", p.LibPython, made.SONAME, p.ABI, p.SONAME)
	}
}

// apache looks at the server and at what it is told.
func (c *checker) apache(ctx context.Context, o Options) error {
	a := o.Apache
	if a == nil {
		return nil
	}
	if was := c.g.Apache; was != nil && (was.MMN.Cookie != a.MMN.Cookie || was.MMN.Major != a.MMN.Major) {
		c.note(c.rebuild(), "Apache %s has the module interface %s %d, the module is for %s %d", a.Version, a.MMN.Cookie, a.MMN.Major, was.MMN.Cookie, was.MMN.Major)
	}
	if len(c.g.snippets()) == 0 || !isFile(a.ConfFile) {
		return nil
	}
	scan, err := apxs.ScanConfig(a.ConfFile, a.Root, apxs.Environment(ctx, o.Runner, *a))
	if err != nil {
		return fmt.Errorf("looking at Apache's configuration: %w", err)
	}
	module, loads := layoutOf(c.g).Module, scan.Loads("wsgi_module")
	var ours, others []apxs.Directive
	for _, d := range loads {
		if file := loadedFile(d, a.Root); file == module || same(file, module) {
			ours = append(ours, d)
		} else {
			others = append(others, d)
		}
	}
	switch f := FamilyOf(*a); {
	case len(others) > 0:
		c.note("mod_wsgi-express install --other-module replace", "%s loads another wsgi_module, %s", others[0].Place(), loadedFile(others[0], a.Root))
	case len(ours) == 0 && f.Enable == ByA2enmod:
		c.note(run.Line("a2enmod", c.g.Flavour.Load()), "the module is not enabled")
	case len(ours) == 0 && f.Enable == ByInclude:
		c.note("add to "+a.ConfFile+": "+Directive("Include", c.g.snippets()[0]), "Apache does not read %s", c.g.snippets()[0])
	case len(ours) == 0:
		c.note(c.again(), "Apache does not load the module")
	}
	return nil
}

// Err is nil if nothing was found.
func (h Health) Err() error {
	if len(h.Findings) == 0 {
		return nil
	}
	var list []error
	for _, f := range h.Findings {
		list = append(list, hint.New(errors.New(f.What), f.Fix))
	}
	return hint.Exit(fmt.Errorf("the installation in %s is not as it was: %w", h.Dir, errors.Join(list...)), hint.Unhealthy)
}

// Print writes h for people.
func (h Health) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: mod_wsgi %s with %s, %d earlier\n", h.Dir, h.Version, strings.Join(h.Pythons, ", "), h.Earlier)
	for _, f := range h.Findings {
		fmt.Fprintf(&b, "  %s\n    fix: %s\n", f.What, f.Fix)
	}
	if len(h.Findings) == 0 {
		b.WriteString("  as it was installed\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
