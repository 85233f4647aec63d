package pybuild

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// told finds what is to be known of fixture name, after change has made it lie.
func told(t *testing.T, x fixture, change func(m *machine, p *probe)) (*machine, Info, error) {
	t.Helper()
	x = readCopy(x)
	m := newMachine(t)
	if change != nil {
		change(m, &x.probe)
	}
	info, err := m.finder().find(t.Context(), m.plant(x))
	return m, info, err
}

// P-9: one test for each row of the table of known lies. What is lied about is
// that of a real Python of testdata/pythons, or one made to lie the same way.
func TestLies(t *testing.T) {
	fixtures := map[string]fixture{}
	for _, name := range []string{"standalone-raw", "conda", "pyenv-shared", "pyenv-static", "debian-release", "debian-debug", "free-threaded-3.13", "free-threaded-3.14", "framework", "tool-cache-relocated", "fedora"} {
		fixtures[name] = readFixture(t, name) // before a machine, which is elsewhere
	}
	t.Run("LIBDIR and prefix of another place", func(t *testing.T) {
		for _, name := range []string{"standalone-raw", "tool-cache-relocated"} {
			x := fixtures[name]
			m, info, err := told(t, x, nil)
			if err != nil || info.LibPython != m.path(x.Want.LibPython) {
				t.Errorf("%s: %s, %v", name, info.LibPython, err)
			}
		}
	})
	t.Run("CC that is not there", func(t *testing.T) {
		var infos []Info
		for _, cc := range []setting{"gcc", "clang-99", "x86_64-conda-linux-gnu-cc -B /gone", "'"} {
			m, info, err := told(t, fixtures["pyenv-shared"], func(_ *machine, p *probe) { p.Vars["CC"] = cc })
			if err != nil {
				t.Fatal(err)
			}
			infos = append(infos, stripped(m, info))
		}
		for _, info := range infos[1:] {
			if !reflect.DeepEqual(info, infos[0]) {
				t.Errorf("%+v\n%+v", info, infos[0])
			}
		}
	})
	t.Run("LIBS with folders and run paths", func(t *testing.T) {
		_, info, _ := told(t, fixtures["pyenv-static"], func(_ *machine, p *probe) {
			p.Vars["LIBS"] = "-lcrypt -L/a -Wl,-rpath,/a -rpath /b -Wl,-rpath -Wl,/c '-lodd name' -l"
			p.Vars["SYSLIBS"] = "-lm -lcrypt -framework CoreFoundation"
		})
		if want := []string{"-lcrypt", "-lodd name", "-lm"}; !slices.Equal(info.StaticLibs, want) {
			t.Errorf("static libraries %q, want %q", info.StaticLibs, want)
		}
		x := readCopy(fixtures["pyenv-shared"])
		maps.DeleteFunc(x.Files, func(_, what string) bool { return what == "archive" })
		if _, info, err := told(t, x, nil); err != nil || info.StaticLibs != nil {
			t.Errorf("a Python that is only shared is linked with %q, %v", info.StaticLibs, err)
		}
	})
	t.Run("the plain archive beside a flagged library", func(t *testing.T) {
		for _, name := range []string{"free-threaded-3.13", "debian-debug"} { // both have it
			x := readCopy(fixtures[name])
			flagged := "libpython" + x.probe.text("LDVERSION")
			maps.DeleteFunc(x.Files, func(path, what string) bool {
				return strings.Contains(what, flagged) || strings.HasPrefix(filepath.Base(path), flagged)
			})
			if len(x.Files) < 4 {
				t.Fatalf("%s: no plain one is left: %v", name, x.Files)
			}
			_, info, err := told(t, x, nil)
			if err == nil || info.LibPython != "" || info.Archive != "" {
				t.Errorf("%s: library %q, archive %q, %v", name, info.LibPython, info.Archive, err)
			}
		}
	})
	t.Run("no name of a library but in LDVERSION", func(t *testing.T) {
		for _, name := range []string{"free-threaded-3.13", "debian-debug"} {
			x := readCopy(fixtures[name])
			only := filepath.Base(x.Want.LibPython)
			maps.DeleteFunc(x.Files, func(path, what string) bool { return filepath.Base(path) != only && strings.Contains(what, only) })
			m, info, err := told(t, x, func(_ *machine, p *probe) {
				p.Mapped, p.Vars["INSTSONAME"], p.Vars["LDLIBRARY"] = nil, "", p.Vars["LIBRARY"]
			})
			if err != nil || info.LibPython != m.path(x.Want.LibPython) {
				t.Errorf("%s: %s, %v", name, info.LibPython, err)
			}
		}
	})
	t.Run("Py_ENABLE_SHARED=0 with a shared library", func(t *testing.T) {
		for _, name := range []string{"conda", "framework"} {
			x := fixtures[name]
			m, info, err := told(t, x, nil)
			if err != nil || x.probe.on("Py_ENABLE_SHARED") || info.LibPython != m.path(x.Want.LibPython) {
				t.Errorf("%s: %s, %v", name, info.LibPython, err)
			}
		}
	})
	t.Run("INCLUDEPY without all headers", func(t *testing.T) {
		for _, gone := range []string{"Python.h", "pyconfig.h", "patchlevel.h"} {
			x := readCopy(fixtures["debian-release"])
			dir := x.Want.Include[0]
			delete(x.Files, dir)
			x.Files["/usr/include/x86_64-linux-gnu/python3.11/pyconfig.h"] = "text"
			for _, name := range []string{"Python.h", "pyconfig.h", "patchlevel.h"} {
				if name != gone {
					x.Files[dir+"/"+name] = "text #define PY_MAJOR_VERSION 3\n#define PY_MINOR_VERSION 11\n#define PY_MICRO_VERSION 2\n"
				}
			}
			_, info, err := told(t, x, nil)
			if err == nil || !strings.Contains(err.Error(), "its C headers are missing: no "+gone) || hint.Code(err) != hint.NotFound || hint.Of(err) == "" {
				t.Errorf("without %s: %v (%s)", gone, err, hint.Of(err))
			}
			if info.LibPython == "" {
				t.Error("the library is not told because of the headers")
			}
		}
	})
	t.Run("headers of another patch level, and of another version", func(t *testing.T) {
		x := readCopy(fixtures["fedora"])
		x.Files[x.Want.Include[0]] = "headers 3.13.0"
		_, info, err := told(t, x, nil)
		if err != nil || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "are of Python 3.13.0, the interpreter is 3.13.1") {
			t.Errorf("notes %q, %v", info.Notes, err)
		}
		x.Files[x.Want.Include[0]] = "headers 3.12.9"
		if _, _, err = told(t, x, nil); err == nil || !strings.Contains(err.Error(), "are of Python 3.12.9, the interpreter is 3.13.1") {
			t.Errorf("%v", err)
		}
	})
	t.Run("SDK and machines of macOS", func(t *testing.T) {
		_, info, err := told(t, fixtures["framework"], nil)
		if err != nil || !slices.Equal(info.Defines, []string{"-DNDEBUG"}) {
			t.Errorf("of the flags %q stay, %v", info.Defines, err)
		}
	})
	t.Run("compiler_compat of conda", func(t *testing.T) {
		_, info, err := told(t, fixtures["conda"], nil)
		if err != nil || !slices.Equal(info.Defines, []string{"-DNDEBUG"}) {
			t.Errorf("of the flags %q stay, %v", info.Defines, err)
		}
	})
	t.Run("a standard library of another name", func(t *testing.T) {
		x := fixtures["free-threaded-3.14"] // its library is told by a file in lib/python3.14t alone
		m, info, err := told(t, x, func(_ *machine, p *probe) { p.Paths["stdlib"] = "/gone/lib/python3.14" })
		if err != nil || info.LibPython != m.path(x.Want.LibPython) {
			t.Errorf("%s, %v", info.LibPython, err)
		}
	})
}

// readCopy is x with a table of files and variables of its own.
func readCopy(x fixture) fixture {
	x.Files, x.probe.Vars, x.probe.Paths = maps.Clone(x.Files), maps.Clone(x.probe.Vars), maps.Clone(x.probe.Paths)
	return x
}

// stripped is info without the root of the machine, which is another each time.
func stripped(m *machine, info Info) Info {
	below := func(s *string) { *s = strings.TrimPrefix(*s, m.root) }
	for _, s := range []*string{&info.Executable, &info.Base, &info.Prefix, &info.BasePrefix, &info.LibPython, &info.Archive} {
		below(s)
	}
	info.Include, info.Libraries = slices.Clone(info.Include), slices.Clone(info.Libraries)
	for i := range info.Include {
		below(&info.Include[i])
	}
	for i := range info.Libraries {
		below(&info.Libraries[i].Path)
	}
	return info
}

// P-10: each source of the library is tried, in order, and all are reported; what
// is not the one says why.
func TestLibrarySources(t *testing.T) {
	x := readFixture(t, "debian-release")
	maps.DeleteFunc(x.Files, func(path, _ string) bool { return strings.Contains(path, "/libpython") })
	const name = "libpython3.11.so.1.0"
	good, wrong := "elf "+name+" 0x030b02f0", "elf "+name+" 0x030a00f0"
	m := newMachine(t)
	x.probe.Mapped = []string{"/mapped/" + name}
	x.probe.Vars["LIBDIR"] = "/libdir"
	x.probe.Vars["LDLIBRARY"] = "libpython3.11.so"
	x.Files["/usr/lib/python3.11/build-details.json"] = `text {"base_prefix":"../../..","libpython":{"dynamic":"details/` + name + `"}}`
	order := []struct{ path, from string }{
		{"/mapped/" + name, "mapped"}, {"/details/" + name, "build-details.json"}, {"/libdir/" + name, "name"}, {"/libdir/x86_64-linux-gnu/" + name, "name"},
		{"/usr/lib/" + name, "name"}, {"/usr/lib64/" + name, "name"}, {"/usr/lib/x86_64-linux-gnu/" + name, "name"},
		{"/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/" + name, "name"}, {"/lib/x86_64-linux-gnu/" + name, "name"}, {"/libdir/libpython3.11.so", "name"},
	}
	x.Files["/libdir/libpython3.11.a"] = "archive"
	for _, o := range order {
		x.Files[o.path] = wrong
	}
	x.Files[order[4].path], x.Files[order[6].path] = good, good
	info, err := m.finder().find(t.Context(), m.plant(x))
	if err != nil || info.LibPython != m.path(order[4].path) {
		t.Errorf("%s, %v", info.LibPython, err)
	}
	for i, o := range order {
		if i >= len(info.Libraries) || info.Libraries[i].Path != m.path(o.path) || info.Libraries[i].From != o.from || (info.Libraries[i].Why == "") != (i == 4 || i == 6) {
			t.Fatalf("%d: want %+v in %+v", i, o, info.Libraries)
		}
	}
	if last := info.Libraries[len(info.Libraries)-1]; last.From != "static" || last.Why == "" || len(info.Libraries) != len(order)+1 {
		t.Errorf("the archive is not reported last: %+v", info.Libraries)
	}
}

// P-10.2: what the interpreter's own file is linked with, by its run path and as
// the loader would find it.
func TestNeededLibrary(t *testing.T) {
	p := recorded(t, "pyenv-3.12.1")
	m := newMachine(t)
	const name = "libpython3.12.so.1.0"
	lib := m.library("/my/lib/"+name, name, p.HexVersion)
	cached := m.library("/cached/"+name, name, p.HexVersion)
	for _, c := range []struct {
		name, runPath string
		cache         map[string][]string
		want          string
	}{
		{"from beside it", "$ORIGIN/../lib", nil, lib},
		{"before the loader's cache", "$ORIGIN/../lib", map[string][]string{name: {cached}}, lib},
		{"by the loader's cache", "/gone", map[string][]string{name: {cached}}, cached},
		{"nowhere", "/gone", nil, ""},
	} {
		exe := m.library("/my/bin/python3", "", 0, "-Wl,--no-as-needed", lib, "-Wl,-rpath,"+c.runPath)
		l := &loader{root: m.root, asked: true, cache: c.cache}
		list := l.neededBy(exe, &p)
		if c.want == "" && list == nil {
			continue
		}
		if len(list) != 1 || filepath.Clean(list[0].Path) != c.want || list[0].From != "needed" {
			t.Errorf("%s: %+v, want %s", c.name, list, c.want)
		}
		if err := os.Remove(exe); err != nil {
			t.Fatal(err)
		}
	}
}
