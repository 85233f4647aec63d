package results

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"modwsgi/matrix/plan"
)

//go:embed web/report.html
var pageText string

//go:embed web/report.css
var pageStyle string

//go:embed web/report.js
var pageScript string

// page is what the template is given. All texts in it are foreign: only style and
// script are ours, and nothing else on the page may be one.
type page struct {
	Style   template.CSS
	Script  template.JS
	Policy  string
	Title   string
	Line    string
	Pending int
	Plan    *plan.Plan
	Began   string
	Counts  []count
	Filters []filter
	Groups  []group
	Columns []column
	Rows    []pageRow
	Bad     []detail
	Others  []detail
}

// count is the number of cells of one status.
type count struct {
	Status Status
	Letter string
	Count  int
}

// group is an MPM with its modes.
type group struct {
	MPM  string
	Span int
}

// filter is an axis of which cells have different values.
type filter struct {
	Name   string
	Label  string
	Values []string
}

type pageRow struct {
	Python string
	More   string
	Cells  []*pageCell
}

type pageCell struct {
	ID, Anchor string
	Status     Status // "" while there is no result
	Letter     string
	Word       string
	Time       string
	Axes       string // JSON, for the filters
}

// detail is what is told of a cell when somebody asks.
type detail struct {
	pageCell
	R         Result
	Complaint string
	Phases    []pair
	Known     []pair
	Built     []pair
	Wrong     []CaseResult
	Skipped   []CaseResult
	Noted     []CaseResult // those that passed, and had something to tell
	Cases     string
}

type pair struct{ Name, Value string }

// HTML is the report for people: one file, which needs nothing else, and which can
// be read without its script.
func (rep Report) HTML() ([]byte, error) {
	t, err := template.New("report").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, rep.page()); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return out.Bytes(), nil
}

func (rep Report) page() page {
	g := newGrid(rep)
	p := page{Style: template.CSS(pageStyle), Script: template.JS(pageScript), Line: rep.Line(), Plan: rep.Plan, Columns: g.columns, Pending: len(rep.Pending)}
	p.Policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'", sum(pageStyle), sum(pageScript))
	p.Title = "Matrix: " + rep.Line()
	for _, s := range Statuses() {
		if n := rep.Count(s); n > 0 || s == Pass || s == Fail || s == Skip {
			p.Counts = append(p.Counts, count{s, s.Letter(), n})
		}
	}
	for _, c := range g.columns {
		if n := len(p.Groups); n > 0 && p.Groups[n-1].MPM == c.MPM {
			p.Groups[n-1].Span++
		} else {
			p.Groups = append(p.Groups, group{c.MPM, 1})
		}
	}
	for _, r := range g.rows {
		line := pageRow{Python: r.Python, More: r.More}
		for _, e := range r.Cells {
			line.Cells = append(line.Cells, e.onPage())
		}
		p.Rows = append(p.Rows, line)
	}
	p.Filters = filters(rep)
	for _, r := range rep.Results {
		if !r.Began.IsZero() && (p.Began == "" || r.Began.UTC().Format(stamp) < p.Began) {
			p.Began = r.Began.UTC().Format(stamp)
		}
		if r.Status.Bad() {
			p.Bad = append(p.Bad, r.detail())
		} else {
			p.Others = append(p.Others, r.detail())
		}
	}
	return p
}

const stamp = "2006-01-02 15:04:05 UTC"

func sum(text string) string {
	hash := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(hash[:])
}

// Anchor is where a cell is in the page: report.html#cell-py3.11-event-daemon.
func Anchor(id string) string { return "cell-" + plan.FileName(id) }

// onPage is the cell of the table.
func (e *entry) onPage() *pageCell {
	if e == nil {
		return nil
	}
	c := &pageCell{ID: e.ID, Anchor: Anchor(e.ID), Word: "not run yet", Letter: "–"}
	axes := axesOf(e.Axes)
	if r := e.Result; r != nil {
		c.Status, c.Letter, c.Word = r.Status, r.Status.Letter(), r.Word()
		if r.Status != Skip {
			c.Time = fmt.Sprintf("%.1f s", r.Seconds())
		}
		axes["status"] = string(r.Status)
	}
	data, err := json.Marshal(axes)
	if err == nil { // texts by texts always have a form
		c.Axes = string(data)
	}
	return c
}

func (r Result) detail() detail {
	r.Log, r.Messages, r.Why = clean(r.Log), cleanAll(r.Messages), clean(r.Why)
	r.Cases, r.Earlier = slices.Clone(r.Cases), slices.Clone(r.Earlier)
	for i := range r.Cases {
		r.Cases[i].Name, r.Cases[i].Messages = clean(r.Cases[i].Name), cleanAll(r.Cases[i].Messages)
	}
	for i := range r.Earlier {
		r.Earlier[i].Messages = cleanAll(r.Earlier[i].Messages)
	}
	d := detail{pageCell: *(&entry{r.ID, r.Axes, &r}).onPage(), R: r, Complaint: r.Complaint(), Wrong: r.Failing()}
	for _, phase := range slices.SortedFunc(maps.Keys(r.Durations), func(a, b string) int {
		return strings.Index(phases, a) - strings.Index(phases, b)
	}) {
		d.Phases = append(d.Phases, pair{phase, fmt.Sprintf("%.2f s", r.Durations[phase])})
	}
	d.Known, d.Built = sorted(r.Facts), sorted(r.Fingerprints)
	counts := map[Status]int{}
	for _, c := range r.Cases {
		counts[c.Status]++
		switch {
		case c.Status == Skip, c.Status == XFail:
			d.Skipped = append(d.Skipped, c)
		case c.Status == Pass && len(c.Messages) > 0:
			d.Noted = append(d.Noted, c)
		}
	}
	var parts []string
	for _, s := range Statuses() {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	d.Cases = strings.Join(parts, ", ")
	return d
}

// phases is the order in which they come.
const phases = "build start run stop"

func sorted(m map[string]string) []pair {
	var list []pair
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, pair{name, m[name]})
	}
	return list
}

// axesOf are the values of a cell by the names of the axes.
func axesOf(c plan.Cell) map[string]string {
	m := map[string]string{}
	for _, a := range plan.Axes() {
		m[string(a)] = c.Value(a)
	}
	return m
}

// filters are the axes, and the status, of which there are several values.
func filters(rep Report) []filter {
	values := map[string][]string{}
	add := func(name, value string) {
		if !slices.Contains(values[name], value) {
			values[name] = append(values[name], value)
		}
	}
	for _, c := range rep.Plan.Cells {
		for name, value := range axesOf(c.Cell) {
			add(name, value)
		}
	}
	for _, s := range Statuses() {
		if rep.Count(s) > 0 {
			add("status", string(s))
		}
	}
	slices.SortFunc(values["python"], byVersion)
	var list []filter
	for _, a := range append([]plan.Axis{"status"}, plan.Axes()...) {
		if name := string(a); len(values[name]) > 1 {
			label := strings.ToUpper(name[:1]) + name[1:]
			if a == plan.MPM || a == plan.GIL {
				label = strings.ToUpper(name)
			}
			list = append(list, filter{name, label, values[name]})
		}
	}
	return list
}
