package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/hint"
)

// unknownSeconds is what a cell, or a build, is taken to need of which nothing like
// it was ever recorded (rule M-12).
const unknownSeconds = 30

// ShardOf is which shard of how many a run is, by what was said or, where that is
// "", by the variables of a CI engine: CI_NODE_INDEX, which counts from one, and
// CI_NODE_TOTAL. Without either it is 1 of 1.
func ShardOf(said string, getenv func(string) string) (i, n int, err error) {
	place := said
	if said == "" {
		index, total := getenv("CI_NODE_INDEX"), getenv("CI_NODE_TOTAL")
		if index == "" && total == "" || index == "" && total == "1" { // GitLab sets the total alone where nothing is parallel
			return 1, 1, nil
		}
		said, place = index+"/"+total, fmt.Sprintf("CI_NODE_INDEX=%s CI_NODE_TOTAL=%s", index, total)
	}
	first, second, _ := strings.Cut(said, "/")
	i, err = strconv.Atoi(first)
	if err == nil {
		n, err = strconv.Atoi(second)
	}
	if err != nil || i < 1 || i > n || n > maxShards {
		return 0, 0, hint.Exit(hint.New(fmt.Errorf("%s is no shard", place), "the second of four is 2/4"), hint.Usage)
	}
	return i, n, nil
}

// maxShards bounds how many there may be.
const maxShards = 10_000

// Shard spreads the cells over n shards, so that the last ends early: the longest
// first, each to where it would end first, with the builds that it needs and that are
// not made there yet. Who has no time on record takes the median of those of the same
// MPM and suite.
//
// Whether cells of one build had better stay together depends on what it takes, so
// they are spread in pieces of several sizes, down to single cells, and the spread that
// ends first holds. Ties go by id, so the same plan, timings and number give the same
// shards on every machine (rule M-12).
func (p *Plan) Shard(t Timings, n int) [][]string {
	cost := p.costs(t)
	sum := 0.0
	for _, c := range p.Cells {
		sum += cost.of(c)
	}
	best := p.spread(cost, n, 0)
	for _, size := range []float64{sum / float64(8*n), sum / float64(4*n), sum / float64(2*n), sum / float64(n), sum} {
		if other := p.spread(cost, n, size); latest(other) < latest(best) {
			best = other
		}
	}
	out := make([][]string, n)
	for i, s := range best {
		out[i] = []string{}
		for _, c := range p.Cells { // in the order of the plan
			if s.ids[c.ID] {
				out[i] = append(out[i], c.ID)
			}
		}
	}
	return out
}

// spread puts pieces of at most so many seconds, or of one cell, on n shards.
func (p *Plan) spread(cost costs, n int, size float64) []load {
	shards := make([]load, n)
	for i := range shards {
		shards[i] = load{builds: map[string]bool{}, ids: map[string]bool{}}
	}
	for _, piece := range p.pieces(cost, size) {
		best, first := 0, shards[0].with(piece, cost)
		for i := range shards {
			if end := shards[i].with(piece, cost); end < first {
				best, first = i, end
			}
		}
		shards[best].take(piece, cost)
	}
	return shards
}

// latest is when the last shard ends.
func latest(shards []load) float64 {
	end := 0.0
	for _, s := range shards {
		end = max(end, s.seconds)
	}
	return end
}

// piece is some cells that need the same builds.
type piece struct {
	cells   []Planned
	builds  []string
	seconds float64 // without the builds
}

// pieces are all cells, the longest piece first.
func (p *Plan) pieces(cost costs, size float64) []piece {
	cells := slices.Clone(p.Cells)
	slices.SortFunc(cells, func(a, b Planned) int {
		return cmp.Or(slices.Compare(a.Builds, b.Builds), cmp.Compare(cost.of(b), cost.of(a)), strings.Compare(a.ID, b.ID))
	})
	var list []piece
	for _, c := range cells {
		last := len(list) - 1
		if last < 0 || !slices.Equal(list[last].builds, c.Builds) || list[last].seconds+cost.of(c) > size {
			list, last = append(list, piece{builds: c.Builds}), last+1
		}
		list[last].cells = append(list[last].cells, c)
		list[last].seconds += cost.of(c)
	}
	slices.SortStableFunc(list, func(a, b piece) int {
		return cmp.Or(cmp.Compare(b.seconds, a.seconds), strings.Compare(a.cells[0].ID, b.cells[0].ID))
	})
	return list
}

// Part leaves the cells of shard i of n. Where the plan has its shards already they
// hold, so that no timings of another day change them. The hash stays that of the
// whole plan.
func (p *Plan) Part(t Timings, i, n int) error {
	if len(p.Shards) == 0 {
		p.Shards = p.Shard(t, n)
	}
	if len(p.Shards) != n || i < 1 || i > n {
		return hint.Exit(fmt.Errorf("the plan is in %d shards: there is no shard %d of %d", len(p.Shards), i, n), hint.Usage)
	}
	ids := p.Shards[i-1]
	p.Cells = slices.DeleteFunc(p.Cells, func(c Planned) bool { return !slices.Contains(ids, c.ID) })
	p.Builds = buildsOf(p.Cells)
	return nil
}

// load is what one shard has to do.
type load struct {
	seconds float64
	builds  map[string]bool
	ids     map[string]bool
}

// with is when the shard would end with a piece more.
func (l *load) with(p piece, cost costs) float64 {
	seconds := l.seconds + p.seconds
	for _, key := range p.builds {
		if !l.builds[key] {
			seconds += cost.builds[key]
		}
	}
	return seconds
}

func (l *load) take(p piece, cost costs) {
	l.seconds = l.with(p, cost)
	for _, c := range p.cells {
		l.ids[c.ID] = true
	}
	for _, key := range p.builds {
		l.builds[key] = true
	}
}

// Estimate is how long cells and builds are taken to need: as on record, else as those
// like them, as shards are made by it.
type Estimate struct {
	known Timings
	costs costs
}

// Estimate is that of a plan by what is on record.
func (p *Plan) Estimate(t Timings) Estimate { return Estimate{t, p.costs(t)} }

// Cell is how long a cell takes without its builds.
func (e Estimate) Cell(c Planned) time.Duration { return seconds(e.costs.of(c)) }

// Builds is how long it takes to make the builds of a cell, but for those that are made
// already. A run records those that it made at once together.
func (e Estimate) Builds(keys []string, made map[string]bool) time.Duration {
	left := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return made[key] })
	if together, ok := e.known[Together(keys)]; ok && len(left) == len(keys) {
		return seconds(together)
	}
	sum := 0.0
	for _, key := range left {
		sum += e.costs.builds[key]
	}
	return seconds(sum)
}

// Together names builds that are made at once.
func Together(keys []string) string { return strings.Join(keys, " + ") }

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// costs are the seconds that cells and builds are taken to need.
type costs struct{ cells, builds map[string]float64 }

// of is the time of a cell; what is skipped needs none.
func (c costs) of(p Planned) float64 {
	if p.Skip != "" {
		return 0
	}
	return c.cells[p.ID]
}

func (p *Plan) costs(t Timings) costs {
	c := costs{map[string]float64{}, map[string]float64{}}
	alike := map[[2]string][]float64{}
	kind := func(x Planned) [2]string { return [2]string{x.Cell.MPM, x.Cell.Value(Suite)} }
	for _, x := range p.Cells {
		if seconds, ok := t[x.ID]; ok {
			alike[kind(x)] = append(alike[kind(x)], seconds)
		}
	}
	for _, x := range p.Cells {
		c.cells[x.ID] = recorded(t, x.ID, alike[kind(x)])
	}
	built, parts := map[string][]float64{}, p.parts(t)
	for _, b := range p.Builds {
		if seconds, ok := t[b.Key]; ok {
			parts[b.Key] = []float64{seconds}
		}
		built[b.kind()] = append(built[b.kind()], parts[b.Key]...)
	}
	for _, b := range p.Builds {
		alike := parts[b.Key]
		if len(alike) == 0 {
			alike = built[b.kind()]
		}
		c.builds[b.Key] = recorded(t, b.Key, alike)
	}
	return c
}

// parts are the shares that builds had in what is on record of those made at once.
func (p *Plan) parts(t Timings) map[string][]float64 {
	of, seen := map[string][]float64{}, map[string]bool{}
	for _, x := range p.Cells {
		together := Together(x.Builds)
		seconds, ok := t[together]
		if !ok || len(x.Builds) < 2 || seen[together] {
			continue
		}
		seen[together] = true
		for _, key := range x.Builds {
			of[key] = append(of[key], seconds/float64(len(x.Builds)))
		}
	}
	return of
}

// kind is what the build is of: "apache", "python" or "module".
func (b Build) kind() string {
	kind, _, _ := strings.Cut(b.Key, "/")
	return kind
}

// recorded is a time on record, else the median of those alike.
func recorded(t Timings, key string, alike []float64) float64 {
	if seconds, ok := t[key]; ok {
		return seconds
	}
	if len(alike) == 0 {
		return unknownSeconds
	}
	slices.Sort(alike)
	return (alike[(len(alike)-1)/2] + alike[len(alike)/2]) / 2
}
