package expressgen

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// generated is the text of a document from a line on that begins the part which
// is made here, and what it should be. -update writes it.
func generated(t *testing.T, path, begin, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(text), begin+"\n")
	if !found && len(text) > 0 {
		t.Fatalf("%s has no line %q", path, begin)
	}
	want = head + begin + "\n" + want
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what the declarations say (go test ./expressgen -update writes it):\n%s", path, firstDifference(string(text), want))
	}
}

// The tables of docs/express.md are the declarations of the options: names,
// defaults and what is said of each.
func TestOptionsAreDocumented(t *testing.T) {
	var doc strings.Builder
	group := ""
	for f := range reflect.TypeFor[Options]().Fields() {
		if _, hidden := f.Tag.Lookup("hidden"); hidden {
			continue
		}
		if g := f.Tag.Get("group"); g != group {
			group = g
			fmt.Fprintf(&doc, "\n**%s**\n\n| option | default | effect |\n|---|---|---|\n", group)
		}
		value := "–"
		if d := f.Tag.Get("default"); d != "" {
			value = "`" + d + "`"
		}
		name := strings.TrimSpace("--" + FlagName(f) + " " + f.Tag.Get("placeholder"))
		fmt.Fprintf(&doc, "| `%s` | %s | %s |\n", name, value, f.Tag.Get("help"))
	}
	doc.WriteString("\nOptions of other releases that are not here are accepted under their newer names, or refused with what to use instead.\n")
	generated(t, "../docs/express.md", "## Options of start-server and setup-server", doc.String())
}
