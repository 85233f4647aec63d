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
	complete := in.old != nil && in.complete()
	if complete && (in.conf == nil || len(in.conf.steps) == 0) && in.record != nil {
		return c, nil
	}
	next, err := in.generation()
	if err != nil {
		return c, err
	}
	if in.conf != nil {
		c.phases = append(c.phases, phase{check: in.conf.sound})
	}
	c.phases = append(c.phases, phase{steps: in.state.keep(in.contents(next))})
	if !complete {
		stage := filepath.Join(in.to.Dir, stageName)
		staging, err := in.staging(stage)
		if err != nil {
			return c, err
		}
		c.discard = append(c.discard, stage) // by then it holds what was there before
		c.phases = append(c.phases,
			phase{steps: append(folders(in.to.Dir), staging...), check: func(ctx context.Context) error { return in.check(ctx, stage) }},
			phase{steps: in.exchange(in.to.at(stage))})
	}
	var settings []journal.Step
	if in.conf != nil {
		settings = in.conf.steps
	}
	c.phases = append(c.phases, phase{steps: append(slices.Clone(settings), in.labels(next, complete)...), check: in.prove})
	record := Record{Schema: recordSchema, Current: next}
	if in.record != nil {
		record.Earlier = append([]Generation{in.record.Current}, in.record.Earlier...)
		record.Earlier = record.Earlier[:min(kept, len(record.Earlier))]
	}
	unneeded, err := in.state.unneeded(next.place(), &record)
	c.discard = append(c.discard, unneeded...)
	c.phases = append(c.phases, in.state.note(record, in.seen), phase{check: in.restart})
	return c, err
}

// labels give what is written the labels that the system's policy has for its
// places, where there is one (rule I-4): what was made elsewhere brought its own.
func (in *installation) labels(next Generation, complete bool) []journal.Step {
	program, err := in.o.Runner.LookPath("restorecon")
	if err != nil || in.o.Root != "" {
		return nil
	}
	args := append([]string{program, "-R"}, next.snippets()...)
	if !complete {
		args = append(args, in.final.Module)
		if in.final.Folder != "" {
			args = append(args, in.final.Folder)
		}
	}
	if len(args) == 2 {
		return nil
	}
	return []journal.Step{{Kind: journal.Run, Args: args}}
}

// note is the last phase: it writes the record down, completed by what is known
// only then.
func (s state) note(r Record, complete func(*Generation) error) phase {
	step := journal.Step{Kind: journal.Write, Path: s.record(r.Current.place()), Mode: 0o644, About: "what is installed now, and how to undo it"}
	return phase{steps: []journal.Step{step}, late: func() ([]journal.Step, error) {
		if complete != nil {
			if err := complete(&r.Current); err != nil {
				return nil, err
			}
		}
		data, err := r.encode()
		step.Data = data
		return []journal.Step{step}, err
	}}
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
	for _, dir := range in.manifest.folders() {
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
	if in.to.Original != nil { // the record alone says that it is ours
		return []journal.Step{{Kind: journal.Fill, Path: stage, Mode: 0o755, Inner: steps}}, nil
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

// folders lists those of the files, outer ones first.
func (m Manifest) folders() []string {
	known := map[string]bool{}
	for _, f := range m.Files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			known[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// check verifies the copy before anything is replaced by it.
func (in *installation) check(ctx context.Context, stage string) error {
	if in.to.Original != nil {
		return in.checkOriginal(ctx, in.to.at(stage))
	}
	l, err := Locate(stage)
	if err != nil {
		return err
	}
	checks := VerifyStatic(l, in.o.Apache)
	if in.o.Apache != nil && in.o.Root == "" {
		checks = append(checks, VerifyLoad(ctx, in.o.Runner, l, *in.o.Apache))
	}
	return Failures(checks)
}

// exchange puts the two parts of the copy in their places. The folder comes
// first: an old module with new parts beside it is refused by their interface
// number, where a new module without its parts could only fail.
func (in *installation) exchange(stage Layout) []journal.Step {
	if stage.Folder == "" {
		return []journal.Step{put(stage.Module, in.to.Module)}
	}
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
