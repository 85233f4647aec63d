// Package check runs the project's own tests and linters and counts what they
// say: `go tool mage test`, `lint` and `ci` are its three functions.
package check

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"time"
)

// Tally counts tests by how they ended. A skip is a gap that somebody should
// see, so each keeps its reason.
type Tally struct {
	Passed, Failed, Skipped int
	Failures                []string          // "package TestName", in the order they ended
	Skips                   map[string]string // "package TestName" to the reason it printed
}

// Add puts o's counts into t.
func (t *Tally) Add(o Tally) {
	t.Passed += o.Passed
	t.Failed += o.Failed
	t.Skipped += o.Skipped
	t.Failures = append(t.Failures, o.Failures...)
	for name, why := range o.Skips {
		if t.Skips == nil {
			t.Skips = map[string]string{}
		}
		t.Skips[name] = why
	}
}

// String is the line that every run ends with.
func (t Tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.Passed, t.Failed, t.Skipped)
}

// printSkips names each skipped test with its reason, sorted, so that two runs
// can be compared.
func (t Tally) printSkips(w io.Writer) {
	names := make([]string, 0, len(t.Skips))
	for name := range t.Skips {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "skipped: %s: %s\n", name, t.Skips[name])
	}
}

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
	ImportPath                    string
}

// goTestReader follows `go test -json`: it prints a line for each package as
// it ends, everything a failing test said, and nothing of a passing one.
type goTestReader struct {
	w       io.Writer
	tally   Tally
	output  map[string]*strings.Builder // by package and test, until it ends
	parents map[string]bool             // tests with subtests are not counted themselves
	build   map[string]*strings.Builder // compiler output by import path
}

// readGoTest reads the events of one run to their end. A package that fails
// without a failing test (it did not compile, or a test left the process) is a
// failure of its own.
func readGoTest(events io.Reader, w io.Writer) (Tally, error) {
	g := &goTestReader{w: w, output: map[string]*strings.Builder{}, parents: map[string]bool{}, build: map[string]*strings.Builder{}}
	lines := bufio.NewScanner(events)
	lines.Buffer(make([]byte, 1<<20), 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(w, lines.Text()) // go itself speaks plain text when it cannot start
			continue
		}
		g.take(e)
	}
	return g.tally, lines.Err()
}

func (g *goTestReader) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(g.w, e.Output)
	case "run":
		if i := strings.LastIndex(e.Test, "/"); i > 0 {
			g.parents[e.Package+" "+e.Test[:i]] = true
		}
	case "output":
		b := g.output[key]
		if b == nil {
			b = &strings.Builder{}
			g.output[key] = b
		}
		b.WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			g.endPackage(e)
		} else {
			g.endTest(e, key)
		}
	}
}

func (g *goTestReader) endTest(e event, key string) {
	said := ""
	if b := g.output[key]; b != nil {
		said = b.String()
		delete(g.output, key)
	}
	if e.Action == "fail" {
		fmt.Fprintf(g.w, "%s", said)
	} else {
		g.passOn(said)
	}
	if e.Action == "pass" {
		printRan(g.w, said)
	}
	// A test that only groups others repeats what they say.
	if g.parents[key] && e.Action == "pass" {
		return
	}
	switch e.Action {
	case "pass":
		g.tally.Passed++
	case "fail":
		if g.parents[key] && g.hasFailedBelow(key) {
			return
		}
		g.tally.Failed++
		g.tally.Failures = append(g.tally.Failures, key)
	case "skip":
		g.tally.Skipped++
		if g.tally.Skips == nil {
			g.tally.Skips = map[string]string{}
		}
		g.tally.Skips[key] = skipReason(said)
	}
}

// passOn prints the lines by which a passing test, or a package at its end, says
// what is to be seen every time: figures and counts. They begin with "note: ".
func (g *goTestReader) passOn(said string) {
	for _, line := range strings.Split(said, "\n") {
		if m := note.FindStringSubmatch(line); m != nil {
			fmt.Fprintln(g.w, m[1])
		}
	}
}

var note = regexp.MustCompile(`^(?:\s+\S+\.go:\d+: )?(note: .*)$`)

// printRan passes on what a test that stands for others says that it ran: lines
// it logs that begin with "ran: ".
func printRan(w io.Writer, said string) {
	for line := range strings.Lines(said) {
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			if _, ran, ok := strings.Cut(text, ": ran: "); ok {
				fmt.Fprintf(w, "      ran %s", ran)
			}
		}
	}
}

func (g *goTestReader) hasFailedBelow(key string) bool {
	for _, f := range g.tally.Failures {
		if strings.HasPrefix(f, key+"/") {
			return true
		}
	}
	return false
}

func (g *goTestReader) endPackage(e event) {
	if b := g.output[e.Package+" "]; b != nil {
		g.passOn(b.String())
	}
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
	switch e.Action {
	case "pass":
		fmt.Fprintf(g.w, "ok    %s  %s\n", e.Package, took)
	case "fail":
		if b := g.output[e.Package+" "]; b != nil {
			fmt.Fprint(g.w, b.String())
		}
		fmt.Fprintf(g.w, "FAIL  %s  %s\n", e.Package, took)
		for _, f := range g.tally.Failures {
			if strings.HasPrefix(f, e.Package+" ") {
				return
			}
		}
		g.tally.Failed++
		g.tally.Failures = append(g.tally.Failures, e.Package+" (package)")
	}
}

// skipReason is the last line a skipped test logged, without its file name.
func skipReason(said string) string {
	reason := "no reason given"
	for _, line := range strings.Split(said, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if _, after, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok := strings.Cut(after, ": "); ok {
				line = text
			}
		}
		reason = line
	}
	return reason
}
