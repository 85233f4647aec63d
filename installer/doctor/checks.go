package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"modwsgi/internal/hint"
)

// Result is one thing that a check found (rule D-1).
type Result struct {
	Code  string   `json:"code"`
	Level Level    `json:"level"`
	Saw   string   `json:"saw"` // what is there, with its place
	Why   string   `json:"why"` // what follows from it
	Fix   []string `json:"fix"`
}

// check looks at one thing. It changes nothing and runs no program, but
// some look at files of the system, too.
type check func(m Machine) []Result

// checks are all of them.
var checks = []check{
	apacheThere, pythonThere, aprConfig, sameProcessor, compilerThere, temporary,
	moduleLoaded, moduleFiles, moduleFits, moduleProtected, libraries, others, halves, mpms, variables,
	homes, standalone, conda, sockets, freeThreading, packages, logged,
}

// Diagnose tells what is wrong with a machine, the worst first. A healthy one
// gives nothing above info.
func Diagnose(m Machine) []Result {
	var all []Result
	for _, c := range checks {
		all = append(all, c(m)...)
	}
	slices.SortStableFunc(all, func(a, b Result) int {
		return cmp.Or(cmp.Compare(rank[a.Level], rank[b.Level]), cmp.Compare(a.Code, b.Code))
	})
	return all
}

// Unhealthy is the error that a command ends with when results hold an error.
func Unhealthy(results []Result) error {
	n := 0
	for _, r := range results {
		if r.Level == Error {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return hint.Exit(fmt.Errorf("%d of what was found keeps the module from working", n), hint.Unhealthy)
}

// result is what a check says of a code: what it saw, and the remedies for that.
func (m Machine) result(id string, seen Values, saw string, args ...any) Result {
	c := codeOf(id)
	return Result{Code: id, Level: c.Level, Saw: fmt.Sprintf(saw, args...), Why: c.Why, Fix: c.fixes(m.System, seen)}
}

// as gives a result another level than its code has, and says what follows then.
func (r Result) as(level Level, why string) Result {
	r.Level, r.Why = level, why
	return r
}

// found is the result of a problem in somebody else's words: its own code, else
// that of the text, else fallback. Its advice stands first.
func (m Machine) found(p *Problem, fallback string) []Result {
	if p == nil {
		return nil
	}
	id, known := p.Code, []string(nil)
	if id == "" {
		id = fallback
		if found, err := Explain(strings.NewReader(p.Text), m.System, nil); err == nil {
			id, known = found[0].Code, found[0].Fix
		}
	}
	r := m.result(id, nil, "%s", p.Text)
	if known != nil { // with what the text names
		r.Fix = known
	}
	for advice := range strings.Lines(p.Advice) {
		if advice = strings.TrimSpace(advice); !slices.Contains(r.Fix, advice) {
			r.Fix = slices.Insert(r.Fix, 0, advice)
		}
	}
	return []Result{r}
}

// logged are the findings of the log that was given.
func logged(m Machine) []Result {
	var list []Result
	for _, f := range m.Log {
		list = append(list, Result{
			Code: f.Code, Level: f.Level, Fix: f.Fix, Why: f.Cause,
			Saw: fmt.Sprintf("%s:%d%s: %s", m.LogName, f.At, times(f.Times), f.Line),
		})
	}
	return list
}

func times(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n-1)
}
