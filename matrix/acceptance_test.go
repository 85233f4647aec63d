package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// promised keeps how each promise fared in this run, for the sheet at its end.
var promised = ledger{rows: map[string]map[string]Status{}}

// ledger is filled by many tests at once.
type ledger struct {
	mu   sync.Mutex
	rows map[string]map[string]Status // by promise, then by the name of what showed it
}

// note writes down an outcome below each promise that it is for.
func (l *ledger) note(list string, o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range covers(list) {
		if l.rows[id] == nil {
			l.rows[id] = map[string]Status{}
		}
		l.rows[id][o.Name] = o.Status
	}
}

// sheet is the table of the run with its count as the first line, "" when
// nothing was shown.
func (l *ledger) sheet() (count, table string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rows) == 0 {
		return "", ""
	}
	var b strings.Builder
	passed, failed, open := 0, 0, 0
	fmt.Fprintln(&b, "| promise | in | outcome | shown by |\n|---|---|---|---|")
	for _, p := range Promises() {
		var names []string
		bad := false
		for name, status := range l.rows[p.ID] {
			names, bad = append(names, name), bad || status != Pass
		}
		slices.Sort(names)
		outcome := "pass"
		switch {
		case bad:
			outcome = "FAIL"
			failed++
		case len(names) == 0 || p.Open != "":
			outcome = "open: " + orElse(p.Open, "not run")
			open++
		default:
			passed++
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", p.ID, p.In, outcome, strings.Join(names, ", "))
	}
	return fmt.Sprintf("acceptance: %d of %d promises shown, %d failed, %d open", passed, len(Promises()), failed, open), b.String()
}

// tell prints what came of the promises, after all tests. The line begins with
// "note:", which `go tool mage test` passes on.
func (l *ledger) tell() error {
	count, table := l.sheet()
	if count == "" {
		return nil
	}
	fmt.Println("note: " + count)
	if path := os.Getenv("MODWSGI_MATRIX_SHEET"); path != "" {
		return os.WriteFile(path, []byte(count+"\n\n"+table), 0o644)
	}
	return nil
}

// TestAcceptance holds that each promise is shown in each of its modes, or says
// why not; and the document is what the table says.
func TestAcceptance(t *testing.T) {
	by := map[string][]string{}
	in := map[string]map[Mode]bool{}
	add := func(list, name string, modes []Mode) {
		for _, id := range covers(list) {
			by[id] = append(by[id], "`"+name+"`")
			for _, m := range modes {
				if in[id] == nil {
					in[id] = map[Mode]bool{}
				}
				in[id][m] = true
			}
		}
	}
	for _, c := range Cases() {
		modes := slices.DeleteFunc(Modes(), func(m Mode) bool { return !c.in(m) })
		add(c.Covers, c.Name, modes)
	}
	for _, c := range Refusals() {
		add(c.Covers, "httpd -t: "+c.Name, nil)
	}
	for id := range by {
		slices.Sort(by[id]) // some cases are made from maps
	}
	var doc strings.Builder
	doc.WriteString(acceptanceHead)
	known := map[string]bool{}
	for _, p := range Promises() {
		if known[p.ID] {
			t.Errorf("%s is there twice", p.ID)
		}
		known[p.ID] = true
		lack := len(by[p.ID]) == 0
		for _, m := range p.Modes() {
			lack = lack || !in[p.ID][m]
		}
		switch {
		case lack && p.Open == "":
			t.Errorf("%s (%s) is not shown in every one of its modes, and does not say why: %s", p.ID, p.In, p.What)
		case !lack && p.Open != "":
			t.Errorf("%s is shown by %s, yet open: %s", p.ID, strings.Join(by[p.ID], ", "), p.Open)
		}
		how := strings.Join(slices.Compact(by[p.ID]), ", ")
		if p.Open != "" {
			how = "open: " + p.Open
		}
		fmt.Fprintf(&doc, "| %s | %s | %s | %s |\n", p.ID, p.In, cell(p.What), cell(how))
	}
	for id := range by {
		if !known[id] {
			t.Errorf("%s shows %s, which is no promise", strings.Join(by[id], ", "), id)
		}
	}
	path := filepath.Join("..", "docs", "acceptance.md")
	if *update {
		if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != doc.String() {
		t.Error("docs/acceptance.md is not what the table says: go test ./matrix -run TestAcceptance -update")
	}
}

// cell makes text fit into a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(text)
}

const acceptanceHead = `# What the module promises

Each line is seen from outside, against a running Apache: B in both modes, E embedded, D daemon, - when the configuration is read. The last
column names the cases of package ` + "`matrix`" + ` that show it, or says why none does yet. Made from the table in that package by
` + "`go test ./matrix -run TestAcceptance -update`" + `; ` + "`go tool mage test`" + ` prints how many were shown.

| promise | in | what | shown by |
|---|---|---|---|
`
