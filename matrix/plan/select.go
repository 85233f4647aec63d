package plan

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/words"
)

// Selected tells whether a name is asked for by selectors, each a pattern of
// [path.Match] for the name or for its beginning; with "!" in front it takes names
// away. The last that matches decides. Without one that asks, all names are asked
// for (rule M-2).
func Selected(selectors []string, name string) bool {
	want := len(selectors) == 0 || strings.HasPrefix(selectors[0], "!")
	for _, s := range selectors {
		pattern, not := strings.CutPrefix(s, "!")
		if matchesName(pattern, name) {
			want = !not
		}
	}
	return want
}

func matchesName(pattern, name string) bool {
	for prefix := name; ; {
		if ok, err := path.Match(pattern, prefix); ok && err == nil {
			return true
		}
		i := strings.LastIndexByte(prefix, '/')
		if i < 0 {
			return false
		}
		prefix = prefix[:i]
	}
}

// Words reads what was said of the cells to take: a mode of [Modes] as the first
// word, and selectors. Without a mode, it is the one given as fallback.
func Words(list []string, fallback string) (mode string, selectors []string, err error) {
	mode = fallback
	if len(list) > 0 && slices.Contains(Modes(), list[0]) {
		mode, list = list[0], list[1:]
	}
	var errs []error
	for _, s := range list {
		if _, bad := path.Match(strings.TrimPrefix(s, "!"), ""); bad != nil || s == "" || s == "!" {
			errs = append(errs, fmt.Errorf("%q is no selector of cells", s))
		}
	}
	return mode, list, hint.Exit(errors.Join(errs...), hint.Usage)
}

// Select leaves the cells that selectors ask for, and what they need. A selector
// that asks for none is an error: it was meant for something.
func (p *Plan) Select(selectors []string) error {
	var errs []error
	for _, s := range selectors {
		if !strings.HasPrefix(s, "!") && !slices.ContainsFunc(p.Cells, func(c Planned) bool { return matchesName(s, c.ID) }) {
			errs = append(errs, p.noSuch(s))
		}
	}
	if len(errs) > 0 {
		return hint.Exit(errors.Join(errs...), hint.Usage)
	}
	p.Cells = slices.DeleteFunc(p.Cells, func(c Planned) bool { return !Selected(selectors, c.ID) })
	if len(p.Cells) == 0 {
		return hint.Exit(fmt.Errorf("no cell is left by %s", strings.Join(selectors, " ")), hint.Usage)
	}
	p.settle()
	return nil
}

// Matching are the ids of the cells that selectors ask for, in the order of the plan;
// none if there are no selectors. The plan stays what it is, and so does its hash.
func (p *Plan) Matching(selectors []string) (ids []string, err error) {
	if len(selectors) == 0 {
		return nil, nil
	}
	chosen := p.Copy()
	if err := chosen.Select(selectors); err != nil {
		return nil, err
	}
	for _, c := range chosen.Cells {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// Copy is a plan that can be cut down without this one.
func (p *Plan) Copy() *Plan {
	other := *p
	other.Cells, other.Builds, other.Pythons = slices.Clone(p.Cells), slices.Clone(p.Builds), slices.Clone(p.Pythons)
	other.Apaches, other.Specs, other.Shards = slices.Clone(p.Apaches), slices.Clone(p.Specs), slices.Clone(p.Shards)
	return &other
}

// noSuch says that a selector matches nothing, and what may have been meant.
func (p *Plan) noSuch(selector string) error {
	err := fmt.Errorf("no cell matches %q", selector)
	known := Modes()
	for _, c := range p.Cells {
		known = append(known, c.ID, c.Cell.Python, c.Cell.Python+"/"+c.Cell.MPM)
	}
	if near := words.Nearest(selector, known); near != "" {
		return hint.New(err, "did you mean "+near+"?")
	}
	return hint.New(err, "list them to see which there are; the first word may also be "+strings.Join(Modes(), ", "))
}
