package csrc

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
)

// The reference documents are compared with the tables in the C sources: what
// is in one and not in the other is a lie to somebody.

func TestDirectivesAreDocumented(t *testing.T) {
	inC := matches(t, readSource(t, "wsgi_config.c"), `AP_INIT_\w+\("(\w+)"`)
	inDoc := matches(t, readDocument(t, "directives.md"), "(?m)^\\| `(WSGI\\w+)` \\|")
	same(t, "directives", inC, inDoc)
}

func TestDaemonOptionsAreDocumented(t *testing.T) {
	source, doc := readSource(t, "wsgi_options.c"), readDocument(t, "directives.md")
	inC := matches(t, source, `(?m)^    \{ \{ "([a-z-]+)",`)
	inDoc := matches(t, doc, "(?m)^\\| `([a-z-]+)` \\|")
	same(t, "options", inC, inDoc)

	refused := matches(t, source, `ABSENT\("([a-z-]+)"\)`)
	_, list, ok := strings.Cut(doc, "known by name and refused:")
	if !ok {
		t.Fatal("docs/directives.md does not list the options that are refused")
	}
	list, _, _ = strings.Cut(list, ".\n")
	same(t, "refused options", refused, matches(t, list, "`([a-z-]+)`"))
}

// TestMessagesAreDocumented holds for every number: written out, or given to one
// of the macros that write it.
func TestMessagesAreDocumented(t *testing.T) {
	var inC []string
	files, err := fs.Glob(Sources(), "*.c")
	if err != nil {
		t.Fatal(err)
	}
	headers, err := fs.Glob(Sources(), "*.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, headers...) {
		inC = append(inC, messageNumbers(readSource(t, name))...)
	}
	slices.Sort(inC)
	inC = slices.Compact(inC)
	same(t, "messages", inC, matches(t, readDocument(t, "messages.md"), `(?m)^\| (WSGIM\d{4}) \|`))
}

var messageNumber = regexp.MustCompile(`WSGIM(\d{4})|WSGI_MSG\((\d{4})\)|\b(?:LOG|COMPLAIN)\([^"]*?\b(0\d{3}), "`)

func messageNumbers(source string) []string {
	var found []string
	for _, m := range messageNumber.FindAllStringSubmatch(source, -1) {
		found = append(found, "WSGIM"+m[1]+m[2]+m[3])
	}
	return found
}

func readSource(t *testing.T, name string) string {
	t.Helper()
	data, err := fs.ReadFile(Sources(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// matches are the first groups of all matches, each once, sorted. A pattern that
// finds nothing has lost its table.
func matches(t *testing.T, text, pattern string) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("nothing matches %s", pattern)
	}
	sort.Strings(found)
	return slices.Compact(found)
}

func same(t *testing.T, what string, code, documented []string) {
	t.Helper()
	for _, name := range code {
		if !slices.Contains(documented, name) {
			t.Errorf("%s: %s is in the sources and not in the document", what, name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(code, name) {
			t.Errorf("%s: %s is in the document and not in the sources", what, name)
		}
	}
}
