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

	"modwsgi/csrc"
	"modwsgi/internal/journal"
)

// stageName is the folder in the modules folder in which an installation is made
// before it takes its place.
const stageName = ".mod_wsgi.installing"

// change is what is to be done; nothing if all is there.
func (in *installation) change() (change, error) {
	var c change
	if in.old != nil && in.complete() {
		return c, nil
	}
	stage := filepath.Join(in.to.Dir, stageName)
	staging, err := in.staging(stage)
	if err != nil {
		return c, err
	}
	c.discard = []string{stage} // by then it holds what was there before
	c.phases = []phase{
		{steps: staging, check: func(ctx context.Context) error { return in.check(ctx, stage) }},
		{steps: in.exchange(layoutAt(stage))},
	}
	return c, nil
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

// staging makes the whole installation in the folder stage.
func (in *installation) staging(stage string) ([]journal.Step, error) {
	at := func(rel string) string { return filepath.Join(stage, filepath.FromSlash(rel)) }
	var steps []journal.Step
	for _, dir := range in.folders() {
		steps = append(steps, journal.Step{Kind: journal.Mkdir, Path: at(dir), Mode: 0o755})
	}
	for _, f := range in.manifest.Files {
		if f.Link != "" {
			steps = append(steps, journal.Step{Kind: journal.Link, Path: at(f.Path), To: f.Link})
			continue
		}
		mode, err := f.mode()
		if err != nil {
			return nil, err
		}
		steps = append(steps, journal.Step{Kind: journal.Write, Path: at(f.Path), Mode: mode, From: in.sources[f.Path], SHA256: f.SHA256})
	}
	data, err := in.manifest.encode()
	steps = append(steps, journal.Step{Kind: journal.Write, Path: at(csrc.RuntimeFolder + "/" + manifestFile), Mode: 0o644, Data: data, About: "the list of these files"})
	return []journal.Step{{Kind: journal.Fill, Path: stage, Mode: 0o755, Inner: steps}}, err
}

func (f ManifestFile) mode() (fs.FileMode, error) {
	var mode fs.FileMode
	if _, err := fmt.Sscanf(f.Mode, "%o", &mode); err != nil || mode.Perm() != mode {
		return 0, errors.Join(fmt.Errorf("%s has the mode %q", f.Path, f.Mode), err)
	}
	return mode, nil
}

// folders lists the folders of the manifest's files, outer ones first.
func (in *installation) folders() []string {
	known := map[string]bool{}
	for _, f := range in.manifest.Files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			known[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
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
// number, where a new module without its parts could only fail.
func (in *installation) exchange(stage Layout) []journal.Step {
	return []journal.Step{put(stage.Folder, in.to.Folder), put(stage.Module, in.to.Module)}
}

// put gives fresh the name place; what has it gets fresh's.
func put(fresh, place string) journal.Step {
	kind := journal.Swap
	if _, err := os.Lstat(place); errors.Is(err, fs.ErrNotExist) {
		kind = journal.Move
	}
	return journal.Step{Kind: kind, Path: fresh, To: place}
}
