package csrc

import (
	"os"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// S-6, C-6: the archive whole, no list of exports, and a program that shows
// Python's symbols to extension modules.
func TestPlanStatic(t *testing.T) {
	f := planFacts()
	f.Python = []pybuild.Info{planPythons[0]}
	f.Python[0].LibPython = ""
	f.Static = map[string]StaticLibrary{"cpython-311-x86_64-linux-gnu": {Archive: "/opt/py/lib/libpython3.11.a", Libs: []string{"-lz", "-lutil"}}}
	var b strings.Builder
	show := func(targets []Target) {
		t.Helper()
		p, err := NewPlan(targets, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Links {
			if l.ABI == "" {
				continue
			}
			b.WriteString(run.Line(l.Command.Args[0], l.Command.Args[1:]...) + "\n")
			if !l.Static || l.SONAME != "" || l.RunPath != "" || !strings.Contains(l.Note.Text, `\"link\":\"static\"`) {
				t.Errorf("%+v", l)
			}
		}
	}
	show(fewTargets())
	tree, err := readTree(classicTree())
	if err != nil {
		t.Fatal(err)
	}
	f.Classic = true
	show(tree.targets())
	golden(t, "static.golden", b.String())
}

func TestStaticIsAsked(t *testing.T) {
	o := Options{Python: planPythons[:1], Static: map[string]StaticLibrary{"cpython-311-x86_64-linux-gnu": {Archive: "/x/libpython3.11.a"}}}
	if err := o.checkStatic(); hint.Code(err) != hint.Refused || !strings.Contains(hint.Of(err), "MODWSGI_ALLOW_STATIC=1") {
		t.Errorf("%v", err)
	}
	o.AllowStatic = true
	if err := o.checkStatic(); err != nil {
		t.Error(err)
	}
	if said := strings.Join(o.staticWarnings(), ""); !strings.Contains(said, "memory") || !strings.Contains(said, "3.11.2") || !strings.Contains(said, "conflicts") {
		t.Error(said)
	}
}

// S-6: the real tree with the real archive, where a system has one that can go
// into a shared object: it links, and runs Python.
func TestRealStatic(t *testing.T) {
	if testing.Short() {
		t.Skip("links all of Python twice")
	}
	m := wholeMachine(t)
	r := &run.Runner{}
	i := slices.IndexFunc(m.pythons, func(py pybuild.Info) bool { return staticOf(py).Archive != "" })
	if i < 0 {
		t.Skip("no Python here has a libpython*-pic.a")
	}
	py := m.pythons[i]
	dir := t.TempDir()
	a, err := Build(t.Context(), r, Options{Python: []pybuild.Info{py}, Dir: dir, AllowStatic: true, Static: map[string]StaticLibrary{py.ABI.Folder(): staticOf(py)}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Inspect(a.Halves[0].Embed)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(b.Needed, func(n string) bool { return strings.HasPrefix(n, "libpython") }) || !slices.Contains(b.Exports, "Py_GetVersion") || !slices.Contains(b.Exports, "wsgi_embed_entry") {
		t.Errorf("needs %q", b.Needed)
	}
	if b.Build == nil || b.Build.Link != "static" || len(a.Warnings) == 0 {
		t.Errorf("%+v, warnings %q", b.Build, a.Warnings)
	}
	callPlugin(t, r, a.Halves[0])
}

// staticOf is the archive of a Python's objects that may go into a shared object,
// as Debian ships it beside the other one.
func staticOf(py pybuild.Info) StaticLibrary {
	archive := strings.TrimSuffix(py.Archive, ".a") + "-pic.a"
	if _, err := os.Stat(archive); err != nil {
		return StaticLibrary{}
	}
	return StaticLibrary{Archive: archive, Libs: py.StaticLibs}
}
