package results

import (
	"fmt"
	"strings"

	"modwsgi/matrix/plan"
)

// Report is what is known of a plan, in the order of the plan: who ran what
// first, and where, changes nothing in it.
type Report struct {
	Plan    *plan.Plan
	Results []Result // of those cells that have one
	Pending []string // the cells that have none, yet
}

// NewReport puts the results of a plan in order. Of a cell there is one, the last
// in the list.
func NewReport(p *plan.Plan, list []Result) Report {
	last := map[string]Result{}
	for _, r := range list {
		last[r.ID] = r
	}
	rep := Report{Plan: p}
	for _, c := range p.Cells {
		if r, ok := last[c.ID]; ok {
			rep.Results = append(rep.Results, r)
		} else {
			rep.Pending = append(rep.Pending, c.ID)
		}
	}
	return rep
}

// Count is how many cells ended so.
func (rep Report) Count(s Status) int {
	n := 0
	for _, r := range rep.Results {
		if r.Status == s {
			n++
		}
	}
	return n
}

// Counts says how many cells there are of each status, of which there are some
// (rule M-7).
func (rep Report) Counts() string {
	var parts []string
	for _, s := range Statuses() {
		if n := rep.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if n := len(rep.flaky()); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of them flaky", n))
	}
	if n := len(rep.Pending); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not run yet", n))
	}
	if len(parts) == 0 {
		return "no cells"
	}
	return strings.Join(parts, ", ")
}

// Line is the last line of a run (rule M-10). What is expected to fail and does
// is skipped there, what is expected to fail and passes has failed.
func (rep Report) Line() string {
	failed := 0
	for _, r := range rep.Results {
		if r.Status.Bad() {
			failed++
		}
	}
	return fmt.Sprintf("%d passed, %d failed, %d skipped", rep.Count(Pass), failed, rep.Count(Skip)+rep.Count(XFail))
}

// Err is nil if cells were run and none of them is bad: a run that ran nothing
// proves nothing (rule M-7).
func (rep Report) Err() error {
	bad := rep.Bad()
	switch {
	case len(bad) > 0:
		return fmt.Errorf("%d of %d cells failed, first %s: %s: %s", len(bad), len(rep.Results), bad[0].ID, bad[0].Status, bad[0].Complaint())
	case len(rep.Results) == rep.Count(Skip):
		return fmt.Errorf("no cell was run (%s)", rep.Counts())
	}
	return nil
}

// Bad are the results for which a run fails.
func (rep Report) Bad() []Result { return rep.where(func(r Result) bool { return r.Status.Bad() }) }

func (rep Report) flaky() []Result { return rep.where(func(r Result) bool { return r.Flaky }) }

func (rep Report) where(is func(Result) bool) []Result {
	var list []Result
	for _, r := range rep.Results {
		if is(r) {
			list = append(list, r)
		}
	}
	return list
}

// Failed names the cells to be run again for -failed=results.jsonl (rule M-15): those
// that failed, and those for which there was no time left; with the Key of the result in whose place each new one comes.
func Failed(list []Result) map[string]string {
	keys := map[string]string{}
	for _, r := range list {
		delete(keys, r.ID) // a later one counts
		if r.Status.Bad() || r.LeftOut() {
			keys[r.ID] = r.Key()
		}
	}
	return keys
}
