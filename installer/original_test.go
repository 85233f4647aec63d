package installer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/treetest"
)

// original builds a tiny release of the original for one of the world's Pythons, of
// which the text says which edition it is, and makes it what s installs.
func (s *server) original(t *testing.T, python int, text string) {
	t.Helper()
	o := s.Classic("original", python)
	source := csrctest.ClassicSource()
	source["src/server/wsgi_other.c"] = &fstest.MapFile{Data: []byte("int other(void);\nconst char edition[] = \"" + text + "\";\nint other(void) { return edition[0]; }\n")}
	o.Source, o.Dir = source, filepath.Join(t.TempDir(), "original")
	a, err := csrc.Build(t.Context(), &run.Runner{}, o) // the world's own ends with the test that made it
	if err != nil {
		t.Fatal(err)
	}
	l, err := LocateOriginal(a.Module, s.Pythons[python], s.modules)
	if err != nil {
		t.Fatal(err)
	}
	s.from = l
}

// S-10: a release of the original is one file under the name of
// its Python; whatever the step that fails, or kills, all is as before, and so when
// it is uninstalled.
func TestOriginalSetups(t *testing.T) {
	t.Parallel()
	b := sharedBuild(t)
	for _, c := range []struct {
		name, family, module, conf string
		tools                      bool
	}{
		{"debian's tools", apxs.FamilyDebian, "mod_wsgi-py311.so", "mods-available/wsgi-py311.load", true},
		{"debian's links", apxs.FamilyDebian, "mod_wsgi-py311.so", "mods-available/wsgi-py311.load", false},
		{"fedora", apxs.FamilyFedora, "mod_wsgi_py311.so", "../conf.modules.d/10-wsgi-py311.conf", false},
		{"gentoo", apxs.FamilyGentoo, "mod_wsgi-py311.so", "modules.d/70_mod_wsgi_py311.conf", false},
		{"suse", apxs.FamilySUSE, "mod_wsgi-py311.so", "conf.d/wsgi-py311.conf", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, b, c.family, c.tools, nil)
			s.original(t, 0, "a")
			before, module := s.tree(t), filepath.Join(s.modules, c.module)
			o := s.options(Setup{})
			n := 1
			for ; ; n++ {
				o.watch = failing(n)
				if r, err := Install(t.Context(), s.from, s.modules, o); err == nil {
					if !r.Changed || r.Layout.Module != module || r.Layout.Original == nil {
						t.Errorf("%+v", r)
					}
					break
				} else if !errors.Is(err, errBroken) {
					t.Fatalf("step %d: %v", n, err)
				}
				treetest.Same(t, fmt.Sprintf("after step %d", n), s.tree(t), before)
			}
			if n < 5 {
				t.Errorf("it has %d steps", n-1)
			}
			if !slices.Equal(s.loads(t), []string{module}) {
				t.Errorf("the configuration loads %q", s.loads(t))
			}
			text, err := os.ReadFile(filepath.Join(s.apache.Root, c.conf))
			if err != nil || !strings.Contains(string(text), "Remove it: mod_wsgi-express uninstall --flavour py311") || c.family == apxs.FamilyDebian && !strings.Contains(string(text), "# Conflicts: wsgi wsgi-py36 ") {
				t.Errorf("%s %v", text, err)
			}
			o.watch = nil
			if r := s.put(t, o); r.Changed {
				t.Error("again it changes something")
			}
			if h, err := CheckInstalled(t.Context(), s.modules, Options{Runner: s.r, State: s.state, Apache: &s.apache}, nil); err != nil || len(h.Findings) != 0 || !slices.Equal(h.Pythons, []string{csrctest.ABI311}) {
				t.Errorf("%+v, %v", h, err)
			}
			s.uninstall(t, Removal{}, before, failing)
		})
	}
}

// Y-6: killed between every two steps.
func TestOriginalKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilyDebian, true, nil)
	s.original(t, 0, "a")
	before := s.tree(t)
	how := told{&s.apache, s.options(Setup{}).Setup.Python, OtherRefuse, s.r.Env}
	n := 1
	for ; s.kill(t, n, &how); n++ {
		if _, err := Recover(t.Context(), Options{State: s.state}); err != nil {
			t.Errorf("killed after step %d: %v", n, err)
		}
		treetest.Same(t, fmt.Sprintf("killed after step %d", n), s.tree(t), before)
	}
	if n < 6 {
		t.Errorf("it has %d steps", n-1)
	}
	s.uninstall(t, Removal{}, before, never)
}

// releases for several Pythons and our own module lie in one folder,
// each with a record of its own; one is loaded, and each is rolled back and taken
// away for itself.
func TestOriginalsSideBySide(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilyDebian, false, nil)
	empty, ours := s.tree(t), s.from
	s.put(t, s.options(Setup{}))
	s.original(t, 0, "a")
	module := func(name string) string { return filepath.Join(s.modules, name) }
	if _, err := Install(t.Context(), s.from, s.modules, s.options(Setup{})); hint.Code(err) != hint.Refused || !strings.Contains(hint.Of(err), "--other-module replace") {
		t.Errorf("%v", err)
	}
	with := s.tree(t)
	s.put(t, s.options(Setup{Other: OtherReplace}))
	if !slices.Equal(s.loads(t), []string{module("mod_wsgi-py311.so")}) || !exists(module("mod_wsgi/wsgi-supervisor")) {
		t.Errorf("%q", s.loads(t))
	}
	s.original(t, 1, "a")
	s.put(t, s.options(Setup{Other: OtherAlongside}))
	first, err := os.ReadFile(module("mod_wsgi-py311.so"))
	if err != nil {
		t.Fatal(err)
	}
	s.original(t, 0, "b")
	s.put(t, s.options(Setup{}))
	undo := func(v Flavour) Options { return Options{Runner: s.r, State: s.state, Apache: &s.apache, Flavour: v} }
	if second, err := os.ReadFile(module("mod_wsgi-py311.so")); err != nil || slices.Equal(first, second) {
		t.Errorf("the other edition is not there: %v", err)
	}
	if _, err := Rollback(t.Context(), s.modules, undo("py313t")); hint.Code(err) != hint.NotFound {
		t.Errorf("%v", err)
	}
	if g, err := Rollback(t.Context(), s.modules, undo("py311")); err != nil || g.Version != "9.8.7" {
		t.Errorf("%+v, %v", g, err)
	}
	if again, err := os.ReadFile(module("mod_wsgi-py311.so")); err != nil || !slices.Equal(first, again) {
		t.Errorf("it is not rolled back: %v", err)
	}
	all, err := Noted(undo(""))
	if err != nil || len(all) != 3 {
		t.Errorf("%d are noted, %v", len(all), err)
	}
	if _, err := Uninstall(t.Context(), s.modules, Removal{}, undo("py39")); hint.Code(err) != hint.NotFound {
		t.Errorf("%v", err)
	}
	remove := func(v Flavour, how Removal) {
		t.Helper()
		if done, err := Uninstall(t.Context(), s.modules, how, undo(v)); err != nil || len(done.Kept) > 0 {
			t.Errorf("%q: %+v, %v", v, done, err)
		}
	}
	remove("py313t", Removal{})
	remove("py311", Removal{Restore: true})
	treetest.Same(t, "ours alone", s.tree(t), with)
	s.from = ours
	remove("", Removal{})
	treetest.Same(t, "nothing", s.tree(t), empty)

	// Two, and none of them ours: which is meant has to be said.
	s.original(t, 0, "a")
	s.put(t, s.options(Setup{}))
	s.original(t, 1, "a")
	s.put(t, s.options(Setup{Other: OtherAlongside}))
	if _, err := Uninstall(t.Context(), s.modules, Removal{}, undo("")); hint.Code(err) != hint.Usage || !strings.Contains(err.Error(), "py311, py313t") {
		t.Errorf("%v", err)
	}
	remove("py311", Removal{})
	remove("", Removal{})
	treetest.Same(t, "nothing again", s.tree(t), empty)
}

// I-5: below a root it is staged, with its record.
func TestOriginalStaged(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilyDebian, false, nil)
	s.original(t, 0, "a")
	a, root := s.apache, filepath.Join(s.top, "the root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	a.ModulesDir, a.ConfFile, a.Httpd = "/usr/lib/apache2/modules", "/etc/apache2/apache2.conf", ""
	r, err := Install(t.Context(), s.from, a.ModulesDir, Options{Runner: s.r, Apache: &a, Root: root, Setup: &Setup{Python: s.Pythons[0]}})
	if err != nil || r.Layout.Module != filepath.Join(root, a.ModulesDir, "mod_wsgi-py311.so") {
		t.Errorf("%+v, %v", r, err)
	}
	load, err := os.ReadFile(filepath.Join(root, "/etc/apache2/mods-available/wsgi-py311.load"))
	if err != nil || !strings.Contains(string(load), "LoadModule wsgi_module \"/usr/lib/apache2/modules/mod_wsgi-py311.so\"") || strings.Contains(string(load), root) {
		t.Errorf("%s %v", load, err)
	}
	record, err := state{filepath.Join(root, rootsState)}.read(place{a.ModulesDir, "py311"})
	if err != nil || record == nil || strings.Contains(fmt.Sprintf("%+v", record), root) {
		t.Errorf("%+v, %v", record, err)
	}
}

// I-2: a file of that name which is not ours stays, unless that is asked for; then
// it comes back.
func TestOriginalForeign(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBuilt(t), apxs.FamilyFedora, false, nil)
	s.original(t, 0, "a")
	path := filepath.Join(s.modules, "mod_wsgi_py311.so")
	if err := os.WriteFile(path, []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := s.tree(t)
	if _, err := Install(t.Context(), s.from, s.modules, s.options(Setup{})); hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), "was not installed by this program") {
		t.Errorf("%v", err)
	}
	s.put(t, s.options(Setup{Force: true}))
	s.uninstall(t, Removal{}, before, never)

	// A Python that it is not for, and a file that does not say.
	if _, err := LocateOriginal(s.from.Module, s.Pythons[1], s.modules); hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), csrctest.ABI311) {
		t.Errorf("%v", err)
	}
	if _, err := ReadOriginal(s.Pythons[0].LibPython); hint.Code(err) != hint.Refused {
		t.Errorf("%v", err)
	}
	// the library is named where the run path does not lead to it.
	if s.from.Original.LoadFile != "" {
		t.Errorf("%+v", s.from.Original)
	}
	moved := s.Pythons[0]
	moved.LibPython = filepath.Join(t.TempDir(), filepath.Base(moved.LibPython))
	if err := os.Rename(s.Pythons[0].LibPython, moved.LibPython); err != nil {
		t.Fatal(err)
	}
	if l, err := LocateOriginal(s.from.Module, moved, s.modules); err != nil || l.Original.LoadFile != moved.LibPython {
		t.Errorf("%+v, %v", l.Original, err)
	}
}
