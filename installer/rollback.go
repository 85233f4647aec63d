package installer

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
)

// Rollback makes what is installed in the folder modulesDir what it was before the
// last installation (rule X-5). It says which version that is.
func Rollback(ctx context.Context, modulesDir string, o Options) (Generation, error) {
	o, st, err := o.ready()
	if err != nil {
		return Generation{}, err
	}
	dir, err := filepath.Abs(modulesDir)
	if err != nil {
		return Generation{}, fmt.Errorf("rolling back: %w", err)
	}
	b := &rollback{o: o, state: st, dir: dir}
	plan := func() (change, error) { return b.plan(ctx) }
	if o.Plan != nil {
		err = st.tell(o, plan)
		return b.target, err
	}
	if _, err := st.carryOut(ctx, o, "rolling back "+dir, plan); err != nil {
		return Generation{}, fmt.Errorf("rolling back %s: %w", dir, err)
	}
	return b.target, nil
}

type rollback struct {
	o       Options
	state   state
	dir     string
	now     Generation
	target  Generation
	sources map[string]string // a file by the sum of its content
}

func (b *rollback) plan(ctx context.Context) (c change, err error) {
	record, err := b.state.meant(b.dir, b.o.Flavour)
	if err != nil {
		return c, err
	}
	if record == nil {
		return c, notInstalled(b.dir)
	}
	if len(record.Earlier) == 0 {
		return c, hint.Exit(hint.New(fmt.Errorf("nothing is known of an earlier installation in %s", b.dir), "take it away: mod_wsgi-express uninstall"), hint.NotFound)
	}
	b.now, b.target = record.Current, record.Earlier[0]
	if b.now.Flavour != "" {
		_, _, err = installedOriginal(ctx, b.o.Runner, layoutOf(b.now), record, false)
	} else {
		_, _, err = installed(ctx, b.o.Runner, b.dir, false)
	}
	if err != nil {
		return c, err
	}
	if b.sources, err = b.find(); err != nil {
		return c, err
	}
	stage := filepath.Join(b.dir, stageName)
	in := b.installation()
	staging, err := in.staging(stage)
	if err != nil {
		return c, err
	}
	settings, err := b.settings()
	if err != nil {
		return c, err
	}
	next := Record{Schema: recordSchema, Current: b.target, Earlier: record.Earlier[1:]}
	unneeded, err := b.state.unneeded(next.Current.place(), &next)
	c.discard = append([]string{stage}, unneeded...)
	c.phases = []phase{
		{steps: staging, check: func(ctx context.Context) error { return in.check(ctx, stage) }},
		{steps: append(in.exchange(in.to.at(stage)), settings...), check: func(ctx context.Context) error { return accepted(ctx, b.o) }},
		b.state.note(next, nil),
	}
	return c, err
}

// find looks where the contents of the earlier generation are: among the objects,
// or in place still.
func (b *rollback) find() (map[string]string, error) {
	sources := map[string]string{}
	for _, e := range b.now.Files {
		w, err := wasAt(e.Path)
		if err != nil {
			return nil, err
		}
		sources[w.SHA256] = w.Path
	}
	for _, e := range b.target.Files {
		if e.SHA256 == "" || sources[e.SHA256] != "" {
			continue
		}
		if w, err := wasAt(b.state.object(e.SHA256)); err != nil || w.SHA256 != e.SHA256 {
			return nil, fmt.Errorf("the copy of %s is gone or damaged: %s", e.Path, b.state.object(e.SHA256))
		}
		sources[e.SHA256] = b.state.object(e.SHA256)
	}
	return sources, nil
}

// installation is that of the earlier generation.
func (b *rollback) installation() *installation {
	l := layoutOf(b.target)
	in := &installation{from: l, to: l, final: l, o: b.o, state: b.state, manifest: b.target.manifest(), sources: map[string]string{}}
	for _, f := range in.manifest.Files {
		in.sources[f.Path] = b.sources[f.SHA256]
	}
	return in
}

// settings are the steps that tell Apache what it was told then.
func (b *rollback) settings() ([]journal.Step, error) {
	var steps []journal.Step
	for _, s := range slices.Backward(b.now.Enabling[min(len(b.target.Enabling), len(b.now.Enabling)):]) {
		list, _, err := b.state.switchBack(s)
		if err != nil {
			return nil, err
		}
		steps = append(steps, list...)
	}
	then := b.target.snippets()
	for _, e := range b.now.Files {
		if e.Part != partSnippet || slices.Contains(then, e.Path) {
			continue
		}
		was := Was{Path: e.Path}
		if e.Was != nil {
			was = *e.Was
		}
		step, err := b.state.restore(was)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	for _, e := range b.target.Files {
		if e.Part != partSnippet {
			continue
		}
		if w, err := wasAt(e.Path); err != nil || w.SHA256 == e.SHA256 {
			if err != nil {
				return nil, err
			}
			continue
		}
		mode, err := ManifestFile{Path: e.Path, Mode: e.Mode}.mode()
		if err != nil {
			return nil, err
		}
		steps = append(steps, journal.Step{Kind: journal.Write, Path: e.Path, Mode: mode, From: b.sources[e.SHA256], SHA256: e.SHA256})
	}
	return steps, nil
}
