package runner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
)

// Sheet is the conformance sheet of a run as Markdown: its cells, each promise of
// docs/acceptance.md with the Pythons that show it in each mode, what sanitizers and
// long runs came to, and other implementations beside ours. MADE says who made it.
func Sheet(rep results.Report, made string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Conformance sheet\n\nPlan `%s` (%s), %s; %s.\n\n## Cells\n\n%s\n", rep.Plan.Hash, rep.Plan.Mode, rep.Counts(), made, cells(rep))
	ours, peers := split(rep.Results)
	promises(&b, ours)
	b.WriteString("## Budgets\n\n")
	figures(&b, ours, func(r results.Result, c results.CaseResult) bool { return c.Name == "budget" })
	some(&b, "Sanitizers", rep.Results, func(r results.Result) bool { return r.Axes.Sanitizer != "" })
	long(&b, rep.Results)
	beside(&b, ours, peers)
	return b.String()
}

// cells are the cells in a table. Each leads to what the report has of it, with the log.
func cells(rep results.Report) string {
	rows := []string{"| cell | Python | Apache | status | cases | seconds |", "|---|---|---|---|---|---|"}
	for _, r := range rep.Results {
		passed, failed, skipped := count(r)
		rows = append(rows, fmt.Sprintf("| [%s](report.html#%s) | %s | %s | %s | %d passed, %d failed, %d skipped | %.1f |",
			r.ID, results.Anchor(r.ID), cmp.Or(r.Facts[results.FactPython], "–"), cmp.Or(r.Facts[results.FactApache], "–"), r.Word(), passed, failed, skipped, r.Seconds()))
	}
	return strings.Join(rows, "\n") + "\n"
}

func count(r results.Result) (passed, failed, skipped int) {
	for _, c := range r.Cases {
		switch {
		case c.Status == results.Pass:
			passed++
		case c.Status.Bad():
			failed++
		default:
			skipped++
		}
	}
	return passed, failed, skipped
}

// split tells our own cells, without a sanitizer, from those of other sources.
func split(all []results.Result) (ours, peers []results.Result) {
	for _, r := range all {
		switch {
		case r.Axes.Source != "":
			peers = append(peers, r)
		case r.Axes.Sanitizer == "":
			ours = append(ours, r)
		}
	}
	return ours, peers
}

// shown is who showed a promise in a mode, and who failed to.
type shown struct{ by, not map[string]bool }

// promises tells of each promise which Pythons show it.
func promises(b *strings.Builder, list []results.Result) {
	covers := map[string][]string{}
	for _, c := range matrix.Cases() {
		covers[c.Name] = append(covers[c.Name], strings.Fields(c.Covers)...)
	}
	for _, c := range matrix.Refusals() {
		covers["config/"+c.Name] = strings.Fields(c.Covers)
	}
	all := matrix.Promises()
	found := map[string]map[string]*shown{} // by promise, then by mode
	none := map[string]bool{}               // promises of no mode
	for _, p := range all {
		none[p.ID] = len(p.Modes()) == 0
	}
	for _, r := range list {
		for _, c := range r.Cases {
			for _, id := range covers[c.Name] {
				mode := modeOf(r, c)
				if none[id] { // whichever mode the case that shows it needs
					mode = noMode
				}
				note(found, id, mode, r, c)
			}
		}
	}
	whole, total := 0, 0
	var rows []string
	for _, p := range all {
		for _, mode := range modesOf(p) {
			total++
			s := found[p.ID][mode]
			switch {
			case s == nil:
				rows = append(rows, fmt.Sprintf("| %s | %s | not run | |", p.ID, mode))
				continue
			case len(s.not) == 0:
				whole++
			}
			rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", p.ID, mode, names(s.by), names(s.not)))
		}
	}
	fmt.Fprintf(b, "## Promises\n\n%d of %d shown wherever they were tried (a promise counts once for each of its modes).\n\n| promise | mode | shown by | not by |\n|---|---|---|---|\n%s\n\n",
		whole, total, strings.Join(rows, "\n"))
}

// noMode stands for the mode of what is about reading a configuration.
const noMode = "-"

// modeOf is where a case was tried; configurations are read in neither mode.
func modeOf(r results.Result, c results.CaseResult) string {
	if strings.HasPrefix(c.Name, "config/") {
		return noMode
	}
	return r.Axes.Mode
}

func modesOf(p matrix.Promise) (list []string) {
	for _, m := range p.Modes() {
		list = append(list, string(m))
	}
	if len(list) == 0 {
		list = []string{noMode}
	}
	return list
}

func note(found map[string]map[string]*shown, id, mode string, r results.Result, c results.CaseResult) {
	if c.Status != results.Pass && !c.Status.Bad() {
		return // it was not tried
	}
	if found[id] == nil {
		found[id] = map[string]*shown{}
	}
	s := found[id][mode]
	if s == nil {
		s = &shown{map[string]bool{}, map[string]bool{}}
		found[id][mode] = s
	}
	switch python := strings.TrimPrefix(r.Axes.Python, "py"); {
	case c.Status == results.Pass:
		s.by[python] = true
	default:
		s.not[r.ID] = true
	}
}

func names(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), ", ") }

// some lists cells of a kind, with what they say.
func some(b *strings.Builder, title string, list []results.Result, is func(results.Result) bool) {
	fmt.Fprintf(b, "## %s\n\n", title)
	none := true
	for _, r := range list {
		if is(r) {
			passed, failed, skipped := count(r)
			fmt.Fprintf(b, "- %s: %s, %d cases passed, %d failed, %d skipped. %s\n", r.ID, r.Word(), passed, failed, skipped, r.Complaint())
			none = false
		}
	}
	if none {
		b.WriteString("None were run.\n")
	}
	b.WriteString("\n")
}

// long tells the figures of the cases that take their time.
func long(b *strings.Builder, list []results.Result) {
	some(b, "Long runs", list, func(r results.Result) bool { return r.Axes.Value(plan.Suite) == "soak" })
	figures(b, list, func(r results.Result, _ results.CaseResult) bool { return r.Axes.Value(plan.Suite) == "soak" })
}

// figures tells what cases have measured, or what was wrong with them.
func figures(b *strings.Builder, list []results.Result, is func(results.Result, results.CaseResult) bool) {
	for _, r := range list {
		for _, c := range r.Cases {
			for _, figure := range c.Messages {
				if is(r, c) {
					fmt.Fprintf(b, "    %s %s: %s\n", r.ID, c.Name, strings.ReplaceAll(figure, "\n", "\n    "))
				}
			}
		}
	}
	b.WriteString("\n")
}

// beside tables other implementations, each with ours of the same cell otherwise.
func beside(b *strings.Builder, ours, peers []results.Result) {
	b.WriteString("## Side by side\n\n")
	if len(peers) == 0 {
		b.WriteString("No other implementation was run.\n")
		return
	}
	b.WriteString("The same cases; those that only ours promises are left out of the others.\n\n| cell | passed | failed | skipped | ours, of the same cases |\n|---|---|---|---|---|\n")
	for _, r := range peers {
		passed, failed, skipped := count(r)
		same := "not run"
		for _, o := range ours {
			if o.Axes == r.Axes.With(plan.Source, plan.Ours) {
				same = of(o, r)
			}
		}
		fmt.Fprintf(b, "| %s | %d | %d | %d | %s |\n", r.ID, passed, failed, skipped, same)
	}
}

// of is how ours fared in the cases that another was asked.
func of(ours, other results.Result) string {
	asked := map[string]bool{}
	for _, c := range other.Cases {
		asked[c.Name] = true
	}
	ours.Cases = slices.DeleteFunc(slices.Clone(ours.Cases), func(c results.CaseResult) bool { return !asked[c.Name] })
	passed, failed, skipped := count(ours)
	return fmt.Sprintf("%d passed, %d failed, %d skipped", passed, failed, skipped)
}
