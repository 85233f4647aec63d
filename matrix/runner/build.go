package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modwsgi/matrix"
	"modwsgi/matrix/plan"
)

// builds are those of one run, by the keys of what they are of.
type builds struct {
	mu   sync.Mutex // held while one is made
	made map[string]*build
	keys map[string]bool // of those in them
}

// build is one that was made, or failed.
type build struct {
	made   matrix.Target
	prints map[string]string      // of its files
	found  func() (string, error) // what a sanitizer in it has reported; nil: there is none
	err    error
	told   bool // the whole of err is in the result of a cell
	took   time.Duration
}

// built gives a cell what it needs: its builds, made once (rule M-5). Halves are in
// the cache by themselves, so that one that another cell has is taken from there. It
// is nil where the cell would not end before the budget is over: then nothing is
// built for it either.
func (x *Runner) built(ctx context.Context, c plan.Planned) *build {
	x.builds.mu.Lock()
	defer x.builds.mu.Unlock()
	key := plan.Together(c.Builds)
	if b := x.builds.made[key]; b != nil {
		return x.inTime(b, c)
	}
	if !x.fits(x.cost.Builds(c.Builds, x.builds.keys) + x.cost.Cell(c)) {
		return nil
	}
	b := &build{}
	began := time.Now()
	x.Watch.Building(key)
	b.made, b.prints, b.found, b.err = x.make(ctx, c)
	b.took = time.Since(began)
	x.Watch.Built()
	if b.err == nil {
		x.Book.Built(key, b.took)
	}
	if ctx.Err() == nil { // else it says nothing of the next cell
		x.builds.made[key] = b
		for _, key := range c.Builds {
			x.builds.keys[key] = true
		}
	}
	return x.inTime(b, c)
}

// inTime is a build if the cell would end before the budget is over; one that failed
// is told of whenever.
func (x *Runner) inTime(b *build, c plan.Planned) *build {
	if b.err == nil && !x.fits(x.cost.Cell(c)) {
		return nil
	}
	return b
}

func (x *Runner) make(ctx context.Context, c plan.Planned) (t matrix.Target, prints map[string]string, found func() (string, error), err error) {
	python, ok := x.Plan.Python(c.Cell)
	if !ok {
		return t, nil, nil, fmt.Errorf("the plan has no Python %s", c.Cell.Python)
	}
	apache, _ := x.Plan.Apache(c.Cell)
	w := Wanted{Cell: c.Cell, Python: python, Apache: apache, Dir: filepath.Join(x.Dir, "builds", folder(c.Builds))}
	if c.Cell.Source != "" {
		w.Source = x.Plan.Spec(plan.Source, c.Cell.Source)
	}
	m, err := x.Build(ctx, w)
	if err != nil {
		return t, nil, nil, err
	}
	s, err := matrix.Subject(x.R, m.Artifact, m.Apache, m.Python)
	if err != nil {
		return t, nil, nil, err
	}
	var lines []string
	for _, line := range s.Lines {
		if !strings.HasPrefix(line, "LoadModule ") {
			lines = append(lines, line)
		}
	}
	prints, err = fingerprints(m.Artifact.Dir, m.Artifact.Module)
	if m.Sanitizer != nil {
		found = m.Sanitizer.Take
	}
	return target(m, c.Cell.Source != "", lines), prints, found, err
}

// folder is a name for what some builds make together.
func folder(keys []string) string {
	name := plan.FileName(strings.Join(keys, "+"))
	if len(name) <= 100 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:80] + "-" + hex.EncodeToString(sum[:8])
}

// fingerprints are the hashes of the programs in a build folder, by their paths
// below it.
func fingerprints(dir, module string) (map[string]string, error) {
	list := []string{module}
	for _, pattern := range []string{"mod_wsgi/wsgi-supervisor", "mod_wsgi/cpython-*/wsgi-*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	prints := map[string]string{}
	for _, path := range list {
		sum, err := sumOf(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return nil, err
		}
		prints[name] = sum
	}
	return prints, nil
}

func sumOf(path string) (sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
