package pack

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/installer"
	"modwsgi/internal/run"
)

// Build is what is packed: a layout of ours with some of its halves, or a release
// of the original.
type Build struct {
	Layout  installer.Layout
	ABIs    []string // of the halves that are packed
	Classic *Classic // in place of the above
	MMNText string   // of Apache, where its packages are rpm
	Apache  string   // "2.4.65"
	Machine string   // as Go says it
	Program string   // the file that is to be mod_wsgi-express, where a format has it

	System  string // the family of this system
	Python3 string // what its python3 leads to, "python3.11"; "" for nothing

	Httpd  string       // the server binary that it was built for; "" where it is not here
	Origin fetch.Origin // where the source of a release of the original came from

	Compiler string // who made it, "gcc 12.2.0"
	Profile  string // whose flags it was made with

	// Owner names the package that a file of this system belongs to; nil: none
	// does.
	Owner func(path string) string
}

// Classic is a built release of the original: one module with Python in it.
type Classic struct {
	Module   string
	Version  string
	Source   string // hash of the C sources
	Python   csrc.BuildInfo
	Home     string // WSGIPythonHome; "" where the module finds it by itself
	LoadFile string // the library that Apache must load first; "" for none
	MMN      int
	Licence  []byte

	// What a wheel is made of beside the module.
	Tree   fs.FS // the source tree
	Server Server
}

// licence is the text of the licence of what is packed.
func (b Build) licence() []byte {
	if b.Classic != nil && len(b.Classic.Licence) > 0 {
		return b.Classic.Licence
	}
	return licence
}

// Options are what is said of every package, whatever is in it.
type Options struct {
	Revision string  // "1"
	Contact  string  // NAME <ADDRESS>
	Family   string  // of the systems; "" for those that first come to mind with the format
	Key      *ApkKey // for apks; nil: they are not signed
	Compress string  // "zstd" where a format lets one choose; otherwise gzip
	Date     time.Time
	Runner   *run.Runner
	Stage    string // a folder for what is made on the way; it must last until the packages are written
}

//go:embed LICENSE
var licence []byte

// original is where the original tells of itself.
const original = "https://modwsgi.readthedocs.io/"

// describer makes the descriptions of one build for one dialect.
type describer struct {
	dialect
	system installer.Family
	b      Build
	o      Options
	v      Version
	stage  stage
	list   []Description
}

// Describe makes the descriptions of a build for a distribution's format: each
// package, and behind it that of its debug information.
func Describe(ctx context.Context, format string, b Build, o Options) ([]Description, error) {
	w, err := dialectOf(format, o.Family)
	if err != nil {
		return nil, err
	}
	system, ok := installer.FamilyNamed(w.family)
	if !ok {
		return nil, fmt.Errorf("packages of the format %s are for systems of which nothing is known", format)
	}
	d := &describer{dialect: w, system: system, b: b, o: o, stage: stage{r: o.Runner, dir: o.Stage}}
	if d.arch[b.Machine] == "" {
		return nil, fmt.Errorf("packages of the format %s have no name for %s", format, b.Machine)
	}
	version := b.Layout.Apache.Version
	if b.Classic != nil {
		version = b.Classic.Version
	}
	if d.v, err = ParseVersion(version, o.Revision); err != nil {
		return nil, err
	}
	if b.Classic != nil {
		err = d.classicPackage(ctx)
	} else {
		err = d.ours(ctx)
	}
	if err != nil {
		return nil, err
	}
	for i := range d.list {
		if p := &d.list[i]; d.shell != "" && p.Scripts != (Scripts{}) {
			p.Depends = append(p.Depends, d.shell)
		}
		if err := d.list[i].check(); err != nil {
			return nil, err
		}
	}
	return d.list, nil
}

// ours describes the Apache half once, and each Python half.
func (d *describer) ours(ctx context.Context) error {
	if err := d.apachePackage(ctx); err != nil {
		return err
	}
	for _, h := range d.b.Layout.Halves {
		if slices.Contains(d.b.ABIs, h.ABI) {
			if err := d.halfPackage(ctx, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// interfaceName is what the two halves meet in, as a name of packages.
func (d *describer) interfaceName() string {
	return d.provide(fmt.Sprintf("mod-wsgi-interface-%d", d.b.Layout.Apache.Interface))
}

func (d *describer) apachePackage(ctx context.Context) error {
	l := d.b.Layout
	ships, facts, err := d.stage.addAll(ctx, l.Module, l.Supervisor)
	if err != nil {
		return err
	}
	p := d.common(d.apache)
	p.Summary = "WSGI applications in Apache, for any number of Pythons"
	p.Text = "The module that Apache loads, the supervisor of its daemon processes and\n" +
		"the Python package mod_wsgi. There is no Python in Apache's own processes:\n" +
		"each version of it comes as a package of its own, and several may serve\n" +
		"side by side."
	module := d.module("")
	p.Files = append(p.Files,
		File{Path: module, Mode: 0o644, Source: ships[0].file},
		File{Path: d.at("wsgi-supervisor"), Mode: 0o755, Source: ships[1].file},
		File{Path: d.at(csrc.ApacheInfoFile), Mode: 0o644, Source: filepath.Join(l.Folder, csrc.ApacheInfoFile)},
		File{Path: d.runtime, Kind: Folder, Mode: 0o755},
	)
	if beside := path.Join(path.Dir(module), csrc.RuntimeFolder); d.runtime != beside { // where the module looks for it
		target, err := filepath.Rel(path.Dir(module), d.runtime)
		if err != nil {
			return fmt.Errorf("placing the folder of the parts: %w", err)
		}
		p.Files = append(p.Files, File{Path: beside, Kind: Link, Target: filepath.ToSlash(target)})
	}
	files, err := d.pythonFiles()
	if err != nil {
		return err
	}
	p.Files = append(p.Files, files...)
	if err := d.tell(&p, "", installer.Directives{Module: module, About: []string{"mod_wsgi " + l.Apache.Version + ", of the package " + p.Name,
		"A Python: WSGIPythonHome, or python-home= of WSGIDaemonProcess; else the one", d.at(csrc.DefaultLink) + " leads to."}}); err != nil {
		return err
	}
	p.Depends = append(d.apacheAPI(d.apacheFacts(l.Apache.Major)), d.libc(facts)...)
	p.Provides = []string{d.interfaceName()}
	p.Conflicts, p.Replaces = d.conflicts, d.conflicts
	p.Scripts = d.script(steps{module: installer.Flavour("").Load(), runtime: d.runtime, cleans: d.at("python")})
	d.add(p, ships, facts)
	return nil
}

func (d *describer) halfPackage(ctx context.Context, h installer.Half) error {
	ships, facts, err := d.stage.addAll(ctx, h.Host, h.Embed)
	if err != nil {
		return err
	}
	py, err := d.python(h.Info)
	if err != nil {
		return err
	}
	p := d.common(d.half(py))
	p.Summary = "WSGI applications in Apache, with Python " + py.Dotted
	p.Text = "The daemon program and the plugin for embedded mode that run applications\nwith Python " + py.Dotted + ", for the package " + d.apache + "."
	for i, name := range []string{"wsgi-host", "wsgi-embed.so"} {
		mode := fs.FileMode(0o755)
		if i > 0 {
			mode = 0o644
		}
		p.Files = append(p.Files, File{Path: d.at(h.ABI, name), Mode: mode, Source: ships[i].file})
	}
	p.Files = append(p.Files,
		File{Path: d.at(h.ABI), Kind: Folder, Mode: 0o755},
		File{Path: d.at(h.ABI, csrc.BuildInfoFile), Mode: 0o644, Source: filepath.Join(h.Dir, csrc.BuildInfoFile)})
	p.Depends = append([]string{d.interfaceName()}, d.libc(facts)...)
	p.Provides = d.provides
	d.needsPython(&p, py, facts)
	p.Scripts = d.script(steps{runtime: d.runtime, abi: h.ABI})
	d.add(p, ships, facts)
	return nil
}

// classicPackage describes a release of the original.
func (d *describer) classicPackage(ctx context.Context) error {
	c := d.b.Classic
	ships, facts, err := d.stage.addAll(ctx, c.Module)
	if err != nil {
		return err
	}
	py, err := d.python(c.Python)
	if err != nil {
		return err
	}
	p := d.common(d.classic(py))
	p.Summary = "Original mod_wsgi " + c.Version + " for Apache, with Python " + py.Dotted
	p.Text = "The module mod_wsgi by Graham Dumpleton, which has Python " + py.Dotted + " in Apache's\nprocesses and is the only one of its kind that an Apache can load."
	v := installer.Flavour("py" + py.Digits)
	p.Files = append(p.Files, File{Path: d.module(v), Mode: 0o644, Source: ships[0].file})
	if err := d.tell(&p, v, installer.Directives{
		About:  []string{"mod_wsgi " + c.Version + " with Python " + py.Dotted + ", of the package " + p.Name},
		Module: d.module(v), LoadFile: c.LoadFile, Home: c.Home, Free: strings.Contains(py.Digits, "t"), Sockets: d.system.Sockets}); err != nil {
		return err
	}
	p.Depends = append(d.apacheAPI(d.apacheFacts(c.MMN)), d.libc(facts)...)
	p.Provides = d.provides
	d.needsPython(&p, py, facts)
	p.Scripts = d.script(steps{module: v.Load(), restart: true})
	d.add(p, ships, facts)
	return nil
}

// needsPython adds what brings the Python, or says who has to (rule Q-5).
func (d *describer) needsPython(p *Description, py python, facts Facts) {
	switch {
	case py.Static:
		p.Text += "\nPython's library is part of these files."
	case py.packaged():
		p.Depends = append(p.Depends, d.libpython(py, facts)...)
		if d.own != nil && d.family == d.b.System && d.b.Python3 == "python"+py.Dotted {
			d.own(p, py)
		}
	default:
		p.Text += "\nThat Python is of no package: " + py.SONAME + " must be where the loader\nfinds it, as below " + py.Prefix + "."
	}
}

func (d *describer) python(info csrc.BuildInfo) (python, error) {
	owner := ""
	if d.b.Owner != nil && info.LibPython != "" && !info.Static {
		owner = d.b.Owner(info.LibPython)
	}
	return pythonOf(info, owner)
}

func (d *describer) apacheFacts(major int) apacheFacts {
	text := d.b.MMNText
	if text == "" { // as httpd.spec makes it: the number, the machine and its bits
		text = fmt.Sprintf("%d%s", major, map[string]string{"amd64": "x8664", "arm64": "aarch6464", "ppc64le": "ppc64le64", "s390x": "s390x64", "riscv64": "riscv64"}[d.b.Machine])
	}
	return apacheFacts{major, text}
}

// module is where the module of a flavour lies.
func (d *describer) module(v installer.Flavour) string {
	return path.Join(d.system.Modules[0], d.system.ModuleFile(v))
}

// tell adds the files in which Apache is told of a module: as the installer would
// write them (rule N-1), but that the administrator's changes are kept.
func (d *describer) tell(p *Description, v installer.Flavour, s installer.Directives) error {
	system := d.system
	if v == "" && d.enable != "" {
		system.Enable = d.enable
	}
	files, err := system.Files(system.Conf, v, s)
	for _, f := range files {
		p.Files = append(p.Files, File{Path: f.Path, Kind: Config, Mode: 0o644, Data: []byte(f.Text)})
	}
	return err
}

// at is a path below the folder of the parts.
func (d *describer) at(names ...string) string {
	return path.Join(append([]string{d.runtime}, names...)...)
}

// common is what every package of the build has.
func (d *describer) common(name string) Description {
	p := Description{
		Name: name, Version: d.v, Arch: d.b.Machine, Section: d.section, License: "Apache-2.0", Contact: d.o.Contact, Compress: d.o.Compress, Key: d.o.Key, Date: d.o.Date.UTC(),
	}
	p.Origin = d.apache
	if d.b.Classic != nil {
		p.Origin = strings.TrimSuffix(name, d.debug)
		p.Homepage = original
	}
	p.Files = d.documents(name, d.b.licence())
	return p
}

// pythonFiles are those of the Python package, with their folders.
func (d *describer) pythonFiles() ([]File, error) {
	files := []File{{Path: d.at("python"), Kind: Folder, Mode: 0o755}}
	runtime := installer.Runtime()
	err := fs.WalkDir(runtime, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case e.IsDir():
			files = append(files, File{Path: d.at("python", name), Kind: Folder, Mode: 0o755})
			return nil
		}
		data, err := fs.ReadFile(runtime, name)
		files = append(files, File{Path: d.at("python", name), Mode: 0o644, Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packing the Python package: %w", err)
	}
	return files, nil
}

// add puts p into the list, and behind it its debug information.
func (d *describer) add(p Description, ships []shipped, facts Facts) {
	d.list = append(d.list, p)
	if len(facts.BuildID) != len(ships) {
		return // no file of debug information would be found
	}
	q := d.common(p.Name + d.debug)
	q.Section = d.debugSection
	q.Summary = "Debug information of " + p.Name
	q.Text = "What a debugger needs to show the source lines and variables of the programs\nin the package " + p.Name + "."
	q.Depends = []string{d.exactly(p.Name, d.version(p.Version))}
	for i, s := range ships {
		id := facts.BuildID[i]
		if s.debug == "" {
			return
		}
		folder := "/usr/lib/debug/.build-id/" + id[:2]
		if i == 0 || id[:2] != facts.BuildID[0][:2] {
			q.Files = append(q.Files, File{Path: folder, Kind: Folder, Mode: 0o755})
		}
		q.Files = append(q.Files, File{Path: folder + "/" + id[2:] + ".debug", Mode: 0o644, Source: s.debug})
	}
	if d.format == "deb" {
		q.Fields = map[string]string{"Build-Ids": strings.Join(facts.BuildID, " ")}
	}
	d.list = append(d.list, q)
}
