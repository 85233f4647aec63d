package pybuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// The trap of rule Y-2: beside the library of a free-threaded build lies that
// of the plain one, under the name that the bare version would give.
func TestOtherBuildsLibraryIsNotTaken(t *testing.T) {
	for _, flags := range []string{"t", "d"} {
		m := newMachine(t)
		exe := m.install(python{prefix: "/opt/py", version: "3.13.0", flags: flags})
		m.library("/opt/py/lib/libpython3.13.so", "libpython3.13.so.1.0", hexOf([3]int{3, 13, 0}))
		m.write("/opt/py/lib/libpython3.13.a", "!<arch>\n", 0o644)
		info, err := m.finder().find(t.Context(), exe)
		want := m.path("/opt/py/lib/libpython3.13" + flags + ".so.1.0")
		if err != nil || info.LibPython != want || info.SONAME != "libpython3.13"+flags+".so.1.0" {
			t.Errorf("%s: library %q, SONAME %q, %v", flags, info.LibPython, info.SONAME, err)
		}
		if info.ABI.ID() != "cp313"+flags {
			t.Errorf("id = %s", info.ABI.ID())
		}

		// Without it the plain one is still not taken.
		if err := os.Remove(want); err != nil {
			t.Fatal(err)
		}
		if info, err = m.finder().find(t.Context(), exe); err == nil || info.LibPython != "" || info.Reason == "" {
			t.Errorf("%s: library %q, reason %q, %v", flags, info.LibPython, info.Reason, err)
		}
	}
}

func TestInspect(t *testing.T) {
	p := recorded(t, "pyenv-3.12.1") // before the machine, which is elsewhere
	m := newMachine(t)
	hex := p.HexVersion
	tests := []struct {
		name, want string // want is part of the error; "" for none
		path       string
		note       string
	}{
		{"right", "", m.library("/l/right.so", "libpython3.12.so.1.0", hex), ""},
		{"other patch level", "", m.library("/l/patch.so", "libpython3.12.so.1.0", hex-0x100), "of Python 3.12.0, the interpreter is 3.12.1"},
		{"other SONAME", "which is not that of Python 3.12.1", m.library("/l/t.so", "libpython3.12t.so.1.0", hex), ""},
		{"no SONAME", "has no SONAME", m.library("/l/none.so", "", hex), ""},
		{"other version", "is of Python 3.11.1", m.library("/l/old.so", "libpython3.12.so.1.0", hex-0x10000), ""},
		{"lacks a function", "does not export PyConfig_InitPythonConfig", m.library("/l/lacks.so", "libpython3.12.so.1.0", hex, "-DLACKS"), ""},
		{"no library", "bad magic", m.write("/l/text.so", "INPUT(libpython.so.1)", 0o644), ""},
		{"not there", "no such file", m.path("/l/absent.so"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lib, err := inspect(tt.path, &p, "")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
			if !strings.Contains(lib.note, tt.note) || tt.note == "" && lib.note != "" {
				t.Errorf("note = %q, want %q", lib.note, tt.note)
			}
		})
	}
}

// Builds that say they are not shared may have a library all the same, under
// their own name only.
func TestUnsharedName(t *testing.T) {
	p := recorded(t, "pyenv-3.12.1")
	p.Vars["INSTSONAME"], p.Vars["LDLIBRARY"], p.Vars["LDVERSION"] = "libpython3.12d.a", "libpython3.12d.a", "3.12d"
	for soname, want := range map[string]bool{
		"libpython3.12d.so.1.0": true, "libpython3.12d.so": true,
		"libpython3.12.so.1.0": false, "libpython3.12dx.so": false, "libpython3.1.so": false,
	} {
		if got := fitsName(soname, &p); got != want {
			t.Errorf("fitsName(%s) = %v", soname, got)
		}
	}
	for _, path := range paths(libraryPaths(&p, "", "", nil)) {
		if base := filepath.Base(path); base == "libpython3.12.so" || strings.HasSuffix(base, ".a") {
			if !strings.HasPrefix(path, "/home/user/.pyenv/versions/3.12.1/lib/libpython3.12.so") {
				t.Errorf("looks at %s", path)
			}
		}
	}
}

func TestParseCache(t *testing.T) {
	cache := parseCache("2 libs found in cache `/etc/ld.so.cache'\n" +
		"\tlibpython3.11.so.1.0 (libc6,x86-64) => /lib/x86_64-linux-gnu/libpython3.11.so.1.0\n" +
		"\tlibpython3.11.so.1.0 (libc6) => /lib32/a b/libpython3.11.so.1.0\n" +
		"\todd line\n\tx (libc6) => relative\n")
	got := cache["libpython3.11.so.1.0"]
	if len(cache) != 1 || len(got) != 2 || got[1] != "/lib32/a b/libpython3.11.so.1.0" {
		t.Errorf("parseCache = %q", cache)
	}
}

// The loader decides whether a run path is needed: it finds this very file, or
// another under the same name, or none.
func TestFindsItself(t *testing.T) {
	p := recorded(t, "pyenv-3.12.1")
	m := newMachine(t)
	lib := library{path: m.library("/opt/py/lib/libpython3.12.so.1.0", "libpython3.12.so.1.0", 0), soname: "libpython3.12.so.1.0"}
	other := m.library("/other/libpython3.12.so.1.0", "libpython3.12.so.1.0", 0)
	link := m.path("/link.so")
	if err := os.Symlink(lib.path, link); err != nil {
		t.Fatal(err)
	}
	broken := m.write("/broken.so", "for another machine", 0o644)
	tests := []struct {
		name  string
		files []string
		want  bool
	}{
		{"none", nil, false},
		{"the very file", []string{lib.path}, true},
		{"through a link", []string{link}, true},
		{"another first", []string{other, lib.path}, false},
		{"after one the loader passes over", []string{broken, lib.path}, true},
	}
	for _, tt := range tests {
		l := &loader{root: m.root, asked: true, cache: map[string][]string{lib.soname: tt.files}}
		if got := l.findsItself(t.Context(), &run.Runner{}, lib, &p, ""); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
