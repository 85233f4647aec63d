package fetch

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// places is a disk with one folder and one file.
func places(path string) (dir, ok bool) {
	return path == "./tree", path == "./tree" || path == "a b.tar.gz"
}

// G-1: every form, and written again as it was.
func TestParse(t *testing.T) {
	hex := strings.Repeat("ab", 32)
	for spec, want := range map[string]Source{
		"":           {Kind: Embedded},
		"embedded":   {Kind: Embedded},
		"./tree":     {Kind: Dir, At: "./tree"},
		"dir:./tree": {Kind: Dir, At: "./tree"},
		"a b.tar.gz": {Kind: File, At: "a b.tar.gz"},
		"file:a b.tar.gz#sha256=" + strings.ToUpper(hex): {Kind: File, At: "a b.tar.gz", Sum: "sha256:" + hex},
		"release:6.0.5":                            {Kind: Release, At: "6.0.5"},
		"pypi:6.0.5rc1":                            {Kind: PyPI, At: "6.0.5rc1"},
		"https://x.example/a.tgz":                  {Kind: HTTPS, At: "https://x.example/a.tgz"},
		"git::https://x.example/r?ref=" + hex[:40]: {Kind: Git, At: "https://x.example/r", Ref: hex[:40]},
		"git::ssh://git@x.example/r.git?ref=v1":    {Kind: Git, At: "ssh://git@x.example/r.git", Ref: "v1"},
	} {
		got, err := Parse(spec, places)
		if err != nil || got != want {
			t.Errorf("%q: %+v %v, want %+v", spec, got, err, want)
			continue
		}
		again, err := Parse(got.String(), places)
		if err != nil || again != got {
			t.Errorf("%q is written %q, which is %+v %v", spec, got, again, err)
		}
	}
}

// G-1, G-5, G-7, G-8, G-9: what no specification may ask for.
func TestAttackForm(t *testing.T) {
	a := newAttacks(t, "G-1")
	for spec, want := range map[string]string{
		"nosuch":                                 "no such file",
		"dir:nosuch":                             "no such file",
		"dir:a b.tar.gz":                         "that is a file",
		"file:./tree":                            "that is a folder",
		"release:latest":                         "no version",
		"pypi:../6":                              "no version",
		"ftp://x/y":                              `scheme "ftp"`,
		"https://user:pw@x.example/a":            "ends up in logs",
		"https:///a":                             "no URL",
		"https://x.example/a//b":                 "//",
		"git::https://x.example/r":               "ref= is missing",
		"git::https://x.example/r?ref=-x":        "no name that git takes",
		"git::https://x.example/r?ref=a..b":      "no name that git takes",
		"git::https://x.example/r?ref=a&depth=3": "only ref=",
		"release:6.0.5#sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709": "proves anything",
		"git::https://x.example/r//sub?ref=a":                         "name a part with //",
		"git::ssh://-oProxyCommand=x/r?ref=a":                         "must not look like an option",
		"git::ext::sh -c x?ref=a":                                     "git is asked by",
		"git::http://x.example/r?ref=a":                               "git is asked by",
		"git::https://u@x.example/r?ref=a":                            "ends up in logs",
		"git::https://x.example/r?ref=a#sha256=00":                    "64 hex digits",
		"release:6.0.5#md5=d41d8cd98f00b204e9800998ecf8427e":          "proves anything",
		"release:6.0.5#sha256=12":                                     "64 hex digits",
		"release:6.0.5#12":                                            "#sha256=HEX",
		"release:6.0.5\n":                                             "control characters",
	} {
		code := hint.Usage
		if strings.HasPrefix(want, "no such") {
			code = hint.NotFound
		}
		_, err := Parse(spec, places)
		a.refused(t, strconv.Quote(spec), err, want, code)
		if hint.Of(err) == "" {
			t.Errorf("%q: no advice", spec)
		}
	}
}

// docs/sources.md has every form, and every release whose checksum is known.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, kind := range []Kind{Embedded, Dir, File, HTTPS, Release, Git, PyPI} {
		if !strings.Contains(text, "| `"+string(kind)) {
			t.Errorf("no row for %s", kind)
		}
	}
	for form := range known {
		_, name, _ := strings.Cut(strings.TrimSuffix(form, ".orig.tar.gz"), "mod-wsgi_")
		if name == "" {
			name = strings.TrimPrefix(form, "pypi:")
		}
		if !strings.Contains(text, name) {
			t.Errorf("%s is not named", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "dir:./tree", "git::https://x/r?ref=a", "release:6.0.5#sha256=00", "https://x/a#sha256"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := Parse(spec, places)
		if err != nil {
			return
		}
		again, err := Parse(s.String(), places)
		if err != nil || again != s {
			t.Errorf("%q: %+v is written %q, which is %+v %v", spec, s, s, again, err)
		}
	})
}
