package runner

import (
	"slices"
	"time"

	"modwsgi/matrix/plan"
)

// turns are the ids in the order in which they are run: where there is a budget, cells
// that are required come first (rule M-7: one that is skipped has failed).
func (x *Runner) turns(ids []string) [][]string {
	if x.Until.IsZero() {
		return [][]string{ids}
	}
	var first, then []string
	for _, c := range x.Plan.Cells {
		switch {
		case len(ids) > 0 && !slices.Contains(ids, c.ID):
		case c.Require:
			first = append(first, c.ID)
		default:
			then = append(then, c.ID)
		}
	}
	return slices.DeleteFunc([][]string{first, then}, func(list []string) bool { return len(list) == 0 })
}

// fits tells whether what takes so long would end before the budget is over.
func (x *Runner) fits(need time.Duration) bool {
	return x.Until.IsZero() || !x.now().Add(need).After(x.Until)
}

// anyFits tells whether one of the cells would: how long it takes to make the system
// that they run in is not known.
func (x *Runner) anyFits(cells []plan.Planned) bool {
	return slices.ContainsFunc(cells, func(c plan.Planned) bool { return x.fits(x.cost.Cell(c)) })
}
