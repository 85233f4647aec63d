package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/installer/pack"
	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/words"
)

// PackageRequest is what to pack beside what the options say.
type PackageRequest struct {
	Format  string    // one of pack.Formats, or all
	Pythons []string  // each as the option python; none: that option
	Program string    // mod_wsgi-express, for formats that have it; "": this program is it
	Then    []Program // what makes that
}

// packages is what packing made, as JSON has it.
type packages struct {
	Schema int        `json:"schema"`
	Folder string     `json:"folder"`
	Files  []pack.Sum `json:"files"`
}

// Package builds what a format is to hold, and writes packages of it.
func Package(q PackageRequest) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		p := &packing{Job: j, q: q, formats: []string{q.Format}}
		if q.Format == "all" {
			p.formats = pack.Formats()
		}
		return p.do(ctx)
	}
}

// packing is one run of Package.
type packing struct {
	*Job
	q       PackageRequest
	formats []string
	base    csrc.Options // of a build that is no distribution's
	folder  string       // for the packages
	sign    []string     // the words of the command that signs; none: nobody does
	common  pack.Options
}

func (p *packing) do(ctx context.Context) error {
	for _, format := range p.formats {
		err := pack.CheckFormat(format)
		if err == nil && p.q.Format != "all" {
			err = pack.CheckFamily(format, p.Text("family"))
		}
		if err != nil {
			return err
		}
	}
	if err := p.options(); err != nil {
		return err
	}
	o, steps, err := p.resolve(ctx, BuildRequest{Pythons: p.q.Pythons})
	if err != nil {
		return err
	}
	if len(steps) > 0 {
		return p.Plan(append(append(steps, "build it"), p.step()))
	}
	p.base = o
	if err := p.wheelless(); err != nil {
		return err
	}
	if err := p.programs(ctx); err != nil {
		return err
	}
	var sums []pack.Sum
	for _, format := range p.formats {
		o := p.build(format)
		if p.Dry() {
			steps = append(steps, BuildStep(o))
			continue
		}
		list, err := p.pack(ctx, format, o)
		if err != nil {
			return err
		}
		sums = append(sums, list...)
	}
	if p.Dry() {
		return p.Plan(append(steps, p.step()))
	}
	text, err := pack.SumsOf(p.folder, sums)
	if err == nil {
		err = fsx.WriteFile(filepath.Join(p.folder, pack.SumsFile), text, 0o644)
	}
	if err == nil {
		err = pack.CheckFolder(p.folder)
	}
	if err != nil {
		return err
	}
	return p.Print(packages{1, p.folder, sums}, func(w io.Writer) error { return printPackages(w, p.folder, sums) })
}

// wheelless leaves wheels out of all formats, where the source tree has nothing to
// make them of.
func (p *packing) wheelless() error {
	if p.base.Source == nil || !slices.Contains(p.formats, "wheel") {
		return nil
	}
	err := pack.WheelOfTree(p.base.Source)
	if err != nil && p.q.Format == "all" {
		p.formats = slices.DeleteFunc(p.formats, func(format string) bool { return format == "wheel" })
		return nil
	}
	return err
}

// programs makes those that a format needs.
func (p *packing) programs(ctx context.Context) (err error) {
	if p.Dry() || !slices.Contains(p.formats, "wheel") {
		return nil
	}
	if p.q.Program == "" {
		p.q.Program, err = os.Executable()
	}
	for _, c := range p.q.Then {
		err = errors.Join(err, p.Compiled(ctx, c))
	}
	return err
}

// options reads those that are about packages alone.
func (p *packing) options() error {
	p.folder = p.dist()
	if err := p.checkMaintainer(); err != nil {
		return err
	}
	sign, err := words.Split(p.Text("sign"))
	if err != nil {
		return hint.Exit(p.Blame("sign", err), hint.Usage)
	}
	p.sign = sign
	date, err := packDate(p.R.Getenv("SOURCE_DATE_EPOCH"))
	p.common = pack.Options{Revision: p.Text("revision"), Compress: p.Text("compress"), Date: date, Runner: p.R}
	if file := p.Text("apk_key"); err == nil && file != "" && slices.Contains(p.formats, "apk") {
		p.common.Key, err = pack.ReadApkKey(file)
	}
	return err
}

// packDate is the time of everything that is packed: of the version, unless
// SOURCE_DATE_EPOCH says another (rule H-3).
func packDate(epoch string) (time.Time, error) {
	if epoch == "" {
		return csrc.Released(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, hint.Exit(fmt.Errorf("SOURCE_DATE_EPOCH is %q, not seconds since 1970", epoch), hint.Usage)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// step is packing as a step of a dry run.
func (p *packing) step() string {
	return fmt.Sprintf("write packages into %s: %s", p.folder, strings.Join(p.formats, ", "))
}

// family is which systems packages of a format are for.
func (p *packing) family(format string) string {
	return pack.Target(format, p.Text("family"), p.base.Apache.Family)
}

// build says how the parts of a format are built: for distributions apart from
// what is used here, since no path of this machine may be in it.
func (p *packing) build(format string) csrc.Options {
	o := p.base
	if place := pack.RuntimePlace(format, p.family(format)); place != "" {
		o.Dir, o.Package, o.InstallDir = filepath.Join(o.Dir, "package", format), true, place
	}
	return o
}

// pack builds and writes one format.
func (p *packing) pack(ctx context.Context, format string, o csrc.Options) ([]pack.Sum, error) {
	artifact, err := p.Compile(ctx, o)
	if err != nil {
		return nil, err
	}
	b, err := p.parts(ctx, artifact)
	if err != nil {
		return nil, err
	}
	steps := p.Steps()
	steps.Start("packing " + format)
	made, err := p.publish(ctx, format, b)
	if err != nil {
		steps.Fail()
		return nil, err
	}
	steps.Done(fmt.Sprintf("%d files in %s", len(made), p.folder))
	return pack.Sums(made), nil
}

// publish writes the packages, has them signed, and writes what lies beside them:
// that is about the files as they are then.
func (p *packing) publish(ctx context.Context, format string, b pack.Build) ([]pack.Made, error) {
	o := p.common
	o.Family, o.Contact = p.family(format), p.maintainer(ctx, format)
	made, err := pack.Make(ctx, format, b, o)
	if err != nil {
		return nil, err
	}
	if err := p.write(made); err != nil {
		return nil, err
	}
	for i, m := range made {
		if made[i].Data, err = p.signed(ctx, m); err != nil {
			return nil, err
		}
	}
	papers, err := pack.Papers(format, b, o, made)
	if err != nil {
		return nil, err
	}
	return append(made, papers...), p.write(papers)
}

func (p *packing) write(made []pack.Made) error {
	err := fsx.MkdirAll(p.folder, 0o755)
	for _, m := range made {
		if err == nil {
			err = fsx.WriteFile(filepath.Join(p.folder, m.Name), m.Data, 0o644)
		}
	}
	return err
}

// signed is a written package after the command of the option sign (rule Q-10):
// there are formats that have signatures within.
func (p *packing) signed(ctx context.Context, m pack.Made) ([]byte, error) {
	if len(p.sign) == 0 {
		return m.Data, nil
	}
	file := filepath.Join(p.folder, m.Name)
	if _, err := p.R.Output(ctx, p.folder, p.sign[0], append(slices.Clone(p.sign[1:]), file)...); err != nil {
		return nil, fmt.Errorf("signing %s: %w", m.Name, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", m.Name, err)
	}
	return data, nil
}

// parts are what was built, for a packer.
func (p *packing) parts(ctx context.Context, artifact csrc.Artifact) (pack.Build, error) {
	b := pack.Build{MMNText: p.base.Apache.MMNText, Apache: p.base.Apache.Version, Compiler: artifact.Compiler, Profile: p.Text("profile"), Machine: runtime.GOARCH, Program: p.q.Program,
		System: distro.Here().Family, Httpd: p.base.Apache.Httpd, Origin: p.origin}
	if own, err := filepath.EvalSymlinks("/usr/bin/python3"); err == nil {
		b.Python3 = filepath.Base(own)
	}
	if b.System == distro.Debian {
		b.Owner = func(path string) string { return distro.Owner(ctx, p.R, path) }
	}
	if len(artifact.Halves) == 0 {
		b.Classic = p.classic(artifact)
		b.Classic.Source = artifact.Source
		return b, nil
	}
	for _, h := range artifact.Halves {
		b.ABIs = append(b.ABIs, h.ABI)
	}
	var err error
	b.Layout, err = installer.Locate(artifact.Dir)
	return b, err
}

// classic is a built release of the original.
func (p *packing) classic(artifact csrc.Artifact) *pack.Classic {
	py := p.base.Python[0]
	c := &pack.Classic{
		Module: artifact.Module, Version: artifact.Version, LoadFile: artifact.LoadFile, MMN: p.base.Apache.MMN.Major,
		Python: csrc.BuildInfo{ABI: py.ABI.Folder(), Python: py.Version, LibPython: py.LibPython, SONAME: py.SONAME, Static: py.LibPython == "", Prefix: py.BasePrefix},
	}
	if py.Prefix != "/usr" {
		c.Home = py.Prefix
	}
	c.Tree, c.Server = p.base.Source, p.server(*p.base.Apache)
	c.Licence, _ = fs.ReadFile(p.base.Source, "LICENSE") // without one, that of the same name here
	return c
}

// server is what a wheel of the original says of an Apache. Programs that go with
// a server are beside it, or in a folder that ends otherwise, as apxs is.
func (p *packing) server(a apxs.Info) pack.Server {
	beside := filepath.Dir(a.Httpd)
	s := pack.Server{Httpd: a.Httpd, ModulesDir: a.ModulesDir, LibraryPath: a.LibraryPath, ProgramsDir: filepath.Dir(a.Apxs)}
	if a.Apxs == "" {
		s.ProgramsDir = beside
	}
	for _, dir := range []string{beside, s.ProgramsDir, strings.Replace(beside, "/sbin", "/bin", 1)} {
		if file, err := p.R.LookPath(filepath.Join(dir, "rotatelogs")); err == nil && s.Rotatelogs == "" {
			s.Rotatelogs = file
		}
	}
	return s
}

func printPackages(w io.Writer, folder string, sums []pack.Sum) error {
	for _, s := range sums {
		if _, err := fmt.Fprintf(w, "%s  %s\n", s.SHA256, filepath.Join(folder, s.Name)); err != nil {
			return err
		}
	}
	return nil
}
