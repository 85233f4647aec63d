package installer

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// world is a built module of either kind of tree, in a world of csrctest, with a
// server of its machine.
type world struct {
	*built
	subject Subject
	python  pybuild.Info
	plugin  string // the file that Python's symbols are taken by
}

// What both trees take beyond what they have, a symbol of each kind, and a server
// that defines them.
const (
	takes = "int ap_other(void); int apr_other(void); int another(void);\nint wanted(void);\nint wanted(void) { return ap_other() + apr_other() + another(); }\n"
	gives = "int ap_other(void) { return 0; }\nint apr_other(void) { return 0; }\nint another(void) { return 0; }\nint main(void) { return 0; }\n"
)

// newWorld builds a tree.
func newWorld(t *testing.T, classic bool) *world {
	t.Helper()
	w := &world{built: &built{World: csrctest.New(t)}}
	w.python = w.Pythons[1] // a library that is nowhere else
	w.Apache.Httpd = filepath.Join(w.Root, "httpd")
	w.compile(t, w.Apache.Httpd, gives, "-rdynamic")
	w.options = w.Options("build")
	w.options.Python = w.Pythons[1:]
	name := "mod_wsgi.c"
	if classic {
		w.options, name = w.Classic("build", 1), "src/server/mod_wsgi.c"
		w.Source = csrctest.ClassicSource()
	}
	source := fstest.MapFS{}
	for file, f := range w.Source {
		source[file] = f
	}
	source[name] = &fstest.MapFile{Data: append(bytes.Clone(source[name].Data), takes...)}
	w.options.Source = source
	a := w.Build(w.options)
	w.subject = Subject{Module: a.Module, Version: a.Version, Apache: *w.Apache, Python: w.python, NoRun: "not asked"}
	w.plugin = a.Module
	if !classic {
		w.locate(t)
		w.subject.Layout = &w.from
		w.plugin = w.from.Halves[0].Embed
	}
	return w
}

// bent is the world for one test to bend: what is below its root is put back when
// that ends.
func (w *world) bent(t *testing.T) *world {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(w.Root, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for path, data := range files {
			if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, data) {
				continue
			}
			_ = os.Remove(path) // it may be gone
			if err := os.WriteFile(path, data, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	})
	bent := *w
	if w.subject.Layout != nil {
		l := *w.subject.Layout
		l.Halves = slices.Clone(l.Halves)
		bent.subject.Layout = &l
	}
	bent.World.Env = nil
	return &bent
}

func (w *world) compile(t *testing.T, to, text string, args ...string) {
	t.Helper()
	source := to + ".c"
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Runner().Output(t.Context(), "", "cc", append([]string{"-o", to, source}, args...)...); err != nil {
		t.Fatal(err)
	}
}

// patch replaces bytes of a file by as many others.
func patch(t *testing.T, path, old, replacement string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(old) != len(replacement) || !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, bytes.ReplaceAll(data, []byte(old), []byte(replacement)), 0o755)); err != nil {
		t.Fatal(err)
	}
}

// foreignMachine makes an ELF file one of another machine: e_machine is its 18th byte.
func foreignMachine(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const riscv = 243
	data[18], data[19] = riscv, 0
	if err := errors.Join(os.Remove(path), os.WriteFile(path, data, 0o755)); err != nil {
		t.Fatal(err)
	}
}

// otherRunPath makes the run path of the module lead nowhere.
func otherRunPath(t *testing.T, w *world) {
	dir := filepath.Dir(w.python.LibPython)
	patch(t, w.subject.Module, "\x00"+dir+"\x00", "\x00"+dir[:len(dir)-1]+"x\x00")
}

func (w *world) static(t *testing.T) LevelReport {
	t.Helper()
	v := &prover{ctx: t.Context(), r: w.Runner(), s: w.subject}
	return v.level(Static, v.static)
}

// V-1 to V-3, for both kinds of tree.
func TestProof(t *testing.T) {
	t.Parallel()
	for _, classic := range bothTrees {
		t.Run(kindOf(classic), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, classic)
			for _, c := range bends {
				if slices.Contains(c.trees, classic) {
					t.Run(c.name, func(t *testing.T) { w.bent(t).wantStatic(t, c.bend, c.want, c.warns) })
				}
			}
			t.Run("unresolved", func(t *testing.T) { w.bent(t).wantUnresolved(t) })
			t.Run("not run", func(t *testing.T) { w.bent(t).wantNotRun(t, classic) })
		})
	}
}

var bothTrees = []bool{false, true} // by whether they are classic

// bends: a tree as it was built passes, and each thing that can be wrong with it
// fails for its own reason.
var bends = []struct {
	name  string
	trees []bool // by whether they are classic
	bend  func(t *testing.T, w *world)
	want  string // in Wrong; "": it passes
	warns string
}{
	{name: "as built", trees: bothTrees},
	{name: "MMN major", trees: bothTrees, bend: func(t *testing.T, w *world) { w.subject.Apache.MMN.Major++ }, // V-2
		want: "it is for Apache's interface AP24 20120211, this Apache has AP24 20120212"},
	{name: "MMN cookie", trees: bothTrees, bend: func(t *testing.T, w *world) { w.subject.Apache.MMN.Cookie = "AP25" }, // V-2
		want: "it is for Apache's interface AP24 20120211, this Apache has AP25 20120211"},
	{name: "MMN minor", trees: bothTrees, bend: func(t *testing.T, w *world) { w.subject.Apache.MMN.Minor -= 4 }, // V-2: only a warning
		warns: "built for a later Apache of this interface (20120211.124, here 20120211.120)"},
	{name: "foreign machine", trees: bothTrees, bend: func(t *testing.T, w *world) { foreignMachine(t, w.subject.Apache.Httpd) }, // V-2
		want: "the process it runs in for EM_RISCV ELFCLASS64"},
	{name: "not ELF", trees: bothTrees, bend: func(t *testing.T, w *world) { patch(t, w.subject.Module, "\x7fELF", "\x7fELG") }, // V-2
		want: "bad magic number"},
	{name: "no build info", trees: bothTrees, bend: func(t *testing.T, w *world) { patch(t, w.subject.Module, ".modwsgi.build", ".modwsgi.birds") }, // V-2
		want: "it does not say how it was built"},
	{name: "SONAME", trees: bothTrees, bend: func(t *testing.T, w *world) { patch(t, w.subject.Module, "\x00mod_wsgi.so\x00", "\x00mod_perl.so\x00") }, // V-2
		want: `its SONAME is "mod_perl.so"`},
	{name: "hidden record", trees: bothTrees, bend: func(t *testing.T, w *world) { patch(t, w.subject.Module, "\x00wsgi_module\x00", "\x00wsgi_modula\x00") }, // V-2
		want: "its module record cannot be read"},
	{name: "library gone", trees: bothTrees, bend: func(t *testing.T, w *world) { // V-3; what the environment says does not count
		w.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(w.Root, "elsewhere"))
		if err := errors.Join(os.Mkdir(filepath.Join(w.Root, "elsewhere"), 0o755),
			os.Rename(w.python.LibPython, filepath.Join(w.Root, "elsewhere", w.python.SONAME))); err != nil {
			t.Fatal(err)
		}
	}, want: "needs libpython3.13t.so.1.0, and the loader finds none"},
	{name: "library of another machine", trees: []bool{true}, bend: func(t *testing.T, w *world) { foreignMachine(t, w.python.LibPython) }, // V-3
		want: "needs libpython3.13t.so.1.0, and the loader finds none"},
	{name: "library of another machine", trees: []bool{false}, bend: func(t *testing.T, w *world) { foreignMachine(t, w.python.LibPython) }, // V-2
		want: "wsgi-host: it is for EM_X86_64 ELFCLASS64, the process it runs in for EM_RISCV ELFCLASS64"},
	{name: "symbol of Python", trees: bothTrees, bend: func(t *testing.T, w *world) { patch(t, w.plugin, "\x00Py_Fake\x00", "\x00Py_Gone\x00") }, // V-3
		want: "nothing defines Py_Gone"},
	{name: "no run path", trees: []bool{true}, bend: otherRunPath, want: "needs libpython3.13t.so.1.0, and the loader finds none"},
	{name: "no run path, loaded by LoadFile", trees: []bool{true}, bend: func(t *testing.T, w *world) {
		otherRunPath(t, w)
		w.subject.LoadFile = w.python.LibPython
	}},
	{name: "half without build info", trees: []bool{false}, bend: func(t *testing.T, w *world) { patch(t, w.plugin, ".modwsgi.build", ".modwsgi.birds") },
		want: "wsgi-embed.so: it does not say how it was built"},
	{name: "host gone", trees: []bool{false}, bend: func(t *testing.T, w *world) {
		if err := os.Remove(w.from.Halves[0].Host); err != nil {
			t.Fatal(err)
		}
	}, want: "wsgi-host: no such file"},
	{name: "another interface", trees: []bool{false}, bend: func(t *testing.T, w *world) { w.subject.Layout.Halves[0].Info.Interface++ },
		want: "it has interface 8, the module has 7"},
	{name: "for another Python", trees: []bool{true}, bend: func(t *testing.T, w *world) { w.subject.Python = w.Pythons[0] }, // V-2
		want: "it does not need libpython3.11.so.1.0"},
}

// wantStatic bends the world, and wants level static to say so.
func (w *world) wantStatic(t *testing.T, bend func(*testing.T, *world), want, warns string) {
	if bend != nil {
		bend(t, w)
	}
	l := w.static(t)
	wrong, warned := strings.Join(l.Wrong, "\n"), strings.Join(l.Warnings, "\n")
	if !strings.Contains(wrong, want) || (want == "") != (wrong == "") || (l.Status == Passed) != (wrong == "") {
		t.Errorf("%s: %s\nwant %q", l.Status, wrong, want)
	}
	if !strings.Contains(warned, warns) || (warns == "") != (warned == "") {
		t.Errorf("warnings: %s\nwant %q", warned, warns)
	}
	if w.subject.Layout == nil && !slices.Equal(l.Looked, []string{w.subject.Module}) || w.subject.Layout != nil && len(l.Looked) != 4 {
		t.Errorf("looked at %q", l.Looked)
	}
}

// wantUnresolved: what nothing in the process defines is told by whose it is (V-3).
func (w *world) wantUnresolved(t *testing.T) {
	w.compile(t, w.subject.Apache.Httpd, "int main(void) { return 0; }\n")
	var want []string
	for _, name := range []string{"ap_other", "apr_other", "another"} {
		want = append(want, w.subject.Module+": nothing defines "+name)
	}
	if got := w.static(t).Wrong; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// wantNotRun: a level that cannot be run says why, is never passed, and nothing
// that stands on a failed one is run (V-1).
func (w *world) wantNotRun(t *testing.T, classic bool) {
	w.subject.Apache.Httpd = ""
	w.subject.Run = func(context.Context, Subject) ([]string, error) { t.Error("it was run"); return nil, nil }
	p := Prove(t.Context(), w.Runner(), w.subject)
	const none = "no server binary is known"
	wantLevels(t, p, map[Level]string{Static: "", Load: none, Config: none, Running: none})
	if said := strings.Join(p.Levels[0].Warnings, "\n"); !strings.Contains(said, "whether it has what the module takes of it was not looked at") {
		t.Errorf("warnings: %s", said)
	}
	if p.Tree != kindOf(classic) || p.Err() != nil {
		t.Errorf("%s: %v", p.Tree, p.Err())
	}
	var b bytes.Buffer
	if err := p.Print(&b); err != nil || strings.Count(b.String(), "not run: "+none) != 3 || strings.Count(b.String(), "passed") != 1 {
		t.Errorf("%v\n%s", err, &b)
	}
	// A server that refuses.
	w.subject.Apache = *w.Apache
	w.subject.Lines = []string{"LoadModule wsgi_module x"}
	w.compile(t, w.Apache.Httpd, strings.Replace(gives, "return 0; }\nint main(void) { return 0", "return 0; }\nint main(void) { return 1", 1), "-rdynamic")
	p = Prove(t.Context(), w.Runner(), w.subject)
	wantLevels(t, p, map[Level]string{Static: "", Load: string(Failed), Config: "Apache does not load it", Running: "Apache does not load it"})
	if hint.Code(p.Err()) != hint.Unverified || !strings.Contains(p.Err().Error(), "mod_wsgi.so: level load failed") {
		t.Errorf("%v", p.Err())
	}
}

// What is wrong stands below the table with what to do, and is the hint of the
// error; a warning is no failure.
func TestProofPrint(t *testing.T) {
	p := Proof{Module: "/m/mod_wsgi.so", Version: "1", Tree: "ours", Levels: []LevelReport{
		{Level: Static, Status: Passed, Warnings: []string{"a later Apache"}},
		{Level: Load, Status: Failed, Wrong: []string{"first\nsecond"}, Advice: []string{"do this", "do that"}},
	}}
	var b bytes.Buffer
	if err := p.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"static  passed", "load    failed", "\nload: first\n  second\n  fix: do this\n  fix: do that\n", "\nstatic, a warning: a later Apache\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q:\n%s", want, &b)
		}
	}
	if err := p.Err(); err == nil || err.Error() != "/m/mod_wsgi.so: level load failed" || hint.Of(err) != "do this\ndo that" || hint.Code(err) != hint.Unverified {
		t.Errorf("%v, %q", err, hint.Of(err))
	}
}

// V-1: what could not be run at all is no proof.
func TestProofOfNothing(t *testing.T) {
	err := Proof{Levels: []LevelReport{notRun(Static, "x"), notRun(Load, "y")}}.Err()
	if err == nil || err.Error() != "no level could be run" || hint.Code(err) != hint.Unverified {
		t.Errorf("%v", err)
	}
}

func kindOf(classic bool) string {
	if classic {
		return "classic"
	}
	return "ours"
}

// V-3: a symbol is defined by its name and version; a definition without one
// serves all.
func TestClosureVersions(t *testing.T) {
	im := &image{defines: map[string][]string{"both": {"V_1", "V_2"}, "plain": {""}}}
	for _, c := range []struct {
		name, version string
		want          bool
	}{
		{"both", "V_2", true}, {"both", "V_3", false}, {"both", "", true}, {"plain", "V_1", true}, {"none", "", false},
	} {
		s := elf.Symbol{Name: c.name, Version: c.version}
		if im.has(s) != c.want {
			t.Errorf("%s: %t", named(s), !c.want)
		}
	}
}

// wantLevels wants each level to have passed (""), failed, or not been run for that
// reason.
func wantLevels(t *testing.T, p Proof, want map[Level]string) {
	t.Helper()
	for _, l := range p.Levels {
		got := l.Reason
		switch {
		case l.Status == Failed:
			got = string(Failed)
		case (l.Status == NotRun) != (l.Reason != ""):
			t.Errorf("%s: %s for %q", l.Level, l.Status, l.Reason)
		}
		if got != want[l.Level] {
			t.Errorf("%s: %q, want %q: %q", l.Level, got, want[l.Level], l.Wrong)
		}
	}
	if len(p.Levels) != len(want) {
		t.Errorf("%d levels", len(p.Levels))
	}
}
