package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// someTimings are times of most cells and builds.
func someTimings(p *Plan, r *rand.Rand) Timings {
	t := Timings{}
	for _, c := range p.Cells {
		if r.IntN(4) > 0 {
			t[c.ID] = float64(r.IntN(300)) / 4
		}
	}
	for _, b := range p.Builds {
		if r.IntN(4) > 0 {
			t[b.Key] = float64(r.IntN(80)) / 4
		}
	}
	return t
}

// ends are when shards end: their cells and, each once, what they need.
func ends(p *Plan, t Timings, shards [][]string) (all []float64, largest float64) {
	cost := p.costs(t)
	for _, ids := range shards {
		end, built := 0.0, map[string]bool{}
		for _, c := range p.Cells {
			if !slices.Contains(ids, c.ID) {
				continue
			}
			own := cost.of(c)
			for _, key := range c.Builds {
				own += cost.builds[key]
				if !built[key] {
					built[key] = true
					end += cost.builds[key]
				}
			}
			end += cost.of(c)
			largest = max(largest, own)
		}
		all = append(all, end)
	}
	return all, largest
}

// M-12: the union of the shards is the plan and none overlaps another. Spread cell by
// cell, none ends later than the mean by more than one cell with its builds; the spread
// that is taken ends no later than that one.
func TestShards(t *testing.T) {
	random(t, 120, func(_ *Config, _ Machine, p *Plan, r *rand.Rand) {
		timings, n := someTimings(p, r), 1+r.IntN(9)
		shards := p.Shard(timings, n)
		seen := map[string]int{}
		for _, ids := range shards {
			for _, id := range ids {
				seen[id]++
			}
		}
		for _, c := range p.Cells {
			if seen[c.ID] != 1 {
				t.Errorf("%s is in %d shards of %d", c.ID, seen[c.ID], n)
			}
		}
		if len(seen) != len(p.Cells) || len(shards) != n {
			t.Errorf("%d cells in %d shards, want %d in %d", len(seen), len(shards), len(p.Cells), n)
		}
		all, largest := ends(p, timings, shards)
		cost := p.costs(timings)
		single := p.spread(cost, n, 0)
		sum := 0.0
		for _, s := range single {
			sum += s.seconds
		}
		if latest(single) > sum/float64(n)+largest+1e-6 || slices.Max(all) > latest(single)+1e-6 {
			t.Errorf("%d shards end at %v, with single cells at %v; the mean of those is %v and the largest cell %v", n, all, latest(single), sum/float64(n), largest)
		}
	})
}

// M-12: in whatever order the cells stand, and whatever else is on record, the
// shards have the same cells.
func TestShardsOfAnotherOrder(t *testing.T) {
	random(t, 40, func(_ *Config, _ Machine, p *Plan, r *rand.Rand) {
		timings := someTimings(p, r)
		sorted := func(shards [][]string) string {
			for _, ids := range shards {
				slices.Sort(ids)
			}
			return fmt.Sprint(shards)
		}
		want := sorted(p.Shard(timings, 4))
		r.Shuffle(len(p.Cells), func(i, j int) { p.Cells[i], p.Cells[j] = p.Cells[j], p.Cells[i] })
		timings["py2.7/event/daemon"] = 1000
		if got := sorted(p.Shard(timings, 4)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// M-12: a cell without a time takes the median of its MPM and suite, else 30
// seconds; what is skipped takes none.
func TestCosts(t *testing.T) {
	p := planOf(t, "[axes]\nmpm = [\"event\", \"worker\"]\nmode = [\"daemon\"]")
	p.Cells[0].Skip = NoMPM
	cost := p.costs(Timings{"py3.9/event/daemon": 10, "py3.12/event/daemon": 14, "py3.11.7/event/daemon": 99, "python/py3.9": 4, "python/py3.12": 6})
	for i, want := range map[int]float64{0: 0, 1: 30, 2: 10, 6: 14} {
		if got := cost.of(p.Cells[i]); got != want {
			t.Errorf("%s takes %v, want %v", p.Cells[i].ID, got, want)
		}
	}
	if got := cost.builds["python/py3.11"]; got != 5 {
		t.Errorf("an unknown half takes %v, want 5", got)
	}
	if got := cost.builds["apache/ap2.4.62"]; got != 30 {
		t.Errorf("the only Apache half takes %v, want 30", got)
	}
}

// M-12: of builds that a run made at once each is taken for an equal share.
func TestCostsTogether(t *testing.T) {
	p := planOf(t, "[axes]\nmpm = [\"event\"]\nmode = [\"daemon\"]")
	cost := p.costs(Timings{"apache/ap2.4.62 + python/py3.9": 8, "apache/ap2.4.62 + python/py3.12": 2, "python/py3.12": 3})
	for key, want := range map[string]float64{"python/py3.9": 4, "python/py3.12": 3, "python/py3.11": 3.5, "apache/ap2.4.62": 2.5} {
		if got := cost.builds[key]; got != want {
			t.Errorf("%s takes %v, want %v", key, got, want)
		}
	}
}

// M-12: the longest first: a cell as long as all others together has a shard alone.
func TestShardsLongestFirst(t *testing.T) {
	m := machine()
	m.Pythons = m.Pythons[:1]
	p, err := New(&Config{}, m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	timings := Timings{"apache/ap2.4.62": 0, "python/py3.11": 0}
	for _, c := range p.Cells {
		timings[c.ID] = 2
	}
	timings["py3.11/prefork/daemon"] = 10
	if all, _ := ends(p, timings, p.Shard(timings, 2)); slices.Max(all) != 10 {
		t.Errorf("five cells of 2 seconds and one of 10 end at %v", all)
	}
	if end := latest(p.spread(p.costs(timings), 2, 0)); end != 10 {
		t.Errorf("cell by cell they end at %v", end)
	}
}

// M-12: cells stay with their builds where that pays: of four Pythons whose halves
// take long, two shards build two each.
func TestShardsKeepBuilds(t *testing.T) {
	m := machine()
	m.Pythons = m.Pythons[:4]
	p, err := New(&Config{}, m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	timings := Timings{"apache/ap2.4.62": 1}
	for _, c := range p.Cells {
		timings[c.ID], timings[c.Builds[1]] = 2, 60
	}
	for i, ids := range p.Shard(timings, 2) {
		pythons := map[string]bool{}
		for _, c := range p.Cells {
			if slices.Contains(ids, c.ID) {
				pythons[c.Cell.Python] = true
			}
		}
		if len(pythons) != 2 {
			t.Errorf("shard %d builds for %v", i+1, pythons)
		}
	}
}

// M-12: which shard a run is: what was said comes before the variables of CI.
func TestShardOf(t *testing.T) {
	for _, c := range []struct {
		said, index, total string
		i, n               int
	}{
		{"", "", "", 1, 1}, {"2/4", "", "", 2, 4}, {"", "3", "8", 3, 8}, {"1/2", "3", "8", 1, 2}, {"", "", "1", 1, 1},
		{"0/4", "", "", 0, 0}, {"5/4", "", "", 0, 0}, {"x", "", "", 0, 0}, {"1", "", "", 0, 0}, {"", "0", "4", 0, 0}, {"", "", "4", 0, 0}, {"", "2", "", 0, 0}, {"1/99999", "", "", 0, 0}, {"-1/2", "", "", 0, 0},
	} {
		i, n, err := ShardOf(c.said, func(name string) string {
			return map[string]string{"CI_NODE_INDEX": c.index, "CI_NODE_TOTAL": c.total}[name]
		})
		if i != c.i || n != c.n || (err == nil) != (c.n > 0) {
			t.Errorf("%q with %s of %s: %d/%d, %v; want %d/%d", c.said, c.index, c.total, i, n, err, c.i, c.n)
		}
	}
}

// M-12, M-13: the parts of a plan are the plan, and keep its hash; shards that it has
// already are not made anew.
func TestPart(t *testing.T) {
	var all []string
	whole := planOf(t, "")
	for i := range 3 {
		p := planOf(t, "")
		p.Shards = p.Shard(nil, 3)
		if err := p.Part(Timings{"py3.9/event/daemon": 500}, i+1, 3); err != nil {
			t.Fatal(err)
		}
		if p.Hash != whole.Hash {
			t.Errorf("the hash of part %d is %s, want %s", i+1, p.Hash, whole.Hash)
		}
		all = append(all, ids(p)...)
	}
	slices.Sort(all)
	want := ids(whole)
	slices.Sort(want)
	same(t, all, want)
	p := planOf(t, "")
	p.Shards = p.Shard(nil, 3)
	if err := p.Select([]string{"py3.9"}); err != nil || p.Shards != nil || p.Hash == whole.Hash {
		t.Errorf("a part by selectors has the shards of the whole: %v %v", err, p.Shards)
	}
	p = planOf(t, "")
	p.Shards = p.Shard(nil, 3)
	if err := p.Part(nil, 1, 2); err == nil {
		t.Error("a plan of three shards has a first of two")
	}
}
