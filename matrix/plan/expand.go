package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/hint"
)

// How the cells of a run are chosen (rule M-4).
const (
	Full     = "full"     // all there are
	Pairwise = "pairwise" // so many that every pair of values is in one of them
	Smoke    = "smoke"    // one per Python, and one per MPM
	Changed  = "changed"  // smoke, or full where C or build code changed
)

// Modes lists them.
func Modes() []string { return []string{Full, Pairwise, Smoke, Changed} }

// Request is what of a matrix one run takes.
type Request struct {
	Mode      string   // of [Modes]
	Selectors []string // see [Selected]
	Changed   []string // of that mode: the paths that changed, from the root of the checkout
}

// New plans a run: the cells that matrix.toml and the machine give, chosen by the
// request, with what has to be built for them. The same input gives the same plan.
func New(c *Config, m Machine, q Request) (*Plan, error) {
	s, err := newSpace(c, m)
	if err != nil {
		return nil, err
	}
	cells, err := s.choose(q)
	if err != nil {
		return nil, err
	}
	p := &Plan{Schema: Schema, Mode: q.Mode, Varies: s.varies()}
	for _, cell := range cells {
		p.Cells = append(p.Cells, s.planned(cell, p.ID(cell)))
	}
	p.describe(s)
	if len(q.Selectors) > 0 {
		return p, p.Select(q.Selectors)
	}
	if len(p.Cells) == 0 {
		return nil, hint.Exit(fmt.Errorf("there is no cell: %s excludes all", c.file), hint.Usage)
	}
	p.settle()
	return p, nil
}

// choose takes the cells of a mode, and those that are required.
func (s *space) choose(q Request) ([]Cell, error) {
	mode := q.Mode
	if mode == Changed {
		mode = Smoke
		if slices.ContainsFunc(q.Changed, s.c.matters) {
			mode = Full
		}
	}
	var chosen []Cell
	switch mode {
	case Full:
		return s.cells, nil
	case Pairwise:
		chosen = s.pairs()
	case Smoke:
		chosen = s.smoke()
	default:
		return nil, hint.Exit(hint.New(fmt.Errorf("unknown mode %q", q.Mode), "known are "+strings.Join(Modes(), ", ")), hint.Usage)
	}
	return slices.DeleteFunc(slices.Clone(s.cells), func(c Cell) bool { return !s.needed[c] && !slices.Contains(chosen, c) }), nil
}

// matters tells whether a path that changed is of C or build code.
func (c *Config) matters(changed string) bool {
	patterns := c.changed
	if patterns == nil {
		patterns = defaultChanged()
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool { return pathMatches(pattern, changed) })
}

// pathMatches tells whether a path is of a pattern: one that ends in /** is a
// folder with all below it.
func pathMatches(pattern, name string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/**"); ok {
		for ; name != "." && name != "/"; name = path.Dir(name) {
			if ok, _ := path.Match(folder, name); ok {
				return true
			}
		}
		return false
	}
	ok, _ := path.Match(pattern, name)
	return ok
}

// planned is a cell with all that is said of it.
func (s *space) planned(c Cell, id string) Planned {
	p := Planned{ID: id, Cell: c, Xfail: s.failing[c], Require: s.needed[c], Skip: s.skip[c], Timeout: s.c.timeout, Retries: s.c.retries}
	if p.Timeout == 0 { // there is no file
		p.Timeout = defaultTimeout
	}
	if p.Skip == "" { // what is not run needs nothing
		for _, b := range buildsFor(c) {
			p.Builds = append(p.Builds, b.Key)
		}
	}
	for _, l := range s.c.limits {
		if !l.matches(c) {
			continue
		}
		if l.timeout > 0 {
			p.Timeout = l.timeout
		}
		if l.retries >= 0 {
			p.Retries = l.retries
		}
	}
	return p
}

// describe adds what the values of the axes are.
func (p *Plan) describe(s *space) {
	p.Specs, p.Apaches = s.specs, s.m.Apaches
	p.Pythons = s.m.Pythons
	p.Archives = p.archived(s.c.Archives)
	for _, c := range s.cells {
		py, known := s.m.python(c)
		if !known || py.Version == "" {
			p.Pythons = append(p.Pythons, py)
		}
	}
}

// settle drops what no cell needs any more, and names the plan by its hash.
func (p *Plan) settle() {
	p.Builds = buildsOf(p.Cells)
	p.Pythons = unique(slices.DeleteFunc(p.Pythons, func(r Runtime) bool {
		return !slices.ContainsFunc(p.Cells, func(c Planned) bool {
			return c.Cell.Python == r.Name && (!guest(c.Cell.Provider) && r.Provider == "" || c.Cell.Provider == r.Provider)
		})
	}))
	p.Apaches = slices.DeleteFunc(p.Apaches, func(a Server) bool {
		return !slices.ContainsFunc(p.Cells, func(c Planned) bool { return a.serves(c.Cell) })
	})
	p.Specs = slices.DeleteFunc(p.Specs, func(x Spec) bool {
		return !slices.ContainsFunc(p.Cells, func(c Planned) bool { return *c.Cell.at(x.Axis) == x.Name })
	})
	p.Shards = nil
	p.Hash = p.hash()
}

// unique drops Pythons that are there already.
func unique(list []Runtime) []Runtime {
	var out []Runtime
	for _, r := range list {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// Python is the Python of a cell.
func (p *Plan) Python(c Cell) (Runtime, bool) {
	i := slices.IndexFunc(p.Pythons, func(r Runtime) bool {
		return r.Name == c.Python && (r.Provider == c.Provider || !guest(c.Provider) && r.Provider == "")
	})
	if i < 0 {
		return Runtime{}, false
	}
	return p.Pythons[i], true
}

// Apache is the Apache of a cell; there is none for another provider that was not
// asked, whose Apache is known when it is there.
func (p *Plan) Apache(c Cell) (Server, bool) {
	i := slices.IndexFunc(p.Apaches, func(s Server) bool { return s.serves(c) })
	if i < 0 {
		return Server{}, false
	}
	return p.Apaches[i], true
}

// serves tells whether a cell is run with the Apache.
func (s Server) serves(c Cell) bool {
	return s.Provider == c.Provider && (c.Provider != "" || s.Name == c.Apache)
}
