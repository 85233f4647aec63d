package installer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// Every file of the package is embedded, and no other.
func TestRuntimeIsWholeFolder(t *testing.T) {
	list := func(fsys fs.FS) []string {
		var names []string
		err := fs.WalkDir(fsys, "mod_wsgi", func(name string, e fs.DirEntry, err error) error {
			if e != nil && e.IsDir() && e.Name() == "__pycache__" {
				return fs.SkipDir
			}
			if err == nil && !e.IsDir() {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	got, want := list(Runtime()), list(os.DirFS("pyruntime"))
	if !slices.Equal(got, want) {
		t.Errorf("embedded %q\nin the folder %q", got, want)
	}
	if !slices.Contains(got, "mod_wsgi/__init__.py") {
		t.Errorf("no package: %q", got)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	l := b.from
	if l.Default != csrctest.ABI311 || len(l.Halves) != 2 || l.Apache.Interface != 7 || l.Apache.Major != 20120211 {
		t.Errorf("%+v", l)
	}
	for i, python := range b.Pythons {
		h, err := l.Half(python)
		if err != nil || h.Info.Python != python.Version || h.Dir != filepath.Join(l.Folder, python.ABI.Folder()) {
			t.Errorf("half %d: %+v, %v", i, h, err)
		}
	}
	other := b.Pythons[0]
	other.LibPython += ".other"
	absent := b.Pythons[0]
	absent.ABI.Minor = 12
	for what, python := range map[string]pybuild.Info{"another installation": other, "another version": absent} {
		if _, err := l.Half(python); !errors.Is(err, ErrNotBuilt) || !strings.Contains(hint.Of(err), "build --python ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := Failures(VerifyStatic(l, b.Apache)); err != nil {
		t.Error(err)
	}

	if _, err := Locate(b.modules); !errors.Is(err, ErrNotBuilt) || hint.Of(err) == "" {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.Remove(l.Supervisor); err != nil {
		t.Fatal(err)
	}
	if _, err := Locate(l.Dir); !errors.Is(err, ErrNotBuilt) || !strings.Contains(err.Error(), "wsgi-supervisor") {
		t.Errorf("no supervisor: %v", err)
	}
}

// S-6, V-2: a half with all of a static libpython in it is one, and a record that
// says otherwise than its files is found out.
func TestVerifyStaticLibrary(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	py := b.OnlyArchive(b.Pythons[0])
	o := b.options
	o.Dir, o.Python, o.AllowStatic = filepath.Join(b.Root, "static"), []pybuild.Info{py}, true
	o.Static = map[string]csrc.StaticLibrary{py.ABI.Folder(): {Archive: py.Archive, Libs: py.StaticLibs}}
	b.Build(o)
	l, err := Locate(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := l.Half(py); err != nil || !h.Info.Static {
		t.Errorf("%+v, %v", h.Info, err)
	}
	if err := Failures(VerifyStatic(l, b.Apache)); err != nil {
		t.Error(err)
	}
	l.Halves[0].Info.Static = false
	if err := Failures(VerifyStatic(l, b.Apache)); err == nil || !strings.Contains(err.Error(), "its record says that libpython is in it: false, the file says true") {
		t.Errorf("a record that lies: %v", err)
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	if b.from.Fits(nil, nil) {
		t.Error("a module of other sources fits")
	}
	hash, err := csrc.SourceHash()
	if err != nil {
		t.Fatal(err)
	}
	l := b.from
	l.Apache.Source = hash
	l.Halves = slices.Clone(l.Halves)
	l.Halves[0].Info.Source = hash
	newer, older := *b.Apache, *b.Apache
	newer.MMN.Minor++
	older.MMN.Minor--
	for _, c := range []struct {
		name string
		got  bool
		want bool
	}{
		{"same", l.Fits(b.Apache, &b.Pythons[0]), true},
		{"a half of other sources", l.Fits(b.Apache, &b.Pythons[1]), false},
		{"a newer Apache", l.Fits(&newer, nil), true},
		{"an older Apache", l.Fits(&older, nil), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
}

func TestSnippet(t *testing.T) {
	for _, c := range []struct{ name, dir, prefix, module, home string }{
		{"plain", "/usr/lib/apache2/modules", "/usr", `LoadModule wsgi_module "/usr/lib/apache2/modules/mod_wsgi.so"`, `WSGIPythonHome "/usr"`},
		{"odd", `/a "b"\c's`, `/p $x`, `LoadModule wsgi_module "/a \"b\"\\c's/mod_wsgi.so"`, `WSGIPythonHome "/p $x"`},
		{"newline", "/a", "/p\nLoadFile x", `LoadModule wsgi_module "/a/mod_wsgi.so"`, `# WSGIPythonHome is left out: "/p\nLoadFile x": control characters cannot be written into Apache's configuration`},
		{"variable", "/a", "/p${HOME}", `LoadModule wsgi_module "/a/mod_wsgi.so"`, `# WSGIPythonHome is left out: "/p${HOME}": what begins with ${ or %{ would be replaced by Apache`},
	} {
		got := Snippet(layoutAt(c.dir), pybuild.Info{Prefix: c.prefix})
		if want := []string{c.module, c.home}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
	if _, err := Locate("/x${Y}"); err == nil || errors.Is(err, ErrNotBuilt) {
		t.Errorf("a folder that Apache cannot be told of: %v", err)
	}
}
