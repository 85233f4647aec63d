package plan

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// M-2: each fault of a file is one error with its line and, of a name, the nearest
// that is known; all of them at once.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want, advice string }{
		{"syntax", "a =\n", "matrix.toml:1: ", ""},
		{"key", "timeot = \"1m\"", `matrix.toml:1: unknown key "timeot"`, "did you mean timeout?"},
		{"table", "\n[axis]\n", `matrix.toml:2: unknown key "axis"`, "did you mean axes?"},
		{"axis", "[axes]\nmode = \"daemon\"\npyhton = \"3.12\"", `matrix.toml:3: unknown axis "pyhton"`, "did you mean python?"},
		{"value", "[axes]\nmpm = [\n  \"event\", # usual\n  \"perfork\",\n]", `matrix.toml:4: unknown mpm "perfork"`, "did you mean prefork?"},
		{"value of no axis", "[axes]\nmode = [\"x\"]", `matrix.toml:2: unknown mode "x"`, "known are embedded, daemon"},
		{"twice", "[axes]\npython = [\"3.12\",\n\"3.12\"]", `matrix.toml:3: python has "3.12" twice`, ""},
		{"number", "[axes]\npython = [3.10]", "matrix.toml:2: python: 3.1 is no text in quotes", "a number such as 3.10 would be 3.1: put it in quotes"},
		{"nothing", "[axes]\npython = []", "matrix.toml:2: python has no value", ""},
		{"no name", "[axes]\nsource = \"::\"", `matrix.toml:2: "::" is no source`, ""},
		{"no table", "axes = 1", "matrix.toml:1: axes is a table: [axes]", ""},
		{"no tables", "exclude = 1", "matrix.toml:1: exclude is a list of tables: [[exclude]]", ""},
		{"one table", "[exclude]\npython = \"3.9\"", "matrix.toml:1: exclude is a list of tables: [[exclude]]", ""},
		{"field", "[[exclude]]\npython = \"3.9\"\n[[exclude]]\nmpn = \"event\"", `matrix.toml:4: unknown field "mpn"`, "did you mean mpm?"},
		{"no field", "[[exclude]]\npython = \"3.9\"\n\n[[exclude]]\n", "matrix.toml:4: exclude names no cell", ""},
		{"reason", "[[xfail]]\npython = \"3.9\"\nissue = \"#1\"", "matrix.toml:1: xfail needs reason, a text in quotes", ""},
		{"issue", "[[xfail]]\npython = \"3.9\"\nreason = \"r\"\nissue = \"\"", "matrix.toml:4: xfail needs issue, a text in quotes", ""},
		{"reason of an exclude", "[[exclude]]\npython = \"3.9\"\nreason = \"r\"", `matrix.toml:3: unknown field "reason"`, ""},
		{"pattern", "[[exclude]]\npython = \"3.[\"", `matrix.toml:2: python = "3.[" is no pattern`, ""},
		{"pattern of nothing", "[[exclude]]\nmpm = \"x*\"", `matrix.toml:2: mpm = "x*" matches no mpm`, "known are event, worker, prefork"},
		{"pattern to include", "[[include]]\npython = \"3.*\"", `matrix.toml:2: include: python = "3.*": it needs a value, not a pattern`, ""},
		{"name in a rule", "[[require]]\nmode = \"demon\"", `matrix.toml:2: unknown mode "demon"`, "did you mean daemon?"},
		{"timeout", "timeout = \"2 minutes\"", "matrix.toml:1: timeout = 2 minutes: it is a time in quotes", ""},
		{"timeout without a unit", "timeout = 120", "matrix.toml:1: timeout = 120: it is a time in quotes", ""},
		{"no time", "timeout = \"0s\"", "matrix.toml:1: timeout = 0s", ""},
		{"retries", "retries = 3", "matrix.toml:1: retries = 3: it is a whole number from 0 to 2", ""},
		{"limit", "[[limit]]\npython = \"3.9\"", "matrix.toml:1: limit says neither timeout nor retries", ""},
		{"limit of a limit", "[[limit]]\npython = \"3.9\"\nretries = -1", "matrix.toml:3: retries = -1", ""},
		{"order", "order = [\"mpm\", \"pythn\"]", `matrix.toml:1: unknown axis "pythn"`, "did you mean python?"},
		{"order twice", "order = [\"mpm\", \"mpm\"]", `matrix.toml:1: order has "mpm" twice`, ""},
		{"changed", "changed = [\"\"]", `matrix.toml:1: changed: "" is no pattern of paths`, ""},
		{"ci", "[ci]\nrun_on = \"x\"", `matrix.toml:2: unknown key "run_on"`, "did you mean runs_on?"},
		{"E-4", "[ci]\nimage = \"x\\n$(touch y)\"", "matrix.toml:2: image = \"x\\n$(touch y)\": letters, digits and ._:+/=- alone are allowed", ""},
		{"blank label", "[ci]\ntags = [\"a\", \"b c\"]", `matrix.toml:2: tags = "b c"`, ""},
		{"provider", "[axes]\nprovider = [\"host\",\n\"rotfs:trixie\"]", `matrix.toml:3: unknown provider "rotfs"`, "did you mean rootfs?"},
		{"provider of no name", "[[include]]\nprovider = \"rootfs\"", `matrix.toml:2: "rootfs" names no provider`, "rootfs:trixie"},
		{"archive of no axis", "[archives.apach]\n\"2.4.58\" = \"x\"", `matrix.toml:1: archives are of an axis, which is not "apach"`, "did you mean apache?"},
		{"archive of no release", "[archives.apache]\n\"2.4.58\" = \"x\"\n\"2.2.34\" = \"x\"", `matrix.toml:3: archives.apache: "2.2.34" is no release of httpd, as 2.4.58`, ""},
		{"archive of no Python", "[archives.python]\n\"3.14-dev\" = \"x\"", `matrix.toml:2: archives.python: "3.14-dev" is no version of a Python`, ""},
		{"archive of a version without quotes", "[archives.python]\n3.14t = \"x\"", `matrix.toml:1: archives.python: 3 is no version of a Python`, "put the version in quotes"},
		{"archive without a sum", "[archives.apache]\n\"2.4.58\" = \"https://example.org/a.tar.gz\"", "matrix.toml:2: 2.4.58: no checksum is known of https://example.org/a.tar.gz", ""},
		{"archive that is none", "[archives.apache]\n\"2.4.58\" = \"pypi:6.0.5\"", `matrix.toml:2: 2.4.58: "pypi:6.0.5" is no archive`, ""},
		{"archive of a number", "[archives.apache]\n\"2.4.58\" = 1", "matrix.toml:2: 2.4.58: 1 is no text in quotes", ""},
		{"archives without an axis", "[archives]\napache = \"x\"", "matrix.toml:2: archives.apache is a table: [archives.apache]", ""},
		{"no archives", "archives = 1", "matrix.toml:1: archives is a table: [archives]", ""},
		{"three", "retries = 9\n[axes]\nmmp = \"event\"\n[[exclude]]\nmode = \"x\"", "matrix.toml:1: retries = 9: it is a whole number from 0 to 2\nmatrix.toml:3: unknown axis \"mmp\"\nmatrix.toml:5: unknown mode \"x\"", ""},
		{"long", "#" + strings.Repeat("x", maxConfig), "matrix.toml: more than 1048576 bytes", ""},
	} {
		_, err := ReadConfig("matrix.toml", c.text)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !strings.Contains(hint.Of(err), c.advice) || hint.Code(err) != hint.Usage {
			t.Errorf("%s: %v (%s), want %s (%s)", c.name, err, hint.Of(err), c.want, c.advice)
		} else if n := strings.Count(c.want, "\n"); strings.Count(err.Error(), "\n") != n {
			t.Errorf("%s: more than %d errors:\n%v", c.name, n+1, err)
		}
	}
}

// M-2: what a file asks for and no machine can give is told with its line too.
func TestFaultsOfTheMachine(t *testing.T) {
	for text, want := range map[string]string{
		"\n[[include]]\npython = \"3.9\"\ngil = \"per-interpreter\"":                      "matrix.toml:2: include gives no cell: interpreters have a GIL each from Python 3.12 on",
		"[[require]]\npython = \"3.9\"\nmode = \"daemon\"\ngil = \"free\"":                "matrix.toml:1: require asks for what cannot be: py3.9 is no build that can do without the GIL",
		"[[exclude]]\npython = \"3.9\"\n[[require]]\npython = \"3.9\"\nmode = \"daemon\"": "matrix.toml:3: require asks for what cannot be: the exclude of line 1 takes it away",
		"[[require]]\npython = \"2.*\"":                                                   "matrix.toml:1: require matches no cell, and would be missed by nobody",
		"[[include]]\nprovider = \"rootfs:trixie\"\napache = \"2.4.62\"":                  "matrix.toml:1: include gives no cell: rootfs-trixie has an Apache of its own",
		"[[exclude]]\npython = \"*\"":                                                     "there is no cell: matrix.toml excludes all",
		"[[include]]\nprovider = \"rootfs:trixie\"\nsanitizer = \"asan\"":                 "matrix.toml:1: include gives no cell",
		"[[include]]\npython = \"py3.12\"\nmpm = \"event\"\nlink = \"static\"":            "matrix.toml:1: include gives no cell: py3.12 has no static library",
	} {
		if _, err := New(configured(t, text), machine(), Request{Mode: Full}); err == nil || !strings.HasPrefix(err.Error(), want) || hint.Code(err) != hint.Usage {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	wide := "[axes]\ngil = [\"default\", \"free\", \"per-interpreter\"]\nlink = [\"shared\", \"static\"]\nbuilder = [\"direct\", \"apxs\"]\nsuite = [\"load\", \"smoke\", \"wsgi\", \"soak\"]\nsource = ["
	for i := range 50 {
		wide += fmt.Sprintf("\"pypi:6.%d\",", i)
	}
	if _, err := New(configured(t, wide+"]"), machine(), Request{Mode: Full}); err == nil || !strings.Contains(err.Error(), "50000 cells") {
		t.Errorf("too many cells: %v", err)
	}
}

// Where things stand in a file: also in one that is written in unusual ways.
func TestPlaces(t *testing.T) {
	p := placesOf(`# x = 1
timeout = "1m"
changed = [ "a = [", # ]
  'b"', """c
d = 1
""",
  "e\"", ]
[axes]
"mode" = "daemon"
[[exclude]]
mpm = "event"
[[exclude]]
  mpm = [["x"],
  "y"]
ci = {image = "x", tags = ["y",
"z"]}
`)
	for _, c := range []struct {
		table string
		n     int
		key   string
		i     int // -1: the key itself
		want  int
	}{
		{"", 0, "timeout", -1, 2}, {"", 0, "changed", -1, 3}, {"", 0, "changed", 0, 3}, {"", 0, "changed", 1, 4}, {"", 0, "changed", 2, 4}, {"", 0, "changed", 3, 7},
		{"axes", 0, "mode", -1, 9}, {"axes", 0, "none", -1, 8}, {"exclude", 0, "mpm", -1, 11}, {"exclude", 1, "mpm", -1, 13}, {"exclude", 1, "mpm", 0, 14}, {"exclude", 7, "mpm", -1, 1}, {"exclude", 1, "none", 3, 12},
	} {
		got := p.line(c.table, c.n, c.key)
		if c.i >= 0 {
			got = p.element(c.table, c.n, c.key, c.i)
		}
		if got != c.want {
			t.Errorf("%s#%d.%s[%d] is on line %d, want %d", c.table, c.n, c.key, c.i, got, c.want)
		}
	}
}

// The file of this repository, and those in the document, are right.
func TestShippedFiles(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	texts := map[string]string{"matrix.toml": read("matrix.toml")}
	for i, block := range strings.Split(read("docs/matrix.md"), "```\n") {
		if i%2 == 1 && strings.Contains(block, "\n[") || strings.HasPrefix(block, "[") {
			texts[fmt.Sprintf("block %d of docs/matrix.md", i)] = block
		}
	}
	if len(texts) < 3 {
		t.Errorf("only %d files were found", len(texts))
	}
	for name, text := range texts {
		c, err := ReadConfig(name, text)
		if err == nil {
			_, err = New(c, machine(), Request{Mode: Full})
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// M-16, M-17: what archives a file names, and which of them a plan carries to whoever
// runs it.
func TestArchives(t *testing.T) {
	sum := "#sha256=" + strings.Repeat("0a", 32)
	c := configured(t, "[axes]\nprovider = [\"host\", \"prefix:2.4.58\", \"prefix:2.4.57\"]\n[archives.apache]\n\"2.4.58\" = \"old/httpd.tar.bz2"+sum+"\"\n\"2.4.1\" = \"https://example.org/a.tar.gz"+sum+"\"\n[archives.python]\n\"3.14t\" = \"file:/srv/python.tar.xz\"\n")
	c.Archives = c.Archives.In("/the folder")
	want := Archives{map[string]string{"2.4.58": "file:/the folder/old/httpd.tar.bz2" + sum, "2.4.1": "https://example.org/a.tar.gz" + sum}, map[string]string{"3.14t": "file:/srv/python.tar.xz"}}
	if !maps.Equal(c.Archives.Apache, want.Apache) || !maps.Equal(c.Archives.Python, want.Python) {
		t.Errorf("%v, want %v", c.Archives, want)
	}
	p, err := New(c, machine(), Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	again(t, p)
	if len(p.Archives) != 1 || p.Archives["2.4.58"] != want.Apache["2.4.58"] {
		t.Errorf("the plan has %v", p.Archives)
	}
	for version, from := range map[string]string{"2.4.58/..": "file:/a", "2.4.58": "https://example.org/a.tar.gz"} {
		p.Archives = map[string]string{version: from}
		data, _ := p.Write()
		if _, err := ReadPlan(data); err == nil {
			t.Errorf("a plan with %v is read", p.Archives)
		}
	}
}

// Any text is read or refused, and what is read gives a plan or an error.
func FuzzReadConfig(f *testing.F) {
	for _, text := range []string{
		"", "timeout = \"1m\"\nretries = 2\norder = [\"mpm\"]\nchanged = [\"a/**\"]\n[axes]\npython = [\"3.12\"]\nmpm = [\"event\"]\n[[include]]\nprovider = \"rootfs:trixie\"\n[[exclude]]\npython = \"3.9*\"\n[[xfail]]\nmpm = \"event\"\nreason = \"r\"\nissue = \"i\"\n[[require]]\nmode = \"daemon\"\n[[limit]]\nmode = \"daemon\"\nretries = 1\n[ci]\nimage = \"x\"",
		"include = [{python = \"3.12\", gil = [\"free\", \"default\"]}]", "[axes]\nsuite = [\"wsgi\", \"soak\"]\nsource = [\"ours\", \"pypi:6.0.5\"]", "axes.mode = \"daemon\"", "[[exclude]]\n\n[exclude.x]\n", "x = \"\"\"\n[axes]\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadConfig(ConfigFile, text)
		if err != nil {
			return
		}
		p, err := New(c, machine(), Request{Mode: Smoke})
		if err != nil {
			return
		}
		again(t, p)
	})
}
