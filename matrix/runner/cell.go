package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
)

// mostRetries is how often a cell is tried again (rule M-9).
const mostRetries = 2

func (x *Runner) parallel() int {
	if x.Parallel > 0 {
		return x.Parallel
	}
	return max(1, runtime.NumCPU()/2)
}

// cell runs one cell, again after an error or when it was not done in time, as
// often as the plan allows.
func (x *Runner) cell(ctx context.Context, c plan.Planned) results.Result {
	if c.Skip != "" {
		return x.skipped(c, c.Skip)
	}
	x.Watch.Started(c.ID)
	b := x.built(ctx, c)
	if b == nil {
		return x.skipped(c, plan.Budget)
	}
	var earlier []results.Attempt
	for {
		r := x.attempt(ctx, c, b)
		r.Attempts, r.Earlier = len(earlier)+1, earlier
		again := (r.Status == results.Error || r.Status == results.Timeout) && r.Durations["build"] > 0 // what cannot be built never can
		if !again || len(earlier) >= min(c.Retries, mostRetries) || x.Stopped() || ctx.Err() != nil || !x.fits(x.cost.Cell(c)) {
			r.Reruns = x.Again[c.ID]
			return results.Judge(r, c, x.Plan.Tool)
		}
		earlier = append(earlier, results.Attempt{Status: r.Status, Seconds: r.Seconds(), Messages: r.Messages})
	}
}

// skipped is the result of a cell that is not run.
func (x *Runner) skipped(c plan.Planned, why plan.Reason) results.Result {
	return results.Judge(results.Result{Status: results.Skip, Why: string(why), Began: time.Now(), Host: x.host}, c, x.Plan.Tool)
}

// attempt runs the suites of a cell with what was built for it.
func (x *Runner) attempt(ctx context.Context, c plan.Planned, b *build) results.Result {
	r := results.Result{ID: c.ID, Began: time.Now(), Host: x.host, Durations: map[string]float64{}, Facts: map[string]string{}}
	r.Fingerprints = b.prints
	if b.err != nil {
		r.Status, r.Messages = results.Error, []string{"build: " + x.once(b)}
		return r
	}
	r.Durations["build"] = b.took.Seconds()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	cell := matrix.Cell{Target: b.made, MPM: c.Cell.MPM, Mode: matrix.Mode(c.Cell.Mode), GIL: matrix.GIL(c.Cell.GIL)}
	began := time.Now()
	for _, suite := range suitesOf(c.Cell.Value(plan.Suite)) {
		s, err := x.suite(ctx, cell, suite, matrix.SuiteOptions{Parallel: runtime.NumCPU(), Keep: true, Program: x.Program})
		if err != nil {
			r.Status, r.Messages = results.Error, []string{err.Error()}
			return r
		}
		x.take(&r, c, s)
	}
	r.Durations["run"] = time.Since(began).Seconds()
	r.Status = verdict(r.Cases, ctx.Err())
	if b.found != nil {
		if text, err := b.found(); text != "" || err != nil {
			r.Status, r.Messages = results.Fail, append(r.Messages, fmt.Sprintf("a sanitizer has found something (%v):\n%s", err, text))
		}
	}
	if r.Status == results.Timeout {
		r.Messages = append([]string{"it was not done within " + c.Timeout.String()}, r.Messages...)
	}
	if x.Explain != nil && r.Status != results.Pass {
		r.Codes = x.Explain(r.Log)
	}
	return r
}

// once is an error of a build, whole in the first cell that needs it.
func (x *Runner) once(b *build) string {
	x.builds.mu.Lock()
	defer x.builds.mu.Unlock()
	text := b.err.Error()
	if b.told {
		text, _, _ = strings.Cut(text, "\n")
	}
	b.told = true
	return text
}

// suitesOf are the suites that make up one of a plan.
func suitesOf(name string) []string {
	if name == "full" {
		return []string{"wsgi", "express"}
	}
	return []string{name}
}

// take adds what a suite says, and puts what is left of servers that failed into
// the folder of the cell.
func (x *Runner) take(r *results.Result, c plan.Planned, s matrix.SuiteReport) {
	for name, value := range s.Facts {
		r.Facts[name] = value
	}
	if s.Log != "" {
		r.Log = s.Log
	}
	for _, o := range s.Outcomes {
		name := caseName(o.Name)
		cr := results.CaseResult{Name: name, Status: results.Status(o.Status), Seconds: o.Took.Seconds(), Messages: slices.Clone(o.Why)}
		if o.Status == matrix.Pass {
			cr.Messages = o.Notes
		}
		if o.Root != "" {
			if err := x.keep(c, name, o); err != nil {
				cr.Messages = append(cr.Messages, err.Error())
			}
		}
		r.Cases = append(r.Cases, cr)
	}
}

// caseName is an outcome's name without that of its cell.
func caseName(name string) string {
	for _, mode := range []string{"/embedded/", "/daemon/", "/config/"} {
		if _, after, ok := strings.Cut(name, mode); ok {
			after = strings.TrimPrefix(strings.TrimPrefix(after, "free/"), "per-interpreter/")
			if mode == "/config/" {
				return "config/" + after
			}
			return after
		}
	}
	return name
}

// keep copies the configuration and the ends of the logs of a server that failed
// (rule M-6), and removes its root.
func (x *Runner) keep(c plan.Planned, name string, o matrix.Outcome) error {
	dir := filepath.Join(x.Dir, "cells", plan.FileName(c.ID), plan.FileName(name))
	err := fsx.MkdirAll(dir, 0o755)
	for _, pattern := range []string{"*.conf", "logs/*.log", "server/*.conf", "server/*log*"} {
		found, globErr := fsx.Glob(o.Root, pattern)
		err = errors.Join(err, globErr)
		for _, path := range found {
			err = errors.Join(err, fsx.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(matrix.Tail(path)), 0o644))
		}
	}
	err = errors.Join(err, fsx.WriteFile(filepath.Join(dir, "again.sh"), []byte("# the cell:\n"+x.Plan.Tool.Repro(c.ID)+"\n# the server alone, while its root is there:\n"+o.Again+"\n"), 0o644))
	if x.Keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(o.Root))
}

// verdict is what cases come to. One in which nothing could be started says
// nothing of what is tested.
func verdict(cases []results.CaseResult, ended error) results.Status {
	count := map[results.Status]int{}
	started := true
	for _, c := range cases {
		count[c.Status]++
		started = started && !(c.Name == "start" && c.Status == results.Fail)
	}
	switch {
	case errors.Is(ended, context.DeadlineExceeded):
		return results.Timeout
	case ended != nil, !started:
		return results.Error
	case count[results.Fail] > 0:
		return results.Fail
	case count[results.Pass] == 0:
		return results.Error
	}
	return results.Pass
}
