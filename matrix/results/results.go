// Package results is what came of a plan of the matrix: a record of each cell,
// and the reports that are made of the records.
//
// The records are results.jsonl, a line each, on the disk before Add returns
// ([Book]). Every report is made of them and can be made again: that is what
// merging is. Whenever a run is killed, all files are whole.
package results

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"modwsgi/internal/pattern"
	"modwsgi/matrix/plan"
)

// Schema is the number of the shape of a record.
const Schema = 1

// Status is how a cell or a case ended (rule M-7).
type Status string

const (
	Pass    Status = "pass"
	Fail    Status = "fail"    // it did something else than it should
	Error   Status = "error"   // nothing can be said of it: it was not built, not started, not reached
	Timeout Status = "timeout" // it was not done in time
	Skip    Status = "skip"    // it was not run, for a reason of the fixed list
	XFail   Status = "xfail"   // it failed, as the plan expects
	XPass   Status = "xpass"   // it passed, and the plan expects it not to
)

// Statuses lists them in the order in which they are counted.
func Statuses() []Status { return []Status{Pass, Fail, Error, Timeout, Skip, XFail, XPass} }

// Bad tells whether a run with such a cell fails. One that was expected to fail
// and passes does: the plan is no longer true.
func (s Status) Bad() bool { return s == Fail || s == Error || s == Timeout || s == XPass }

// Letter stands for the status where there is room for no more.
func (s Status) Letter() string {
	return map[Status]string{Pass: "P", Fail: "F", Error: "E", Timeout: "T", Skip: "s", XFail: "x", XPass: "X"}[s]
}

// Result is what came of one cell.
type Result struct {
	Schema       int                `json:"schema"`
	Plan         string             `json:"plan"` // its hash
	ID           string             `json:"id"`
	Axes         plan.Cell          `json:"axes"`
	Status       Status             `json:"status"`
	Why          string             `json:"why,omitempty"`   // the reason of a skip; the reason and the issue of what is expected to fail
	Flaky        bool               `json:"flaky,omitempty"` // it passed, and not at once
	Attempts     int                `json:"attempts"`
	Earlier      []Attempt          `json:"earlier,omitempty"`   // those before the last one (rule M-9)
	Reruns       string             `json:"reruns,omitempty"`    // Key of the result in whose place this one comes
	Durations    map[string]float64 `json:"durations,omitempty"` // seconds by phase: build, start, run, stop
	Facts        map[string]string  `json:"facts,omitempty"`     // found at run time: see the constants
	Cases        []CaseResult       `json:"cases,omitempty"`
	Fingerprints map[string]string  `json:"fingerprints,omitempty"` // of what was built, by target
	Messages     []string           `json:"messages,omitempty"`     // what was wrong
	Codes        []string           `json:"codes,omitempty"`        // what the doctor knows of it
	Host         string             `json:"host,omitempty"`
	Log          string             `json:"log,omitempty"`   // the end of the error log
	Repro        string             `json:"repro,omitempty"` // the command that runs the cell again
	Began        time.Time          `json:"began"`
}

// Attempt is one that was followed by another.
type Attempt struct {
	Status   Status   `json:"status"`
	Seconds  float64  `json:"seconds"`
	Messages []string `json:"messages,omitempty"`
}

// CaseResult is one test of a cell.
type CaseResult struct {
	Name     string   `json:"name"`
	Status   Status   `json:"status"`
	Seconds  float64  `json:"seconds"`
	Messages []string `json:"messages,omitempty"`
}

// Facts that are compared with what was asked for; others are shown.
const (
	FactPython = "python"   // "3.13.5"
	FactFlags  = "abiflags" // "t" where there is no GIL
	FactGIL    = "gil"      // "on" or "off" while it ran
	FactMPM    = "mpm"
	FactApache = "apache" // "2.4.62"
	FactMMN    = "mmn"
)

// Bounds of a record: a log that never ends must not fill the disk, the browser
// or the screen of whoever reads it.
const (
	maxLog      = 64 << 10
	maxText     = 1 << 20 // all messages together
	maxMessage  = 16 << 10
	maxMessages = 50
	maxCases    = 5000
	maxName     = 200
	maxLine     = 8 << 20 // as JSON, in which a byte can have six
)

// LeftOut tells whether the cell was not begun because the budget of its run would have
// been over before its end: whatever else is known of the cell counts more.
func (r Result) LeftOut() bool {
	return r.Why == string(plan.Budget) && r.Attempts == 0 && (r.Status == Skip || r.Status == Fail)
}

// Key names one result among all of the cell.
func (r Result) Key() string {
	return fmt.Sprintf("%s %s %s", r.ID, r.Host, r.Began.UTC().Format(time.RFC3339Nano))
}

// Seconds is how long the cell took, without its build, which others share.
func (r Result) Seconds() float64 {
	sum := 0.0
	for _, phase := range slices.Sorted(maps.Keys(r.Durations)) { // in one order: sums of floats depend on it
		if phase != "build" {
			sum += r.Durations[phase]
		}
	}
	return sum
}

// Failing are the cases that make the result a bad one.
func (r Result) Failing() []CaseResult {
	var list []CaseResult
	for _, c := range r.Cases {
		if c.Status.Bad() {
			list = append(list, c)
		}
	}
	return list
}

// Word is the status for people.
func (r Result) Word() string {
	if r.Flaky {
		return string(r.Status) + " (flaky)"
	}
	return string(r.Status)
}

// advice is what the messages of a cell that was skipped say behind the first line:
// what to do about it, where somebody knew.
func (r Result) advice() string {
	if r.Status != Skip {
		return ""
	}
	_, text, _ := strings.Cut(strings.TrimSpace(strings.Join(r.Messages, "\n")), "\n")
	return text
}

// Complaint says in a line why the cell did not simply pass: the reason if it has
// one, with the first message of one that was skipped, else of messages and cases the first.
func (r Result) Complaint() string {
	first := func(list []string) string {
		for _, text := range list {
			if line, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); line != "" {
				return line
			}
		}
		return ""
	}
	if r.Why != "" && (r.Status == Skip || r.Status == XFail) {
		line := ""
		if r.Status == Skip {
			line = strings.TrimPrefix(first(r.Messages), r.Why+": ")
		}
		return oneLine(strings.TrimSuffix(r.Why+": "+line, ": "))
	}
	if n := len(r.Earlier); r.Flaky && n > 0 {
		return strings.TrimSuffix(fmt.Sprintf("attempt %d; before that %s: %s", n+1, r.Earlier[n-1].Status, first(r.Earlier[n-1].Messages)), ": ")
	}
	if line := first(r.Messages); line != "" {
		return line
	}
	if failing := r.Failing(); len(failing) > 0 {
		return strings.TrimSuffix(failing[0].Name+": "+first(failing[0].Messages), ": ")
	}
	return r.Why
}

// bound is r with no more in it than a record may have. Of one that is bound it
// changes nothing.
func (r Result) bound() Result {
	room := maxText
	r.Schema = Schema
	r.Log = tail(r.Log, maxLog)
	r.Messages = few(r.Messages, &room)
	if len(r.Cases) > maxCases {
		r.Cases = append(r.Cases[:maxCases-1:maxCases-1], CaseResult{Name: fmt.Sprintf("… and %d more", len(r.Cases)-maxCases+1), Status: Skip})
	}
	r.Cases = slices.Clone(r.Cases)
	for i := range r.Cases {
		r.Cases[i].Name = cut(r.Cases[i].Name, maxName)
		r.Cases[i].Messages = few(r.Cases[i].Messages, &room)
	}
	r.Earlier = slices.Clone(r.Earlier)
	for i := range r.Earlier {
		r.Earlier[i].Messages = few(r.Earlier[i].Messages, &room)
	}
	return r
}

// few is the beginning of a list of messages that are no longer than there is
// room for.
func few(list []string, room *int) []string {
	if len(list) == 0 {
		return nil
	}
	if len(list) > maxMessages {
		list = append(list[:maxMessages-1:maxMessages-1], fmt.Sprintf("… and %d more", len(list)-maxMessages+1))
	}
	list = slices.Clone(list)
	for i, text := range list {
		if size := min(maxMessage, *room); len(text) > size {
			list[i] = cut(text, max(size-len(more), 0)) + more
		}
		*room = max(*room-len(list[i]), len(more))
	}
	return list
}

// more ends a text that was cut.
const more = "\n…"

// cut is the beginning of text, of at most size bytes and whole characters.
func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

// tail is the end of a text, of at most size bytes, from the beginning of a line
// if there is one.
func tail(text string, size int) string {
	if len(text) <= size {
		return text
	}
	text = text[len(text)-size:]
	if _, rest, ok := strings.Cut(text, "\n"); ok && rest != "" {
		return rest
	}
	return strings.TrimLeftFunc(text, func(c rune) bool { return c == utf8.RuneError })
}

// check says what keeps r from being a record: whatever comes of another machine
// is looked at before it is put into files that shells, browsers and CI read.
func (r Result) check() error {
	switch {
	case r.Schema != Schema:
		return fmt.Errorf("schema %d: this version reads %d", r.Schema, Schema)
	case !idPattern.MatchString(r.ID):
		return fmt.Errorf("%q is no name of a cell", cut(r.ID, 100))
	case r.Status.Letter() == "":
		return fmt.Errorf("%s: %q is no status", r.ID, cut(string(r.Status), 100))
	case r.Attempts < 0:
		return fmt.Errorf("%s: %d attempts", r.ID, r.Attempts)
	case r.Flaky && r.Status != Pass:
		return fmt.Errorf("%s: flaky, and did not pass", r.ID)
	}
	for _, c := range r.Cases {
		if c.Status.Letter() == "" || !isTime(c.Seconds) {
			return fmt.Errorf("%s: case %q: status %q, %v seconds", r.ID, cut(c.Name, 100), cut(string(c.Status), 100), c.Seconds)
		}
	}
	for _, a := range r.Earlier {
		if a.Status.Letter() == "" || !isTime(a.Seconds) {
			return fmt.Errorf("%s: an attempt: status %q, %v seconds", r.ID, cut(string(a.Status), 100), a.Seconds)
		}
	}
	for phase, took := range r.Durations {
		if !isTime(took) {
			return fmt.Errorf("%s: %q took %v seconds", r.ID, cut(phase, 100), took)
		}
	}
	if !isTime(r.Seconds()) {
		return fmt.Errorf("%s: it took %v seconds", r.ID, r.Seconds())
	}
	if year := r.Began.Year(); year < 1 || year > 9999 {
		return errors.New(r.ID + ": it began in no year of ours")
	}
	return nil
}

// idPattern is what rules M-3 and E-4 let a name have: nothing that a shell, a
// file name or XML would take for more.
var idPattern = pattern.New(`^[A-Za-z0-9_][A-Za-z0-9._:+/=-]{0,79}$`)

// isTime tells whether a number of seconds can be that of a cell.
func isTime(seconds float64) bool { return seconds >= 0 && seconds <= plan.MaxTimeout.Seconds() }
