package pack

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names and contents of a wheel.
func (x packed) testWheel(t *testing.T) {
	t.Parallel()
	all := ending(made(t, "wheel", x.b, x.o), ".whl")
	v := x.b.Layout.Apache.Version
	name := "mod_wsgi-" + v + "-1mmn20120211-cp311-cp311-linux_x86_64.whl"
	free := "mod_wsgi-" + v + "-1mmn20120211-cp313-cp313t-linux_x86_64.whl"
	if len(all) != 2 || all[name] == nil || all[free] == nil {
		t.Fatalf("%d wheels, none is %s or %s", len(all), name, free)
	}
	list := strings.TrimSpace(ask(t, tool(t, "unzip"), "-Z1", filepath.Join(kept(t, all), name)))
	for _, want := range []string{
		"mod_wsgi/__init__.py\n", "mod_wsgi/server/apache/mod_wsgi.so\n", "mod_wsgi/server/apache/mod_wsgi/wsgi-supervisor\n",
		"mod_wsgi/server/apache/mod_wsgi/cpython-311-x86_64-linux-gnu/wsgi-host\n", "mod_wsgi/server/apache/mod_wsgi/python/mod_wsgi/__init__.py\n",
		"mod_wsgi-" + v + ".data/scripts/mod_wsgi-express\n", ".dist-info/METADATA\n", ".dist-info/licenses/NOTICE\n",
	} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
	if !strings.HasSuffix(list, "mod_wsgi-"+v+".dist-info/RECORD") || strings.Contains(list, ".c\n") || strings.Contains(list, "cpython-313t") {
		t.Errorf("%s", list)
	}
}

// a wheel that is not as it says is refused.
func (x packed) testWheelReader(t *testing.T) {
	t.Parallel()
	all := ending(made(t, "wheel", x.b, x.o), ".whl")
	for name, data := range all {
		if err := checkWheel(name, data, x.o.Date); err != nil {
			t.Error(err)
		}
		for _, c := range []struct{ what, name, old, new string }{
			{"another tag", strings.Replace(name, "linux_", "other_", 1), "", ""},
			{"another build", strings.Replace(name, "-1mmn", "-2mmn", 1), "", ""},
			{"another version", strings.Replace(name, "-0.", "-1.", 1), "", ""},
			{"a file of another name", name, "mod_wsgi/__init__.py", "mod_wsgi/__inix__.py"},
		} {
			if err := checkWheel(c.name, bytes.ReplaceAll(data, []byte(c.old), []byte(c.new)), x.o.Date); err == nil {
				t.Errorf("%s is taken", c.what)
			}
		}
		if err := checkWheel(name, data, x.o.Date.AddDate(0, 0, 1)); err == nil {
			t.Error("another date is taken")
		}
	}
}

// each rule about a wheel's inside is one that the reader knows.
func (x packed) testWheelRules(t *testing.T) {
	t.Parallel()
	for name, data := range ending(made(t, "wheel", x.b, x.o), ".whl") {
		info := strings.Join(strings.Split(name, "-")[:2], "-") + ".dist-info/"
		change := func(name, old, new string) func([]wheelFile) []wheelFile {
			return func(list []wheelFile) []wheelFile {
				for i := range list {
					if list[i].path == info+name {
						list[i].data = []byte(strings.Replace(string(list[i].data), old, new, 1))
					}
				}
				return list
			}
		}
		without := func(name string) func([]wheelFile) []wheelFile {
			return func(list []wheelFile) []wheelFile {
				return slices.DeleteFunc(list, func(f wheelFile) bool { return f.path == info+name })
			}
		}
		for _, c := range []struct {
			says   string
			change func([]wheelFile) []wheelFile
		}{
			{"WHEEL has not \"Tag: ", change("WHEEL", "Build: ", "Tag: py3-none-any\nBuild: ")},
			{"WHEEL has not \"Build: ", change("WHEEL", "Build: 1mmn", "Build: 2mmn")},
			{"WHEEL has not \"Root-Is-Purelib: ", change("WHEEL", "false", "true")},
			{"METADATA has not \"Metadata-Version: ", change("METADATA", "2.4", "2.3")},
			{"METADATA has not \"License-Expression: ", change("METADATA", "License-Expression", "License")},
			{"METADATA does not name NOTICE", change("METADATA", "License-File: NOTICE\n", "")},
			{"names 2 texts of licences, and 1 are", without("licenses/NOTICE")},
			{"no bill of materials", without("sboms/mod_wsgi.cdx.json")},
			{"it has no RECORD", without("RECORD")},
			{"is not in its place", func(list []wheelFile) []wheelFile { slices.Reverse(list[:2]); return list }},
			{"is not in its place", func(list []wheelFile) []wheelFile { return append(list, wheelFile{"zz", 0o644, nil}) }},
			{"has the mode", func(list []wheelFile) []wheelFile { list[0].mode = 0o600; return list }},
		} {
			w := &wheel{o: x.o, files: c.change(unzipped(t, data))}
			changed, err := w.zip()
			if err != nil {
				t.Fatal(err)
			}
			if err := checkWheel(name, changed, x.o.Date); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.says, err)
			}
		}
		flag := bytes.ReplaceAll(data, []byte{'P', 'K', 1, 2, 20, 3, 20, 0, 8, 8}, []byte{'P', 'K', 1, 2, 20, 3, 20, 0, 8, 0})
		if err := checkWheel(name, flag, x.o.Date); err == nil || !strings.Contains(err.Error(), "flags") {
			t.Errorf("names that may not be UTF-8: %v", err)
		}
	}
}

// Y-4: what is read of RECORD could be written again.
func FuzzReadRecord(f *testing.F) {
	f.Add("a,sha256=x,1\nb/RECORD,,\n")
	f.Add("a\n")
	f.Add("a,b,c\na,b,c\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readRecord(text)
		if err == nil && len(list) != strings.Count(strings.TrimSuffix(text, "\n")+"\n", "\n") && text != "" {
			t.Errorf("%q: %q", text, list)
		}
	})
}

// The copies of these files are those of the project, which cannot be embedded
// from below.
func TestCopies(t *testing.T) {
	for _, name := range []string{"LICENSE", "NOTICE"} {
		here, err := os.ReadFile(name)
		there, errThere := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil || errThere != nil || !bytes.Equal(here, there) {
			t.Errorf("copy %s of the project here: %v, %v", name, err, errThere)
		}
	}
}
