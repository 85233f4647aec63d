package verbs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/docs"
	"modwsgi/installer"
	"modwsgi/installer/doctor"
	"modwsgi/internal/cli"
	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
	"modwsgi/matrix/runner"
	"modwsgi/pybuild"
)

// interrupted is the exit status of a run that was to stop (rule M-8).
const interrupted = 130

// Maker makes a program, and gives its path.
type Maker func(context.Context, *Job) (string, error)

// MatrixRun runs the cells that are asked for, those of a shard of them, or those
// that failed in an earlier run, and writes the reports. The error is for cells that
// failed, and for a run of none.
//
// program gives the mod_wsgi-express that the suite express starts, and that other
// systems run; nil: this program.
func MatrixRun(program Maker, words ...string) func(context.Context, *Job) error {
	if program == nil {
		program = func(context.Context, *Job) (string, error) { return os.Executable() }
	}
	return func(ctx context.Context, j *Job) error {
		began := time.Now()
		c, err := j.toRun(ctx, words)
		if err != nil {
			return err
		}
		if budget := j.Span("budget"); budget > 0 {
			c.until = began.Add(budget)
		}
		folder := j.resultsFolder()
		if j.Dry() {
			return j.Plan(runSteps(c.part, c.ids, folder))
		}
		book, err := results.Start(folder, c.whole, c.part)
		if err != nil {
			return err
		}
		err = j.runCells(ctx, program, book, c, folder)
		if closing := book.Close(); err == nil {
			err = closing
		}
		rep := book.Report()
		if telling := j.tell(folder, rep); err == nil {
			err = telling
		}
		if err == nil {
			err = rep.Err()
		}
		return err
	}
}

// chosen is what one run does.
type chosen struct {
	whole, part *plan.Plan // the plan, and what of it this machine does
	timings     plan.Timings
	until       time.Time         // when the budget is over; zero: there is none
	ids         []string          // of the cells that are run; none: all
	again       map[string]string // keys of the results in whose place new ones come, by cell
}

// toRun is what the options and the words of a run choose.
func (j *Job) toRun(ctx context.Context, words []string) (c chosen, err error) {
	var selectors []string
	if path := j.Text("plan"); path != "" {
		c.whole, err = readPlan(path)
		selectors = append(slices.Clone(words), strings.Fields(j.Text("cells"))...)
	} else {
		c.whole, err = j.matrix(ctx, words)
	}
	if err != nil {
		return c, err
	}
	if c.ids, err = c.whole.Matching(selectors); err != nil {
		return c, err
	}
	if c.timings, err = j.timings(); err != nil {
		return c, err
	}
	i, n, err := plan.ShardOf(j.Text("shard"), j.R.Getenv)
	if err != nil {
		return c, err
	}
	if n > 1 && len(c.whole.Shards) == 0 {
		c.whole.Shards = c.whole.Shard(c.timings, n)
	}
	if j.Text("here") == "" { // else the plan says how the host is told to run it again
		c.whole.Tool = j.Tool
	}
	c.part = c.whole.Copy()
	if n > 1 {
		if err := c.part.Part(c.timings, i, n); err != nil {
			return c, err
		}
	}
	path := j.Text("failed")
	if path == "" {
		return c, nil
	}
	list, err := results.ReadFile(path)
	if err != nil {
		return c, hint.Exit(fmt.Errorf("reading what failed: %w", err), hint.Usage)
	}
	c.again = results.Failed(list)
	if len(c.again) == 0 {
		return c, hint.Exit(fmt.Errorf("%s has no result that failed", path), hint.Usage)
	}
	c.ids, err = c.whole.Matching(slices.Sorted(maps.Keys(c.again)))
	return c, err
}

func readPlan(path string) (*plan.Plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("reading the plan: %w", err), hint.Usage)
	}
	return plan.ReadPlan(data)
}

// runSteps is a run as the steps of a dry run.
func runSteps(p *plan.Plan, ids []string, folder string) []string {
	var steps []string
	for _, b := range p.Builds {
		steps = append(steps, "build "+b.Key)
	}
	for _, c := range p.Cells {
		switch {
		case len(ids) > 0 && !slices.Contains(ids, c.ID):
		case c.Skip != "":
			steps = append(steps, fmt.Sprintf("skip %s: %s", c.ID, c.Skip))
		default:
			steps = append(steps, "run "+c.ID)
		}
	}
	return append(steps, "write the results and the reports into "+folder)
}

// runCells runs the cells and shows how far it is. The first interrupt has what runs
// finished, the second ends it (rule M-8).
func (j *Job) runCells(ctx context.Context, make Maker, book *results.Book, c chosen, folder string) error {
	view := results.NewView(j.Err, results.ViewOptions{
		Live: cli.Live(j.Err), Colour: cli.Colour(j.Err, j.Text("color"), j.R.Getenv), Jobs: max(1, j.Count("parallel")), Plan: c.part, Timings: c.timings,
	})
	program, err := make(ctx, j)
	if err != nil {
		return err
	}
	ctx, stop, first, done := interruptible(ctx)
	defer done()
	x := &runner.Runner{
		Plan: c.part, Book: book, R: j.R, Dir: folder, Build: j.cellBuild, Explain: explained, Program: program,
		Here: j.Text("here"), Parallel: j.Count("parallel"), Keep: j.On("keep"), Stop: stop, Watch: view, Again: c.again, Until: c.until, Timings: c.timings,
	}
	x.Guest = func(id string) (runner.Guest, error) { return j.guest(ctx, x, id) }
	err = x.Run(ctx, c.ids...)
	if closing := view.Close(); err == nil {
		err = closing
	}
	if first() && (err == nil || errors.Is(err, context.Canceled)) {
		return hint.Exit(errors.New("interrupted: the results are those of the cells that had begun"), interrupted)
	}
	return err
}

// interruptible gives a context that the second SIGINT or SIGTERM ends, and a channel
// that the first one closes.
func interruptible(parent context.Context) (ctx context.Context, stop chan struct{}, interrupted func() bool, done func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop = make(chan struct{})
	ended := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		first := parent.Done()
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			case <-signals:
			case <-first: // the same signal, or the end of what asked
				first = nil
				if n > 0 {
					n--
					continue
				}
			}
			if n == 0 {
				close(stop)
				continue
			}
			cancel()
		}
	}()
	return ctx, stop, func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	}, func() { signal.Stop(signals); close(ended); cancel() }
}

// explained are the codes of what the doctor knows of an error log.
func explained(text string) (codes []string) {
	found, _ := doctor.Explain(strings.NewReader(text), distro.Here(), doctor.Messages(docs.Messages)) // nothing known: nothing is added
	for _, f := range found {
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// cellBuild builds what a cell needs into the folder that it is given.
func (j *Job) cellBuild(ctx context.Context, w runner.Wanted) (m runner.Made, err error) {
	m.Apache, err = j.cellApache(ctx, w.Apache)
	if err != nil {
		return m, err
	}
	name := w.Python.Executable
	if name == "" {
		name = w.Python.Request
	}
	r := j.R
	if w.Cell.Sanitizer != "" {
		sanitizer, err := matrix.NewSanitizer(ctx, j.R, w.Cell.Sanitizer, w.Dir)
		if err != nil {
			return m, err
		}
		m.Sanitizer, r = &sanitizer, sanitizer.Asking(j.R)
	}
	if m.Python, err = pybuild.Find(ctx, r, name); err != nil && !(w.Cell.Link == plan.Static && errors.Is(err, pybuild.ErrShared)) {
		return m, err
	}
	o, err := j.Options(&m.Apache, []pybuild.Info{m.Python}, nil, w.Dir)
	if err != nil {
		return m, err
	}
	if w.Source != "" {
		folder, _, err := fetch.Open(ctx, j.R, j.Agent(), w.Source)
		if err != nil {
			return m, err
		}
		if o.Source, err = csrc.OpenSource(folder); err != nil {
			return m, err
		}
	}
	if w.Cell.Builder == plan.ByApxs {
		o.Builder = csrc.BuilderApxs
	}
	o.AllowStatic = w.Cell.Link == plan.Static
	if o.AllowStatic && m.Python.Archive != "" {
		m.Python.LibPython = ""
		o.Python[0].LibPython = ""
		o.Static[m.Python.ABI.Folder()] = csrc.StaticLibrary{Archive: m.Python.Archive, Libs: m.Python.StaticLibs}
	}
	o.Runtime = installer.Runtime()
	if m.Sanitizer != nil {
		m.Artifact, err = sanitized(ctx, r, *m.Sanitizer, o)
		return m, err
	}
	m.Artifact, err = csrc.Build(ctx, r, j.withCache(o))
	return m, err
}

// sanitized builds with a sanitizer, without the cache: what the compiler is told
// beside the flags is no part of its keys.
func sanitized(ctx context.Context, r *run.Runner, s matrix.Sanitizer, o csrc.Options) (csrc.Artifact, error) {
	o.Cache = ""
	if !s.HalfOnly {
		return csrc.Build(ctx, s.Building(r), o)
	}
	pythons := o.Python
	o.Python = nil
	a, err := csrc.Build(ctx, r, o)
	if err != nil {
		return a, err
	}
	o.Apache, o.Python, o.Runtime = nil, pythons, nil
	half, err := csrc.Build(ctx, s.Building(r), o)
	a.Halves = half.Halves
	return a, err
}

// cellApache is the Apache that a plan names, or of another system the one that it
// has.
func (j *Job) cellApache(ctx context.Context, s plan.Server) (apxs.Info, error) {
	if s.Apxs == "" {
		return j.Apache(ctx)
	}
	return apxs.Find(ctx, j.R, s.Apxs)
}

// MatrixRepro prints the command that runs a cell again (rule M-15).
func MatrixRepro(id string) func(context.Context, *Job) error {
	return func(_ context.Context, j *Job) error {
		return j.Print(map[string]any{"schema": 1, "id": id, "command": j.Tool.Repro(id)}, Lines([]string{j.Tool.Repro(id)}))
	}
}
