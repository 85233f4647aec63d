package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Options of an installation. The zero value is ready.
type Options struct {
	Runner *run.Runner // nil: one without a log
	Apache *apxs.Info  // if set, this Apache must be able to load the module before it takes its place

	Plan func(steps []string) // if set, it is told what would be done, and nothing is (rule T-8)

	after func(step int) error // a test's: fails after that many steps
}

// Install copies the module from, with all its parts, into an Apache's modules
// folder. See [InstallWith].
func Install(ctx context.Context, from Layout, modulesDir string) (Layout, error) {
	l, _, err := InstallWith(ctx, from, modulesDir, Options{})
	return l, err
}

// InstallWith copies the module from, with all its parts, into the folder
// modulesDir, and says whether that changed anything.
//
// It is all there or as before: the copy is made and checked beside its place
// and then exchanged with what is there. Files that a running Apache has open
// stay what they were. Only what an earlier installation put there is
// replaced; a half for another Python that it had is kept, if both still speak
// the same interface.
func InstallWith(ctx context.Context, from Layout, modulesDir string, o Options) (Layout, bool, error) {
	if o.Runner == nil {
		o.Runner = &run.Runner{}
	}
	dir, err := filepath.Abs(modulesDir)
	if err != nil {
		return Layout{}, false, fmt.Errorf("installing: %w", err)
	}
	if _, err := quote(dir); err != nil {
		return Layout{}, false, fmt.Errorf("installing into %q: %w", dir, err)
	}
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return Layout{}, false, hint.New(errors.Join(fmt.Errorf("installing into %s: it is not a folder", dir), err),
			"name Apache's modules folder: --modules-directory DIR")
	}
	if same(dir, from.Dir) {
		return Layout{}, false, fmt.Errorf("installing into %s: the module is there already", dir)
	}
	old, err := installed(ctx, o.Runner, dir)
	if err != nil {
		return Layout{}, false, err
	}
	in := &installation{from: from, to: layoutAt(dir), old: old, o: o}
	if err := in.plan(); err != nil {
		return Layout{}, false, fmt.Errorf("installing into %s: %w", dir, err)
	}
	if o.Plan != nil {
		o.Plan(in.steps())
		return in.to, false, nil
	}
	changed, err := in.run(ctx)
	if errors.Is(err, fs.ErrPermission) {
		err = hint.New(err, "run it as a user who may write there, or name another folder: --modules-directory DIR")
	}
	if err != nil {
		return Layout{}, false, fmt.Errorf("installing into %s: %w", dir, err)
	}
	l, err := Locate(dir)
	return l, changed, err
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
	if _, ours := m.find("mod_wsgi.so"); !ours {
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

// run does it, and says whether there was anything to do.
func (in *installation) run(ctx context.Context) (changed bool, err error) {
	if in.old != nil && in.complete() {
		return false, nil
	}
	stage, err := fsx.MakeBeside(in.to.Folder)
	if err != nil {
		return false, err
	}
	// After the exchange this holds what was there before.
	defer func() { err = errors.Join(err, fsx.RemoveAll(stage)) }()
	if err := in.copyTo(stage); err != nil {
		return false, err
	}
	if err := in.check(ctx, stage); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return true, in.exchange(layoutAt(stage))
}

// complete says whether the modules folder holds all of the plan already.
func (in *installation) complete() bool {
	if !slices.Equal(in.old.Files, in.manifest.Files) || in.old.Source != in.manifest.Source {
		return false
	}
	for _, want := range in.manifest.Files {
		if got, err := describe(in.to.Dir, want.Path); err != nil || got != want {
			return false
		}
	}
	return true
}

// copyTo makes the whole installation in the folder stage.
func (in *installation) copyTo(stage string) error {
	folders := in.folders()
	if err := fsx.WriteTree(stage, folders); err != nil {
		return err
	}
	for _, f := range in.manifest.Files {
		to := filepath.Join(stage, filepath.FromSlash(f.Path))
		if f.Link != "" {
			if err := fsx.Symlink(f.Link, to); err != nil {
				return err
			}
			continue
		}
		var mode fs.FileMode
		if _, err := fmt.Sscanf(f.Mode, "%o", &mode); err != nil || mode.Perm() != mode {
			return fmt.Errorf("%s has the mode %q", f.Path, f.Mode)
		}
		if err := fsx.CopyFile(in.sources[f.Path], to, mode); err != nil {
			return err
		}
		if got, err := describe(stage, f.Path); err != nil || got != f {
			return errors.Join(fmt.Errorf("%s changed while it was copied", in.sources[f.Path]), err)
		}
	}
	data, err := in.manifest.encode()
	if err != nil {
		return err
	}
	if err := fsx.WriteFile(filepath.Join(stage, csrc.RuntimeFolder, manifestFile), data, 0o644); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := fsx.Sync(filepath.Join(stage, folder.Path)); err != nil {
			return err
		}
	}
	return fsx.Sync(stage)
}

// folders lists the folders of the manifest's files, outer ones first, with a
// mode that lets everybody enter whatever the umask.
func (in *installation) folders() []fsx.File {
	known := map[string]bool{}
	for _, f := range in.manifest.Files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			known[dir] = true
		}
	}
	var list []fsx.File
	for _, dir := range slices.Sorted(maps.Keys(known)) {
		list = append(list, fsx.File{Path: dir, Mode: fs.ModeDir | 0o755})
	}
	return list
}

// check verifies the copy before anything is replaced by it.
func (in *installation) check(ctx context.Context, stage string) error {
	l, err := Locate(stage)
	if err != nil {
		return err
	}
	checks := VerifyStatic(l, in.o.Apache)
	if in.o.Apache != nil {
		checks = append(checks, VerifyLoad(ctx, in.o.Runner, l, *in.o.Apache))
	}
	return Failures(checks)
}

// exchange puts the two parts of the copy in their places. The folder comes
// first: an old module with new parts beside it is refused by their interface
// number, where a new module without its parts could only fail. What was done
// is undone if a later step fails.
func (in *installation) exchange(stage Layout) (err error) {
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for _, step := range slices.Backward(undo) {
			err = errors.Join(err, step())
		}
	}()
	for i, pair := range [][2]string{{stage.Folder, in.to.Folder}, {stage.Module, in.to.Module}} {
		fresh, place := pair[0], pair[1]
		back, err := put(fresh, place)
		if err != nil {
			return err
		}
		undo = append(undo, back)
		if in.o.after != nil {
			if err := in.o.after(i + 1); err != nil {
				return err
			}
		}
	}
	return fsx.Sync(in.to.Dir)
}

// put gives fresh the name place; what had it gets fresh's. back reverts that.
func put(fresh, place string) (back func() error, err error) {
	_, err = os.Lstat(place)
	if err == nil {
		return func() error { return fsx.Exchange(fresh, place) }, fsx.Exchange(fresh, place)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	fi, err := os.Lstat(fresh)
	if err != nil {
		return nil, err
	}
	mode := fi.Mode().Perm()
	return func() error { return fsx.Move(place, fresh, mode) }, fsx.Move(fresh, place, mode)
}
