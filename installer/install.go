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
	"modwsgi/csrc"
	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Options of an installation. The zero value is ready.
type Options struct {
	Runner *run.Runner // nil: one without a log
	Apache *apxs.Info  // if set, this Apache must be able to load the module before it takes its place

	// State is the folder in which it is noted what is installed; [StateFolder] if it
	// is empty.
	State string

	// Setup says how Apache comes to use the module; nil: only its files are put in
	// place.
	Setup *Setup
	// Root is the folder below which everything is staged, for a package (rule I-5);
	// nothing of this machine is enabled or asked then.
	Root string

	// Flavour says which of several installations in a folder is to be undone or looked
	// at: a release of the original by its Python; "": ours, or the only one.
	Flavour Flavour
	// Again is the command that installs the same once more, for advice; "": of ours.
	Again string

	Plan func(steps []string) // if set, it is told what would be done, and nothing is (rule T-8)

	watch func(event string, n int) error // a test's: see journal.Journal.Watch
}

// Result is what became of an installation.
type Result struct {
	Layout  Layout
	Changed bool     // false: all was there already (rule X-6)
	Proof   *Proof   // of what is in place; nil: none was asked for
	Lines   []string // the directives for Apache
	Enabled bool     // Apache's configuration has them
	Advice  []string // what remains to be done, a line each
}

// ready fills in what was left out.
func (o Options) ready() (Options, state, error) {
	if o.Runner == nil {
		o.Runner = &run.Runner{}
	}
	if o.Root != "" {
		o.State = filepath.Join(o.Root, rootsState)
	}
	if o.State == "" {
		o.State = StateFolder(o.Runner.Getenv)
	}
	if o.State == "" {
		return o, state{}, hint.New(errors.New("finding a folder to note what is installed: $HOME is not defined"), "set XDG_STATE_HOME")
	}
	return o, state{o.State}, nil
}

// Install copies the module from, with all its parts, into the folder modulesDir,
// and says whether that changed anything.
//
// It is all there or as before, also if the process is killed: then nothing else
// is done until [Recover] has put back what was there. The copy is made and checked
// beside its place and then exchanged with what is there. Files that a running
// Apache has open stay what they were. Only what an earlier installation put there
// is replaced; a half for another Python that it had is kept, if both still speak
// the same interface.
func Install(ctx context.Context, from Layout, modulesDir string, o Options) (Result, error) {
	o, st, err := o.ready()
	if err != nil {
		return Result{}, err
	}
	dir, err := filepath.Abs(modulesDir)
	if err != nil {
		return Result{}, fmt.Errorf("installing: %w", err)
	}
	if err := into(from, dir, o.Root); err != nil {
		return Result{}, err
	}
	from = from.fresh()
	in := &installation{from: from, final: from.placed(dir, o.Apache), to: from.placed(filepath.Join(o.Root, dir), o.Apache), o: o, state: st}
	plan := func() (change, error) {
		if err := in.plan(ctx); err != nil {
			return change{}, err
		}
		return in.change()
	}
	if o.Plan != nil {
		err := st.tell(o, plan)
		return in.result(false), err
	}
	changed, err := st.carryOut(ctx, o, "installing into "+dir, plan)
	if err != nil {
		return Result{}, errors.Join(fmt.Errorf("installing into %s: %w", dir, err), in.revive(ctx))
	}
	r := in.result(changed)
	r.Layout, err = in.to.locate()
	return r, err
}

func (in *installation) result(changed bool) Result {
	r := Result{Layout: in.to, Changed: changed, Proof: in.proof}
	if c := in.conf; c != nil {
		r.Lines, r.Enabled, r.Advice = c.lines, c.enabled, c.advice
	}
	return r
}

// into tells whether the module can be installed into dir.
func into(from Layout, dir, root string) error {
	if _, err := quote(dir); err != nil {
		return fmt.Errorf("installing into %q: %w", dir, err)
	}
	if same(dir, from.Dir) {
		return fmt.Errorf("installing into %s: the module is there already", dir)
	}
	if fi, err := os.Stat(dir); root == "" && (err != nil || !fi.IsDir()) {
		return hint.New(errors.Join(fmt.Errorf("installing into %s: it is not a folder", dir), err),
			"name Apache's modules folder: --modules-directory DIR")
	}
	return nil
}

func same(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}

// installed reads what an earlier installation put into dir. Anything there
// that is not of one is refused: whoever put it there must take it away. With
// force, a module of somebody else's is replaced; was says what it is.
func installed(ctx context.Context, r *run.Runner, dir string, force bool) (old *Manifest, was *Was, err error) {
	refuse := func(path, why string) error { return foreign(path, distro.Owner(ctx, r, path), why) }
	to := layoutAt(dir)
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(to.Folder); err == nil {
			return nil, nil, refuse(to.Folder, "was not installed by this program")
		}
		w, err := wasAt(to.Module)
		if err != nil || w.nothing() {
			return nil, nil, err
		}
		if !force || w.Folder {
			return nil, nil, refuse(to.Module, "was not installed by this program")
		}
		w.Package = distro.Owner(ctx, r, to.Module)
		return nil, &w, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if _, ours := m.find(moduleFile); !ours {
		return nil, nil, refuse(to.Folder, "has a manifest without a module")
	}
	changed, err := m.changed(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("looking at what is installed: %w", err)
	}
	if len(changed) > 0 {
		return nil, nil, refuse(filepath.Join(dir, changed[0]), "is not as it was installed")
	}
	strangers, err := m.strangers(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("looking at what is installed: %w", err)
	}
	if len(strangers) > 0 {
		return nil, nil, refuse(filepath.Join(dir, strangers[0]), "was not installed by this program")
	}
	return &m, nil, nil
}

// foreign refuses to replace path, which belongs to the package name, if that is
// not empty (rule I-2).
func foreign(path, name, why string) error {
	advice := "move it away first, or install into another folder: --modules-directory DIR"
	if name != "" {
		why = "belongs to the package " + name
		advice = "remove that package first, or install into another folder: --modules-directory DIR"
	}
	advice += "; install --force replaces a module or a configuration file, and uninstall brings it back"
	return hint.Exit(hint.New(fmt.Errorf("%s %s and is not replaced", path, why), advice), hint.Refused)
}

// installation is one run of Install.
type installation struct {
	from      Layout
	to, final Layout // where the files go, and where they will lie; two only below a root
	o         Options
	state     state

	old      *Manifest         // of what is there; nil: nothing
	was      *Was              // a module of somebody else's that is replaced
	record   *Record           // of what is there; nil: none
	sources  map[string]string // absolute file by path in the manifest
	manifest Manifest
	conf     *configuration // nil: Apache is not told
	proof    *Proof
	service  *service // that was restarted
}

// plan works out what is to be there.
func (in *installation) plan(ctx context.Context) (err error) {
	force := in.o.Setup != nil && in.o.Setup.Force
	if in.record, err = in.state.read(place{in.final.Dir, in.from.flavour()}); err != nil {
		return err
	}
	if in.from.Original != nil {
		in.old, in.was, err = installedOriginal(ctx, in.o.Runner, in.to, in.record, force)
	} else {
		in.old, in.was, err = installed(ctx, in.o.Runner, in.to.Dir, force)
	}
	if err != nil {
		return err
	}
	if err := in.list(); err != nil {
		return err
	}
	if in.o.Setup == nil {
		return nil
	}
	return in.configure(ctx)
}

// list works out what the modules folder is to hold.
func (in *installation) list() error {
	in.manifest = Manifest{Schema: manifestSchema, Version: in.from.Apache.Version, Source: in.from.Apache.Source}
	if in.from.Original != nil {
		f, err := describe(in.from.Dir, filepath.Base(in.from.Module))
		if err != nil {
			return fmt.Errorf("looking at the built file: %w", err)
		}
		f.Path, f.Mode = filepath.Base(in.to.Module), "0644"
		in.sources, in.manifest.Files = map[string]string{f.Path: in.from.Module}, []ManifestFile{f}
		return nil
	}
	files, err := in.from.contents()
	if err != nil {
		return err
	}
	in.sources = map[string]string{}
	for _, f := range files {
		in.sources[f.Path] = filepath.Join(in.from.Dir, filepath.FromSlash(f.Path))
	}
	kept, link, lost := in.keep()
	if force := in.o.Setup != nil && in.o.Setup.Force; len(lost) > 0 && !force {
		return in.losing(lost)
	}
	for _, f := range kept {
		files = append(files, f)
		in.sources[f.Path] = filepath.Join(in.to.Dir, filepath.FromSlash(f.Path))
	}
	if link == "" {
		link = in.from.Default
	}
	if link != "" {
		files = append(files, ManifestFile{Path: csrc.RuntimeFolder + "/" + csrc.DefaultLink, Link: link})
	}
	slices.SortFunc(files, func(a, b ManifestFile) int { return strings.Compare(a.Path, b.Path) })
	in.manifest.Files = files
	return nil
}

// keep lists the files of halves that are installed, not among the new ones,
// and of the new module's interface; the default link, if its half stays; and the
// halves that are of no use to the new module.
func (in *installation) keep() (files []ManifestFile, link string, lost []Half) {
	if in.old == nil {
		return nil, "", nil
	}
	halves, err := readHalves(in.to.Folder)
	if err != nil {
		return nil, "", nil
	}
	stays := map[string]bool{}
	for _, h := range in.from.Halves {
		stays[h.ABI] = true
	}
	for _, h := range halves {
		if stays[h.ABI] {
			continue
		}
		if h.Info.Interface != in.from.Apache.Interface {
			lost = append(lost, h)
			continue
		}
		stays[h.ABI] = true
		for _, f := range in.old.Files {
			if strings.HasPrefix(f.Path, csrc.RuntimeFolder+"/"+h.ABI+"/") {
				files = append(files, f)
			}
		}
	}
	if f, ok := in.old.find(csrc.RuntimeFolder + "/" + csrc.DefaultLink); ok && stays[f.Link] {
		link = f.Link
	}
	return files, link, lost
}

// losing refuses to leave applications without their Python: the module that is
// there serves them, and the new one would not.
func (in *installation) losing(lost []Half) error {
	var names []string
	for _, h := range lost {
		names = append(names, fmt.Sprintf("%s (interface %d)", h.Dir, h.Info.Interface))
	}
	return hint.Exit(hint.New(fmt.Errorf("the new module speaks interface %d, which these installed halves do not: %s", in.from.Apache.Interface, strings.Join(names, ", ")),
		buildToo(lost)+", then mod_wsgi-express install; install --force leaves them out"), hint.Refused)
}

// fresh is l without halves that its module refuses: those of an earlier build in
// the same folder, of another interface.
func (l Layout) fresh() Layout {
	l.Halves = slices.DeleteFunc(slices.Clone(l.Halves), func(h Half) bool { return h.Info.Interface != l.Apache.Interface })
	if !slices.ContainsFunc(l.Halves, func(h Half) bool { return h.ABI == l.Default }) {
		l.Default = ""
	}
	return l
}

// Outdated are the halves in a modules folder that what is about to be installed
// there could not use, and has no other for.
func Outdated(from Layout, dir string) []Half {
	halves, err := readHalves(layoutAt(dir).Folder)
	if err != nil {
		return nil // nothing of that kind is there
	}
	from = from.fresh()
	return slices.DeleteFunc(halves, func(h Half) bool {
		return h.Info.Interface == from.Apache.Interface || slices.ContainsFunc(from.Halves, func(other Half) bool { return other.ABI == h.ABI })
	})
}

// buildToo is the command that builds halves anew.
func buildToo(halves []Half) string {
	words := []string{"mod_wsgi-express", "build"}
	for _, h := range halves {
		words = append(words, "--python", h.Info.Executable)
	}
	return run.Line(words[0], words[1:]...)
}
