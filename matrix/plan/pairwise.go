package plan

import (
	"math/bits"
	"slices"
)

// pairs takes cells so that every two values of different axes that one of the cells
// has together are in a chosen one: few of them, the same each time.
func (s *space) pairs() []Cell {
	return s.covering(newCover(Axes(), 2, s.cells), nil)
}

// smoke takes one cell for each Python and each MPM. The other axes shall vary among
// them, but ask for no cell more.
func (s *space) smoke() []Cell {
	return s.covering(newCover([]Axis{Python, MPM}, 1, s.cells), newCover(Axes(), 2, s.cells))
}

// covering takes cells until all of what is covered; of equal ones that which covers
// most of also, which may be nil.
//
// What is skipped or known to fail shows nothing of the other values that it has, so
// cells that run cover first, then those that are known to fail what is left, then
// those that are skipped, only each value.
func (s *space) covering(what, also *cover) []Cell {
	var runs, fails, skipped []Cell
	for _, c := range s.cells {
		switch {
		case s.skip[c] != "":
			skipped = append(skipped, c)
		case s.failing[c] != nil:
			fails = append(fails, c)
		default:
			runs = append(runs, c)
		}
	}
	chosen := what.choose(runs, also)
	chosen = append(chosen, what.choose(fails, also)...)
	single := newCover(what.axes, 1, s.cells)
	single.note(chosen)
	return append(chosen, single.choose(skipped, nil)...)
}

// cover knows which combinations have been covered. Each has a number, and a cell a
// set of them.
type cover struct {
	axes    []Axis
	n       int
	numbers map[combination]int
	done    set
}

// combination is one value of an axis, or two of two.
type combination struct {
	a, b Axis
	x, y string
}

func newCover(axes []Axis, n int, all []Cell) *cover {
	c := &cover{axes: axes, n: n, numbers: map[combination]int{}}
	if n > 1 { // an axis of one value is in every pair that there is of the other's values
		c.axes = slices.DeleteFunc(slices.Clone(axes), func(a Axis) bool {
			return !slices.ContainsFunc(all, func(cell Cell) bool { return *cell.at(a) != *all[0].at(a) })
		})
		if len(c.axes) < 2 {
			c.axes, c.n = append(c.axes, axes[0]), 1
		}
	}
	for _, cell := range all {
		c.of(cell)
	}
	c.done = make(set, len(c.numbers)/64+1)
	return c
}

// of is the set of combinations that a cell has.
func (c *cover) of(cell Cell) set {
	s := make(set, len(c.numbers)/64+1)
	for i, a := range c.axes {
		if c.n == 1 {
			s = s.with(c.number(combination{a: a, x: *cell.at(a)}))
			continue
		}
		for _, b := range c.axes[i+1:] {
			s = s.with(c.number(combination{a, b, *cell.at(a), *cell.at(b)}))
		}
	}
	return s
}

func (c *cover) number(x combination) int {
	n, ok := c.numbers[x]
	if !ok {
		n = len(c.numbers)
		c.numbers[x] = n
	}
	return n
}

// note counts what cells cover.
func (c *cover) note(cells []Cell) {
	for _, cell := range cells {
		c.done.add(c.of(cell))
	}
}

// choose takes cells of a list until all that they can cover is covered.
func (c *cover) choose(cells []Cell, also *cover) []Cell {
	if len(cells) == 0 {
		return nil
	}
	g := greedy{done: c.done}
	for _, cell := range cells {
		g.sets = append(g.sets, c.of(cell))
		if also != nil {
			g.also = append(g.also, also.of(cell))
		}
	}
	if also != nil {
		g.noted = also.done
	}
	var best []int
	for try := range tries(len(cells)) {
		chosen := g.spare(g.run(try))
		if try == 0 || len(chosen) < len(best) {
			best = chosen
		}
	}
	slices.Sort(best)
	var list []Cell
	for _, i := range best {
		list = append(list, cells[i])
	}
	c.note(list)
	if also != nil {
		also.note(list)
	}
	return list
}

// tries is how many ways of breaking ties are compared.
func tries(cells int) int {
	if cells > 4000 {
		return 1 // it would take seconds
	}
	return min(32, cells)
}

// greedy chooses sets by their indexes.
type greedy struct {
	sets  []set
	done  set   // what is covered before the first is chosen
	also  []set // by the same indexes: what else they cover, which decides between equal ones
	noted set
}

// run takes the set that covers most of what is not covered, again and again. Of
// equal ones it is the first from another place on each try.
func (g greedy) run(try int) []int {
	done, noted := slices.Clone(g.done), slices.Clone(g.noted)
	var chosen []int
	for step := 0; ; step++ {
		best, most, further := -1, 0, 0
		start := (try*7919 + try*step*104729) % len(g.sets)
		for k := range g.sets {
			i := (k + start) % len(g.sets)
			gain, more := g.sets[i].beyond(done), 0
			if gain == 0 || gain < most {
				continue
			}
			if g.also != nil {
				more = g.also[i].beyond(noted)
			}
			if gain > most || more > further {
				best, most, further = i, gain, more
			}
		}
		if best < 0 {
			return chosen
		}
		done.add(g.sets[best])
		if g.also != nil {
			noted.add(g.also[best])
		}
		chosen = append(chosen, best)
	}
}

// spare leaves out those that later choices have made superfluous.
func (g greedy) spare(chosen []int) []int {
	for k := 0; k < len(chosen); {
		others := slices.Clone(g.done)
		for j, i := range chosen {
			if j != k {
				others.add(g.sets[i])
			}
		}
		if g.sets[chosen[k]].beyond(others) == 0 {
			chosen = slices.Delete(chosen, k, k+1)
		} else {
			k++
		}
	}
	return chosen
}

// set is a set of small numbers.
type set []uint64

func (s set) with(n int) set {
	for len(s) <= n/64 {
		s = append(s, 0)
	}
	s[n/64] |= 1 << (n % 64)
	return s
}

// add puts all of other into s, which has room for it.
func (s set) add(other set) {
	for i, w := range other {
		s[i] |= w
	}
}

// beyond counts what s has and other has not.
func (s set) beyond(other set) int {
	n := 0
	for i, w := range s {
		n += bits.OnesCount64(w &^ other[i])
	}
	return n
}
