package plan

import (
	"errors"
	"fmt"
	"slices"

	"modwsgi/internal/hint"
)

// space is every cell that there can be: of matrix.toml on a machine.
type space struct {
	c       *Config
	m       Machine
	values  map[Axis][]string // of the axes, as ids have them
	cells   []Cell            // allowed and not excluded, in order
	skip    map[Cell]Reason   // of those that cannot be run here
	needed  map[Cell]bool     // by a require
	failing map[Cell]*Xfail   // known to fail
	specs   []Spec            // what was written for values
}

// maxCells bounds the product of the axes: beyond it somebody made a mistake.
const maxCells = 50_000

// newSpace multiplies the axes and applies the rules, in this order: what can never
// be is left out, then include adds, exclude takes away, require adds.
func newSpace(c *Config, m Machine) (*space, error) {
	s := &space{c: c, m: m.named(), values: map[Axis][]string{}, skip: map[Cell]Reason{}, needed: map[Cell]bool{}, failing: map[Cell]*Xfail{}}
	s.resolve()
	all := s.product()
	if len(all) >= maxCells {
		return nil, s.fault(1, "the axes give %d cells and more", maxCells)
	}
	var errs []error
	all = slices.DeleteFunc(all, func(c Cell) bool { return s.m.forbids(c) != "" })
	for _, r := range c.include {
		more, err := s.included(r)
		errs, all = append(errs, err), append(all, more...)
	}
	all = slices.DeleteFunc(all, func(cell Cell) bool {
		return slices.ContainsFunc(c.exclude, func(r rule) bool { return r.matches(cell) })
	})
	for _, r := range c.require {
		more, err := s.required(r, all)
		errs, all = append(errs, err), append(all, more...)
	}
	s.cells = s.inOrder(all)
	s.judge()
	if err := errors.Join(errs...); err != nil {
		return nil, hint.Exit(err, hint.Usage)
	}
	return s, s.unique()
}

// fault is an error with its place in the file.
func (s *space) fault(line int, format string, args ...any) error {
	return hint.Exit(fmt.Errorf("%s:%d: %s", s.c.file, line, fmt.Sprintf(format, args...)), hint.Usage)
}

// resolve finds the values of each axis: those of the file, or of the machine, or
// the default alone.
func (s *space) resolve() {
	for _, a := range Axes() {
		written := s.c.axes[a]
		switch {
		case a == Python:
			s.values[a] = s.m.of("")
		case a == Apache:
			for _, server := range s.m.Apaches {
				if server.Provider == "" {
					s.values[a] = append(s.values[a], server.Name)
				}
			}
		case len(written) > 0:
			for _, v := range written {
				s.values[a] = append(s.values[a], s.value(a, v))
			}
		case a == MPM:
			s.values[a] = s.loadable()
		case a == Mode:
			s.values[a] = Closed(a)
		default:
			s.values[a] = []string{""}
		}
	}
	if len(s.values[Apache]) == 0 { // cells that are skipped, so that it shows
		s.values[Apache] = []string{""}
	}
}

// value is the value of an axis as cells have it, "" for its default. What was
// written is noted where ids cannot have it.
func (s *space) value(a Axis, text string) string {
	if text == Default(a) {
		return ""
	}
	v := text
	if a == Source || a == Provider {
		if v = name(text); v != text && !slices.ContainsFunc(s.specs, func(x Spec) bool { return x.Axis == a && x.Name == v }) {
			s.specs = append(s.specs, Spec{a, v, text})
		}
	}
	return v
}

// loadable are the MPMs that one of the Apaches can load; all, where there is no
// Apache and every cell is skipped for that.
func (s *space) loadable() []string {
	list := slices.DeleteFunc(Closed(MPM), func(mpm string) bool {
		return !slices.ContainsFunc(s.m.Apaches, func(a Server) bool { return a.Provider == "" && slices.Contains(a.MPMs, mpm) })
	})
	if len(list) == 0 {
		return Closed(MPM)
	}
	return list
}

// product is every combination of the values. Where the MPMs are those of the
// machine, an Apache has its own; a guest has the Pythons of its system.
func (s *space) product() []Cell {
	var all []Cell
	for _, provider := range s.values[Provider] {
		all = append(all, s.times(s.valuesFor(provider))...)
	}
	if len(s.c.axes[MPM]) == 0 {
		all = slices.DeleteFunc(all, func(c Cell) bool { return s.m.skips(c) == NoMPM })
	}
	return all
}

// valuesFor are those of each axis with a provider.
func (s *space) valuesFor(provider string) map[Axis][]string {
	values := map[Axis][]string{}
	for a, list := range s.values {
		values[a] = list
	}
	values[Provider] = []string{provider}
	if provider != "" {
		values[Apache] = []string{""}
		values[MPM] = Closed(MPM)
		if len(s.c.axes[MPM]) > 0 {
			values[MPM] = s.values[MPM]
		}
	}
	if guest(provider) {
		values[Python] = s.m.of(provider)
		if len(values[Python]) == 0 {
			values[Python] = []string{"py3"}
		}
	}
	return values
}

// times multiplies lists of values; it stops at the bound.
func (s *space) times(values map[Axis][]string) []Cell {
	all := []Cell{{}}
	for _, a := range Axes() {
		var next []Cell
		for _, c := range all {
			for _, v := range values[a] {
				if len(next) < maxCells {
					next = append(next, c.With(a, v))
				}
			}
		}
		all = next
	}
	return all
}

// included are the cells of an include: what it does not say is the default, and of
// Python, MPM, mode and Apache every value. One that gives no cell is a mistake.
func (s *space) included(r rule) ([]Cell, error) {
	var all, allowed []Cell
	providers := r.fields[Provider]
	if len(providers) == 0 {
		providers = []string{Host}
	}
	for _, provider := range providers {
		all = append(all, s.times(s.said(r, s.value(Provider, provider)))...)
	}
	why := "an axis has no value"
	for _, c := range all {
		if no := s.m.forbids(c); no != "" {
			why = no
			continue
		}
		allowed = append(allowed, c)
	}
	if len(allowed) == 0 {
		return nil, s.fault(r.line, "include gives no cell: %s", why)
	}
	return allowed, nil
}

// said are the values that a rule has with a provider.
func (s *space) said(r rule, provider string) map[Axis][]string {
	values := s.valuesFor(provider)
	for _, a := range Axes() {
		switch list, ok := r.fields[a]; {
		case a == Provider:
		case ok:
			values[a] = nil
			for _, v := range list {
				values[a] = append(values[a], s.value(a, spelledIn(a, v)))
			}
		case !slices.Contains([]Axis{Python, MPM, Mode, Apache}, a):
			values[a] = []string{""}
		}
	}
	return values
}

// spelledIn is a value of a rule: only those of Python and Apache have a form of
// their own in ids.
func spelledIn(a Axis, v string) string {
	if a == Python || a == Apache {
		return spelled(a, v)
	}
	return v
}

// required are the cells that a require adds to those that there are: what it names
// has to be run, also where it is missing. What cannot be, and a pattern that matches no
// cell, would be missed by nobody, and is a mistake.
func (s *space) required(r rule, all []Cell) ([]Cell, error) {
	there := map[Cell]bool{} // by the fields of the rule alone
	for _, c := range all {
		if r.matches(c) {
			s.needed[c] = true
			there[r.only(c)] = true
		}
	}
	if r.isPattern() {
		if len(there) == 0 {
			return nil, s.fault(r.line, "require matches no cell, and would be missed by nobody")
		}
		return nil, nil
	}
	provider := ""
	if list := r.fields[Provider]; len(list) > 0 {
		provider = s.value(Provider, list[0])
	}
	var more []Cell
	why := ""
	for _, c := range s.times(s.said(r, provider)) {
		if there[r.only(c)] {
			continue
		}
		if no := s.withheld(c); no != "" {
			why = no
			continue
		}
		s.needed[c] = true
		more = append(more, c)
	}
	if len(more) == 0 && why != "" {
		return nil, s.fault(r.line, "require asks for what cannot be: %s", why)
	}
	return more, nil
}

// only is a cell with the fields of a rule alone.
func (r rule) only(c Cell) Cell {
	var part Cell
	for a := range r.fields {
		*part.at(a) = *c.at(a)
	}
	return part
}

// isPattern tells whether a rule has a wildcard.
func (r rule) isPattern() bool {
	for _, list := range r.fields {
		if slices.ContainsFunc(list, isPattern) {
			return true
		}
	}
	return false
}

// withheld says why a cell is none: it cannot be, or an exclude takes it away.
func (s *space) withheld(c Cell) string {
	if why := s.m.forbids(c); why != "" {
		return why
	}
	for _, r := range s.c.exclude {
		if r.matches(c) {
			return fmt.Sprintf("the exclude of line %d takes it away", r.line)
		}
	}
	return ""
}

// judge notes which cells cannot be run and which are known to fail.
func (s *space) judge() {
	for _, c := range s.cells {
		if why := s.m.skips(c); why != "" {
			s.skip[c] = why
		}
		if i := slices.IndexFunc(s.c.xfail, func(k known) bool { return k.matches(c) }); i >= 0 {
			s.failing[c] = &s.c.xfail[i].Xfail
		}
	}
}

// unique complains about two cells of one name.
func (s *space) unique() error {
	names := map[string]Cell{}
	varies := s.varies()
	for _, c := range s.cells {
		id := idOf(c, varies)
		if other, ok := names[id]; ok {
			return fmt.Errorf("%s names two cells: %v and %v", id, other, c)
		}
		if !isID(id) {
			return fmt.Errorf("%q cannot name a cell", id)
		}
		names[id] = c
	}
	return nil
}

// varies are the axes that ids name. They are those of all cells that there can be,
// so that a cell has one name in every mode.
func (s *space) varies() []Axis { return varied(s.cells) }

// inOrder sorts cells and drops what is there twice.
func (s *space) inOrder(all []Cell) []Cell {
	axes := slices.Clone(s.c.order)
	for _, a := range append([]Axis{Provider, Apache}, Axes()...) {
		if !slices.Contains(axes, a) {
			axes = append(axes, a)
		}
	}
	rank := map[Axis]map[string]int{}
	for _, a := range axes {
		rank[a] = s.rank(a, all)
	}
	slices.SortStableFunc(all, func(x, y Cell) int {
		for _, a := range axes {
			if n := rank[a][*x.at(a)] - rank[a][*y.at(a)]; n != 0 {
				return n
			}
		}
		return 0
	})
	return slices.Compact(all)
}

// rank numbers the values of an axis: first those of the axis, then others by name.
func (s *space) rank(a Axis, all []Cell) map[string]int {
	ranks := map[string]int{}
	list := slices.Clone(s.values[a])
	var others []string
	for _, c := range all {
		if v := *c.at(a); !slices.Contains(list, v) {
			others = append(others, v)
		}
	}
	slices.Sort(others)
	for _, v := range append(list, slices.Compact(others)...) {
		if _, ok := ranks[v]; !ok {
			ranks[v] = len(ranks)
		}
	}
	return ranks
}
