package verbs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
)

// shardsOf has folders of shards with results of a plan of some cells: all pass
// but the first, which ends as said.
func shardsOf(t *testing.T, dir string, first results.Status) *plan.Plan {
	t.Helper()
	p, err := plan.New(&plan.Config{}, plan.Machine{
		Pythons: []plan.Runtime{{Version: "3.13.5", Executable: "/usr/bin/python3", Shared: true}},
		Apaches: []plan.Server{{Version: "2.4.62", Apxs: "/usr/bin/apxs", MPMs: plan.Closed(plan.MPM)}},
	}, plan.Request{Mode: plan.Full})
	if err != nil {
		t.Fatal(err)
	}
	var books []*results.Book
	for _, name := range []string{"cells-0", "cells-1"} {
		b, err := results.Start(filepath.Join(dir, name), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		books = append(books, b)
	}
	for i, c := range p.Cells {
		r := results.Result{Status: results.Pass, Attempts: 1, Facts: map[string]string{"python": "3.13.5"}, Durations: map[string]float64{"run": 2}, Began: time.Unix(int64(i), 0)}
		if i == 0 {
			r.Status, r.Messages = first, []string{"it is 3"}
		}
		if first == "" && i == 0 {
			continue
		}
		if err := books[i%2].Add(results.Judge(r, c, p.Tool)); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range books {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// M-14, M-10: what a merge prints, writes and ends with.
func TestMatrixMerge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first results.Status
		env   []string
		words string // what is typed
		out   string // the end of standard output
		err   string
		code  int
		wrote bool
	}{
		{"all well", results.Pass, nil, "'the shards'", "\n6 pass\n6 passed, 0 failed, 0 skipped\n", "", hint.OK, true},
		{"each by its name", results.Pass, nil, "'the shards/cells-1' 'the shards/cells-0'", "\n6 passed, 0 failed, 0 skipped\n", "", hint.OK, true},
		{"one is missing", "", nil, "'the shards'", "\n5 passed, 1 failed, 0 skipped\n", "1 of 6 cells failed, first py3.13/event/embedded: error: no result", hint.Failed, true},
		{"with its plan", results.Pass, []string{"MODWSGI_PLAN=@/the shards/cells-0/plan.json"}, "'the shards'", "\n6 passed, 0 failed, 0 skipped\n", "", hint.OK, true},
		{"with another plan", results.Pass, []string{"MODWSGI_PLAN=@/other.json"}, "'the shards'", "", "reading the plan: EOF", hint.Usage, false},
		{"a half", results.Pass, nil, "'the shards/cells-1'", "\n3 passed, 3 failed, 0 skipped\n", "3 of 6 cells failed", hint.Failed, true},
		{"on GitHub", results.Fail, []string{"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=@/step"}, "'the shards'", "\n5 passed, 1 failed, 0 skipped\n", "first py3.13/event/embedded: fail: it is 3", hint.Failed, true},
		{"a dry run", results.Pass, []string{"MODWSGI_DRYRUN=1"}, "'the shards'", ": 6 passed, 0 failed, 0 skipped\n", "", hint.OK, false},
		{"nothing", results.Pass, nil, "", "", "whose results are to be merged is not said", hint.Usage, false},
		{"no folder", results.Pass, nil, "nowhere", "", "looking for results: ", hint.Usage, false},
		{"half a quote", results.Pass, nil, "'x", "", "the folders \"'x\": ", hint.Usage, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), `a "b"`)
			shardsOf(t, filepath.Join(dir, "the shards"), tt.first)
			if err := os.WriteFile(filepath.Join(dir, "other.json"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			var out, said bytes.Buffer
			environ := []string{"MODWSGI_RESULTS=" + filepath.Join(dir, "merged")}
			for _, kv := range tt.env {
				environ = append(environ, strings.ReplaceAll(kv, "@", dir))
			}
			set, err := options.Resolve("matrix:merge", nil, environ, dir)
			if err != nil {
				t.Fatal(err)
			}
			j := &Job{Set: set, Dir: dir, R: set.Runner(), Out: &out, Err: &said}
			err = MatrixMergeLine(tt.words)(t.Context(), j)
			if hint.Code(err) != tt.code || tt.err != "" && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("it ends with %d, %v; want %d, %s", hint.Code(err), err, tt.code, tt.err)
			}
			if tt.out != "" && !strings.HasSuffix(out.String(), tt.out) || tt.out == "" && out.Len() > 0 {
				t.Errorf("it prints %q, want %q", out.String(), tt.out)
			}
			if _, err := os.Stat(filepath.Join(dir, "merged", "report.html")); (err == nil) != tt.wrote {
				t.Errorf("a report is written: %v", err)
			}
			if github := strings.HasPrefix(said.String(), "::error file=matrix.toml,title=py3.13/event/embedded%3A fail::it is 3%0A"); github != (tt.name == "on GitHub") {
				t.Errorf("it says %q", said.String())
			}
			if _, err := os.Stat(filepath.Join(dir, "step")); (err == nil) != (tt.name == "on GitHub") {
				t.Errorf("the summary of the step: %v", err)
			}
		})
	}
}

// T-5: one JSON document and nothing besides.
func TestMatrixMergeJSON(t *testing.T) {
	dir := t.TempDir()
	p := shardsOf(t, filepath.Join(dir, "shards"), results.Timeout)
	set, err := options.Resolve("matrix:merge", nil, []string{"MODWSGI_OUTPUT=json"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	j := &Job{Set: set, Dir: dir, R: set.Runner(), Out: &out, Err: &bytes.Buffer{}}
	if err := MatrixMerge("shards")(t.Context(), j); hint.Code(err) != hint.Failed {
		t.Error(err)
	}
	var got merged
	d := json.NewDecoder(&out)
	if err := d.Decode(&got); err != nil || d.More() {
		t.Fatalf("%v, more %v", err, d.More())
	}
	if text := string(read(t, filepath.Join(dir, "build", "matrix", results.File))); !strings.Contains(text, `"repro":"go tool mage matrix:run -cells=`) {
		t.Errorf("nothing says how to run a cell again: %s", text)
	}
	if got.Schema != 1 || got.Plan != p.Hash || got.Folder != filepath.Join(dir, "build", "matrix") || got.Counts[results.Pass] != 5 || len(got.Failed) != 1 || got.Failed[0] != p.Cells[0].ID || got.Line != "5 passed, 1 failed, 0 skipped" {
		t.Errorf("%+v", got)
	}
}
