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
	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Setup is how Apache comes to use what is installed.
type Setup struct {
	Python pybuild.Info // whose home is named
	Other  OtherModule
	Edit   bool // add the Include line to the main configuration file, where it takes one
	Force  bool // replace files of packages and of others

	Restart bool // stop and start Apache when all is proved, if it runs
	// Verify proves what is in place; the lines are those that load it. Nil: the
	// static checks have to do.
	Verify func(ctx context.Context, l Layout, s SetupLines) (Proof, error)
}

// SetupLines are the directives of an installation, and whether Apache's own
// configuration has them.
type SetupLines struct {
	Lines   []string
	Enabled bool
}

// OtherModule is what becomes of another wsgi_module that the configuration loads
// (rule I-3).
type OtherModule string

const (
	OtherRefuse    OtherModule = "refuse"    // nothing is installed
	OtherReplace   OtherModule = "replace"   // it is disabled, and enabled again by undoing
	OtherAlongside OtherModule = "alongside" // it stays; what is installed is not enabled
)

// configuration is what an installation does to Apache's configuration.
type configuration struct {
	setup  Setup
	apache apxs.Info
	family Family
	// flavour names it if it is a release of the original; "" of ours
	flavour Flavour
	r       *run.Runner
	root    string      // what is staged lies below it; "" for the machine itself
	old     *Generation // what is installed; nil: nothing

	files     []ConfText // with their final paths
	lines     []string
	enabled   bool
	advice    []string // what remains to be typed
	steps     []journal.Step
	switches  []Switched // their After is known when the steps are done
	keep      map[string]string
	overwrote map[string]*Was
}

// plan works out the steps.
func (c *configuration) plan(ctx context.Context, d Directives) error {
	conf := filepath.Dir(c.apache.ConfFile)
	var err error
	c.lines = d.Lines()
	c.keep, c.overwrote = map[string]string{}, map[string]*Was{}
	if c.files, err = c.family.Files(conf, c.flavour, d); err != nil {
		return err
	}
	if c.root != "" { // I-5: nothing of this machine is asked or enabled
		return c.write(ctx)
	}
	others, err := c.others(ctx, d.Module)
	if err != nil {
		return err
	}
	if len(others) > 0 && c.setup.Other == OtherAlongside {
		c.advice = append(c.advice, fmt.Sprintf("not enabled: %s loads another wsgi_module; these lines in its place load this one:", others[0].Place()))
		c.advice = append(c.advice, c.lines...)
		if c.family.Enable == ByPresence {
			c.files = nil
		}
		return c.write(ctx)
	}
	if err := c.write(ctx); err != nil {
		return err
	}
	for _, d := range others {
		if err := c.disable(d); err != nil {
			return err
		}
	}
	return c.enable(conf)
}

// sound refuses to change a configuration that Apache does not accept as it is
// (rule V-5): whether it accepts the module could not be told. That it has
// directives of the module, which is not there yet, is no fault; nor is that our own
// module, which is replaced, is gone or fits this Apache no more.
func (c *configuration) sound(ctx context.Context) error {
	p := &prover{ctx: ctx, r: c.r, s: Subject{Apache: c.apache}}
	t := configTest{prover: p, conf: c.apache.ConfFile, env: apxs.Environment(ctx, c.r, c.apache)}
	if c.root != "" || c.apache.Httpd == "" || !isFile(t.conf) || p.acceptsBroken() {
		return nil
	}
	said, err := t.test()
	ours := c.old != nil && strings.Contains(said, "Cannot load "+layoutOf(*c.old).Module+" into server")
	if err == nil || ours || strings.Contains(said, "Invalid command 'WSGI") {
		return nil
	}
	return hint.Exit(hint.New(fmt.Errorf("the configuration %s is refused by Apache as it is, before anything is changed: %s", t.conf, whatSaid(said, err)),
		"mend that first: the module has no part in it; "+BrokenVariable+"=1 accepts it"), hint.Unverified)
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

// others are the lines of the configuration that load another wsgi_module (rule
// I-3).
func (c *configuration) others(ctx context.Context, module string) ([]apxs.Directive, error) {
	scan, err := apxs.ScanConfig(c.apache.ConfFile, c.apache.Root, apxs.Environment(ctx, c.r, c.apache))
	if err != nil {
		return nil, fmt.Errorf("looking for another wsgi_module: %w", err)
	}
	others := slices.DeleteFunc(scan.Loads("wsgi_module"), func(d apxs.Directive) bool {
		file := loadedFile(d, c.apache.Root)
		return file == module || same(file, module)
	})
	if len(others) == 0 || c.setup.Other == OtherReplace || c.setup.Other == OtherAlongside {
		return others, nil
	}
	var places []string
	for _, d := range others {
		places = append(places, fmt.Sprintf("%s (%s)", d.Place(), loadedFile(d, c.apache.Root)))
	}
	return nil, hint.Exit(hint.New(fmt.Errorf("the configuration loads another wsgi_module: %s", strings.Join(places, ", ")),
		"--other-module replace disables it, and uninstall enables it again; --other-module alongside installs this one and does not enable it"), hint.Refused)
}

func loadedFile(d apxs.Directive, root string) string {
	file := d.Args[len(d.Args)-1]
	if !filepath.IsAbs(file) {
		file = filepath.Join(root, file)
	}
	return file
}

// write plans the files.
func (c *configuration) write(ctx context.Context) error {
	for _, file := range c.files {
		at := filepath.Join(c.root, file.Path)
		now, err := wasAt(at)
		if err != nil {
			return err
		}
		if !now.nothing() && now.SHA256 == sumOf([]byte(file.Text)) && now.Mode == "0644" {
			continue
		}
		if err := c.mayReplace(ctx, now, file.Path); err != nil {
			return err
		}
		c.steps = append(append(c.steps, folders(filepath.Dir(at))...), journal.Step{Kind: journal.Write, Path: at, Mode: 0o644, Data: []byte(file.Text)})
	}
	return nil
}

// mayReplace refuses a file that is not ours, or was ours and has been changed
// (rule I-2).
func (c *configuration) mayReplace(ctx context.Context, now Was, path string) error {
	if now.nothing() {
		return nil
	}
	if c.old != nil {
		if i := slices.IndexFunc(c.old.Files, func(e Entry) bool { return e.Path == path }); i >= 0 {
			if e := c.old.Files[i]; e.SHA256 == now.SHA256 && e.Link == now.Link {
				return nil
			}
		}
	}
	now.Package = distro.Owner(ctx, c.r, now.Path)
	if !c.setup.Force {
		return foreign(now.Path, now.Package, "was not written by this program, or changed since")
	}
	if now.SHA256 != "" {
		c.keep[now.SHA256] = now.Path
	}
	c.overwrote[path] = &now
	return nil
}

// disable plans to take another module out of the configuration.
func (c *configuration) disable(d apxs.Directive) error {
	available := filepath.Join(filepath.Dir(c.apache.ConfFile), "mods-available", filepath.Base(d.File))
	if name := d.Enabled(); name != "" && c.family.Enable == ByA2enmod && same(d.File, available) {
		return c.a2(false, name)
	}
	data, err := os.ReadFile(d.File)
	if err != nil {
		return fmt.Errorf("disabling %s: %w", d.Place(), err)
	}
	fi, err := os.Stat(d.File)
	if err != nil {
		return fmt.Errorf("disabling %s: %w", d.Place(), err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	if d.Line < 1 || d.Line > len(lines) {
		return fmt.Errorf("disabling %s: there is no such line", d.Place())
	}
	for n := d.Line - 1; n < len(lines); n++ { // one directive can have several lines
		more := strings.HasSuffix(strings.TrimRight(lines[n], "\r\n"), `\`)
		lines[n] = "#modwsgi# " + lines[n]
		if !more {
			break
		}
	}
	step := journal.Step{Kind: journal.Write, Path: d.File, Mode: fi.Mode().Perm(), Data: []byte(strings.Join(lines, ""))}
	return c.change(d.Place()+" is disabled", true, []string{d.File}, step)
}

// change adds a step that is noted, with what it changes.
func (c *configuration) change(what string, other bool, paths []string, steps ...journal.Step) error {
	before, err := wasAll(paths)
	if err != nil {
		return err
	}
	for _, w := range before {
		if w.SHA256 != "" {
			c.keep[w.SHA256] = w.Path
		}
	}
	c.steps = append(c.steps, steps...)
	c.switches = append(c.switches, Switched{What: what, Other: other, Before: before})
	return nil
}

// enable plans what makes Apache read the files.
func (c *configuration) enable(conf string) error {
	switch c.family.Enable {
	case ByA2enmod:
		c.enabled = true
		if enabledIn(conf, c.flavour.Load()) {
			return nil
		}
		return c.a2(true, c.flavour.Load())
	case ByPresence:
		c.enabled = true
		return nil
	case ByInclude:
		return c.include()
	case ByDefine:
		c.advice = append(c.advice, `start Apache with -D WSGI: add it to APACHE2_OPTS in /etc/conf.d/apache2`)
		return nil
	}
	c.advice = append(append(c.advice, "add to Apache's configuration:"), c.lines...)
	return nil
}

// enabledIn tells whether the links that a2enmod makes for a module are there.
func enabledIn(conf, module string) bool {
	for _, ext := range []string{".load", ".conf"} {
		name := module + ext
		if !same(filepath.Join(conf, "mods-enabled", name), filepath.Join(conf, "mods-available", name)) {
			return false
		}
	}
	return true
}

// include adds the line that reads the file, if that was asked for.
func (c *configuration) include() error {
	main, line := c.apache.ConfFile, Directive("Include", c.files[0].Path)
	data, err := os.ReadFile(main)
	if err != nil {
		return fmt.Errorf("looking for %s: %w", line, err)
	}
	if slices.Contains(strings.Split(string(data), "\n"), line) {
		c.enabled = true
		return nil
	}
	if !c.setup.Edit {
		c.advice = append(c.advice, fmt.Sprintf("add to %s, or install with --edit-config: %s", main, line))
		return nil
	}
	fi, err := os.Stat(main)
	if err != nil {
		return fmt.Errorf("adding %s: %w", line, err)
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	c.enabled = true
	step := journal.Step{Kind: journal.Write, Path: main, Mode: fi.Mode().Perm(), Data: append(data, line+"\n"...)}
	return c.change(main+" includes "+c.files[0].Path, false, []string{main}, step)
}

// a2State is where Debian's tools note who enabled what.
const a2State = "/var/lib/apache2"

// a2 plans a2enmod or a2dismod; where the tool is missing, or knows nothing of this
// configuration, the links themselves.
func (c *configuration) a2(on bool, name string) error {
	conf := filepath.Dir(c.apache.ConfFile)
	noted := c.r.Getenv("APACHE_STATE_DIRECTORY")
	if noted == "" && conf == "/etc/apache2" {
		noted = a2State
	}
	var links []string
	for _, ext := range []string{".load", ".conf"} {
		links = append(links, filepath.Join(conf, "mods-enabled", name+ext))
	}
	tool, what := "a2dismod", name+" is disabled"
	if on {
		tool, what = "a2enmod", name+" is enabled"
	}
	program, err := c.program(tool)
	if err != nil || noted == "" {
		return c.change(what, !on, links, linkSteps(on, name, links)...)
	}
	paths := []string{noted, filepath.Join(noted, "module")}
	for _, who := range []string{"admin", "maint"} {
		for _, how := range []string{"enabled", "disabled"} {
			dir := filepath.Join(noted, "module", how+"_by_"+who)
			paths = append(paths, dir, filepath.Join(dir, name))
		}
	}
	paths = append(paths, links...)
	step := journal.Step{Kind: journal.Run, Args: []string{program, "-q", name}, Touches: paths,
		Env: []string{"APACHE_CONFDIR=" + conf, "APACHE_STATE_DIRECTORY=" + noted}}
	return c.change(what, !on, paths, step)
}

// program finds one of the system's tools, which are not on everybody's PATH.
func (c *configuration) program(name string) (string, error) {
	if path, err := c.r.LookPath(name); err == nil {
		return path, nil
	}
	path := filepath.Join("/usr/sbin", name)
	_, err := os.Stat(path)
	return path, err
}

func linkSteps(on bool, name string, links []string) []journal.Step {
	var steps []journal.Step
	for _, link := range links {
		to := filepath.Join("..", "mods-available", filepath.Base(link))
		_, err := os.Lstat(link)
		switch {
		case on:
			steps = append(steps, journal.Step{Kind: journal.Link, Path: link, To: to})
		case !errors.Is(err, fs.ErrNotExist):
			steps = append(steps, journal.Step{Kind: journal.Remove, Path: link})
		}
	}
	return steps
}
