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

	Plan func(steps []string) // if set, it is told what would be done, and nothing is (rule T-8)

	watch func(event string, n int) error // a test's: see journal.Journal.Watch
}

// ready fills in what was left out.
func (o Options) ready() (Options, state, error) {
	if o.Runner == nil {
		o.Runner = &run.Runner{}
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
func Install(ctx context.Context, from Layout, modulesDir string, o Options) (Layout, bool, error) {
	o, st, err := o.ready()
	if err != nil {
		return Layout{}, false, err
	}
	dir, err := filepath.Abs(modulesDir)
	if err != nil {
		return Layout{}, false, fmt.Errorf("installing: %w", err)
	}
	if err := into(from, dir); err != nil {
		return Layout{}, false, err
	}
	plan := func() (change, error) {
		old, err := installed(ctx, o.Runner, dir)
		if err != nil {
			return change{}, err
		}
		in := &installation{from: from, to: layoutAt(dir), old: old, o: o, state: st}
		if err := in.plan(); err != nil {
			return change{}, err
		}
		return in.change()
	}
	if o.Plan != nil {
		return layoutAt(dir), false, st.tell(o, plan)
	}
	changed, err := st.carryOut(ctx, o, "installing into "+dir, plan)
	if err != nil {
		return Layout{}, false, fmt.Errorf("installing into %s: %w", dir, err)
	}
	l, err := Locate(dir)
	return l, changed, err
}

// into tells whether the module can be installed into dir.
func into(from Layout, dir string) error {
	if _, err := quote(dir); err != nil {
		return fmt.Errorf("installing into %q: %w", dir, err)
	}
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return hint.New(errors.Join(fmt.Errorf("installing into %s: it is not a folder", dir), err),
			"name Apache's modules folder: --modules-directory DIR")
	}
	if same(dir, from.Dir) {
		return fmt.Errorf("installing into %s: the module is there already", dir)
	}
	return nil
}

func same(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}

// installed reads what an earlier installation put into dir. Anything there
// that is not of one is refused: whoever put it there must take it away.
func installed(ctx context.Context, r *run.Runner, dir string) (*Manifest, error) {
	to := layoutAt(dir)
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		for _, path := range []string{to.Module, to.Folder} {
			if _, err := os.Lstat(path); err == nil {
				return nil, foreign(ctx, r, path, "was not installed by this program")
			}
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, ours := m.find(moduleFile); !ours {
		return nil, foreign(ctx, r, to.Folder, "has a manifest without a module")
	}
	changed, err := m.changed(dir)
	if err != nil {
		return nil, fmt.Errorf("looking at what is installed: %w", err)
	}
	if len(changed) > 0 {
		return nil, foreign(ctx, r, filepath.Join(dir, changed[0]), "is not as it was installed")
	}
	strangers, err := m.strangers(dir)
	if err != nil {
		return nil, fmt.Errorf("looking at what is installed: %w", err)
	}
	if len(strangers) > 0 {
		return nil, foreign(ctx, r, filepath.Join(dir, strangers[0]), "was not installed by this program")
	}
	return &m, nil
}

// foreign refuses to replace path.
func foreign(ctx context.Context, r *run.Runner, path, why string) error {
	advice := "move it away first, or install into another folder: --modules-directory DIR"
	if name := distro.Owner(ctx, r, path); name != "" {
		why = "belongs to the package " + name
		advice = "remove that package first, or install into another folder: --modules-directory DIR"
	}
	return hint.Exit(hint.New(fmt.Errorf("%s %s and is not replaced", path, why), advice), hint.Refused)
}

// installation is one run of Install.
type installation struct {
	from, to Layout
	old      *Manifest // of what is there; nil: nothing
	o        Options
	state    state

	sources  map[string]string // absolute file by path in the manifest
	manifest Manifest
}

// plan works out what the modules folder is to hold.
func (in *installation) plan() error {
	files, err := in.from.contents()
	if err != nil {
		return err
	}
	in.sources = map[string]string{}
	for _, f := range files {
		in.sources[f.Path] = filepath.Join(in.from.Dir, filepath.FromSlash(f.Path))
	}
	kept, link := in.keep()
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
	in.manifest = Manifest{Schema: manifestSchema, Version: in.from.Apache.Version, Source: in.from.Apache.Source, Files: files}
	return nil
}

// keep lists the files of halves that are installed, not among the new ones,
// and of the new module's interface; and the default link, if its half stays.
func (in *installation) keep() (files []ManifestFile, link string) {
	if in.old == nil {
		return nil, ""
	}
	halves, err := readHalves(in.to.Folder)
	if err != nil {
		return nil, ""
	}
	stays := map[string]bool{}
	for _, h := range in.from.Halves {
		stays[h.ABI] = true
	}
	for _, h := range halves {
		if stays[h.ABI] || h.Info.Interface != in.from.Apache.Interface {
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
	return files, link
}
