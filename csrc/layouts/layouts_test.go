package layouts

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// G-3: two layouts are known; the refusal names what was looked for.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		files []string
		name  string
		want  []string // of the error
	}{
		{[]string{"wsgi_wire.h"}, "ours", nil},
		{[]string{"src/server/mod_wsgi.c", "src/server/wsgi_version.h"}, "classic", nil},
		{[]string{"src/server/mod_wsgi.c"}, "", []string{"it lacks src/server/wsgi_version.h"}},
		{[]string{"src/server/wsgi_version.h"}, "", []string{"it lacks src/server/mod_wsgi.c"}},
		{[]string{"setup.py"}, "", []string{"neither src/server/mod_wsgi.c and src/server/wsgi_version.h", "nor wsgi_wire.h"}},
	} {
		l, err := Of(func(name string) bool { return slices.Contains(c.files, name) })
		if l.Name != c.name || (err == nil) != (c.want == nil) || err != nil && !errors.Is(err, ErrNoTree) {
			t.Errorf("%q: %q %v", c.files, l.Name, err)
		}
		for _, text := range c.want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v, want %q", c.files, err, text)
			}
		}
	}
}

// G-3: the version is what the tree says.
func TestVersion(t *testing.T) {
	for text, want := range map[string]string{
		"#define MOD_WSGI_VERSION_STRING \"6.0.5\"\n":                                                      "6.0.5",
		"#define MOD_WSGI_MAJORVERSION_NUMBER 6\n#define MOD_WSGI_VERSION_STRING \"6.0.5.dev1\" /* x */\n": "6.0.5.dev1",
		"#  define MOD_WSGI_VERSION_STRING\t\"4.9.4\"\n":                                                   "4.9.4",
		"#define MOD_WSGI_VERSION_STRING VERSION\n":                                                        "",
		"#define MOD_WSGI_VERSION_STRING \"../../etc\"\n":                                                  "",
		"#define OLD_MOD_WSGI_VERSION_STRING_OF \"1\"\n":                                                   "",
		"": "",
	} {
		got, err := Classic().Version([]byte(text))
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrNoTree) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// G-3: a Python outside the window of a release is refused, with both bounds.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		layout  Layout
		version string
		python  Python
		want    string // of the refusal; "": none
	}{
		{Classic(), "4.9.4", Python{3, 11}, ""},
		{Classic(), "4.9.4", Python{3, 12}, ""},
		{Classic(), "4.9.4", Python{3, 13}, "mod_wsgi 4.9.4 was tested with Python 3.5 to 3.12, not with 3.13"},
		{Classic(), "5.0.2", Python{3, 13}, ""},
		{Classic(), "5.0.2", Python{3, 7}, "3.8 to 3.13, not with 3.7"},
		{Classic(), "6.0.5", Python{3, 9}, "3.10 to 3.14, not with 3.9"},
		{Classic(), "6.0rc1", Python{3, 9}, "3.10 to 3.14, not with 3.9"},
		{Classic(), "6.0.5", Python{3, 14}, ""},
		{Classic(), "6.1.0", Python{3, 15}, ""},
		{Classic(), "7.0", Python{4, 0}, "3.10 to 3.15, not with 4.0"},
		{Classic(), "3.5", Python{3, 13}, ""},
		{Classic(), "of my own", Python{3, 13}, ""},
		{Ours(), "0.1", Python{3, 9}, ""},
		{Ours(), "0.1", Python{3, 8}, "3.9 to 3.15, not with 3.8"},
	} {
		err := c.layout.Check(c.version, c.python)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %s: %v", c.version, c.python, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || hint.Code(err) != hint.Refused || !strings.Contains(hint.Of(err), UntestedVariable)):
			t.Errorf("%s %s: %v, want %q", c.version, c.python, err, c.want)
		}
	}
}

// G-3: the refusal says which releases that Python has.
func TestWindowAdvice(t *testing.T) {
	for _, c := range []struct {
		layout  Layout
		version string
		python  Python
		want    string
	}{
		{Classic(), "4.9.4", Python{3, 13}, "choose a Python from 3.5 to 3.12, or for Python 3.13 a release of 5.0, 6.0, 6.1; MODWSGI"},
		{Classic(), "6.0.5", Python{3, 9}, "choose a Python from 3.10 to 3.14, or for Python 3.9 a release of 4.9, 5.0; MODWSGI"},
		{Classic(), "6.1", Python{3, 16}, "choose a Python from 3.10 to 3.15; MODWSGI"},
		{Ours(), "0.1", Python{3, 8}, "choose a Python from 3.9 to 3.15; MODWSGI"},
	} {
		if got := hint.Of(c.layout.Check(c.version, c.python)); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %s: %s\nwant %s", c.version, c.python, got, c.want)
		}
	}
}

// docs/sources.md has the windows.
func TestWindowDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []Layout{Ours(), Classic()} {
		for _, w := range l.windows {
			row := fmt.Sprintf("| %s | %s to %s |", cmp.Or(w.Since, "this project"), w.Oldest, w.Newest)
			if !strings.Contains(string(data), row) {
				t.Errorf("there is no row %q", row)
			}
		}
	}
}

// G-3: versions of PEP 440 in their order.
func TestCompare(t *testing.T) {
	ordered := []string{"4.9.4", "5.0", "5.0.2", "6.0.5.dev1", "6.0.5.dev2", "6.0.5a1", "6.0.5b2", "6.0.5rc1", "6.0.5", "6.0.10"}
	for i, a := range ordered {
		for j, b := range ordered {
			got, err := Compare(a, b)
			if err != nil || got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s %s: %d %v", a, b, got, err)
			}
		}
	}
	if _, err := Compare("six", "6"); err == nil {
		t.Error("six is a version")
	}
}

// Y-4: whatever a header says of itself, ordering it is either refused or the
// reverse of ordering it the other way round.
func FuzzCompare(f *testing.F) {
	for _, v := range []string{"6.0.5", "6.0.5rc1", "6.0.5.dev1", "06.0", "6", "v6", "6.0.5-rc.1", "99999999999999999999.0"} {
		f.Add(v, "6.0.5")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n, err := Compare(a, b)
		m, again := Compare(b, a)
		if (err == nil) != (again == nil) || n != -m {
			t.Errorf("%q %q: %d %v, the other way %d %v", a, b, n, err, m, again)
		}
		if same, err := Compare(a, a); err == nil && same != 0 {
			t.Errorf("%q is not itself: %d", a, same)
		}
		if w, known := Classic().Window(a); known && w.Newest.before(w.Oldest) {
			t.Errorf("%q: %+v", a, w)
		}
	})
}
