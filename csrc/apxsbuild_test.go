package csrc

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// C-10: every option before the sources, every word for the linker behind them;
// what a shell would not leave as it is goes into a header, or is refused.
func TestPlanApxs(t *testing.T) {
	f := planFacts()
	f.Classic, f.Builder, f.Python = true, BuilderApxs, planPythons[:1]
	apache := *f.Apache
	apache.Apxs, apache.IncludeDirs, apache.Defines = "/usr/bin/apxs", []string{"/usr/include/apache2"}, nil
	f.Apache = &apache
	f.Defines = []string{`-DTEXT="a b"`, "-DPLAIN=1"}
	abi := f.Python[0].ABI.Folder()
	f.Paths = map[string]RunPaths{abi: {Dir: "/opt/py/lib"}}
	tree, err := readTree(classicTree())
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(tree.targets(), f)
	if err != nil {
		t.Fatal(err)
	}
	l := p.Links[0]
	args := l.Command.Args
	first := slices.Index(args, "mod_wsgi.c")
	note := slices.Index(args, apxsNote)
	if len(p.Compiles) != 0 || args[0] != "/usr/bin/apxs" || args[1] != "-c" || first < 0 || note != first+len(l.Apxs.Files) {
		t.Fatalf("%d compiled elsewhere, %q", len(p.Compiles), args)
	}
	for i, word := range args[1:] {
		option := strings.HasPrefix(word, "-Wc,") || strings.HasPrefix(word, "-D") || strings.HasPrefix(word, "-I")
		if linker := strings.HasPrefix(word, "-Wl,") || strings.HasPrefix(word, "-l"); option && i+1 > first || linker && i+1 < note {
			t.Errorf("%s is on the wrong side of the sources: %q", word, args)
		}
	}
	if !slices.Contains(args, "-Wl,"+l.LibPython) || !slices.Contains(args, "-DPLAIN=1") || l.Apxs.Define != "#define TEXT \"a b\"\n" || !strings.Contains(l.Note.Text, `\"builder\":\"apxs\"`) {
		t.Errorf("%q\n%s\n%s", args, l.Apxs.Define, l.Note.Text)
	}
	f.Paths = map[string]RunPaths{abi: {Dir: "/opt/p y/lib"}}
	if _, err := NewPlan(tree.targets(), f); hint.Code(err) != hint.Refused || !strings.Contains(hint.Of(err), "builder direct") {
		t.Errorf("a folder with a blank: %v", err)
	}
}

// C-10: what the real apxs makes is what we make of the same sources.
func TestRealApxs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs libtool")
	}
	m := wholeMachine(t)
	if m.apache.Apxs == "" {
		t.Skip("this Apache has no apxs")
	}
	source := fstest.MapFS{
		"src/server/wsgi_version.h": {Data: []byte("#define MOD_WSGI_VERSION_STRING \"9.8.7\"\n")},
		"src/server/mod_wsgi.c": {Data: []byte(`#include <Python.h>
#include <httpd.h>
#include <http_config.h>
#include "wsgi_version.h"
#include <math.h>
const char *other(double);
module AP_MODULE_DECLARE_DATA wsgi_module = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, NULL };
const char *other(double x) { return fmod(x, 3) > 1 ? Py_GetVersion() : MOD_WSGI_VERSION_STRING TEXT; }
`)},
	}
	made := map[Builder]Binary{}
	for _, builder := range []Builder{BuilderDirect, BuilderApxs} {
		o := Options{Apache: m.apache, Python: m.pythons[:1], Source: source, Dir: filepath.Join(t.TempDir(), `a "real" build`), Builder: builder, RunPath: RunPathExact, Defines: []string{`-DTEXT=" it's"`}}
		a, err := Build(t.Context(), &run.Runner{}, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Warnings) > 0 {
			t.Errorf("%s: %q", builder, a.Warnings)
		}
		if made[builder], err = Inspect(a.Module); err != nil {
			t.Fatal(err)
		}
		if again, err := Build(t.Context(), &run.Runner{}, o); err != nil || again.Linked != 0 || again.Compiled != 0 {
			t.Errorf("%s, again: %d linked, %v", builder, again.Linked, err)
		}
		o.Defines = []string{`-DTEXT=" other"`}
		if again, err := Build(t.Context(), &run.Runner{}, o); err != nil || again.Linked != 1 {
			t.Errorf("%s, another definition: %d linked, %v", builder, again.Linked, err)
		}
	}
	ours, theirs := made[BuilderDirect], made[BuilderApxs]
	slices.Sort(ours.Needed)
	slices.Sort(theirs.Needed)
	if !slices.Equal(ours.Needed, theirs.Needed) || !slices.Equal(ours.Exports, theirs.Exports) || ours.RunPath != theirs.RunPath || ours.SONAME != theirs.SONAME || *ours.Module != *theirs.Module {
		t.Errorf("apxs made %+v\nwe make %+v", theirs, ours)
	}
	if ours.Build.Builder != "" || theirs.Build.Builder != BuilderApxs || !slices.Contains(theirs.Needed, m.pythons[0].SONAME) {
		t.Errorf("%+v, %+v", ours.Build, theirs.Build)
	}
}
