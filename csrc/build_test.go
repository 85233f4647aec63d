package csrc_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// count says how many objects one Python, Apache and the plain tier have.
func count() (python, apache, plain int) {
	seen := map[string]bool{}
	for _, t := range csrc.Targets() {
		for _, s := range t.Sources {
			if seen[s.File] {
				continue
			}
			seen[s.File] = true
			switch s.Needs {
			case csrc.NeedsPython:
				python++
			case csrc.NeedsApache:
				apache++
			default:
				plain++
			}
		}
	}
	return python, apache, plain
}

// onlyPython is the number of plain sources that Apache's half is made without.
func onlyPython() (n int) {
	early, late := map[string]bool{}, map[string]bool{}
	for _, t := range csrc.Targets() {
		for _, s := range t.Sources {
			switch {
			case t.Needs != csrc.NeedsPython:
				early[s.File] = true
			case s.Needs == csrc.NeedsNone:
				late[s.File] = true
			}
		}
	}
	for f := range late {
		if !early[f] {
			n++
		}
	}
	return n
}

// wantCounts builds and compares how much was made.
func wantCounts(t *testing.T, w *csrctest.World, what string, o csrc.Options, compiled, linked int) {
	t.Helper()
	a := w.Build(o)
	if a.Compiled != compiled || a.Linked != linked {
		t.Errorf("%s: %d compiled, %d linked; want %d, %d", what, a.Compiled, a.Linked, compiled, linked)
	}
	ran := len(w.Lines())
	if ran < compiled+linked || compiled+linked == 0 && ran != 0 {
		t.Errorf("%s: %d programs ran", what, ran)
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Options("build")
	python, apache, plain := count()
	all := 2*python + apache + plain

	wantCounts(t, w, "cold", o, all, 6)
	built := csrctest.Sums(t, o.Dir)
	want := []string{
		"mod_wsgi.so", "mod_wsgi/apache.json",
		"mod_wsgi/" + csrctest.ABI311 + "/build.json", "mod_wsgi/" + csrctest.ABI311 + "/wsgi-embed.so", "mod_wsgi/" + csrctest.ABI311 + "/wsgi-host",
		"mod_wsgi/" + csrctest.ABI313 + "/build.json", "mod_wsgi/" + csrctest.ABI313 + "/wsgi-embed.so", "mod_wsgi/" + csrctest.ABI313 + "/wsgi-host",
		"mod_wsgi/default",
		"mod_wsgi/python/mod_wsgi/__init__.py", "mod_wsgi/python/mod_wsgi/a/__init__.py",
		"mod_wsgi/wsgi-supervisor",
	}
	if got := slices.Sorted(maps.Keys(built)); !slices.Equal(got, want) {
		t.Errorf("built %q", got)
	}
	if built["mod_wsgi/default"] != csrctest.ABI311 {
		t.Errorf("default is %s", built["mod_wsgi/default"])
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "obj/linked/*.so")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}

	wantCounts(t, w, "again", o, 0, 0)
	if !maps.Equal(built, csrctest.Sums(t, o.Dir)) {
		t.Error("a build with nothing to do changed something")
	}

	// In another folder, with another order of Pythons and one job: the same
	// bytes (rule H-4).
	other := w.Options("else where/deeper")
	slices.Reverse(other.Python)
	other.Jobs, other.Default = 1, csrctest.ABI311
	w.Build(other)
	for name, sum := range csrctest.Sums(t, other.Dir) {
		if built[name] != sum {
			t.Errorf("%s differs in another folder", name)
		}
	}
}

// C-9: what a file was made of decides, not when it was touched.
func TestRebuild(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Options("build")
	w.Build(o)
	w.Lines()
	python, apache, plain := count()
	header := filepath.Join(o.Apache.IncludeDirs[0], "httpd.h")

	w.Edit("wsgi_relay.c", "return x", "return x + 1")
	o.Source = w.Source
	wantCounts(t, w, "one file of Apache's half", o, 1, 1)

	w.Edit("wsgi_wire.c", "return x", "return x + 1")
	o.Source = w.Source
	wantCounts(t, w, "a plain file in all targets", o, 1, 6)

	w.Edit("wsgi_script.c", "return x", "return x + 1")
	o.Source = w.Source
	wantCounts(t, w, "a file of the gateway", o, 2, 4)

	// A file whose lines keep their numbers and code gives the same object.
	w.Edit("wsgi_board.c", "{ assert(x);", "{ /**/ assert(x);")
	o.Source = w.Source
	a := w.Build(o)
	w.Lines()
	if a.Compiled != 1 {
		t.Errorf("a comment: %d compiled", a.Compiled)
	}

	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(header, later, later); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, w, "a header touched and not changed", o, 0, 0)
	if err := os.WriteFile(header, append([]byte("/* new */\n"), must(os.ReadFile(header))...), 0o644); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, w, "a header of Apache", o, apache, 1)

	w.Edit("wsgi_wire.h", "7", "8")
	o.Source = w.Source
	if a := w.Build(o); a.Compiled != 2*python+apache+plain {
		t.Errorf("our header: %d compiled", a.Compiled)
	}
	w.Lines()
	if info, err := csrc.ReadBuildInfo(filepath.Join(o.Dir, "mod_wsgi", csrctest.ABI313)); err != nil || info.Interface != 8 {
		t.Errorf("build.json: %+v, %v", info, err)
	}

	if err := os.Remove(filepath.Join(o.Dir, "mod_wsgi.so")); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, w, "a target removed", o, 0, 1)
	if err := os.WriteFile(filepath.Join(o.Dir, "obj", "state.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, w, "what was known is lost", o, 2*python+apache+plain, 6)
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// A half can be built alone; the others stay, the plain objects are not made
// again.
func TestHalves(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	python, apache, plain := count()
	late := onlyPython() // of the plain ones
	o := w.Options("build")
	o.Python, o.Runtime = nil, nil
	wantCounts(t, w, "Apache's half", o, apache+plain-late, 2)

	o.Apache, o.Python = nil, w.Pythons[1:]
	wantCounts(t, w, "the second Python", o, python+late, 2)
	o.Python = w.Pythons[:1]
	wantCounts(t, w, "the first Python", o, python, 2)

	defaultIs := func(want string) {
		t.Helper()
		if got, err := os.Readlink(filepath.Join(o.Dir, "mod_wsgi", "default")); err != nil || got != want {
			t.Errorf("default is %q, %v; want %s", got, err, want)
		}
	}
	defaultIs(csrctest.ABI313) // the first that was built, kept
	o.Default = csrctest.ABI311
	wantCounts(t, w, "another default", o, 0, 0)
	defaultIs(csrctest.ABI311)
	o.Default = "cpython-399-x86_64-linux-gnu"
	if _, err := csrc.Build(t.Context(), w.Runner(), o); err == nil {
		t.Error("a default that is not there: no error")
	}
	defaultIs(csrctest.ABI311)

	// The Python package goes its own way.
	o.Default = ""
	o.Runtime = fstest.MapFS{"mod_wsgi/b.py": {Data: []byte("y\n")}}
	w.Build(o)
	o.Runtime = fstest.MapFS{"mod_wsgi/c.py": {Data: []byte("z\n")}}
	w.Build(o)
	var names []string
	for name := range csrctest.Sums(t, filepath.Join(o.Dir, "mod_wsgi", "python")) {
		names = append(names, name)
	}
	if !slices.Equal(names, []string{"mod_wsgi/c.py"}) {
		t.Errorf("Python package: %q", names)
	}
}

// C-8: a failed build quotes the compiler and a command that can be pasted, starts
// nothing more, and leaves what was there.
func TestFailure(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Options("build")
	w.Build(o)
	w.Lines()
	before := csrctest.Sums(t, o.Dir)

	w.Edit("wsgi_relay.c", "return x;", "return nosuchthing;")
	o.Source = w.Source
	_, err := csrc.Build(t.Context(), w.Runner(), o)
	var tool *csrc.ToolError
	if !errors.As(err, &tool) || tool.Doing != "compiling wsgi_relay.c" || !strings.Contains(err.Error(), "nosuchthing") {
		t.Fatalf("%v", err)
	}
	if !maps.Equal(before, csrctest.Sums(t, o.Dir)) {
		t.Error("a failed build changed the targets")
	}
	if out, err := (&run.Runner{}).Output(t.Context(), "/", "/bin/sh", "-c", tool.Line); err == nil || !strings.Contains(err.Error(), "nosuchthing") {
		t.Errorf("the command, pasted: %s %v", out, err)
	}
	if line, err := words.Split(tool.Line); err != nil || line[0] != "cd" {
		t.Errorf("%q, %v", line, err)
	}

	// With every file broken and one job, one compiler runs.
	w.Lines()
	w.Edit("wsgi_wire.h", "#define", "#error broken\n#define")
	o.Source, o.Jobs = w.Source, 1
	if _, err := csrc.Build(t.Context(), w.Runner(), o); err == nil || !strings.Contains(err.Error(), "#error broken") {
		t.Errorf("%v", err)
	}
	if ran := w.Lines(); len(ran) != 1 {
		t.Errorf("%d programs ran: %q", len(ran), ran)
	}
	if !maps.Equal(before, csrctest.Sums(t, o.Dir)) {
		t.Error("a failed build changed the targets")
	}
}

// S-5: a target that links and is not what it must be does not replace the old
// one.
func TestChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, old, replacement, want string }{
		{"one export too many", "wsgi_relay.c", "int f_wsgi_relay(int x) {", `__attribute__((visibility("default"))) int f_wsgi_relay(int x) {`,
			"it exports f_wsgi_relay, wsgi_module and should export wsgi_module"},
		{"hidden", "mod_wsgi.c", `__attribute__((visibility("default"))) `, "", "it exports nothing and should export wsgi_module"},
		{"a hole", "wsgi_relay.c", "return x;", "extern int wsgi_nowhere(void); return wsgi_nowhere();", "nothing defines wsgi_nowhere"},
		{"another Python", "wsgi_embed.c", "return Py_Fake();", "extern int PyNew_Function(void); return PyNew_Function() + Py_Fake();", "nothing defines PyNew_Function"},
		{"no Python", "wsgi_embed.c", "return Py_Fake();", "return 0;", "it does not need libpython3.11.so.1.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := csrctest.New(t)
			o := w.Options("build")
			o.Python = o.Python[:1]
			w.Build(o)
			before := csrctest.Sums(t, o.Dir)
			w.Edit(c.file, c.old, c.replacement)
			o.Source = w.Source
			_, err := csrc.Build(t.Context(), w.Runner(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || hint.Code(err) != hint.Unverified {
				t.Errorf("%v (status %d)", err, hint.Code(err))
			}
			if !maps.Equal(before, csrctest.Sums(t, o.Dir)) {
				t.Error("the targets changed")
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	for _, c := range []struct {
		name   string
		change func(o *csrc.Options)
		want   string
	}{
		{"Python.h", func(o *csrc.Options) { o.Python[0].Include = nil }, "python3.11-dev (Debian)"},
		{"httpd.h", func(o *csrc.Options) { o.Python = nil; a := *o.Apache; a.IncludeDirs = nil; o.Apache = &a }, "apache2-dev (Debian)"},
	} {
		o := w.Options(c.name)
		o.Python = slices.Clone(o.Python[:1])
		c.change(&o)
		_, err := csrc.Build(t.Context(), w.Runner(), o)
		if err == nil || !strings.Contains(hint.Of(err), c.want) || hint.Code(err) != hint.NotFound {
			t.Errorf("%s: %v\nhint %q, status %d", c.name, err, hint.Of(err), hint.Code(err))
		}
	}
	o := w.Options("cc")
	w.Env = []string{"PATH=" + os.Getenv("PATH"), "CC=no-such-compiler -m64"}
	if _, err := csrc.Build(t.Context(), w.Runner(), o); hint.Code(err) != hint.NotFound || !strings.Contains(err.Error(), "no-such-compiler") {
		t.Errorf("a CC that is not there: %v", err)
	}
	w.Env = []string{"PATH=/nowhere"}
	if _, err := csrc.Build(t.Context(), w.Runner(), o); hint.Code(err) != hint.NotFound || hint.Of(err) == "" {
		t.Errorf("no compiler: %v", err)
	}
	w.Source = fstest.MapFS{"wsgi_wire.h": w.Source["wsgi_wire.h"]}
	w.Env = nil
	o.Source = w.Source
	if _, err := csrc.Build(t.Context(), w.Runner(), o); err == nil || !strings.Contains(err.Error(), "the C sources lack ") {
		t.Errorf("no sources: %v", err)
	}
}

// Two builds in one folder: the second waits, says for whom, and finds all done.
func TestTwoBuilds(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Options("build")
	second := o
	started, waited := make(chan bool), make(chan string, 10)
	first := true
	o.Progress = func(_, _ int, _ string) {
		if first {
			first = false
			close(started)
			<-waited // until the other one waits
		}
	}
	second.Progress = func(_, _ int, what string) { waited <- what }
	result := make(chan csrc.Artifact)
	go func() {
		defer close(result)
		<-started
		a, err := csrc.Build(t.Context(), w.Runner(), second)
		if err != nil {
			t.Error(err)
		}
		result <- a
	}()
	w.Build(o)
	if a := <-result; a.Compiled != 0 || a.Linked != 0 {
		t.Errorf("the second compiled %d and linked %d", a.Compiled, a.Linked)
	}
}

// An interrupted build ends, and can be taken up again.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Options("build")
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(done, _ int, _ string) {
		if done == 6 { // three looks at headers, three objects
			cancel()
		}
	}
	if _, err := csrc.Build(ctx, w.Runner(), o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "mod_wsgi.so")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a module of an interrupted build: %v", err)
	}
	o.Progress = nil
	python, apache, plain := count()
	if a := w.Build(o); a.Cached < 3 || a.Compiled+a.Cached != 2*python+apache+plain {
		t.Errorf("%d compiled, %d were there", a.Compiled, a.Cached)
	}
}
