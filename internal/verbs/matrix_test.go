package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/provider"
)

// matrixTests share what the Pythons of the machine said: to ask them takes seconds.
type matrixTests struct{ cache string }

func TestMatrix(t *testing.T) {
	x := matrixTests{t.TempDir()}
	t.Run("list", x.testList)
	t.Run("plan", x.testPlan)
	t.Run("dry", x.testDry)
	t.Run("engines", x.testEngines)
	t.Run("providers", x.testProviders)
	t.Run("machine", x.testMachine)
}

// job is a job of a verb in a folder with a matrix.toml that asks for a Python which is not
// there, and an Apache that is not either: nothing of this machine is in its plans.
func (x matrixTests) job(t *testing.T, verb string, flags options.Flags, env ...string) (*Job, *bytes.Buffer) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), `a "b" c`)
	text := "[axes]\npython = [\"3.98\", \"3.99\"]\nmpm = [\"event\"]\napache = [\"2.4.999\"]\n[[require]]\npython = \"3.99\"\nmode = \"daemon\"\nmpm = \"event\"\napache = \"2.4.999\""
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "matrix.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := options.Resolve("matrix:"+verb, flags, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + x.cache, "XDG_CACHE_HOME=" + x.cache}, env...), dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	j := &Job{Set: set, Dir: dir, R: set.Runner(), Out: &out, Err: &bytes.Buffer{}}
	if j.Dry() {
		j.R.Dry = &j.planned
	}
	return j, &out
}

// text is an option that was given.
func text(s string) *string { return &s }

// M-2, M-3, M-7: the list names cells with what is known of them.
func (x matrixTests) testList(t *testing.T) {
	j, out := x.job(t, "list", nil)
	if err := MatrixList("full", "!*/*/embedded")(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	want := "py3.98/event/daemon  skip: interpreter missing\npy3.99/event/daemon  skip: interpreter missing, required\n\n2 cells, 2 skipped (interpreter missing 2), 1 required; 0 builds\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	j, out = x.job(t, "list", options.Flags{"output": text("json"), "cells": text("smoke")})
	if err := MatrixList()(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	p, err := plan.ReadPlan(out.Bytes())
	if err != nil || len(p.Cells) != 3 || p.Mode != plan.Smoke { // one for each Python, and the one that is required
		t.Errorf("%v: %s", err, out)
	}
	j, _ = x.job(t, "list", options.Flags{"cells": text("py3.97")})
	if err := MatrixList()(t.Context(), j); err == nil || hint.Code(err) != hint.Usage || !strings.Contains(hint.Of(err), "did you mean") {
		t.Errorf("a selector of nothing: %v (%s)", err, hint.Of(err))
	}
	j, _ = x.job(t, "list", options.Flags{"cells": text("changed")})
	if err := MatrixList()(t.Context(), j); err == nil || hint.Code(err) != hint.Usage || !strings.Contains(hint.Of(err), "-changed=") {
		t.Errorf("changed, and nobody says what: %v (%s)", err, hint.Of(err))
	}
	j, _ = x.job(t, "list", options.Flags{"matrix_file": text("none.toml")})
	if err := MatrixList()(t.Context(), j); err == nil || hint.Code(err) != hint.Usage {
		t.Errorf("a file that is not there: %v", err)
	}
}

// M-12, M-13: plan.json is written with its shards, by what was recorded.
func (x matrixTests) testPlan(t *testing.T) {
	shards := 2
	j, out := x.job(t, "plan", options.Flags{"shards": &shards})
	if err := MatrixPlan("full")(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(j.Dir, "build", "matrix", "plan.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.ReadPlan(data)
	if err != nil || len(p.Shards) != 2 || len(p.Cells) != 4 {
		t.Errorf("%v: %s", err, data)
	}
	if !strings.Contains(out.String(), path+": plan "+p.Hash) {
		t.Errorf("nothing says where it is: %s", out)
	}
	bad := filepath.Join(j.Dir, "timings")
	if err := os.WriteFile(bad, []byte("[]"), 0o644); err != nil {
		t.Fatal(err)
	}
	k, _ := x.job(t, "plan", options.Flags{"timings": &bad, "plan": text("p.json")})
	if err := MatrixPlan("full")(t.Context(), k); err == nil || hint.Code(err) != hint.Usage {
		t.Errorf("timings that are none: %v", err)
	}
}

// T-8: a dry run says what it would write, and writes nothing.
func (x matrixTests) testDry(t *testing.T) {
	if testing.Short() {
		t.Skip("a dry run keeps no answers, and asks every Python again: not with -short")
	}
	dry := true
	for name, do := range map[string]func(...string) func(context.Context, *Job) error{"plan": MatrixPlan, "github": MatrixGithub, "gitlab": MatrixGitlab} {
		j, out := x.job(t, name, options.Flags{"dryrun": &dry}, "GITHUB_OUTPUT=/no/such/folder/file")
		if err := do("full")(t.Context(), j); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		entries, _ := os.ReadDir(j.Dir)
		if len(entries) != 1 || !strings.Contains(out.String(), "write "+filepath.Join(j.Dir, "build/matrix/plan.json")+": 4 cells") {
			t.Errorf("%s: %d files, %q", name, len(entries), out)
		}
	}
}

// E-1, E-2: engines hear of the plan that is written.
func (x matrixTests) testEngines(t *testing.T) {
	j, out := x.job(t, "github", nil)
	if err := MatrixGithub("full")(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	var matrix struct{ Include []map[string]string }
	if err := json.Unmarshal(out.Bytes(), &matrix); err != nil || len(matrix.Include) != 4 {
		t.Errorf("%v: %s", err, out)
	}
	data, _ := os.ReadFile(filepath.Join(j.Dir, "build", "matrix", "plan.json"))
	if p, err := plan.ReadPlan(data); err != nil || len(p.Shards) != 4 {
		t.Errorf("%v: %s", err, data)
	}
	output := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(output, []byte("a=b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	shards := 3
	j, out = x.job(t, "github", options.Flags{"shards": &shards}, "GITHUB_OUTPUT="+output)
	if err := MatrixGithub("full")(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(output); !strings.HasPrefix(string(data), "a=b\nmatrix<<") || out.Len() != 0 {
		t.Errorf("%s\n%s", data, out)
	}
	nodes := true
	for _, flags := range []options.Flags{nil, {"ci_nodes": &nodes}} {
		j, out = x.job(t, "gitlab", flags)
		if err := MatrixGitlab("full")(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil || doc["merge"] == nil || doc["cells"] == nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// M-7, M-16: a plan has the reasons that providers give, and the same kinds.
func (x matrixTests) testProviders(t *testing.T) {
	for _, kind := range plan.Kinds() {
		value := kind
		if kind != plan.Host {
			value += "-2.4"
		}
		if _, _, err := provider.Parse(value); err != nil {
			t.Errorf("a plan knows the provider %s: %v", kind, err)
		}
	}
	for _, why := range []provider.Reason{provider.NotRoot, provider.Platform, provider.NoProvider} {
		if !slices.Contains(plan.Reasons(), plan.Reason(why)) {
			t.Errorf("a plan does not know the reason %q", why)
		}
	}
	j, _ := x.job(t, "list", nil, "PATH=/no/such/folder")
	c, err := plan.ReadConfig("matrix.toml", "[axes]\nprovider = [\"host\", \"container:trixie\"]\n[[include]]\nprovider = \"prefix-2.4\"")
	if err != nil {
		t.Fatal(err)
	}
	lacking, err := j.lackingProviders(t.Context(), c)
	if err != nil || lacking["container"] != plan.NoProvider || lacking["host"] != "" || lacking["rootfs"] != "" {
		t.Errorf("without a program in PATH there lack %v, %v", lacking, err)
	}
}

// M-1: with no file the matrix is what this machine has.
func (x matrixTests) testMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("every Apache and Python of the machine is asked: not with -short")
	}
	j, out := x.job(t, "list", options.Flags{"output": text("json")})
	if err := os.Remove(filepath.Join(j.Dir, "matrix.toml")); err != nil {
		t.Fatal(err)
	}
	if err := MatrixList()(t.Context(), j); err != nil {
		if hint.Code(err) == hint.Usage {
			t.Skipf("there is no Apache or no Python here: %v", err)
		}
		t.Fatal(err)
	}
	p, err := plan.ReadPlan(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Cells {
		py, ok := p.Python(c.Cell)
		if !ok || py.Executable == "" || py.Request == "" {
			t.Errorf("%s: Python %+v", c.ID, py)
		}
	}
}
