package quickstart

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/hint"
	"modwsgi/internal/setup"
	"modwsgi/internal/verbs"
	"modwsgi/matrix"
	"modwsgi/pybuild"
)

// systemPython is the Python that the distribution's servers are linked with:
// where nobody chose one, a benchmark takes it, so that all run the same.
const systemPython = "/usr/bin/python3"

// Bench races our module against its peers and writes the report into
// build/bench. The options bench and bench_only make it shorter.
func Bench(ctx context.Context, j *verbs.Job) error {
	if err := Checkout(j); err != nil {
		return err
	}
	c := newChain(ctx, j)
	quick := j.Text("bench")
	plan, err := matrix.NewBenchPlan(quick == "quick", j.Text("bench_only"))
	if err != nil {
		return hint.Exit(err, hint.Usage)
	}
	if j.Dry() {
		return c.planBench()
	}
	fmt.Fprintf(c.Err, "%d rounds of %d runs, %s each: about %s, and what has to be built or fetched first\n",
		plan.Rounds, plan.Runs(), plan.Each, plan.Duration().Round(10*time.Second))
	b := &benchChain{chain: c, plan: plan, folder: filepath.Join(c.dir, "build", "bench")}
	return c.each(c.needs, b.discover, b.peers, b.build, b.buildOriginal, b.race, b.timings, b.write)
}

// planBench prints what a benchmark would install and where it would write.
func (c *chain) planBench() error {
	if err := c.needs(); err != nil {
		return err
	}
	return c.Plan([]string{
		"get the peers (wrk, uWSGI, gunicorn, the distribution's and the original's module) into " + filepath.Join(c.dir, "build", "bench"),
		"measure with temporary servers in " + os.TempDir(),
		"write the report into " + filepath.Join(c.dir, "build", "bench"),
	})
}

// benchChain is a chain that ends in a report.
type benchChain struct {
	*chain
	plan    matrix.BenchPlan
	folder  string
	rivals  setup.Rivals
	module  matrix.Peer // the original, built
	missing []string
	result  matrix.Bench
}

// discover finds Apache, and the distribution's Python unless somebody chose one.
func (b *benchChain) discover() error {
	if err := b.findApache(); err != nil {
		return err
	}
	return b.step("finding Python", func() (string, error) {
		var err error
		chosen := b.Text("python") != ""
		if !chosen {
			b.python, err = pybuild.Find(b.ctx, b.r, systemPython)
		}
		if chosen || err != nil {
			b.python, err = b.Python(b.ctx)
		}
		return describePython(b.python), err
	})
}

// peers gets what we are compared with.
func (b *benchChain) peers() error {
	return b.step("getting peers", func() (string, error) {
		var err error
		b.rivals, err = setup.ForBench(b.ctx, b.r, b.steps.Note, b.folder, b.apache, b.python)
		if err == nil {
			err = b.r.Refused() // before anything is measured without the rest
		}
		return fmt.Sprintf("into %s", b.folder), err
	})
}

// build makes our module for the measured Python, apart from the checkout's own
// build.
func (b *benchChain) build() error {
	return b.step("building the module", func() (string, error) {
		var err error
		b.built, err = csrc.Build(b.ctx, b.r, csrc.Options{
			Apache: &b.apache, Python: []pybuild.Info{b.python},
			Dir: filepath.Join(b.folder, "ours"), Runtime: installer.Runtime(), Progress: b.progress,
		})
		if err != nil {
			return "", err
		}
		b.layout, err = installer.Locate(b.built.Dir)
		return fmt.Sprintf("%d files compiled, %d current", b.built.Compiled, b.built.Cached), err
	})
}

// buildOriginal makes the original's module, by the same code. That it cannot be
// had is no error of ours.
func (b *benchChain) buildOriginal() error {
	return b.step("building mod_wsgi "+setup.OriginalVersion, func() (string, error) {
		b.module = matrix.Peer{Version: b.rivals.Source.Version, Absent: b.rivals.Source.Absent}
		if b.module.Absent != "" {
			return "absent: " + b.module.Absent, nil
		}
		built, err := b.buildRelease(b.rivals.Source.Command[0], filepath.Join(b.folder, "original"), 0)
		if err != nil {
			b.module.Absent = err.Error()
			return "absent: it does not build", b.ctx.Err()
		}
		b.module.Command = []string{built.Module}
		return fmt.Sprintf("%d files compiled, %d current", built.Compiled, built.Cached), nil
	})
}

// buildRelease builds the release of the original in tree into a folder, without
// any cache.
func (b *benchChain) buildRelease(tree, dir string, jobs int) (csrc.Artifact, error) {
	source, err := csrc.OpenSource(tree)
	if err != nil {
		return csrc.Artifact{}, err
	}
	return csrc.Build(b.ctx, b.r.With(noCache), csrc.Options{
		Apache: &b.apache, Python: []pybuild.Info{b.python}, Source: source, Dir: dir, Jobs: jobs, Progress: b.progress,
	})
}

func (b *benchChain) race() error {
	return b.step("measuring", func() (string, error) {
		peer := func(r setup.Rival) matrix.Peer { return matrix.Peer(r) }
		var err error
		began, told := time.Now(), 0
		b.result, err = matrix.RunBench(b.ctx, b.r, matrix.BenchOptions{
			Target: matrix.Target{Apache: b.apache, Python: b.python, Module: b.layout.Module, Lines: pythonHome(installer.Snippet(b.layout, b.python))},
			Peers:  matrix.Peers{Debian: peer(b.rivals.Debian), Original: b.module, UWSGI: peer(b.rivals.UWSGI), Gunicorn: peer(b.rivals.Gunicorn)},
			Plan:   b.plan,
			Progress: func(done, total int, what string) {
				b.steps.Note(fmt.Sprintf("%d/%d %s", done, total, what))
				// A log, which shows no notes, hears of each tenth.
				if total > 0 && done*10/total > told {
					told = done * 10 / total
					b.steps.Say(fmt.Sprintf("%d %% after %s", told*10, time.Since(began).Round(time.Second)))
				}
			},
		})
		return fmt.Sprintf("%d runs", len(b.result.Runs)), err
	})
}

// write puts the report beside those of other days.
func (b *benchChain) write() error {
	b.result.Missing = append(b.result.Missing, b.missing...)
	dir := filepath.Join(b.folder, time.Now().Format("2006-01-02T150405"))
	if err := b.result.Write(dir); err != nil {
		return err
	}
	fmt.Fprintln(b.Out)
	for _, line := range b.result.Summary() {
		fmt.Fprintln(b.Out, line)
	}
	fmt.Fprintf(b.Out, "\n%s, bench.json and bench.svg beside it\n", filepath.Join(dir, "bench.md"))
	return b.result.Err()
}
