// Package runner carries out a plan of the matrix: it builds what the cells need,
// each thing once, runs the cells, and has every result recorded when it is known.
package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
	"modwsgi/pybuild"
)

// Wanted is what has to be built for a cell.
type Wanted struct {
	Cell   plan.Cell
	Python plan.Runtime
	Apache plan.Server
	Source string // as -source takes it; "" are our own sources
	Dir    string // where
}

// Made is what was built, and for whom.
type Made struct {
	Artifact  csrc.Artifact
	Apache    apxs.Info
	Python    pybuild.Info
	Sanitizer *matrix.Sanitizer // built in; nil: none
}

// Guest runs cells in another system, and gives each of its results to record. An
// error says that the system is not there, or could not be entered.
type Guest func(ctx context.Context, cells []plan.Planned, record func(results.Result) error) error

// Runner runs the cells of a plan. The zero values of its optional fields do what
// they say.
type Runner struct {
	Plan *plan.Plan
	Book *results.Book
	R    *run.Runner
	Dir  string // of the run: build/matrix

	Build   func(context.Context, Wanted) (Made, error)
	Guest   func(provider string) (Guest, error) // another system; nil: there is none
	Explain func(text string) (codes []string)   // what is known of an error log; nil: nothing
	Program string                               // a mod_wsgi-express, for the suite express

	Here     string            // whose cells are run on this machine as it is: rootfs-trixie, of one that is inside; "": the host's
	Parallel int               // cells at once; 0: half of the processors
	Again    map[string]string // keys of the results in whose place those of a cell come, by its id
	Keep     bool              // server roots of what failed stay where they are
	Stop     <-chan struct{}   // closed: what runs is finished, and nothing else begun
	Watch    Watcher           // is told how far it is; nil: nobody

	Until   time.Time    // when the budget is over: what would not end before is not begun; zero: never
	Timings plan.Timings // by which that is told

	host   string
	now    func() time.Time // a test's clock
	cost   plan.Estimate
	builds builds
	suite  func(context.Context, matrix.Cell, string, matrix.SuiteOptions) (matrix.SuiteReport, error) // a test's
}

// Watcher is told how far a run is, by several goroutines.
type Watcher interface {
	Building(what string)
	Built()
	Started(id string)
	Ended(results.Result)
}

type unwatched struct{}

func (unwatched) Building(string)      {}
func (unwatched) Built()               {}
func (unwatched) Started(string)       {}
func (unwatched) Ended(results.Result) {}

// Run runs all cells of the plan, or those of ids if there are any, and records
// their results. The error is for a run that could not go on; cells that failed are
// in the book.
func (x *Runner) Run(ctx context.Context, ids ...string) error {
	if x.Watch == nil {
		x.Watch = unwatched{}
	}
	x.host, _ = os.Hostname() // only shown
	x.builds.made, x.builds.keys = map[string]*build{}, map[string]bool{}
	x.cost = x.Plan.Estimate(x.Timings)
	if x.now == nil {
		x.now = time.Now
	}
	if x.suite == nil {
		x.suite = func(ctx context.Context, c matrix.Cell, name string, o matrix.SuiteOptions) (matrix.SuiteReport, error) {
			return c.RunSuite(ctx, x.R, name, o)
		}
	}
	for _, ids := range x.turns(ids) {
		if err := x.runSome(ctx, ids); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// runSome runs the cells of ids, or all: those of this system first.
func (x *Runner) runSome(ctx context.Context, ids []string) error {
	here, away := x.split(ids)
	if err := x.runHere(ctx, here); err != nil {
		return err
	}
	for _, provider := range away {
		if x.Stopped() || ctx.Err() != nil {
			break
		}
		if err := x.runAway(ctx, provider, x.of(provider, ids)); err != nil {
			return err
		}
	}
	return nil
}

// split is the cells of this system, and the providers of the others in the order
// of their first cells.
func (x *Runner) split(ids []string) (here []plan.Planned, away []string) {
	for _, c := range x.Plan.Cells {
		switch provider := c.Cell.Value(plan.Provider); {
		case len(ids) > 0 && !slices.Contains(ids, c.ID):
		case x.Here != "":
			if provider == x.Here {
				here = append(here, c)
			}
		case c.Skip != "" || provider == plan.Host:
			here = append(here, c)
		case !slices.Contains(away, provider):
			away = append(away, provider)
		}
	}
	return here, away
}

// of are the cells of a provider.
func (x *Runner) of(provider string, ids []string) (list []plan.Planned) {
	for _, c := range x.Plan.Cells {
		if c.Skip == "" && c.Cell.Value(plan.Provider) == provider && (len(ids) == 0 || slices.Contains(ids, c.ID)) {
			list = append(list, c)
		}
	}
	return list
}

// Stopped says whether nothing else is to be begun.
func (x *Runner) Stopped() bool {
	select {
	case <-x.Stop:
		return true
	default:
		return false
	}
}

// runHere runs cells on this machine, some at once. Their builds are made one
// after the other, each when the first cell needs it: a compiler uses all
// processors, and a cell waits most of its time.
func (x *Runner) runHere(ctx context.Context, cells []plan.Planned) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	places := make(chan struct{}, x.parallel())
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, c := range cells {
		places <- struct{}{}
		if x.Stopped() || ctx.Err() != nil {
			break
		}
		wait.Go(func() {
			defer func() { <-places }()
			if err := x.record(x.cell(ctx, c)); err != nil {
				mu.Lock()
				failed = cmp.Or(failed, err)
				mu.Unlock()
				cancel() // nothing that follows could be recorded
			}
		})
	}
	wait.Wait()
	return failed
}

func (x *Runner) record(r results.Result) error {
	x.Watch.Ended(r)
	return x.Book.Add(r)
}

// runAway has a provider run its cells. Where it cannot be had, they are skipped;
// where it breaks off, those without a result are errors.
func (x *Runner) runAway(ctx context.Context, provider string, cells []plan.Planned) error {
	began := time.Now()
	left := results.Result{Status: results.Skip, Why: string(plan.Budget), Began: began}
	if !x.anyFits(cells) {
		return x.all(cells, left)
	}
	guest, err := x.guest(provider)
	switch {
	case x.Stopped(): // while it was made
		return nil
	case err != nil:
		skipped := results.Result{Status: results.Skip, Why: string(plan.NoProvider), Messages: messages(err), Began: began}
		if err := x.all(cells[:1], skipped); err != nil {
			return err
		}
		line, _, _ := strings.Cut(err.Error(), "\n")
		skipped.Messages = []string{line} // all of it once is enough
		return x.all(cells[1:], skipped)
	}
	if !x.anyFits(cells) { // it was made meanwhile
		return x.all(cells, left)
	}
	done := map[string]bool{}
	for _, c := range cells {
		x.Watch.Started(c.ID)
	}
	err = guest(ctx, cells, func(r results.Result) error {
		i := slices.IndexFunc(cells, func(c plan.Planned) bool { return c.ID == r.ID })
		if i < 0 {
			return fmt.Errorf("%s has a result of %s, which it was not asked for", provider, r.ID)
		}
		done[r.ID] = true
		r.Host = cmp.Or(r.Host, provider)
		return x.record(results.Judge(r, cells[i], x.Plan.Tool))
	})
	missing := slices.DeleteFunc(slices.Clone(cells), func(c plan.Planned) bool { return done[c.ID] })
	if x.Stopped() && (err == nil || ctx.Err() != nil) {
		return nil
	}
	if err == nil && len(missing) > 0 {
		err = errors.New("it ended without a result")
	}
	if err == nil {
		return nil
	}
	return x.all(missing, results.Result{Status: results.Error, Messages: []string{provider + ": " + err.Error()}, Began: began, Attempts: 1})
}

// messages are what an error says, and what to do about it.
func messages(err error) []string {
	list := []string{err.Error()}
	if advice := hint.Of(err); advice != "" {
		list = append(list, strings.Split(advice, "\n")...)
	}
	return list
}

func (x *Runner) guest(provider string) (Guest, error) {
	if x.Guest == nil {
		return nil, errors.New("there are no providers here")
	}
	return x.Guest(x.Plan.Spec(plan.Provider, provider))
}

// all records the same of each cell.
func (x *Runner) all(cells []plan.Planned, r results.Result) error {
	for _, c := range cells {
		if err := x.record(results.Judge(r, c, x.Plan.Tool)); err != nil {
			return err
		}
	}
	return nil
}

// target is what a cell runs against.
func target(m Made, foreign bool, lines []string) matrix.Target {
	t := matrix.Target{Apache: m.Apache, Python: m.Python, Module: m.Artifact.Module, Foreign: foreign, Lines: lines}
	if m.Sanitizer != nil {
		t.Env = m.Sanitizer.Env
	}
	return t
}
