package results

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/treetest"
	"modwsgi/matrix/plan"
)

// runIn has a folder with results of a plan, as a run leaves it.
func runIn(t *testing.T, dir string, p *plan.Plan, known string, list []Result) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, TimingsFile), []byte(known), 0o644)); err != nil {
		t.Fatal(err)
	}
	b, err := Start(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.next = time.Now().Add(time.Hour) // one report, in the end, is enough
	for _, r := range list {
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// mergeInto merges folders into another one, and gives what is in it.
func mergeInto(t *testing.T, dir string, from ...string) ([]string, Merged) {
	t.Helper()
	parts, err := ReadParts(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Merge(nil, parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, line := range treetest.Tree(t, dir) {
		name, _, _ := strings.Cut(line, " ")
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !strings.HasSuffix(name, "/.lock") {
			files = append(files, name+"\n"+string(data))
		}
	}
	if len(files) != 7 {
		t.Fatalf("%d files: %v", len(files), treetest.Tree(t, dir))
	}
	return files, m
}

// M-14, Y-8: however the cells of a plan are dealt to shards, in whatever order
// they end and the folders are named, the merge is that of one run, to the byte.
func TestMergeOfAnySplit(t *testing.T) {
	p, list := sample(66)
	known := `{"` + list[0].ID + `": 100, "` + list[1].ID + `": 0.5, "python/py3.13": 7}`
	dir := t.TempDir()
	runIn(t, filepath.Join(dir, "whole"), p, known, list)
	want, _ := mergeInto(t, filepath.Join(dir, "merged"), filepath.Join(dir, "whole"))
	again, m := mergeInto(t, filepath.Join(dir, "again"), filepath.Join(dir, "merged"))
	if !slices.Equal(want, again) {
		t.Error("the merge of a merge is another one")
	}
	if m.Line() != NewReport(p, list).Line() || len(m.Pending) != 0 {
		t.Errorf("%s, of %s", m.Line(), NewReport(p, list).Line())
	}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	random := rand.New(rand.NewPCG(14, 9))
	for round := range rounds {
		n := 1 + random.IntN(6)
		shards := make([][]Result, n)
		for _, r := range list {
			i := random.IntN(n)
			shards[i] = append(shards[i], r)
		}
		var from []string
		for i, shard := range shards {
			random.Shuffle(len(shard), func(a, b int) { shard[a], shard[b] = shard[b], shard[a] })
			from = append(from, filepath.Join(dir, fmt.Sprintf("shard %d-%d", round, i)))
			runIn(t, from[i], p, known, shard)
		}
		random.Shuffle(n, func(a, b int) { from[a], from[b] = from[b], from[a] })
		got, _ := mergeInto(t, filepath.Join(dir, fmt.Sprintf("merged %d", round)), from...)
		for i := range want {
			if got[i] != want[i] {
				name, _, _ := strings.Cut(want[i], "\n")
				t.Errorf("%d shards: %s is another one", n, name)
			}
		}
	}
}

// M-14: what is missing is an error of its cell; what does not belong together, or
// does not agree, is refused, all of it at once.
func TestMerge(t *testing.T) {
	p, list := sample(10)
	other, _ := sample(66)
	for i := range list {
		list[i].Status, list[i].Messages = Pass, nil
	}
	with := func(r Result, change func(*Result)) Result { change(&r); return r }
	failed := with(list[3], func(r *Result) { r.Status, r.Host, r.Messages = Fail, "elsewhere", []string{"because"} })
	rerun := with(list[3], func(r *Result) { r.Reruns, r.Began = failed.Key(), r.Began.Add(time.Hour) })
	leftOut := with(list[3], func(r *Result) { r.Status, r.Why, r.Attempts = Skip, string(plan.Budget), 0 })
	part := func(name string, list ...Result) Part {
		return Part{Dir: name, Plan: p, Results: list, Timings: plan.Timings{}}
	}
	all := part("all", list...)
	tests := []struct {
		name   string
		parts  []Part
		status Status // of the fourth cell
		want   string
	}{
		{"one run", []Part{all}, Pass, ""},
		{"none", nil, "", "there is nothing to merge"},
		{"twice the same", []Part{all, part("more", list...)}, Pass, ""},
		{"twice, on two hosts", []Part{all, part("more", with(list[3], func(r *Result) { r.Host = "elsewhere" }))}, Pass, ""},
		{"another status", []Part{all, part("more", failed)}, "", list[3].ID + ": it is pass in all and fail in more, and neither is a rerun of the other"},
		{"a rerun", []Part{part("all", slices.Concat(list[:3], list[4:])...), part("more", failed), part("rerun", rerun)}, Pass, ""},
		{"a rerun, named first", []Part{part("rerun", rerun), part("more", failed), part("all", slices.Concat(list[:3], list[4:])...)}, Pass, ""},
		{"a rerun of a rerun", []Part{part("all", slices.Concat(list, []Result{with(list[3], func(r *Result) { r.Status, r.Reruns, r.Began = Fail, list[3].Key(), r.Began.Add(time.Minute) })})...)}, Fail, ""},
		{"left out, and run elsewhere", []Part{part("all", slices.Concat(list[:3], list[4:])...), part("short", leftOut), part("late", list[3])}, Pass, ""},
		{"left out, and required, and run elsewhere", []Part{part("short", with(leftOut, func(r *Result) { r.Status = Fail })), all}, Pass, ""},
		{"another reason than time", []Part{all, part("more", with(leftOut, func(r *Result) { r.Why = "not root" }))}, "", list[3].ID + ": it is pass in all and skip in more, and neither is a rerun of the other"},
		{"a rerun of another", []Part{all, part("more", failed), part("rerun", with(rerun, func(r *Result) { r.Reruns = "somebody's" }))}, "", list[3].ID + ": it is pass in all and fail in more, and neither is a rerun of the other"},
		{"a circle", []Part{part("all", with(list[3], func(r *Result) { r.Reruns = failed.Key() }), with(failed, func(r *Result) { r.Reruns = list[3].Key() }))}, "", list[3].ID + ": each result says that it takes the place of another"},
		{"a cell is missing", []Part{part("all", slices.Concat(list[:3], list[4:])...)}, Error, ""},
		{"nothing was run", []Part{part("all")}, Error, ""},
		{"missing before, and there now", []Part{part("all", slices.Concat(list[:3], list[4:], []Result{{Schema: Schema, Plan: p.Hash, ID: list[3].ID, Status: Error, Messages: []string{"no result"}}})...), part("late", list[3])}, Pass, ""},
		{"another plan", []Part{all, {Dir: "more", Plan: other}}, "", "the plan of all is " + p.Hash + ", and that of more is " + other.Hash},
		{"results of another plan", []Part{all, part("more", with(list[0], func(r *Result) { r.Plan = "x" }))}, "", `more: the result of ` + list[0].ID + ` is of the plan "x"`},
		{"a cell of nobody", []Part{part("all", with(list[0], func(r *Result) { r.ID = "x" })), {Dir: "more", Plan: other}}, "", "that of more is " + other.Hash + "|all: x is no cell of the plan"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.parts {
				for k := range tt.parts[i].Results {
					if tt.parts[i].Results[k].Plan == "" {
						tt.parts[i].Results[k].Plan = p.Hash
					}
				}
			}
			m, err := Merge(nil, tt.parts)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if len(m.Results) != len(p.Cells) || m.Results[3].ID != list[3].ID || m.Results[3].Status != tt.status {
					t.Errorf("%d results, %s is %s, want %s", len(m.Results), m.Results[3].ID, m.Results[3].Status, tt.status)
				}
				if bad := m.Err(); (bad != nil) != (tt.status != Pass) || bad != nil && hint.Code(bad) != hint.Failed {
					t.Errorf("it ends with %v", bad)
				}
				if tt.status == Error && (m.Results[3].Complaint() != "no result" || m.Results[3].Repro == "") {
					t.Errorf("%+v", m.Results[3])
				}
				return
			}
			if err == nil || hint.Code(err) != hint.Usage {
				t.Fatalf("merged: %v", err)
			}
			for want := range strings.SplitSeq(tt.want, "|") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant %s", err, want)
				}
			}
		})
	}
}

// The time of a cell is that of the folder in which it was run; of what nobody
// ran, and of builds, the mean of all.
func TestMergeTimings(t *testing.T) {
	p, list := sample(10)
	for i := range list {
		list[i].Status, list[i].Plan = Pass, p.Hash
	}
	a, b := list[0].ID, list[1].ID
	m, err := Merge(nil, []Part{
		{Dir: "one", Plan: p, Results: list[:1], Timings: plan.Timings{a: 12, b: 50, "python/py3.13": 4, "gone": 1}},
		{Dir: "two", Plan: p, Results: list[1:], Timings: plan.Timings{a: 10, b: 40, "python/py3.13": 5, "gone": 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{a: 12, b: 40, "python/py3.13": 4.5, "gone": 1, list[2].ID: list[2].Seconds()} {
		if milli(m.Timings[name]) != milli(want) {
			t.Errorf("%s takes %v, want %v", name, m.Timings[name], want)
		}
	}
}

// A folder of folders is what CI engines make of artifacts: one that was killed
// before there was a plan or a result counts for what it has.
func TestReadParts(t *testing.T) {
	p, list := sample(10)
	dir := t.TempDir()
	runIn(t, filepath.Join(dir, "cells-0"), p, "{}", list[:20])
	runIn(t, filepath.Join(dir, "cells-1"), p, "{}", list[20:])
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "logs"), 0o755), os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	merged := func(p *plan.Plan) Report {
		t.Helper()
		parts, err := ReadParts([]string{dir}, p)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Merge(p, parts)
		if err != nil {
			t.Fatal(err)
		}
		return m.Report
	}
	if got := merged(nil); got.Line() != NewReport(p, list).Line() {
		t.Errorf("%s, want %s", got.Line(), NewReport(p, list).Line())
	}
	if err := os.Remove(filepath.Join(dir, "cells-0", PlanFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadParts([]string{dir}, nil); err == nil || hint.Code(err) != hint.Usage || !strings.Contains(err.Error(), "reading a plan") {
		t.Errorf("without a plan: %v", err)
	}
	if got := merged(p); got.Line() != NewReport(p, list).Line() {
		t.Errorf("%s, want %s", got.Line(), NewReport(p, list).Line())
	}
	if err := os.Remove(filepath.Join(dir, "cells-1", File)); err != nil {
		t.Fatal(err)
	}
	if got := merged(p); got.Count(Error) != len(list)-20+NewReport(p, list[:20]).Count(Error) {
		t.Errorf("%s", got.Counts())
	}
	if m, err := Merge(p, nil); err != nil || m.Count(Error) != len(p.Cells) || m.Err() == nil {
		t.Errorf("of nothing: %v, %s", err, m.Counts())
	}
	if _, err := ReadParts([]string{filepath.Join(dir, "gone")}, p); err == nil || hint.Code(err) != hint.Usage {
		t.Errorf("of a folder that is not there: %v", err)
	}
}
