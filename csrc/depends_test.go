package csrc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

var dependsCases = []struct {
	name, rule string
	want       []string
}{
	{"one", "a.o: a.c\n", []string{"a.c"}},
	{"lines", "../../obj/x/a.o: a.c b.h \\\n  /usr/include/httpd.h \\\n  c.h\n", []string{"a.c", "b.h", "/usr/include/httpd.h", "c.h"}},
	{"blanks", `a.o: a.c /my\ apache/a\#b.h /a$$b.h` + "\n", []string{"a.c", "/my apache/a#b.h", "/a$b.h"}},
	{"backslash", `a.o: /a\b.h` + "\n", []string{`/a\b.h`}},
	{"colons", "C:x.o: a:b.c\n", []string{"a:b.c"}},
	{"more rules", "a.o: a.c b.h\n\nb.h:\n", []string{"a.c", "b.h"}},
	{"nothing", "a.o:\n", nil},
	{"no end", "a.o: a.c", []string{"a.c"}},
}

func TestParseDepends(t *testing.T) {
	for _, c := range dependsCases {
		got, err := parseDepends(c.rule)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	if got, err := parseDepends("a.c b.h\n"); err == nil {
		t.Errorf("no target: %q", got)
	}
}

func FuzzParseDepends(f *testing.F) {
	for _, c := range dependsCases {
		f.Add(c.rule)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		names, _ := parseDepends(rule)
		total := 0
		for _, name := range names {
			if name == "" || strings.Contains(name, "\n") {
				t.Errorf("name %q", name)
			}
			total += len(name)
		}
		if total > len(rule) {
			t.Errorf("%d bytes of names in %d bytes", total, len(rule))
		}
	})
}

// The compiler itself is asked how it writes odd names.
func TestParseDependsOfCompiler(t *testing.T) {
	r := &run.Runner{}
	if _, err := r.LookPath("cc"); err != nil {
		t.Skip("no C compiler: ", err)
	}
	dir := filepath.Join(t.TempDir(), `a b#c$d'e`)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	header := filepath.Join(dir, "x.h")
	if err := os.WriteFile(header, []byte("int x;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.c"), []byte("#include <x.h>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Output(t.Context(), dir, "cc", "-I"+dir, "-MMD", "-MF", "a.d", "-o", "a.o", "-c", "a.c"); err != nil {
		t.Fatal(err)
	}
	rule, err := os.ReadFile(filepath.Join(dir, "a.d"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseDepends(string(rule))
	if want := []string{"a.c", header}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q of\n%s", got, err, want, rule)
	}
}
