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
	inC := matches(t, readSource(t, "wsgi_config.c"), `AP_INIT_\w+\("(<?\w+)"`)
	inDoc := matches(t, readDocument(t, "directives.md"), "(?m)^\\| `(<?WSGI\\w+)>?` \\|")
	same(t, "directives", inC, inDoc)
}

func TestDaemonOptionsAreDocumented(t *testing.T) {
	source, doc := readSource(t, "wsgi_options.c"), readDocument(t, "directives.md")
	inC := matches(t, source, `(?m)^    \{ \{ "([a-z-]+)",`)
	inDoc := matches(t, doc, "(?m)^\\| `([a-z-]+)` \\|")
	same(t, "options", inC, inDoc)
}

// TestMetricsAreDocumented compares the page with its document: names, types and
// causes of restarts.
func TestMetricsAreDocumented(t *testing.T) {
	suffix := map[string]string{"COUNTER": "_total", "INFO": "_info"}
	var inC []string
	for _, m := range regexp.MustCompile(`\{ WSGI_METRIC_(\w+), "(\w+)"`).FindAllStringSubmatch(readSource(t, "wsgi_metrics.c"), -1) {
		inC = append(inC, m[2]+suffix[m[1]]+" "+strings.ToLower(m[1]))
	}
	doc := readDocument(t, "metrics.md")
	var inDoc []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(doc, -1) {
		inDoc = append(inDoc, m[1]+" "+m[2])
	}
	if len(inC) == 0 || len(inDoc) == 0 {
		t.Fatal("a table is lost")
	}
	same(t, "metrics", inC, inDoc)
	same(t, "words of the health page", matches(t, readSource(t, "wsgi_health.c"), `[?:n] "([a-z]+)"`), matches(t, doc, "(?m)^\\| `(\\w+)` \\| \\d+ \\|"))

	_, causes, ok := strings.Cut(doc, "| cause | the process |")
	causes, _, _ = strings.Cut(causes, "\n\n")
	if !ok {
		t.Fatal("docs/metrics.md does not list the causes")
	}
	_, words, _ := strings.Cut(readSource(t, "wsgi_board_slot.c"), "*wsgi_death_word(")
	same(t, "causes", matches(t, words, `case WSGI_DEATH_\w+:\s+return "([a-z_]+)";`), matches(t, causes, "`([a-z_]+)`"))
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

// levelWords are httpd's levels in the sources and as the document calls them.
var levelWords = map[string]string{
	"EMERG": "emergency", "ALERT": "alert", "CRIT": "critical", "ERR": "error", "ERROR": "error", "WARNING": "warning",
}

// levelToken is what tells the level of a line, in front of its number or, for a
// text that is put together first, behind it.
var levelToken = regexp.MustCompile(`\b(?:APLOG|LEVEL|WSGI_LOG)_(EMERG|ALERT|CRIT|ERR|ERROR|WARNING)\b|\b(COMPLAIN)\(|\bgive_up\(WSGI_HOST_EXIT_(\w+)|\b(wsgi_log_raised|wsgi_log_exception)\(`)

// levelsOf finds the level of each number in a source.
func levelsOf(source string) map[string][]string {
	const near = 500
	levels := map[string][]string{}
	for _, m := range messageNumber.FindAllStringSubmatchIndex(source, -1) {
		number := "WSGIM"
		for group := 2; group < len(m); group += 2 {
			if m[group] >= 0 {
				number += source[m[group]:m[group+1]]
			}
		}
		at := m[1]
		// Back to the end of the statement before, then forward over this one.
		start := max(strings.LastIndexAny(source[:m[0]], ";{}"), 0)
		found := levelToken.FindAllStringSubmatch(source[start:at], -1)
		if found == nil {
			if first := levelToken.FindStringSubmatch(source[at:min(at+near, len(source))]); first != nil {
				found = [][]string{first}
			}
		}
		if found == nil {
			levels[number] = append(levels[number], "")
			continue
		}
		word := found[len(found)-1]
		switch {
		case word[1] != "":
			levels[number] = append(levels[number], levelWords[word[1]])
		case word[2] != "":
			levels[number] = append(levels[number], "emergency")
		case word[3] == "IDENTITY":
			levels[number] = append(levels[number], "alert")
		case word[3] != "":
			levels[number] = append(levels[number], "critical")
		default:
			levels[number] = append(levels[number], "error")
		}
	}
	return levels
}

// TestMessageLevels holds the level of each line against the document.
func TestMessageLevels(t *testing.T) {
	documented := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (WSGIM\d{4}) \| (\w+) \|`).FindAllStringSubmatch(readDocument(t, "messages.md"), -1) {
		documented[m[1]] = m[2]
	}
	files, err := fs.Glob(Sources(), "*.c")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		for number, levels := range levelsOf(readSource(t, name)) {
			for _, level := range levels {
				if documented[number] != "" && level != documented[number] {
					t.Errorf("%s: %s is logged as %q, the document says %q", name, number, level, documented[number])
				}
			}
		}
	}
}

// TestFailuresAreToldApart holds the failures between httpd and a daemon process
// apart: each has a number of its own, is an error, and names its status.
func TestFailuresAreToldApart(t *testing.T) {
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (WSGIM\d{4}) \| error \| (.*?) \|`).FindAllStringSubmatch(readDocument(t, "messages.md"), -1) {
		rows[m[1]] = m[2]
	}
	for _, failure := range []struct {
		what, status string
		numbers      []string
	}{
		{"cannot connect in time, group gone", "503", []string{"0221", "0222", "0227", "0237"}},
		{"refused too often", "503", []string{"0223"}},
		{"queue timeout", "504", []string{"0226"}},
		{"no response in time", "504", []string{"0228", "0230", "0238"}},
		{"closed before the response", "502", []string{"0229"}},
		{"no response can be read", "502", []string{"0225", "0231", "0232"}},
		{"bad response header data", "500", []string{"0224"}},
		{"header too long", "500", []string{"0248"}},
		{"no response at all", "500", []string{"0241"}},
		{"failure of the application", "500", []string{"0601", "0610", "0611"}},
		{"no callable", "404", []string{"0614"}},
		{"cut in the body", "cut", []string{"0229", "0230"}},
		{"short body", "the connection is closed", []string{"0240", "0612"}},
	} {
		for _, number := range failure.numbers {
			if row := rows["WSGIM"+number]; !strings.Contains(row, failure.status) {
				t.Errorf("%s: WSGIM%s is no error with %q in the document: %q", failure.what, number, failure.status, row)
			}
		}
	}
}
