package verbs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/options"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
	"modwsgi/pybuild"
)

// A run of cells that are all skipped has shown nothing; its plan and its reports
// are there all the same (M-7, M-10). Of a dry run nothing is.
func TestMatrixRunNothing(t *testing.T) {
	x := matrixTests{t.TempDir()}
	dry := "true"
	j, out := x.job(t, "run", options.Flags{"dryrun": &dry})
	if err := MatrixRun(nil)(t.Context(), j); err != nil || !strings.Contains(out.String(), "skip py3.98/event/daemon: interpreter missing\n") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(j.Dir, "build")); err == nil {
		t.Error("a dry run has written something")
	}
	j, out = x.job(t, "run", options.Flags{"cells": text("py3.98")})
	if err := MatrixRun(nil)(t.Context(), j); err == nil || !strings.Contains(err.Error(), "no cell was run") {
		t.Error(err)
	}
	if !strings.HasSuffix(out.String(), "\n0 passed, 0 failed, 2 skipped\n") {
		t.Errorf("%q", out)
	}
	j, _ = x.job(t, "run", options.Flags{"shard": text("3/2")})
	if err := MatrixRun(nil)(t.Context(), j); hint.Code(err) != hint.Usage {
		t.Errorf("a shard that there is not: %v", err)
	}
}

// Real cells: a run, the same in two shards that are merged, and what failed again
// (M-12, M-14, M-15).
func TestMatrixRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds the module and starts Apache")
	}
	dir := t.TempDir()
	x := matrixTests{filepath.Join(dir, "cache")}
	j := realMatrix(t, x, "run", dir, nil)
	if err := MatrixRun(nil)(t.Context(), j); err != nil {
		t.Fatalf("%v\n%s", err, j.Err)
	}
	whole := records(t, filepath.Join(dir, "build/matrix"))
	if len(whole) != 2 || whole[0].Status != results.Pass || whole[0].Fingerprints["mod_wsgi.so"] == "" || whole[0].Facts["mpm"] == "" {
		t.Fatalf("%+v", whole)
	}
	for _, shard := range []string{"1/2", "2/2"} {
		part := realMatrix(t, x, "run", dir, options.Flags{"shard": &shard, "results": text(filepath.Join(dir, "parts", shard[:1]))})
		if err := MatrixRun(nil)(t.Context(), part); err != nil {
			t.Fatalf("%s: %v\n%s", shard, err, part.Err)
		}
	}
	merge := realMatrix(t, x, "merge", dir, options.Flags{"results": text(filepath.Join(dir, "merged"))})
	if err := MatrixMerge(filepath.Join(dir, "parts"))(t.Context(), merge); err != nil {
		t.Fatal(err)
	}
	for i, r := range records(t, filepath.Join(dir, "merged")) {
		if r.ID != whole[i].ID || r.Status != whole[i].Status || r.Fingerprints["mod_wsgi.so"] != whole[i].Fingerprints["mod_wsgi.so"] {
			t.Errorf("merged %+v, in one run %+v", r, whole[i])
		}
	}
	again := realMatrix(t, x, "run", dir, options.Flags{"failed": text(filepath.Join(dir, "build/matrix", results.File))})
	if err := MatrixRun(nil)(t.Context(), again); err == nil || !strings.Contains(err.Error(), "has no result that failed") {
		t.Errorf("nothing failed: %v", err)
	}
}

// What the timings say would not end within the budget is not begun (M-7).
func TestMatrixBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: Apache and Python are asked")
	}
	dir := t.TempDir()
	x := matrixTests{filepath.Join(dir, "cache")}
	j := realMatrix(t, x, "run", dir, options.Flags{"budget": text("29s")}) // a cell of which nothing is known is taken to need 30
	if err := MatrixRun(nil)(t.Context(), j); err == nil || !strings.Contains(err.Error(), "no cell was run") {
		t.Errorf("%v\n%s", err, j.Err)
	}
	for _, r := range records(t, filepath.Join(dir, "build/matrix")) {
		if !r.LeftOut() {
			t.Errorf("%s: %s %s", r.ID, r.Status, r.Why)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "build/matrix/builds")); err == nil {
		t.Error("something was built for them")
	}
}

// The first interrupt ends a run with its reports (M-8).
func TestMatrixInterrupted(t *testing.T) {
	x := matrixTests{t.TempDir()}
	j, out := x.job(t, "run", nil)
	ctx, cancel := context.WithCancel(t.Context())
	err := MatrixRun(func(context.Context, *Job) (string, error) { cancel(); return os.Args[0], nil })(ctx, j)
	if hint.Code(err) != interrupted || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v, exit status %d", err, hint.Code(err))
	}
	if !strings.Contains(out.String(), "skipped\n") {
		t.Errorf("no counts: %s", out)
	}
	if _, err := plan.ReadPlan(read(t, filepath.Join(j.Dir, "build/matrix/plan.json"))); err != nil {
		t.Error(err)
	}
}

// realMatrix is a job of a verb with the module's suite load in both modes, for what this
// machine has; the server's user can execute what it builds.
func realMatrix(t *testing.T, x matrixTests, verb, dir string, flags options.Flags) *Job {
	t.Helper()
	set, err := options.Resolve("matrix:"+verb, flags, append(os.Environ(), "XDG_CACHE_HOME="+x.cache), dir)
	if err != nil {
		t.Fatal(err)
	}
	j := &Job{Set: set, Dir: dir, R: set.Runner(), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}
	apache, err := apxs.Find(t.Context(), j.R, "")
	if err != nil {
		t.Skip("no Apache: ", err)
	}
	python, err := pybuild.Find(t.Context(), j.R, "")
	if err != nil {
		t.Skip("no Python: ", err)
	}
	text := "[axes]\npython = [\"" + python.Executable + "\"]\napache = [\"" + apache.Apxs + "\"]\nmpm = [\"" + j.server(t.Context(), apache).MPMs[0] + "\"]\nsuite = [\"load\"]\n"
	err = os.WriteFile(filepath.Join(dir, "matrix.toml"), []byte(text), 0o644)
	for _, path := range []string{filepath.Dir(dir), dir} {
		err = errors.Join(err, os.Chmod(path, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func records(t *testing.T, dir string) []results.Result {
	t.Helper()
	list, err := results.ReadFile(filepath.Join(dir, results.File))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
