package matrix

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writtenLate are directives that a case writes into its configuration while it
// runs, since it begins without them.
var writtenLate = map[string]string{"WSGIPythonHome": "python-home"}

// TestDirectivesHaveAnEffect holds that each directive is shown by a case that
// exists and has it in its configuration. What other releases had, and what is
// read by httpd -t alone, is shown by a configuration that is taken or refused.
func TestDirectivesHaveAnEffect(t *testing.T) {
	configured := map[string][]string{}
	for _, c := range Cases() {
		configured[c.Name] = append(configured[c.Name], caseLines(c)...)
	}
	for _, c := range Refusals() {
		configured[c.Name] = append(configured[c.Name], c.Lines...)
	}
	for _, d := range directives {
		if d.Shown == "" {
			t.Errorf("no case shows the effect of %s", d.Name)
		}
		for name := range strings.FieldsSeq(d.Shown) {
			lines, ok := configured[name]
			switch {
			case !ok:
				t.Errorf("%s is shown by the case %s, which does not exist", d.Name, name)
			case writtenLate[d.Name] == name:
				if !caseSourcesHave(t, `"`+d.Name+` "`) {
					t.Errorf("no case writes %s while it runs", d.Name)
				}
			case !slices.ContainsFunc(lines, func(l string) bool { return isDirective(l, d.Name) }):
				t.Errorf("%s is not in the configuration of the case %s", d.Name, name)
			}
		}
	}
}

// caseLines are the directives of a case, but for those that every case has.
func caseLines(c Case) []string {
	lines := slices.Concat(c.Global, c.Conf)
	for _, site := range c.Extra {
		lines = append(lines, site.Lines...)
	}
	return lines
}

// isDirective tells whether a line, or one of several, begins with a directive.
func isDirective(lines, name string) bool {
	for line := range strings.SplitSeq(lines, "\n") {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == name {
			return true
		}
	}
	return false
}

// caseSourcesHave tells whether the sources of the cases have a text.
func caseSourcesHave(t *testing.T, text string) bool {
	t.Helper()
	files, err := filepath.Glob("cases_*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("sources of the cases: %v", err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(source), text)
	})
}
