package csrc

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("%s differs from line %d on (go test -update writes it): %q", path, i+1, a[min(i, len(a)-1)])
			return
		}
	}
}

var planPythons = []pybuild.Info{
	{
		Executable: "/usr/bin/python3", Version: "3.11.2",
		ABI:     pybuild.ABI{Impl: "cpython", Major: 3, Minor: 11, Micro: 2, Triplet: "x86_64-linux-gnu"},
		Include: []string{"/usr/include/python3.11", "/usr/include", "/usr/include/x86_64-linux-gnu/python3.11"},
		Defines: []string{"-DNDEBUG"}, LibPython: "/usr/lib/libpython3.11.so.1.0", SONAME: "libpython3.11.so.1.0",
	},
	{
		Executable: "/opt/py 3/bin/python3.13t", Version: "3.13.0",
		ABI:     pybuild.ABI{Impl: "cpython", Major: 3, Minor: 13, Free: true, Triplet: "x86_64-linux-gnu"},
		Include: []string{"/opt/py 3/include/python3.13t"}, NeedsPath: true,
		LibPython: "/opt/py 3/lib/libpython3.13t.so.1.0", SONAME: "libpython3.13t.so.1.0",
	},
}

func planFacts() Facts {
	return Facts{
		Dir: `/home/me/a "b"/build`, Source: "src/0123456789ab", Version: "1.2.3",
		Compiler: Compiler{
			Words: []string{"ccache", "gcc"}, Version: "gcc 12", Machine: "x86_64-linux-gnu",
			Compile:   []string{"-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"},
			Link:      []string{"-Wl,-z,relro", "-Wl,-z,now"},
			PrefixMap: []string{"-ffile-prefix-map"}, Exports: true,
		},
		Apache: &apxs.Info{
			MMN:         apxs.MMN{Cookie: "AP24", Major: 20120211, Minor: 124},
			IncludeDirs: []string{"/opt/my apache/include", "relative", "/usr/include/apr-1.0", "/opt/my apache/include"},
			Defines:     []string{"-DLINUX", "-D_REENTRANT"},
		},
		Python: planPythons,
		Paths:  map[string]RunPaths{"cpython-313t-x86_64-linux-gnu": {Dir: "/opt/py 3/lib"}},
	}
}

// fewTargets is our tree with few sources, so that a new file of it is no news
// for the golden.
func fewTargets() []Target {
	few := Targets()
	for i := range few {
		few[i].Sources = slices.DeleteFunc(few[i].Sources, func(s Source) bool {
			return !slices.Contains([]string{"mod_wsgi.c", "wsgi_embed.c", "wsgi_host.c", "wsgi_python.c", "wsgi_supervisor.c", "wsgi_wire.c"}, s.File)
		})
	}
	return few
}

// S-1, C-3: every command, word for word.
func TestPlan(t *testing.T) {
	p, err := NewPlan(fewTargets(), planFacts())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range p.Compiles {
		fmt.Fprintf(&b, "%s -> %s\n", c.Source.File, c.Object)
	}
	// One object of each tier in full: the others differ in their file's name.
	for _, file := range []string{"wsgi_wire.c", "mod_wsgi.c", "wsgi_embed.c"} {
		for _, c := range p.Compiles {
			if c.Source.File == file {
				fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(run.Cmd{Dir: c.Command.Dir, Path: c.Command.Args[0], Args: c.Command.Args[1:]}.Line(), " -", "\n -"))
			}
		}
	}
	for _, l := range p.Links {
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n", l.Output, l.Note.Text, strings.ReplaceAll(run.Line(l.Command.Args[0], l.Command.Args[1:]...), " obj/", "\n obj/"))
	}
	golden(t, "plan.golden", b.String())
}

// Nothing of one tier may reach the commands of another, and what is the same
// for two Pythons is compiled once.
func TestPlanKeepsTiersApart(t *testing.T) {
	p, err := NewPlan(Targets(), planFacts())
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]int{}
	for _, c := range p.Compiles {
		objects[c.Object]++
		line := strings.Join(c.Command.Args, " ")
		for needs, word := range map[Needs]string{NeedsApache: "my apache", NeedsPython: "python3"} {
			if got := strings.Contains(line, word); got != (c.Source.Needs == needs) {
				t.Errorf("%s (%s): %q in its command: %v", c.Source.File, c.Source.Needs, word, got)
			}
		}
	}
	for name, n := range objects {
		if n != 1 {
			t.Errorf("%s is made %d times", name, n)
		}
	}
	for _, l := range p.Links {
		line := strings.Join(l.Command.Args, " ")
		if got := strings.Contains(line, "libpython"); got != (l.Target.Needs == NeedsPython) {
			t.Errorf("%s: libpython in its command: %v", l.Output, got)
		}
		if got := strings.Contains(line, "-rpath"); got != (strings.Contains(l.ABI, "313t")) {
			t.Errorf("%s: a run path: %v", l.Output, got)
		}
		if len(l.Objects) != len(l.Target.Sources) {
			t.Errorf("%s: objects %q", l.Output, l.Objects)
		}
		for _, o := range l.Objects {
			if objects[o] == 0 {
				t.Errorf("%s: nothing makes %s", l.Output, o)
			}
		}
	}
}

// What does not change the result does not change the key, and the reverse.
func TestPlanKeys(t *testing.T) {
	keys := func(change func(*Facts)) map[string]string {
		f := planFacts()
		a := *f.Apache
		f.Apache = &a
		change(&f)
		p, err := NewPlan(Targets(), f)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for _, c := range p.Compiles {
			m[c.ABI+" "+c.Source.File] = c.Key
		}
		return m
	}
	before := keys(func(*Facts) {})
	const plain, apache, python = " wsgi_wire.c", " mod_wsgi.c", "cpython-311-x86_64-linux-gnu wsgi_python.c"
	for _, c := range []struct {
		name    string
		change  func(*Facts)
		changed []string
	}{
		{"another folder", func(f *Facts) { f.Dir = "/elsewhere"; f.Source = "src/ffffffffffff" }, nil},
		{"another compiler", func(f *Facts) { f.Compiler.Version = "gcc 13" }, []string{plain, apache, python}},
		{"another search path", func(f *Facts) { f.Compiler.Environ = []string{"CPATH=/x"} }, []string{plain, apache, python}},
		{"another version", func(f *Facts) { f.Version = "9" }, []string{plain, apache, python}},
		{"Apache's flags", func(f *Facts) { f.Apache.Defines = []string{"-DLINUX=2"} }, []string{apache}},
		{"a library's place", func(f *Facts) {
			f.Python = slices.Clone(f.Python)
			f.Python[0].LibPython = "/x/libpython3.11.so.1.0"
		}, nil},
	} {
		after := keys(c.change)
		for _, name := range []string{plain, apache, python} {
			if got := before[name] != after[name]; got != slices.Contains(c.changed, name) {
				t.Errorf("%s: key of %s changed: %v", c.name, name, got)
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	static := planPythons[0]
	static.LibPython, static.Reason = "", "it was built without --enable-shared"
	other := planPythons[0]
	other.LibPython = "/opt/lib/libpython3.11.so.1.0"
	for _, c := range []struct {
		name    string
		python  []pybuild.Info
		want    string
		advised bool
	}{
		{"static", []pybuild.Info{static}, "/usr/bin/python3 cannot be linked: it was built without --enable-shared", true},
		{"two of one ABI", []pybuild.Info{planPythons[0], other}, "two Pythons are both cpython-311-x86_64-linux-gnu", true},
	} {
		f := planFacts()
		f.Python = c.python
		_, err := NewPlan(Targets(), f)
		if err == nil || !strings.Contains(err.Error(), c.want) || (hint.Of(err) != "") != c.advised {
			t.Errorf("%s: %v (hint %q)", c.name, err, hint.Of(err))
		}
	}
}

// A Python and an environment made of it are one half.
func TestPlanSameTwice(t *testing.T) {
	f := planFacts()
	f.Python = []pybuild.Info{planPythons[0], planPythons[0]}
	p, err := NewPlan(Targets(), f)
	if err != nil || len(p.Links) != 4 {
		t.Errorf("%d links, %v", len(p.Links), err)
	}
}

// The table is what src holds: a file that is missing there would break every
// build, one that is not listed would never be compiled.
func TestTargetsMatchFolder(t *testing.T) {
	listed := map[string]Needs{}
	for _, target := range Targets() {
		var names []string
		for _, s := range target.Sources {
			names = append(names, s.File)
			if other, ok := listed[s.File]; ok && other != s.Needs {
				t.Errorf("%s is of two tiers: %s and %s", s.File, other, s.Needs)
			}
			listed[s.File] = s.Needs
			if s.Needs != NeedsNone && s.Needs != target.Needs {
				t.Errorf("%s needs %s, %s in it needs %s", target.Name, target.Needs, s.File, s.Needs)
			}
		}
		if !slices.IsSorted(names) {
			t.Errorf("%s: not sorted: %q", target.Name, names)
		}
	}
	paths, err := filepath.Glob("src/*.c")
	if err != nil {
		t.Fatal(err)
	}
	present := map[string]bool{}
	for _, p := range paths {
		name := filepath.Base(p)
		present[name] = true
		if _, ok := listed[name]; !ok {
			t.Errorf("src/%s belongs to no target", name)
		}
	}
	for name := range listed {
		if !present[name] {
			t.Errorf("src/%s is listed and not there", name)
		}
	}
}
