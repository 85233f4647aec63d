package matrix

import (
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

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

func TestBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("counting takes some seconds")
	}
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("the budgets are ours")
	}
	if len(target.Env) > 0 {
		t.Skip("httpd runs in an environment that may make calls of its own")
	}
	if mpms := LoadableMPMs(t.Context(), r, target.Apache); !slices.Contains(mpms, "event") {
		t.Skip("the budgets are for the event MPM, which cannot be loaded here")
	}
	costs, err := CountCosts(t.Context(), r, target)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, errUntraced) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := PrintCosts(&table, costs); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", table.String())
	seen := 0
	for _, c := range costs {
		if most, ok := budgets[c.Name]; ok {
			seen++
			t.Logf("note: system calls a request, %s: %.2f, may be %.0f", c.Name, c.Sum(), most)
			if sum := c.Sum(); sum > most+slack || sum < 1 {
				t.Errorf("%s: %.2f system calls a request, may be %.0f: %v", c.Name, sum, most, c.Calls)
			}
		}
	}
	if seen != len(budgets) {
		t.Errorf("%d of %d budgets were looked at", seen, len(budgets))
	}
}

func TestParseStrace(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 93.81    0.203737        1095       186         1 futex
  3.95    0.008583         138        62           epoll_wait
  0.22    0.000480           3       123        60 read
------ ----------- ----------- --------- --------- ----------------
100.00    0.217187         253       371        61 total
`
	got, err := parseStrace(table)
	if want := map[string]int{"futex": 186, "epoll_wait": 62, "read": 123}; err != nil || !maps.Equal(got, want) {
		t.Errorf("parsed %v, %v", got, err)
	}
	if _, err := parseStrace("strace: Process 7 detached\n"); err == nil {
		t.Error("no table is no count")
	}
	few, many := map[string]int{"read": 100, "brk": 3}, map[string]int{"read": 1100, "brk": 5, "poll": 1000}
	if c, want := eachOf(few, many, 500), (Calls{"read": 2, "poll": 2}); !maps.Equal(c, want) || c.Sum() != 4 {
		t.Errorf("each of them is %v", c)
	}
}
