package results

import (
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The document is what both the schema of Ant and the one of Jenkins take, which
// differ: what a failing cell said is in its failure, facts of the others in the
// output of the suite.

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Package    string          `xml:"package,attr"`
	ID         int             `xml:"id,attr"`
	Name       string          `xml:"name,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string      `xml:"name,attr"`
	Classname string      `xml:"classname,attr"`
	Time      string      `xml:"time,attr"`
	Failure   *junitWrong `xml:"failure"`
	Error     *junitWrong `xml:"error"`
	Skipped   *junitSkip  `xml:"skipped"`
}

type junitWrong struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkip struct {
	Message string `xml:"message,attr"`
}

// maxOut is how much a suite tells of its cells.
const maxOut = 64 << 10

// JUnit is the report for CI: a suite for each Apache and MPM, a case for each of
// their cells.
func (rep Report) JUnit() ([]byte, error) {
	doc := junitSuites{}
	byName := map[string][]Result{}
	var names []string
	for _, r := range rep.Results {
		name := suiteName(r)
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], r)
	}
	for i, name := range names {
		doc.Suites = append(doc.Suites, rep.suite(i, name, byName[name]))
	}
	out, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing JUnit: %w", err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

// suiteName is "apache-event", or "2.4.62-event" where a plan varies the server.
func suiteName(r Result) string {
	server := r.Axes.Apache
	if server == "" {
		server = "apache"
	}
	return server + "-" + r.Axes.MPM
}

func (rep Report) suite(id int, name string, list []Result) junitSuite {
	s := junitSuite{Package: "matrix", ID: id, Name: name, Hostname: "localhost", Tests: len(list)}
	began, took := time.Time{}, 0.0
	var out strings.Builder
	for _, r := range list {
		c := junitCase{Name: r.ID, Classname: "matrix." + name, Time: seconds(r.Seconds())}
		switch r.Status {
		case Fail, XPass:
			s.Failures++
			c.Failure = &junitWrong{r.Complaint(), string(r.Status), r.story()}
		case Error, Timeout:
			s.Errors++
			c.Error = &junitWrong{r.Complaint(), string(r.Status), r.story()}
		case Skip, XFail:
			s.Skipped++
			c.Skipped = &junitSkip{string(r.Status) + ": " + r.Complaint()}
		}
		s.Cases = append(s.Cases, c)
		took += r.Seconds()
		if r.Host != "" {
			s.Hostname = r.Host
		}
		if !r.Began.IsZero() && (began.IsZero() || r.Began.Before(began)) {
			began = r.Began
		}
		fmt.Fprintf(&out, "%s: %s%s\n", r.ID, r.Word(), pairs(r.Facts))
	}
	s.Timestamp, s.Time = began.UTC().Format("2006-01-02T15:04:05"), seconds(took)
	s.Out = cut(out.String(), maxOut)
	s.Properties = []junitProperty{{"plan", rep.Plan.Hash}, {"plan.mode", rep.Plan.Mode}, {"mpm", list[0].Axes.MPM}}
	for _, fact := range []string{FactApache, FactMMN} { // which the cells of a suite have in common
		if i := slices.IndexFunc(list, func(r Result) bool { return r.Facts[fact] != "" }); i >= 0 {
			s.Properties = append(s.Properties, junitProperty{fact, list[i].Facts[fact]})
		}
	}
	return s
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// pairs writes " name=value" for each, by name.
func pairs(m map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, " %s=%s", name, oneLine(m[name]))
	}
	return b.String()
}

// oneLine is text that cannot begin a line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// story is all that there is to read about a bad result.
func (r Result) story() string {
	var b strings.Builder
	list := func(title string, messages []string) {
		for _, text := range messages {
			fmt.Fprintf(&b, "%s%s\n", title, strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    "))
		}
	}
	list("", r.Messages)
	for _, c := range r.Failing() {
		fmt.Fprintf(&b, "%s: %s\n", c.Name, c.Status)
		list("    ", c.Messages)
	}
	for i, a := range r.Earlier {
		fmt.Fprintf(&b, "attempt %d: %s after %.1f s\n", i+1, a.Status, a.Seconds)
		list("    ", a.Messages)
	}
	if len(r.Codes) > 0 {
		fmt.Fprintf(&b, "doctor: %s\n", strings.Join(r.Codes, " "))
	}
	if len(r.Facts) > 0 {
		fmt.Fprintf(&b, "facts:%s\n", pairs(r.Facts))
	}
	if r.Repro != "" {
		fmt.Fprintf(&b, "again: %s\n", r.Repro)
	}
	if r.Log != "" {
		fmt.Fprintf(&b, "error log:\n%s\n", strings.TrimRight(r.Log, "\n"))
	}
	return b.String()
}
