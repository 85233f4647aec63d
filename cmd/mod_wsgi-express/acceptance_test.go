package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// open are the promises that no test shows yet, each with the reason.
func open() map[string]string { return map[string]string{} }

const acceptanceDocument = "../../docs/acceptance-express.md"

// TestAcceptance holds that each promise is shown by a test that names it in a
// comment, or says why not; and the document is what the tests say.
// MODWSGI_UPDATE writes it.
func TestAcceptance(t *testing.T) {
	by := shownBy(t)
	var doc strings.Builder
	doc.WriteString(acceptanceHead)
	shown := 0
	known := map[string]bool{}
	for _, p := range promises() {
		known[p.ID] = true
		tests := by[p.ID]
		how := "`" + strings.Join(tests, "`, `") + "`"
		switch why := open()[p.ID]; {
		case len(tests) == 0 && why == "":
			t.Errorf("no test shows %s: %s: %s", p.ID, p.Command, p.Outcome)
		case len(tests) > 0 && why != "":
			t.Errorf("%s is shown by %q, yet open: %s", p.ID, tests, why)
		case why != "":
			how = "open: " + why
		default:
			shown++
		}
		fmt.Fprintf(&doc, "| %s | %s | %s | %s |\n", p.ID, cell(p.Command), cell(p.Outcome), how)
	}
	for id := range by {
		if !known[id] {
			t.Errorf("%q name %s, which is no promise", by[id], id)
		}
	}
	if os.Getenv("MODWSGI_UPDATE") != "" {
		if err := os.WriteFile(acceptanceDocument, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(acceptanceDocument)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != doc.String() {
		t.Error("docs/acceptance-express.md is not what the tests say: MODWSGI_UPDATE=1 go test ./cmd/mod_wsgi-express -run TestAcceptance")
	}
	t.Logf("%d of %d promises shown", shown, len(known))
}

var (
	promiseID = regexp.MustCompile(`\bA[0-9]{3}\b`)
	testFunc  = regexp.MustCompile(`^func (Test\w+)\(`)
)

// shownBy are the tests that name each promise, in a comment above them or in
// them.
func shownBy(t *testing.T) map[string][]string {
	t.Helper()
	by := map[string][]string{}
	note := func(name, text string) {
		for _, id := range promiseID.FindAllString(text, -1) {
			if name != "" && !slices.Contains(by[id], name) {
				by[id] = append(by[id], name)
			}
		}
	}
	for _, pattern := range []string{"*_test.go", "../../expressgen/*_test.go", "testdata/script/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			switch {
			case err != nil:
				t.Fatal(err)
			case filepath.Base(file) == "acceptance_table_test.go":
				continue
			case strings.HasSuffix(file, ".txtar"):
				note("script "+strings.TrimSuffix(filepath.Base(file), ".txtar"), string(text))
				continue
			}
			test, above := "", ""
			for line := range strings.Lines(string(text)) {
				switch m := testFunc.FindStringSubmatch(line); {
				case m != nil:
					test = m[1]
					note(test, above)
				case strings.HasPrefix(line, "}"):
					test, above = "", ""
				case strings.HasPrefix(line, "//"):
					above += line
				}
				note(test, line)
			}
		}
	}
	for _, list := range by {
		slices.Sort(list)
	}
	return by
}

// cell makes text fit into a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(text)
}

const acceptanceHead = `# What mod_wsgi-express promises

Each line is a command and what it leads to; mwe is mod_wsgi-express, setup and run are its commands setup-server and start-server with a server root, a port and an application.
The last column names the tests that show it, of packages main (cmd/mod_wsgi-express) and expressgen, or says why none does. Made by
` + "`MODWSGI_UPDATE=1 go test ./cmd/mod_wsgi-express -run TestAcceptance`" + `.

| promise | command | outcome | shown by |
|---|---|---|---|
`
