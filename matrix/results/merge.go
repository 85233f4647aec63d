package results

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/matrix/plan"
)

// Part is what one folder has of a plan: of a shard, or of a whole run.
type Part struct {
	Dir     string
	Plan    *plan.Plan
	Results []Result
	Timings plan.Timings
	whole   int64 // bytes of the records that are whole
}

// ReadPart reads a folder that a run wrote. p is its plan if it has none itself: of
// a shard that was killed early there may be records alone. Of a folder without
// records it is not known what its cells came to, and the merge says so.
func ReadPart(dir string, p *plan.Plan) (Part, error) {
	part := Part{Dir: dir, Plan: p}
	data, err := os.ReadFile(filepath.Join(dir, PlanFile))
	switch {
	case err == nil:
		if part.Plan, err = plan.ReadPlan(data); err != nil {
			return part, fmt.Errorf("%s: %w", filepath.Join(dir, PlanFile), err)
		}
	case p == nil || !errors.Is(err, fs.ErrNotExist):
		return part, hint.Exit(hint.New(fmt.Errorf("reading a plan: %w", err), "name the folders that runs of the matrix wrote; each has a "+PlanFile), hint.Usage)
	}
	if part.Results, part.whole, err = readFile(filepath.Join(dir, File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return part, err
	}
	part.Timings, err = ReadTimings(filepath.Join(dir, TimingsFile))
	return part, err
}

// ReadParts reads folders; of one that no run wrote, those in it: of the shards of
// a CI engine, each its own. p is the plan of folders that have none, or nil.
func ReadParts(dirs []string, p *plan.Plan) ([]Part, error) {
	var list []Part
	for _, dir := range dirs {
		inner, err := runsIn(dir)
		if err != nil {
			return nil, err
		}
		for _, dir := range inner {
			part, err := ReadPart(dir, p)
			if err != nil {
				return nil, err
			}
			list = append(list, part)
		}
	}
	return list, nil
}

// runsIn are the folders in dir that a run wrote, or dir itself if it is one.
func runsIn(dir string) ([]string, error) {
	is := func(dir string) bool {
		for _, name := range []string{File, PlanFile} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return true
			}
		}
		return false
	}
	if is(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("looking for results: %w", err), hint.Usage)
	}
	var list []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); is(path) {
			list = append(list, path)
		}
	}
	return list, nil
}

// Merged is what the parts of a plan come to together.
type Merged struct {
	Report
	Timings plan.Timings
	records [][]byte // the lines of results.jsonl
}

// Merge puts parts of one plan together (rule M-14). The order in which they are
// given changes nothing. Without p it is that of the parts. Parts of other plans, results of cells that the plan
// has not, and two results of a cell that do not agree are errors, all of them
// said; a cell without a result ends in [Error].
func Merge(p *plan.Plan, parts []Part) (Merged, error) {
	of := "the plan"
	if p == nil {
		if len(parts) == 0 {
			return Merged{}, hint.Exit(hint.New(errors.New("there is nothing to merge"), "name the folders that runs of the matrix wrote"), hint.Usage)
		}
		p, of = parts[0].Plan, "the plan of "+parts[0].Dir
	}
	cells := map[string][]found{}
	for _, c := range p.Cells {
		cells[c.ID] = nil
	}
	var errs []error
	for _, part := range parts {
		if part.Plan.Hash != p.Hash {
			errs = append(errs, fmt.Errorf("%s is %s, and that of %s is %s", of, p.Hash, part.Dir, part.Plan.Hash))
			continue
		}
		for _, r := range part.Results {
			switch _, planned := cells[r.ID]; {
			case r.missing(): // of an earlier merge; it may be there now
			case r.Plan != p.Hash:
				errs = append(errs, fmt.Errorf("%s: the result of %s is of the plan %q", part.Dir, r.ID, r.Plan))
			case !planned:
				errs = append(errs, fmt.Errorf("%s: %s is no cell of the plan", part.Dir, r.ID))
			default:
				cells[r.ID] = append(cells[r.ID], found{r, part})
			}
		}
	}
	var m Merged
	last := make([]found, 0, len(p.Cells))
	for _, c := range p.Cells {
		one, err := choose(p, c, cells[c.ID])
		errs = append(errs, err)
		last = append(last, one)
		m.Results = append(m.Results, one.Result)
	}
	if err := errors.Join(errs...); err != nil {
		return Merged{}, hint.Exit(err, hint.Usage)
	}
	for _, r := range m.Results {
		line, err := encode(r)
		if err != nil {
			return Merged{}, err
		}
		m.records = append(m.records, line)
	}
	m.Report = NewReport(p, m.Results)
	m.Timings = mergeTimings(p, parts, last)
	return m, nil
}

// noResult is what there is to say of a cell that nobody ran, or nobody told of.
const noResult = "no result"

// missing tells whether r stands for no result.
func (r Result) missing() bool {
	return r.Status == Error && r.Attempts == 0 && slices.Equal(r.Messages, []string{noResult})
}

// found is a result and where it was.
type found struct {
	Result
	part Part
}

// choose is the one result of a cell: the one that no other takes the place of, and
// rather of one who ran it than of one who had no time for it.
// Of several that agree it is the earliest.
func choose(p *plan.Plan, c plan.Planned, list []found) (found, error) {
	if slices.ContainsFunc(list, func(f found) bool { return !f.LeftOut() }) {
		list = slices.DeleteFunc(slices.Clone(list), func(f found) bool { return f.LeftOut() })
	}
	replaced := map[string]bool{}
	for _, f := range list {
		if f.Reruns != "" && f.Reruns != f.Key() {
			replaced[f.Reruns] = true
		}
	}
	left := slices.DeleteFunc(slices.Clone(list), func(f found) bool { return replaced[f.Key()] })
	if len(list) == 0 {
		return found{Result: Judge(Result{Schema: Schema, Plan: p.Hash, Status: Error, Messages: []string{noResult}}, plan.Planned{ID: c.ID, Cell: c.Cell}, p.Tool)}, nil
	}
	if len(left) == 0 {
		return found{}, fmt.Errorf("%s: each result says that it takes the place of another", c.ID)
	}
	slices.SortStableFunc(left, func(a, b found) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Host, b.Host))
	})
	for _, f := range left {
		if f.Status != left[0].Status {
			return found{}, hint.New(fmt.Errorf("%s: it is %s in %s and %s in %s, and neither is a rerun of the other", c.ID, left[0].Status, left[0].part.Dir, f.Status, f.part.Dir),
				"a cell that is run again as one that failed says so in its result")
		}
	}
	return left[0], nil
}

// mergeTimings takes the time of a cell from the folder in which its result was,
// which has the average in it; what else is known of times is the mean of all
// folders.
func mergeTimings(p *plan.Plan, parts []Part, last []found) plan.Timings {
	all := map[string][]float64{}
	for _, part := range parts {
		for name, seconds := range part.Timings {
			all[name] = append(all[name], seconds)
		}
	}
	out := plan.Timings{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sum := 0.0
		for _, seconds := range slices.Sorted(slices.Values(all[name])) {
			sum += seconds
		}
		out[name] = milli(sum / float64(len(all[name])))
	}
	var ran []Result
	for _, f := range last {
		if seconds, there := f.part.Timings[f.ID]; there {
			out[f.ID] = seconds
		} else if len(f.Durations) > 0 {
			delete(out, f.ID)
			ran = append(ran, f.Result)
		}
	}
	return average(out, ran)
}

// Write puts the plan, the records and all reports into the folder dir.
func (m Merged) Write(dir string) error {
	text, err := m.Plan.Write()
	if err != nil {
		return err
	}
	if err := fsx.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	release, err := hold(dir)
	if err != nil {
		return err
	}
	defer release()
	if err := fsx.WriteTree(dir, []fsx.File{{Path: PlanFile, Data: text}, {Path: File, Data: bytes.Join(m.records, nil)}}); err != nil {
		return err
	}
	return m.write(dir, m.Timings, true)
}
