package doctor

import (
	"flag"
	"os"
	"strings"
	"testing"

	"modwsgi/docs"
	"modwsgi/internal/distro"
)

var update = flag.Bool("update", false, "write the tables of docs/doctor.md")

// groupsOfCodes are the sections of docs/doctor.md, by the first digit.
var groupsOfCodes = []struct{ digit, title string }{
	{"1", "## Building"}, {"2", "## Loading"}, {"3", "## Running"}, {"4", "## Installed"},
}

const tableHead = "| code | level | what is seen | what follows | what to do |\n|---|---|---|---|---|\n"

// TestDocument holds the tables of docs/doctor.md against the table of codes,
// word by word (rule D-3).
func TestDocument(t *testing.T) {
	const path = "../../docs/doctor.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, g := range groupsOfCodes {
		want := ""
		for _, c := range codes {
			if strings.HasPrefix(c.ID, "MW"+g.digit) {
				want += c.document() + "\n"
			}
		}
		_, rest, ok := strings.Cut(text, g.title+"\n")
		before, rest, found := strings.Cut(rest, tableHead)
		if !ok || !found || strings.Contains(before, "\n## ") {
			t.Fatalf("%s has no table", g.title)
		}
		have := ""
		for line := range strings.Lines(rest) {
			if !strings.HasPrefix(line, "|") {
				break
			}
			have += line
		}
		if have == want {
			continue
		}
		if !*update {
			t.Errorf("%s: docs/doctor.md does not say what codes.go says; go test ./installer/doctor -run TestDocument -update writes it.\nhave:\n%s\nwant:\n%s", g.title, have, want)
			continue
		}
		text = strings.Replace(text, g.title+"\n"+before+tableHead+have, g.title+"\n"+before+tableHead+want, 1)
	}
	if *update && text != string(data) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The table is in order, and its texts are rows of a document. TestSetups holds
// that every code is noticed by somebody.
func TestCodes(t *testing.T) {
	last := ""
	for _, c := range codes {
		if c.ID <= last {
			t.Errorf("%s stands behind %s", c.ID, last)
		}
		last = c.ID
		for _, text := range []string{c.Seen, c.Why} {
			if text == "" || strings.ContainsAny(text, "|\n") || strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q", c.ID, text)
			}
		}
	}
	for id := range strings.FieldsSeq("MW101 MW120 MW201 MW217 MW301 MW318 MW401 MW404") {
		if codeOf(id).Seen == "" {
			t.Errorf("%s is missing", id)
		}
	}
}

// Every numbered line of the module itself is explained by its row, with advice
// that says something by itself.
func TestOwnMessages(t *testing.T) {
	messages := Messages(docs.Messages)
	if len(messages) < 100 {
		t.Fatalf("only %d rows were read", len(messages))
	}
	for number, m := range messages {
		found, err := Explain(strings.NewReader("[wsgi:error] [pid 7] "+number+": something\n"), distro.System{Family: distro.Debian}, messages)
		if err != nil || len(found) != 1 || found[0].Number != number || len(found[0].Fix) == 0 || found[0].Cause == "" {
			t.Errorf("%s: %+v %v", number, found, err)
			continue
		}
		if advice := found[0].Fix[len(found[0].Fix)-1]; advice == "" || advice != m.Advice || asAnother.MatchString(advice) {
			t.Errorf("%s: the advice is %q", number, advice)
		}
		if want := m.level(); found[0].Code == number && found[0].Level != want {
			t.Errorf("%s: level %s, the document has %s", number, found[0].Level, m.Level)
		}
	}
}

// A row that sends to another one is told in its words, and two that send to
// each other end the search.
func TestMessagesLeadOn(t *testing.T) {
	m := Messages("| WSGIM0224 | error | a | rebuild |\n| WSGIM0225 | error | b | as 0224 |\n| WSGIM0226 | error | c | as 0225 |\n| WSGIM0301 | error | d | as 0302 |\n| WSGIM0302 | error | e | as 0301 |\n| WSGIM0303 | error | f | as 0999 |\n")
	for number, want := range map[string]string{"WSGIM0225": "rebuild", "WSGIM0226": "rebuild", "WSGIM0303": "as 0999"} {
		if m[number].Advice != want {
			t.Errorf("%s: %q, want %q", number, m[number].Advice, want)
		}
	}
}
