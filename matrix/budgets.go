package matrix

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"modwsgi/internal/run"
)

// budgets are the system calls that a request may cost. Six are Apache's own on
// a kept connection under the event MPM (read, a second read that looks for the
// next request, writev, epoll_wait and two epoll_ctl), whoever answers. To them
// come in daemon mode sendmsg and recvmsg; embedded the stat that tells whether
// the script has changed, which only WSGIScriptReloading Off spares.
var budgets = map[string]float64{
	plainAnswer:                         6,
	"embedded":                          7,
	"embedded, WSGIScriptReloading Off": 6,
	"daemon, child":                     8,
	"daemon, host":                      4, // recvmsg, stat, sendmsg, close
}

// A look at the script every second, a thread that grows its memory.
const slack = 0.1

// Unbudgeted is why the budgets do not hold for a target, or "".
func Unbudgeted(ctx context.Context, r *run.Runner, target Target) string {
	switch {
	case target.Foreign:
		return "the budgets are ours"
	case target.sanitized():
		return "httpd runs in an environment that may make calls of its own"
	case !slices.Contains(LoadableMPMs(ctx, r, target.Apache), "event"):
		return "the budgets are for the event MPM, which cannot be loaded here"
	}
	return ""
}

// RunBudget counts what requests cost and compares it with the budgets. It is
// skipped where nothing can be traced.
func RunBudget(ctx context.Context, r *run.Runner, target Target) (o Outcome) {
	began := time.Now()
	o = Outcome{Name: target.python() + "/event/daemon/budget", Status: Pass}
	defer func() { o.Took = time.Since(began) }()
	costs, err := cheapest(ctx, r, target)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, errUntraced) {
		o.Status, o.Why = Skip, []string{err.Error()}
		return o
	}
	if err != nil {
		o.Status, o.Why = Fail, []string{err.Error()}
		return o
	}
	seen := 0
	for _, c := range costs {
		most, ok := budgets[c.Name]
		if !ok {
			continue
		}
		seen++
		o.Notes = append(o.Notes, fmt.Sprintf("system calls a request, %s: %.2f, may be %.0f", c.Name, c.Sum(), most))
		if c.over() || c.Sum() < 1 {
			o.Why = append(o.Why, fmt.Sprintf("%s: %.2f system calls a request, may be %.0f: %v", c.Name, c.Sum(), most, c.Calls))
		}
	}
	if seen != len(budgets) {
		o.Why = append(o.Why, fmt.Sprintf("%d of %d budgets were looked at", seen, len(budgets)))
	}
	if len(o.Why) > 0 {
		o.Status = Fail
	}
	return o
}

// over tells whether the budget is exceeded.
func (c Cost) over() bool {
	most, ok := budgets[c.Name]
	return ok && c.Sum() > most+slack
}

// cheapest counts what requests cost, up to three times if something costs too much,
// and gives the least of each: on a busy machine requests are few, and what is done
// once a second weighs more.
func cheapest(ctx context.Context, r *run.Runner, target Target) (least []Cost, err error) {
	for range 3 {
		costs, err := CountCosts(ctx, r, target)
		if err != nil {
			return nil, err
		}
		if least == nil {
			least = costs
		}
		for i, c := range costs { // the same ones in the same order
			if c.Sum() < least[i].Sum() {
				least[i] = c
			}
		}
		if !slices.ContainsFunc(least, Cost.over) {
			break
		}
	}
	return least, nil
}
