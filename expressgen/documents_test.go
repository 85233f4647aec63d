package expressgen

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOptionsAreDocumented compares the table of docs/express.md with the tags:
// names, defaults and what is said of each.
func TestOptionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/express.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	got = append(got, regexp.MustCompile("(?m)^\\| `--.*$").FindAllString(string(text), -1)...)
	for f := range reflect.TypeFor[Options]().Fields() {
		if _, hidden := f.Tag.Lookup("hidden"); hidden {
			continue
		}
		value := "–"
		if d := f.Tag.Get("default"); d != "" {
			value = "`" + d + "`"
		}
		name := strings.TrimSpace("--" + flagName(f) + " " + f.Tag.Get("placeholder"))
		want = append(want, "| `"+name+"` | "+value+" | "+f.Tag.Get("help")+" |")
	}
	if slices.Equal(got, want) {
		return
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("docs/express.md lacks\n%s", row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("docs/express.md has what the tags do not say:\n%s", row)
		}
	}
	if !t.Failed() {
		t.Error("the rows of docs/express.md are in another order than the options")
	}
}
