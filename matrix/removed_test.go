package matrix

import (
	"context"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// silent are directives of other releases that are taken without a word: there is
// nothing to miss.
var silent = map[string]bool{"WSGIAcceptMutex": true, "WSGIGroupAuthoritative": true, "WSGISocketRotation": true}

// TestDirectivesAreMissed takes each directive out of the cases that show its
// effect: one that passes all the same shows none.
func TestDirectivesAreMissed(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server for each directive, and waits in many for what does not come")
	}
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation has other directives")
	}
	mpms := theMPMs(t, r, target.Apache)
	cases, refusals := map[string]Case{}, map[string]Refusal{}
	for _, c := range Cases() {
		cases[c.Name] = c
	}
	for _, c := range Refusals() {
		refusals[c.Name] = c
	}
	for _, d := range directives {
		for name := range strings.FieldsSeq(d.Shown) {
			if writtenLate[d.Name] == name || silent[d.Name] {
				continue
			}
			t.Run(d.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := withoutDirective(t.Context(), r, Cell{Target: target, MPM: mpms[0]}, d.Name, cases[name], refusals[name])
				switch {
				case o.Status == Skip:
					t.Skip(strings.Join(o.Why, "; "))
				case o.Status != Fail:
					t.Errorf("%s passes without %s: it does not show the effect", name, d.Name)
				default:
					t.Log(clip([]byte(strings.Join(o.Why, "\n"))))
				}
			})
		}
	}
}

// withoutDirective runs a case, or a configuration that is taken, without the lines
// of a directive.
func withoutDirective(ctx context.Context, r *run.Runner, cell Cell, name string, c Case, taken Refusal) Outcome {
	if c.Name == "" {
		taken.Lines = withoutLines(taken.Lines, name)
		return RunRefusal(ctx, r, cell.Target, cell.MPM, taken)
	}
	cell.Mode = Modes()[slices.IndexFunc(Modes(), c.in)]
	c.Global, c.Conf, c.Extra = withoutLines(c.Global, name), withoutLines(c.Conf, name), slices.Clone(c.Extra)
	for i := range c.Extra {
		c.Extra[i].Lines = withoutLines(c.Extra[i].Lines, name)
	}
	return cell.RunOwn(ctx, r, c, false)
}

// withoutLines is the text without the lines that begin with a directive. An item
// may be several lines.
func withoutLines(items []string, name string) (kept []string) {
	for _, item := range items {
		lines := slices.DeleteFunc(strings.Split(item, "\n"), func(l string) bool { return isDirective(l, name) })
		if len(lines) > 0 {
			kept = append(kept, strings.Join(lines, "\n"))
		}
	}
	return kept
}
