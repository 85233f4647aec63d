package runner

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
)

// aClock stands still but for what is done.
type aClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *aClock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *aClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// M-7: what would not end before the budget is over is not begun, neither cell nor
// build nor another attempt; cells that are required come first, and one that is left
// out has failed.
func TestBudget(t *testing.T) {
	const id = "py3.11/event/daemon/"
	built := plan.Together([]string{"apache/ap2.4.62", "python/py3.11"})
	for _, tt := range []struct {
		name    string
		budget  time.Duration // 0: none
		known   plan.Timings
		require string
		flaky   bool
		want    string // what was run, in its order
		left    string // what was skipped
		failed  string
		builds  int
	}{
		{"no budget", 0, plan.Timings{built: 20}, "", false, "one two three", "", "", 1},
		{"all of it", 50 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "", false, "one two three", "", "", 1},
		{"a second too little", 49 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "", false, "one two", "three", "", 1},
		{"the one that is too long", 49 * time.Second, plan.Timings{built: 20, id + "one": 30, id + "two": 10, id + "three": 10}, "", false, "two three", "one", "", 1},
		{"the build does not fit", 29 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "", false, "", "one two three", "", 0},
		{"a build that takes longer than it did", 25 * time.Second, plan.Timings{built: 1, id + "one": 10, id + "two": 5, id + "three": 5}, "", false, "two", "one three", "", 1},
		{"nothing on record", 75 * time.Second, nil, "", false, "", "one two three", "", 0}, // 30 seconds for each half, and for a cell
		{"nothing on record, and time", 90 * time.Second, nil, "", false, "one two three", "", "", 1},
		{"halves on record", 31 * time.Second, plan.Timings{"apache/ap2.4.62": 2, "python/py3.11": 19, id + "one": 10, id + "two": 10, id + "three": 10}, "", false, "one", "two three", "", 1},
		{"required ones first", 35 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "three", false, "three", "one two", "", 1},
		{"required, and no time", 15 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "three", false, "", "one two three", "three", 0},
		{"no second attempt", 35 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "", true, "one", "two three", "one", 1},
		{"a second attempt", 40 * time.Second, plan.Timings{built: 20, id + "one": 10, id + "two": 10, id + "three": 10}, "", true, "one one", "two three", "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := &aClock{now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
			p := aPlan("one", "two", "three")
			p.Builds = []plan.Build{{Key: "apache/ap2.4.62", Apache: "ap2.4.62"}, {Key: "python/py3.11", Python: "py3.11"}}
			for i := range p.Cells {
				p.Cells[i].Require = p.Cells[i].Cell.Suite == tt.require
			}
			var ran []string
			x := aRunner(t, p, func(_ context.Context, suite string) matrix.SuiteReport {
				ran = append(ran, suite)
				clock.pass(10 * time.Second)
				if tt.flaky && len(ran) == 1 {
					return reported(outcome("start", matrix.Fail, "no port"))
				}
				return reported(outcome("hello", matrix.Pass))
			})
			builds, build := 0, x.Build
			x.Build = func(ctx context.Context, w Wanted) (Made, error) {
				builds++

				clock.pass(20 * time.Second)
				return build(ctx, w)
			}
			x.now, x.Timings = clock.read, tt.known
			if tt.budget > 0 {
				x.Until = clock.now.Add(tt.budget)
			}
			if err := x.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var left, failed []string
			found := byID(x)
			for _, name := range []string{"one", "two", "three"} {
				r, ok := found[name]
				if !ok {
					t.Errorf("%s has no result", name)
				}
				if r.LeftOut() {
					left = append(left, name)
				}
				if r.Status.Bad() {
					failed = append(failed, name)
				}
				if (r.Status == results.Skip) != (r.LeftOut() && name != tt.require) {
					t.Errorf("%s is %s: %s", name, r.Status, r.Why)
				}
			}
			if strings.Join(ran, " ") != tt.want || strings.Join(left, " ") != tt.left || strings.Join(failed, " ") != tt.failed || builds != tt.builds {
				t.Errorf("%v were run, %v left out, %v failed, %d builds; want %+v", ran, left, failed, builds, tt)
			}
		})
	}
}

// M-7, M-16: another system is not made where none of its cells would end in time; it
// is entered for those that are required first.
func TestBudgetOfGuests(t *testing.T) {
	for _, tt := range []struct {
		name         string
		budget, made time.Duration // how long it takes to make the system
		want         string        // what it is asked for, in its turns
		left         string
		asked        bool
	}{
		{"time", time.Minute, 10 * time.Second, "three|one two", "", true},
		{"no time", 5 * time.Second, 0, "", "one two three", false},
		{"none once it is made", time.Minute, 55 * time.Second, "", "one two three", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := &aClock{now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
			p := aPlan("one", "two", "three")
			known := plan.Timings{}
			for i := range p.Cells {
				p.Cells[i].Cell.Provider, p.Cells[i].Require = "rootfs-trixie", i == 2
				known[p.Cells[i].ID] = 10
			}
			x := aRunner(t, p, func(context.Context, string) matrix.SuiteReport { panic("it was run here") })
			x.now, x.Timings, x.Until = clock.read, known, clock.now.Add(tt.budget)
			var turns []string
			asked := false
			x.Guest = func(string) (Guest, error) {
				if !asked {
					clock.pass(tt.made)
				}
				asked = true
				return func(_ context.Context, cells []plan.Planned, record func(results.Result) error) error {
					var names []string
					var err error
					for _, c := range cells {
						names = append(names, c.Cell.Suite)
						err = errors.Join(err, record(results.Result{ID: c.ID, Status: results.Pass, Attempts: 1, Facts: map[string]string{"python": "3.11.9"}}))
					}
					turns = append(turns, strings.Join(names, " "))
					return err
				}, nil
			}
			if err := x.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var left []string
			for name, r := range byID(x) {
				if r.LeftOut() {
					left = append(left, name)
				}
			}
			slices.SortFunc(left, func(a, b string) int { return strings.Index("one two three", a) - strings.Index("one two three", b) })
			if got := strings.Join(turns, "|"); got != tt.want || strings.Join(left, " ") != tt.left || asked != tt.asked {
				t.Errorf("it was asked for %q, left were %v, made %v; want %+v", got, left, asked, tt)
			}
		})
	}
}

// M-12, M-14: shards of which one had no time are merged; another folder's result of a
// cell that was left out counts, and so does that of one which failed before.
func TestBudgetMerged(t *testing.T) {
	clock := &aClock{now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	p, err := plan.New(&plan.Config{}, plan.Machine{
		Pythons: []plan.Runtime{{Version: "3.11.2", Executable: "/usr/bin/python3", Shared: true}},
		Apaches: []plan.Server{{Version: "2.4.62", Apxs: "/usr/bin/apxs", MPMs: []string{"event"}}},
	}, plan.Request{Mode: plan.Full})
	if err != nil {
		t.Fatal(err)
	}
	p.Shards = p.Shard(nil, 2)
	fails := true
	run := func(dir string, shard int, budget time.Duration) results.Part {
		part := p.Copy()
		if err := part.Part(nil, shard, 2); err != nil {
			t.Fatal(err)
		}
		x := aRunner(t, part, func(context.Context, string) matrix.SuiteReport {
			if fails {
				return reported(outcome("hello", matrix.Fail, "no"))
			}
			return reported(outcome("hello", matrix.Pass))
		})
		x.now, x.Until = clock.read, clock.now.Add(budget)
		if x.Book, err = results.Start(dir, p, part); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(x.Run(t.Context()), x.Book.Close()); err != nil {
			t.Fatal(err)
		}
		read, err := results.ReadPart(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	dir := t.TempDir()
	failed, left := run(filepath.Join(dir, "1"), 1, time.Hour), run(filepath.Join(dir, "2"), 2, time.Second)
	fails = false
	late, again := run(filepath.Join(dir, "late"), 2, time.Hour), run(filepath.Join(dir, "again"), 1, time.Second)
	for _, tt := range []struct {
		name  string
		parts []results.Part
		want  string
	}{
		{"shards", []results.Part{failed, left}, "fail skip"},
		{"what was left out is run later", []results.Part{failed, left, late}, "fail pass"},
		{"what failed is left out later", []results.Part{again, failed, left}, "fail skip"},
	} {
		m, err := results.Merge(nil, tt.parts)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, r := range m.Results {
			got = append(got, string(r.Status))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
	if again := results.Failed(left.Results); len(again) != 1 {
		t.Errorf("-failed takes %v", again)
	}
	if !fsx.IsFile(filepath.Join(dir, "2", "report.html")) {
		t.Error("there is no report")
	}
}
