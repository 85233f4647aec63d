package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
	"modwsgi/internal/run"
)

// change is one transaction: what a dry run prints is what is done.
type change struct {
	phases  []phase
	discard []string // what is gone when all is committed
}

// phase is some steps, and what has to hold when they are done.
type phase struct {
	steps []journal.Step
	late  func() ([]journal.Step, error) // where set, gives the same steps with what is known only now
	check func(ctx context.Context) error
}

func (c change) steps() []journal.Step {
	var list []journal.Step
	for _, p := range c.phases {
		list = append(list, p.steps...)
	}
	return list
}

// lines are the steps of a dry run.
func (c change) lines() []string {
	list := journal.Lines(c.steps())
	for _, path := range c.discard {
		list = append(list, run.Line("rm", "-r", path))
	}
	return list
}

// carryOut does what plan says, which is asked when nobody else changes anything,
// and tells whether that was something. If a step fails, or a check, or ctx ends, or
// a signal wants this process to end, everything is put back as it was (rule X-2), and the error says so.
func (s state) carryOut(ctx context.Context, o Options, what string, plan func() (change, error)) (changed bool, err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := fsx.MkdirAll(s.dir, 0o755); err != nil {
		return false, denied(err)
	}
	defer s.tidy()
	j, err := journal.Begin(ctx, o.Runner, s.journal(), what)
	if err != nil {
		return false, denied(err)
	}
	if o.watch != nil {
		j.Watch(o.watch)
	}
	c, err := plan()
	if err == nil && len(c.phases) > 0 {
		err = c.run(ctx, j)
		changed = true
	}
	if err == nil && changed {
		return true, j.Commit(c.discard...)
	}
	lines, undoErr := j.Undo()
	if undoErr != nil {
		return false, errors.Join(err, hint.New(fmt.Errorf("putting back what was there: %w", undoErr), "when that is mended: mod_wsgi-express rollback"))
	}
	if err != nil && len(lines) > 0 {
		err = fmt.Errorf("%w\n%d steps are undone: everything is as it was before", err, len(lines))
	}
	return false, denied(err)
}

func (c change) run(ctx context.Context, j *journal.Journal) error {
	for _, p := range c.phases {
		steps := p.steps
		if p.late != nil {
			var err error
			if steps, err = p.late(); err != nil {
				return err
			}
		}
		if err := j.Do(ctx, steps...); err != nil {
			return err
		}
		if p.check == nil {
			continue
		}
		if err := p.check(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func denied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return hint.New(err, "run it as a user who may write there, or name another folder: --modules-directory DIR")
	}
	return err
}

// tell says what plan comes to, for a dry run.
func (s state) tell(o Options, plan func() (change, error)) error {
	if err := s.pending(); err != nil {
		return err
	}
	c, err := plan()
	if err == nil {
		o.Plan(c.lines())
	}
	return err
}

// Recover ends a change that was interrupted: all that it did is put back, or what
// was committed already is finished. It says what it did, a line each; nothing if
// nothing was interrupted.
func Recover(ctx context.Context, o Options) ([]string, error) {
	_, st, err := o.ready()
	if err != nil {
		return nil, err
	}
	lines, err := journal.Recover(ctx, st.journal())
	st.tidy()
	return lines, err
}

// pending refuses while an earlier change waits to be put back.
func (s state) pending() error {
	what, err := journal.Pending(s.journal())
	if err != nil || what == "" {
		return err
	}
	return hint.Exit(hint.New(fmt.Errorf("%w: %s", journal.ErrPending, what),
		"put everything back as it was before: mod_wsgi-express rollback"), hint.Refused)
}

// folders are the steps that make dir and what is missing above it, outer ones
// first.
func folders(dir string) []journal.Step {
	var steps []journal.Step
	for ; !isFolder(dir) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		steps = append(steps, journal.Step{Kind: journal.Mkdir, Path: dir, Mode: 0o755})
	}
	slices.Reverse(steps)
	return steps
}

// made are the folders among steps.
func made(steps []journal.Step) []string {
	var list []string
	for _, s := range steps {
		if s.Kind == journal.Mkdir {
			list = append(list, s.Path)
		}
	}
	return list
}

func isFolder(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
