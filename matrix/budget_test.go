package matrix

import (
	"maps"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

func TestBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("counting takes some seconds")
	}
	r := &run.Runner{}
	target := theTarget(t, r)
	if why := Unbudgeted(t.Context(), r, target); why != "" {
		t.Skip(why)
	}
	o := RunBudget(t.Context(), r, target)
	for _, figure := range o.Notes {
		t.Log("note: " + figure)
	}
	switch o.Status {
	case Skip:
		t.Skip(strings.Join(o.Why, "; "))
	case Fail:
		t.Error(strings.Join(o.Why, "\n"))
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
