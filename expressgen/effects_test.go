package expressgen

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// effect is how an option shows: what is set for it, on top of what it needs,
// and the test that sees what comes of it in a running server, or in Apache's own
// reading of the configuration.
type effect struct {
	seen string
	set  func(o *Options, f *Facts)
	with func(o *Options, f *Facts) // what it needs; nil is nothing
}

// Each option changes what its declaration says that it makes, and nothing that
// is declared lacks a test. Both are in docs/express-effects.md.
func TestEveryOptionHasAnEffect(t *testing.T) {
	known := testNames(t)
	var doc strings.Builder
	doc.WriteString("\n| option | makes | seen by |\n|---|---|---|\n")
	left := effects()
	for f := range reflect.TypeFor[Options]().Fields() {
		name := FlagName(f)
		e, ok := left[name]
		delete(left, name)
		if !ok || e.seen == "" {
			t.Errorf("--%s: no test sees its effect", name)
			continue
		}
		for seen := range strings.FieldsSeq(e.seen) {
			if !slices.Contains(known, seen) {
				t.Errorf("--%s: there is no test %s", name, seen)
			}
		}
		makes := strings.Fields(f.Tag.Get("makes"))
		if len(makes) == 0 {
			t.Errorf("--%s is not declared to make anything", name)
		}
		before, after := produced(t, name, e.with, nil), produced(t, name, e.with, e.set)
		for _, word := range makes {
			if !differs(before, after, word) && !embeddedDiffers(t, name, e, word) {
				t.Errorf("--%s does not change %s", name, word)
			}
		}
		fmt.Fprintf(&doc, "| `--%s` | `%s` | %s |\n", name, strings.Join(makes, "`, `"), strings.Join(strings.Fields(e.seen), ", "))
	}
	for name := range left {
		t.Errorf("--%s is no option", name)
	}
	doc.WriteString("\n## What would do nothing\n\nEach is refused. In debug mode, what is about daemon processes is named in a warning.\n\n| option | does nothing without | does nothing with |\n|---|---|---|\n")
	for f := range reflect.TypeFor[Options]().Fields() {
		needs, unless := names(f.Tag.Get("needs")), names(f.Tag.Get("unless"))
		if _, daemon := f.Tag.Lookup("daemon"); daemon {
			unless = append(unless, "`--embedded-mode`")
		}
		if _, here := f.Tag.Lookup("here"); here {
			unless = append(unless, "`--dockerfile`")
		}
		if len(needs)+len(unless) > 0 {
			fmt.Fprintf(&doc, "| `--%s` | %s | %s |\n", FlagName(f), strings.Join(needs, " or "), strings.Join(unless, ", "))
		}
	}
	generated(t, "../docs/express-effects.md", "## What each option makes", doc.String())
}

// names are the options in a tag, as the documents have them.
func names(tag string) (out []string) {
	for name := range strings.FieldsFuncSeq(tag, func(r rune) bool { return r == '|' }) {
		out = append(out, "`--"+name+"`")
	}
	return out
}

// embeddedDiffers is whether an option makes word in embedded mode, where some are
// written in another way.
func embeddedDiffers(t *testing.T, name string, e effect, word string) bool {
	t.Helper()
	switch name {
	case "maximum-requests", "python-path", "python-eggs", "switch-interval":
		embedded := func(o *Options, _ *Facts) { o.EmbeddedMode = true }
		return differs(produced(t, name, embedded, e.with), produced(t, name, embedded, e.with, e.set), word)
	}
	return false
}

// produced are the files that come of options, with the banner as one of them.
func produced(t *testing.T, name string, steps ...func(*Options, *Facts)) map[string]string {
	t.Helper()
	o, f := base(), facts()
	o.WorkingDirectory, o.EntryPoint, o.ServerRoot = "/home/me", "/srv/app.wsgi", "/r"
	for _, step := range steps {
		if step != nil {
			step(&o, &f)
		}
	}
	o.Absolute("/home/me")
	if err := o.Check(); err != nil {
		t.Fatalf("--%s: %v", name, err)
	}
	s, err := Generate(o, f)
	if err != nil {
		t.Fatalf("--%s: %v", name, err)
	}
	if o.Dockerfile {
		m, err := DescribeImage(o, surroundings())
		if err != nil {
			t.Fatalf("--%s: %v", name, err)
		}
		s.Files = m.Files
	}
	out := map[string]string{}
	for _, file := range s.Files {
		if file.Path != "express.json" {
			out[file.Path] = string(file.Data)
		}
	}
	for _, l := range s.Banner {
		out["banner"] += l.Label + ": " + l.Value + "\n"
	}
	return out
}

// differs is whether word, a file or something in httpd.conf, is another one.
func differs(before, after map[string]string, word string) bool {
	if _, file := after[word]; file || word == "banner" {
		return before[word] != after[word]
	}
	lines := func(text string) []string {
		var out []string
		for line := range strings.SplitSeq(text, "\n") {
			if at := strings.Index(line, word); at >= 0 && (at == 0 || !isLetter(line[at-1])) && (strings.HasSuffix(word, "=") || at+len(word) == len(line) || !isLetter(line[at+len(word)])) {
				out = append(out, line)
			}
		}
		return out
	}
	return !slices.Equal(lines(before["httpd.conf"]), lines(after["httpd.conf"]))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' }

// testNames are the tests of this package and of the command.
func testNames(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{".", "../cmd/mod_wsgi-express"} {
		files, err := filepath.Glob(dir + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				out = append(out, m[1])
			}
		}
	}
	return out
}
