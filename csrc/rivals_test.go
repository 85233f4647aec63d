package csrc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/run"
)

// who else brings a library of the same name into this server.
func TestRivals(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	py := w.Pythons[0]
	other := filepath.Join(w.Root, "other", py.SONAME)
	module := func(name string, args ...string) string {
		t.Helper()
		path := filepath.Join(w.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		source := filepath.Join(w.Root, "m.c")
		if err := os.WriteFile(source, []byte("int Py_Fake(void); int m(void); int m(void) { return Py_Fake(); }\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := (&run.Runner{}).Output(t.Context(), "", "cc", append([]string{"-shared", "-fPIC", "-o", path, source}, args...)...); err != nil {
			t.Fatal(err)
		}
		return path
	}
	module("other/"+py.SONAME, "-Wl,-soname,"+py.SONAME)
	rpath := func(dir string) []string {
		return []string{py.LibPython, "-Xlinker", "-rpath", "-Xlinker", dir}
	}
	with := module("mods/mod_other.so", rpath(filepath.Dir(other))...)
	relative := module("mods/mod_relative.so", rpath("$ORIGIN/../other")...)
	same := module("mods/mod_same.so", rpath(filepath.Dir(py.LibPython))...)
	bare := module("mods/mod_bare.so", py.LibPython)
	none := module("mods/mod_none.so")
	conf := filepath.Join(w.Root, "httpd.conf")
	quote := func(path string) string { return `"` + strings.ReplaceAll(path, `"`, `\"`) + `"` }
	text := "ServerRoot " + quote(w.Root) + "\n"
	for i, path := range []string{with, "mods/mod_relative.so", same, bare, none, filepath.Join(w.Root, "gone.so")} {
		text += fmt.Sprintf("LoadModule m%d_module %s\n", i, quote(path))
	}
	text += "LoadModule wsgi_module " + quote(with) + "\nLoadFile " + quote(other) + "\nLoadFile " + quote(py.LibPython) + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	scan, err := apxs.ScanConfig(conf, w.Root, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range csrc.Rivals(py, scan, w.Root) {
		got = append(got, strings.Join([]string{r.By, r.Library, filepath.Base(r.Place)}, " | "))
	}
	want := []string{
		with + " | " + other + " | httpd.conf:2",
		relative + " | " + filepath.Join(w.Root, "other", py.SONAME) + " | httpd.conf:3",
		bare + " |  | httpd.conf:5",
		other + " | " + other + " | httpd.conf:9",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rivals:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	w.Apache.ConfFile, w.Apache.Root = conf, w.Root
	a := w.Build(w.Classic("build", 0))
	if said := strings.Join(a.Warnings, "\n"); strings.Count(said, "MW212") != len(want) {
		t.Errorf("warnings: %s", said)
	}
}
