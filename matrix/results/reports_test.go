package results

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// checkReports makes every report and looks at its form.
func checkReports(t *testing.T, rep Report) {
	t.Helper()
	units, err := rep.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	if err := junitErrors(units); err != nil {
		t.Fatalf("%v\n%s", err, units)
	}
	page, err := rep.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if err := pageErrors(string(page)); err != nil {
		t.Fatalf("%v\n%s", err, page)
	}
	if text := rep.Markdown(0); len(text) > maxSummary || !strings.Contains(text, rep.Line()) {
		t.Fatalf("a summary of %d bytes", len(text))
	}
	if text := rep.Text(); !strings.HasSuffix(text, "\n"+rep.Line()+"\n") || strings.ContainsAny(text, "\x1b\x00\u202e") {
		t.Fatalf("not a text that ends in its counts: %q", text)
	}
}

// node is an element.
type node struct {
	name  string
	attrs map[string]string
	nodes []*node
	text  string
}

func parseXML(data []byte) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(string(data)))
	root := &node{}
	stack := []*node{root}
	for {
		token, err := d.Token()
		if err == io.EOF {
			if len(root.nodes) != 1 {
				return nil, fmt.Errorf("%d roots", len(root.nodes))
			}
			return root.nodes[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch x := token.(type) {
		case xml.StartElement:
			n := &node{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			top.nodes = append(top.nodes, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(x)
		}
	}
}

// junitRules are what both schemas allow: of each element the attributes, where *
// has to be there, and what may be in it, in order, where + may come repeatedly.
var junitRules = map[string]struct{ attrs, nodes string }{
	"testsuites": {"", "testsuite+"},
	"testsuite":  {"*package *id *name *timestamp *hostname *tests *failures *errors skipped *time", "*properties testcase+ *system-out *system-err"},
	"properties": {"", "property+"},
	"property":   {"*name *value", ""},
	"testcase":   {"*name *classname *time", "skipped error failure"},
	"skipped":    {"message", ""},
	"error":      {"message *type", ""},
	"failure":    {"message *type", ""},
	"system-out": {"", ""},
	"system-err": {"", ""},
}

// junitTypes are the forms of values.
var junitTypes = map[string]*regexp.Regexp{
	"timestamp": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`), "time": regexp.MustCompile(`^\d+\.\d+$`), "id": regexp.MustCompile(`^\d+$`),
	"tests": regexp.MustCompile(`^\d+$`), "failures": regexp.MustCompile(`^\d+$`), "errors": regexp.MustCompile(`^\d+$`), "skipped": regexp.MustCompile(`^\d+$`),
	"hostname": regexp.MustCompile(`^\S`), "name": regexp.MustCompile(`^\S`), "classname": regexp.MustCompile(`^\S`), "type": regexp.MustCompile(`^\S`),
}

// junitErrors compares a document with the schemas of Ant and Jenkins.
func junitErrors(data []byte) error {
	root, err := parseXML(data)
	if err != nil {
		return err
	}
	if root.name != "testsuites" {
		return fmt.Errorf("the root is %s", root.name)
	}
	errs := []error{root.check()}
	for i, s := range root.nodes {
		count := map[string]int{}
		for _, c := range s.nodes {
			if c.name != "testcase" {
				continue
			}
			count["tests"]++
			if len(c.nodes) > 1 {
				errs = append(errs, fmt.Errorf("%s ended in %d ways", c.attrs["name"], len(c.nodes)))
			}
			for _, end := range c.nodes {
				count[map[string]string{"failure": "failures", "error": "errors", "skipped": "skipped"}[end.name]]++
			}
		}
		for _, name := range []string{"tests", "failures", "errors", "skipped"} {
			if s.attrs[name] != strconv.Itoa(count[name]) {
				errs = append(errs, fmt.Errorf("%s says %s=%s, and has %d", s.attrs["name"], name, s.attrs[name], count[name]))
			}
		}
		if s.attrs["id"] != strconv.Itoa(i) {
			errs = append(errs, fmt.Errorf("suite %d has the id %s", i, s.attrs["id"]))
		}
	}
	return errors.Join(errs...)
}

func (n *node) check() error {
	rule, known := junitRules[n.name]
	if !known {
		return fmt.Errorf("%s is no element", n.name)
	}
	var errs []error
	var names []string
	for word := range strings.FieldsSeq(rule.attrs) {
		name, needed := strings.CutPrefix(word, "*")
		names = append(names, name)
		value, there := n.attrs[name]
		if needed && !there {
			errs = append(errs, fmt.Errorf("%s has no %s", n.name, name))
		}
		if form := junitTypes[name]; there && form != nil && !form.MatchString(value) {
			errs = append(errs, fmt.Errorf("%s: %s=%q", n.name, name, value))
		}
	}
	for name := range n.attrs {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("%s has %s", n.name, name))
		}
	}
	rest := n.nodes
	for word := range strings.FieldsSeq(rule.nodes) {
		name, many := strings.CutSuffix(strings.TrimPrefix(word, "*"), "+")
		seen := 0
		for len(rest) > 0 && rest[0].name == name {
			rest = rest[1:]
			seen++
		}
		if seen > 1 && !many || seen == 0 && word[0] == '*' {
			errs = append(errs, fmt.Errorf("%s has %d %s", n.name, seen, name))
		}
	}
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("%s has %s there", n.name, rest[0].name))
	}
	for _, child := range n.nodes {
		errs = append(errs, child.check())
	}
	return errors.Join(errs...)
}

// pageErrors looks for what no page of ours has: a script, a picture, an address.
func pageErrors(text string) error {
	for tag, most := range map[string]int{"<script": 1, "</script": 1, "<style": 1, "<img": 0, "<svg": 0, "<iframe": 0, "<link": 0, "src=": 0, "http:": 0, "https:": 0, " on": -1} {
		if n := strings.Count(strings.ToLower(outsideText(text)), tag); most >= 0 && n > most {
			return fmt.Errorf("%s is there %d times", tag, n)
		}
	}
	if !strings.HasPrefix(text, "<!doctype html>") || !strings.HasSuffix(text, "</html>\n") {
		return errors.New("it is not a whole page")
	}
	return nil
}

// outsideText are the tags of a page.
func outsideText(text string) string {
	return strings.Join(regexp.MustCompile(`<[a-zA-Z/!][^>]*>`).FindAllString(text, -1), "\n")
}

// M-10, Y-8: JUnit has a suite for each Apache and MPM, a case for each cell, and
// is what Ant's and Jenkins' schemas want.
func TestJUnit(t *testing.T) {
	p, list := sample(66)
	rep := NewReport(p, list)
	data, err := rep.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	if err := junitErrors(data); err != nil {
		t.Error(err)
	}
	root, err := parseXML(data)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	cases := map[string]*node{}
	for _, s := range root.nodes {
		names = append(names, s.attrs["name"])
		properties := map[string]string{}
		for _, n := range s.nodes {
			switch n.name {
			case "properties":
				for _, x := range n.nodes {
					properties[x.attrs["name"]] = x.attrs["value"]
				}
			case "testcase":
				cases[n.attrs["name"]] = n
			case "system-out":
				if len(n.text) > maxOut || !strings.Contains(n.text, " python=3.") {
					t.Errorf("%s tells %d bytes: %.100s", s.attrs["name"], len(n.text), n.text)
				}
			}
		}
		if properties["plan"] != p.Hash || properties[FactMMN] == "" || !strings.HasSuffix(s.attrs["name"], "-"+properties["mpm"]) {
			t.Errorf("%s has %v", s.attrs["name"], properties)
		}
	}
	want := "ap2.4.62-prefork ap2.4.62-event ap2.4.62-worker"
	if strings.Join(names, " ") != want {
		t.Errorf("suites %v, want %s", names, want)
	}
	end := map[Status]string{Fail: "failure", XPass: "failure", Error: "error", Timeout: "error", Skip: "skipped", XFail: "skipped"}
	for _, r := range list {
		c := cases[r.ID]
		if c == nil || (len(c.nodes) == 1) != (r.Status != Pass) || len(c.nodes) == 1 && c.nodes[0].name != end[r.Status] {
			t.Errorf("%s is %s: %+v", r.ID, r.Status, c)
			continue
		}
		if r.Status == Fail && (!strings.Contains(c.nodes[0].text, r.Repro) || !strings.Contains(c.nodes[0].text, "<script>document.title='owned'</script>") || !strings.Contains(c.nodes[0].text, "upload-slow")) {
			t.Errorf("%s does not tell why: %s", r.ID, c.nodes[0].text)
		}
	}
	// A check that takes anything is none.
	for _, change := range [][2]string{{`tests="`, `tests="1`}, {`<failure `, `<broken `}, {` hostname=`, ` home=`}, {"<system-err></system-err>", ""}, {"T20:", " 20:"}, {"</properties>", "</properties><system-out></system-out>"}} {
		broken := strings.Replace(string(data), change[0], change[1], 1)
		if broken == string(data) || junitErrors([]byte(broken)) == nil {
			t.Errorf("with %q in the place of %q nothing is found", change[1], change[0])
		}
	}
}

// E-1, M-10: a summary stays below what CI takes of one, and says what it left out;
// nothing of a log gets out of its fence.
func TestMarkdown(t *testing.T) {
	p, list := sample(66)
	list[3].Status, list[3].Messages = Fail, []string{hostile}
	text := NewReport(p, list).Markdown(0)
	for _, want := range []string{"## Matrix: ", "| 3.13t |", "**timeout**", "pass (flaky)", "xfail", "````\n", list[3].Repro[:20]} {
		if !strings.Contains(text, want) {
			t.Errorf("it has no %q", want)
		}
	}
	fence := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = line
		case line == fence:
			fence = ""
		case fence == "" && (strings.Contains(line, "<script") || strings.Contains(line, "::error")):
			t.Errorf("outside of a fence: %s", line)
		}
	}
	if fence != "" {
		t.Error("a fence is open at the end")
	}
	for i := range list {
		list[i].Status, list[i].Messages = Fail, []string{strings.Repeat("x y `` ", 4000)}
	}
	for _, room := range []int{0, 100, 900 << 10, maxSummary - 300, maxSummary} {
		text := NewReport(p, list).Markdown(room)
		if len(text)+room > maxSummary {
			t.Errorf("with %d bytes taken it has %d", room, len(text))
		}
		if room < maxSummary-1000 && room > 0 && !strings.Contains(text, "more have no room here") {
			t.Errorf("with %d bytes taken it does not say what is missing", room)
		}
	}
}

// The table as text: Pythons down by version, MPMs and modes across in their
// order, one line more for each further axis.
func TestText(t *testing.T) {
	p, list := sample(66)
	text := NewReport(p, list[:len(list)-2]).Text()
	head, _, _ := strings.Cut(text, "\n")
	if got := strings.Join(strings.Fields(head), " "); got != "event embedded event daemon worker embedded worker daemon prefork embedded prefork daemon" {
		t.Errorf("across: %s", got)
	}
	var down []string
	for _, line := range strings.Split(text, "\n")[1:14] {
		down = append(down, strings.TrimSpace(line[:strings.IndexAny(line, "PFETsxX")]))
	}
	want := "3.9|3.10|3.11|3.12|3.12 per-interpreter|3.13|3.13 per-interpreter|3.13t|3.13t free|3.14|3.14 per-interpreter|3.14t|3.14t free"
	if got := strings.Join(down, "|"); got != want {
		t.Errorf("down: %s\nwant: %s", got, want)
	}
	for _, want := range []string{"P pass, F fail, E error, T timeout, s skip, x xfail, X xpass, * flaky, - not run yet, seconds", "\n    go tool mage matrix:run -cells=py3.", "2 not run yet\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// What a log has to move the cursor, to colour, to turn the direction of writing
// or to be invisible is shown as something that was there.
func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain\tü\nline": "plain\tü\nline", "\x1b[2J": "�[2J", "a\rb\x00\x07\x7f": "a�b���", "\u009b1m": "�1m",
		"\u202aa\u202b\u202c\u202d\u202ee": "�a����e", "\u2066a\u2069": "�a�", "\xff": "�",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
