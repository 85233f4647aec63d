package csrc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// classicTree is the least that is a classic tree.
func classicTree() fstest.MapFS {
	return fstest.MapFS{
		"setup.py":                     {Data: []byte("raise SystemExit\n")},
		"src/server/mod_wsgi.c":        {Data: []byte("#include \"wsgi_version.h\"\n")},
		"src/server/wsgi_other.c":      {Data: []byte("\n")},
		"src/server/wsgi_version.h":    {Data: []byte("#define MOD_WSGI_VERSION_STRING \"9.8.7rc1\"\n")},
		"src/server/sub/wsgi_not_it.c": {Data: []byte("\n")},
	}
}

func TestClassicTree(t *testing.T) {
	tree, err := readTree(classicTree())
	if err != nil {
		t.Fatal(err)
	}
	if tree.version != "9.8.7rc1" || tree.layout != layoutClassic || tree.level != 0 {
		t.Errorf("version %q, layout %q, level %d", tree.version, tree.layout, tree.level)
	}
	list := tree.targets()
	if len(list) != 1 {
		t.Fatalf("targets %+v", list)
	}
	var files []string
	for _, s := range list[0].Sources {
		files = append(files, s.File)
		if s.Needs != NeedsBoth {
			t.Errorf("%s needs %s", s.File, s.Needs)
		}
	}
	if want := []string{"mod_wsgi.c", "wsgi_other.c"}; !slices.Equal(files, want) || list[0].Needs != NeedsBoth || list[0].Kind != Module {
		t.Errorf("target %+v", list[0])
	}
	if folder, err := OutputFolder(classicTree()); err != nil || folder != filepath.Join("build", "mod_wsgi-9.8.7rc1") {
		t.Errorf("output folder %q, %v", folder, err)
	}
	if folder, err := OutputFolder(Sources()); err != nil || folder != "build" {
		t.Errorf("output folder of ours %q, %v", folder, err)
	}
}

// The plan of a classic tree: every command has both halves' headers, none hides
// what is not marked, and the module is linked with one Python and an exports
// list.
func TestClassicPlan(t *testing.T) {
	tree, err := readTree(classicTree())
	if err != nil {
		t.Fatal(err)
	}
	f := planFacts()
	f.Classic, f.Version = true, tree.version
	f.Python = f.Python[1:]
	p, err := NewPlan(tree.targets(), f)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Compiles) != 2 || len(p.Links) != 1 {
		t.Fatalf("%d compiles, %d links", len(p.Compiles), len(p.Links))
	}
	for _, c := range p.Compiles {
		line := strings.Join(c.Command.Args, " ")
		for _, word := range []string{"-I/opt/my apache/include", "-I/opt/py 3/include/python3.13t", "-D_REENTRANT", "-fstack-protector-strong", "-ffile-prefix-map="} {
			if !strings.Contains(line, word) {
				t.Errorf("%s lacks %s: %s", c.Source.File, word, line)
			}
		}
		for _, word := range []string{"-fvisibility", "MOD_WSGI_VERSION", "-std=", "-Wextra"} {
			if strings.Contains(line, word) {
				t.Errorf("%s has %s: %s", c.Source.File, word, line)
			}
		}
		if !strings.Contains(c.Object, "apache-20120211-cpython-313t-") {
			t.Errorf("object %s", c.Object)
		}
	}
	l := p.Links[0]
	args := l.Command.Args
	if l.Output != "mod_wsgi.so" || l.LibPython != f.Python[0].LibPython || l.RunPath != "/opt/py 3/lib" {
		t.Errorf("link %+v", l)
	}
	for _, word := range []string{"-Wl,--version-script=" + exportsFile, "-Wl,-soname,mod_wsgi.so", f.Python[0].LibPython, "-rpath"} {
		if !slices.Contains(args, word) {
			t.Errorf("the link lacks %s: %q", word, args)
		}
	}
}

func TestClassicPlanRefuses(t *testing.T) {
	tree, err := readTree(classicTree())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Facts)
		want   string
	}{
		{"no Apache", func(f *Facts) { f.Apache = nil }, "needs an Apache"},
		{"no Python", func(f *Facts) { f.Python = nil }, "needs a Python"},
		{"two Pythons", func(*Facts) {}, "one Python in it, and 2 were given"},
	} {
		f := planFacts()
		f.Classic = true
		c.change(&f)
		if _, err := NewPlan(tree.targets(), f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOpenSource(t *testing.T) {
	root := t.TempDir()
	write := func(name string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#define MOD_WSGI_VERSION_STRING \"1.2\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a release/src/server/mod_wsgi.c")
	write("a release/src/server/wsgi_version.h")
	write("half/src/server/mod_wsgi.c")
	write("archive.tar.gz")
	if _, err := OpenSource(filepath.Join(root, "a release")); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ dir, want, advice string }{
		{"", "neither src/server/mod_wsgi.c and src/server/wsgi_version.h", "did you mean " + filepath.Join(root, "a release") + "?"},
		{"half", "it lacks src/server/wsgi_version.h", ""},
		{"archive.tar.gz", "archive.tar.gz is a file", "unpack it"},
		{"nothing", "no such file or directory", ""},
	} {
		_, err := OpenSource(filepath.Join(root, c.dir))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint.Of(err), c.advice) {
			t.Errorf("%q: %v (hint %q)", c.dir, err, hint.Of(err))
		}
		if c.dir != "nothing" && !errors.Is(err, ErrNoTree) || c.dir == "nothing" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v is another kind of error", c.dir, err)
		}
	}
}

// A release of the original that lies here is built and looked at:
// MODWSGI_CLASSIC_SOURCE names its folder; `go tool mage bench` leaves one.
func TestRealClassic(t *testing.T) {
	r := &run.Runner{}
	dir := os.Getenv("MODWSGI_CLASSIC_SOURCE")
	if dir == "" {
		found := treesBelow("../build/bench/source")
		if len(found) == 0 {
			t.Skip("no release of the original here: MODWSGI_CLASSIC_SOURCE names no folder, and go tool mage bench left none in build/bench/source")
		}
		dir = found[len(found)-1]
	}
	m := wholeMachine(t)
	source, err := OpenSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Apache: m.apache, Python: m.pythons[:1], Source: source, Dir: filepath.Join(t.TempDir(), `a "real" build`)}
	began := time.Now()
	a, err := Build(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("mod_wsgi %s: %d files in %s, %d warnings", a.Version, a.Compiled, time.Since(began).Round(time.Millisecond), len(a.Warnings))
	module, err := Inspect(a.Module)
	if err != nil {
		t.Fatal(err)
	}
	mmn := m.apache.MMN
	if got := module.Module; got == nil || *got != (ModuleMagic{Major: mmn.Major, Minor: mmn.Minor, Cookie: mmn.Cookie}) {
		t.Errorf("module record %+v, headers %+v", got, mmn)
	}
	// H-4 and H-2, of a tree that is not ours.
	if !testing.Short() {
		o.Strict = true
		twice, err := Reproduce(t.Context(), r, o)
		if err != nil || twice.Err() != nil || len(twice.Sums) != 1 {
			t.Errorf("%v, %+v", err, twice)
		}
		t.Logf("sha256 %s", twice.Sums)
		o.Strict = false
	}
	again, err := Build(t.Context(), r, o)
	if err != nil || again.Compiled != 0 || again.Linked != 0 {
		t.Errorf("again: %d compiled, %d linked, %v", again.Compiled, again.Linked, err)
	}
}
