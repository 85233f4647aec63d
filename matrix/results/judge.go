package results

import (
	"fmt"
	"strings"

	"modwsgi/matrix/plan"
)

// Judge is the result of a planned cell, of which r says what happened: by what
// was found at run time, and by what the plan requires and expects. TOOL is what runs
// it again.
func Judge(r Result, p plan.Planned, tool plan.Tool) Result {
	r.ID, r.Axes = p.ID, p.Cell
	r.Repro = tool.Repro(p.ID)
	if r.Status == Pass {
		if wrong := Foreign(p.Cell, r.Facts); len(wrong) > 0 { // rule M-11
			r.Status, r.Messages = Fail, append(wrong, r.Messages...)
		}
	}
	ran := r.Status != Skip
	if !ran && p.Require { // rule M-7
		r.Status, r.Messages = Fail, append([]string{"the plan requires this cell, and it was not run: " + r.Why}, r.Messages...)
	}
	if p.Xfail != nil && ran {
		why := fmt.Sprintf("%s (%s)", p.Xfail.Reason, p.Xfail.Issue)
		switch {
		case r.Status == Pass:
			r.Status, r.Why, r.Flaky = XPass, why, false
			r.Messages = append([]string{"it passes, and the plan expects it to fail: " + why}, r.Messages...)
		case r.Status.Bad():
			r.Status, r.Why = XFail, why
		}
	}
	r.Flaky = r.Status == Pass && len(r.Earlier) > 0
	return r
}

// Foreign says how what was found at run time differs from what a cell asks for:
// another Python or server than those can be as good as they like (rule M-11).
// What nobody asked for is not compared; a cell that runs Python and does not
// tell which is no proof of anything.
func Foreign(c plan.Cell, facts map[string]string) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	python, _, _ := strings.Cut(strings.TrimPrefix(c.Python, "py"), "-") // py3.13t-tsan is a 3.13t
	version, free := strings.CutSuffix(python, "t")
	switch got := facts[FactPython]; {
	case c.Suite == "load", python == "": // no Python runs
	case got == "":
		complain("it did not tell which Python ran")
	case !isOf(got, version):
		complain("Python %s ran, and not %s", got, python)
	}
	if flags, told := facts[FactFlags]; told && version != "" && strings.Contains(flags, "t") != free {
		complain("a Python with the ABI flags %q ran, and not %s", flags, python)
	}
	switch got, told := facts[FactGIL]; {
	case !told:
	case c.GIL == "free" && got != "off":
		complain("the GIL was %s", got)
	case c.GIL != "free" && !free && got != "on":
		complain("the GIL was %s", got)
	}
	if got, told := facts[FactMPM]; told && c.MPM != "" && got != c.MPM {
		complain("the MPM was %s, and not %s", got, c.MPM)
	}
	if got, told := facts[FactApache]; told && digits(c.Apache) != "" && !isOf(got, digits(c.Apache)) {
		complain("Apache was %s, and not %s", got, c.Apache)
	}
	return wrong
}

// isOf tells whether a version is one of those that a shorter one names: 3.13.5
// of 3.13, but 3.1.3 not.
func isOf(version, of string) bool {
	return version == of || strings.HasPrefix(version, of+".")
}

// digits is the version in the name of an Apache: of "ap2.4.62", or "" in one
// that has none.
func digits(name string) string {
	version := strings.TrimPrefix(name, "ap")
	if strings.Trim(version, "0123456789.") != "" {
		return ""
	}
	return version
}
