package runner

import (
	"strings"
	"testing"

	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
)

// F20: a promise is counted in the mode of the case that shows it, and one that is of
// no mode, as those about reading a configuration, under "-" whatever mode it was. What
// was skipped shows nothing.
func TestSheetPromises(t *testing.T) {
	for _, tt := range []struct {
		name, mode, kase string
		status           results.Status
		want             string
	}{
		{"of no mode, by a configuration", "daemon", "config/ifmodule", results.Pass, "| CF01 | - | 3.11 |  |"},
		{"of no mode, by a case in daemon mode", "daemon", "htaccess", results.Pass, "| CF24 | - | 3.11 |  |"},
		{"of no mode, by a case in embedded mode", "embedded", "contexts-htaccess", results.Pass, "| CF24 | - | 3.11 |  |"},
		{"of no mode, and failed", "embedded", "htaccess", results.Fail, "| CF24 | - |  | py3.11/event/embedded |"},
		{"of no mode, and skipped", "embedded", "htaccess", results.Skip, "| CF24 | - | not run | |"},
		{"of both modes", "embedded", "environ", results.Pass, "| embedded | 3.11 |  |"},
		{"of both modes, in one", "embedded", "environ", results.Pass, "| daemon | not run | |"},
	} {
		r := results.Result{ID: "py3.11/event/" + tt.mode, Axes: plan.Cell{Python: "py3.11", MPM: "event", Mode: tt.mode}, Status: tt.status,
			Cases: []results.CaseResult{{Name: tt.kase, Status: tt.status}}}
		p := &plan.Plan{Hash: "abc", Mode: plan.Full, Cells: []plan.Planned{{ID: r.ID, Cell: r.Axes, Timeout: 1}}}
		if got := Sheet(results.NewReport(p, []results.Result{r}), ""); !strings.Contains(got, tt.want) {
			t.Errorf("%s: the sheet lacks %q", tt.name, tt.want)
		}
	}
}

// F20: the sheet has cells, promises by mode, sanitizers, long runs and others
// beside ours; what was not run is said to be so.
func TestSheet(t *testing.T) {
	cell := plan.Cell{Python: "py3.11", MPM: "event", Mode: "daemon", Apache: "ap2.4.62"}
	passes := func(names ...string) (list []results.CaseResult) {
		for _, name := range names {
			list = append(list, results.CaseResult{Name: name, Status: results.Pass})
		}
		return list
	}
	failing := append(passes("hello"), results.CaseResult{Name: "environ", Status: results.Fail, Messages: []string{"no"}})
	p := &plan.Plan{Hash: "abc", Mode: plan.Full}
	all := []results.Result{
		{ID: "py3.11/event/daemon", Axes: cell, Status: results.Pass, Cases: append(passes("hello", "environ", "config/ifmodule"), results.CaseResult{Name: "budget", Status: results.Pass, Messages: []string{"daemon, host: 4.00, may be 4"}}), Facts: map[string]string{"python": "3.11.2"}},
		{ID: "py3.12/event/daemon", Axes: cell.With(plan.Python, "py3.12"), Status: results.Fail, Cases: failing},
		{ID: "py3.11/event/daemon/pypi-6.0.5", Axes: cell.With(plan.Source, "pypi-6.0.5"), Status: results.Fail, Cases: failing},
		{ID: "py3.11/event/daemon/asan", Axes: cell.With(plan.Sanitizer, plan.Address), Status: results.Pass, Cases: passes("hello")},
		{ID: "py3.11/event/daemon/soak", Axes: cell.With(plan.Suite, "soak"), Status: results.Pass,
			Cases: []results.CaseResult{{Name: "graceful-many", Status: results.Pass, Messages: []string{"1000 graceful restarts: 8 KiB more"}}}},
	}
	for _, r := range all {
		p.Cells = append(p.Cells, plan.Planned{ID: r.ID, Cell: r.Axes, Timeout: 1})
	}
	got := Sheet(results.NewReport(p, all), "made by a test")
	for _, want := range []string{
		"made by a test", "| [py3.11/event/daemon](report.html#cell-py3.11-event-daemon) | 3.11.2 | – | pass | 4 passed, 0 failed, 0 skipped |",
		"| CF01 | - | 3.11 |  |", "budget: daemon, host: 4.00, may be 4", "| embedded | not run | |", "- py3.11/event/daemon/asan: pass, 1 cases passed",
		"graceful-many: 1000 graceful restarts: 8 KiB more", "| py3.11/event/daemon/pypi-6.0.5 | 1 | 1 | 0 | 2 passed, 0 failed, 0 skipped |",
		"| daemon | 3.11 | py3.12/event/daemon |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the sheet lacks %q:\n%s", want, got)
		}
	}
	if got := Sheet(results.NewReport(p, all[:1]), ""); !strings.Contains(got, "None were run.") || !strings.Contains(got, "No other implementation was run.") {
		t.Errorf("nothing is said of what was not run:\n%s", got)
	}
}
