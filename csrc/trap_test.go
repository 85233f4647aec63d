package csrc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// trap is a prefix in which four builds of one Python share every folder.
type trap struct {
	t      *testing.T
	prefix string
}

var builds = []string{"", "t", "d", "td"}

func newTrap(t *testing.T, prefix string) trap {
	p := trap{t, prefix}
	for _, flags := range builds {
		p.library("lib", "3.13"+flags, 0x030d00f0)
		p.headers(flags)
		p.interpreter(flags)
	}
	p.write("lib/libpython3.13.a", "!<arch>\n", 0o644)
	return p
}

func (p trap) write(name, text string, mode os.FileMode) string {
	p.t.Helper()
	path := filepath.Join(p.prefix, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// library makes the one that calls itself ld, "3.13t", and the links to it that a
// development package has. Its record of itself is hex.
func (p trap) library(folder, ld string, hex int) string {
	p.t.Helper()
	soname := "libpython" + ld + ".so.1.0"
	source := p.write("lib.c", fmt.Sprintf("const unsigned long Py_Version = %#x;\nvoid Py_GetVersion(void) {}\nvoid PyConfig_InitPythonConfig(void) {}\nint Py_Fake(void) { return %d; }\n", hex, len(ld)), 0o644)
	path := p.write(filepath.Join(folder, soname), "", 0o755)
	if said, err := exec.Command("cc", "-shared", "-fPIC", "-nostdlib", "-o", path, source, "-Wl,-soname,"+soname).CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %s", err, said)
	}
	for _, name := range []string{"libpython" + ld + ".so", "libpython" + ld + ".so.1"} {
		if err := os.Symlink(soname, filepath.Join(filepath.Dir(path), name)); err != nil {
			p.t.Fatal(err)
		}
	}
	return path
}

func (p trap) headers(flags string) {
	dir := "include/python3.13" + flags + "/"
	text := "#define PY_MAJOR_VERSION 3\n#define PY_MINOR_VERSION 13\n#define PY_MICRO_VERSION 0\n"
	p.write(dir+"patchlevel.h", text, 0o644)
	p.write(dir+"Python.h", "#include <patchlevel.h>\n#include <pyconfig.h>\nint Py_Fake(void);\n", 0o644)
	config := ""
	for flag, name := range map[string]string{"t": "Py_GIL_DISABLED", "d": "Py_DEBUG"} {
		if strings.Contains(flags, flag) {
			config += "#define " + name + " 1\n"
		}
	}
	p.write(dir+"pyconfig.h", config, 0o644)
}

// interpreter makes a program that answers as that build does, with the lie of
// Debian's: the bare version in VERSION, the release build's library beside.
func (p trap) interpreter(flags string) {
	p.t.Helper()
	ld := "3.13" + flags
	exe := filepath.Join(p.prefix, "bin", "python"+ld)
	include := filepath.Join(p.prefix, "include", "python"+ld)
	answer, err := json.Marshal(map[string]any{
		"implementation": "cpython", "version_info": []int{3, 13, 0}, "hexversion": 0x030d00f0, "abiflags": flags, "maxsize": int64(1) << 62,
		"platform": "linux", "sysconfig_platform": "linux-x86_64", "prefix": p.prefix, "base_prefix": p.prefix, "executable": exe, "paths": map[string]string{"include": include},
		"vars": map[string]string{
			"VERSION": "3.13", "LDVERSION": ld, "ABIFLAGS": flags, "LIBDIR": filepath.Join(p.prefix, "lib"), "INSTSONAME": "libpython" + ld + ".so.1.0",
			"LDLIBRARY": "libpython" + ld + ".so", "LIBRARY": "libpython" + ld + ".a", "INCLUDEPY": include, "CONFINCLUDEPY": include,
			"SOABI": "cpython-313" + flags + "-x86_64-linux-gnu", "LIBPL": filepath.Join(p.prefix, "lib"), "installed_base": p.prefix, "CFLAGS": "-O2",
			"Py_GIL_DISABLED": fmt.Sprint(strings.Count(flags, "t")), "Py_DEBUG": fmt.Sprint(strings.Count(flags, "d")),
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("bin/python"+ld+".json", string(answer), 0o644)
	p.write("bin/python"+ld, "#!/bin/sh\nprintf %s \"$5\"; cat \"$0.json\"; printf '%s\\n' \"$5\"\n", 0o755)
}

// Y-2, S-1: whichever of four builds in one prefix is asked for, its own library
// is named, linked and found again; never the release build's beside it, and
// never another version's of the same name, wherever the environment of the build
// puts that before it.
func TestWrongLibraryTrap(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	p := newTrap(t, filepath.Join(w.Root, "opt"))
	evil := filepath.Join(w.Root, "evil") // the same names, another Python
	for _, flags := range builds {
		trap{t, w.Root}.library("evil", "3.13"+flags, 0x030c00f0)
	}
	env := append(os.Environ(), "LD_LIBRARY_PATH="+evil, "LIBRARY_PATH="+evil, "LD_RUN_PATH="+evil, "PYTHONHOME="+evil, "HOME="+w.Root, "MODWSGI_PYTHON=", "PYTHON=", "MODWSGI_CACHE=", "CC=")
	w.Env = env
	r := &run.Runner{Env: env}
	for _, flags := range builds {
		t.Run("3.13"+flags, func(t *testing.T) {
			exe := filepath.Join(p.prefix, "bin", "python3.13"+flags)
			soname := "libpython3.13" + flags + ".so.1.0"
			py, err := pybuild.Find(t.Context(), r, exe)
			if want := filepath.Join(p.prefix, "lib", soname); err != nil || py.LibPython != want || py.SONAME != soname || !py.NeedsPath {
				t.Fatalf("found %q, SONAME %q, needs a path %v, %v; want %s", py.LibPython, py.SONAME, py.NeedsPath, err, want)
			}
			py.ABI.Triplet = "x86_64-linux-gnu"
			o := w.Classic("build "+flags, 0)
			o.Python = []pybuild.Info{py}
			a := w.Build(o)
			b, err := csrc.Inspect(a.Module)
			if err != nil {
				t.Fatal(err)
			}
			pythons := slices.DeleteFunc(slices.Clone(b.Needed), func(n string) bool { return !strings.HasPrefix(n, "libpython") })
			if !slices.Equal(pythons, []string{soname}) || b.RunPath != filepath.Join(p.prefix, "lib") || b.RPath != "" {
				t.Errorf("needs %q, run path %q", b.Needed, b.RunPath)
			}
			if b.Build == nil || b.Build.SONAME != soname || b.Build.LibPython != py.LibPython {
				t.Errorf("says %+v", b.Build)
			}
			if got := loaded(t, a.Module); got != py.LibPython {
				t.Errorf("the loader takes %s", got)
			}
		})
	}

	// A library of that name with another version in it is refused, and what lies
	// beside it not taken in its place.
	for _, flags := range builds {
		if err := os.Rename(filepath.Join(evil, "libpython3.13"+flags+".so.1.0"), filepath.Join(p.prefix, "lib", "libpython3.13"+flags+".so.1.0")); err != nil {
			t.Fatal(err)
		}
		if py, err := pybuild.Find(t.Context(), r, filepath.Join(p.prefix, "bin", "python3.13"+flags)); !errors.Is(err, pybuild.ErrShared) || py.LibPython != "" {
			t.Errorf("3.13%s with a library of 3.12: %q, %v", flags, py.LibPython, err)
		}
	}
}

// loaded is the libpython that the dynamic loader finds for a file by its run
// path; the loader runs nothing of it.
func loaded(t *testing.T, file string) string {
	t.Helper()
	cmd := exec.Command("ldd", file)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	said, err := cmd.Output()
	if err != nil {
		t.Skip("ldd cannot be asked: ", err)
	}
	for line := range strings.Lines(string(said)) {
		if _, rest, ok := strings.Cut(line, "=> "); ok && strings.Contains(line, "libpython") {
			path, _, _ := strings.Cut(strings.TrimSpace(rest), " (0x")
			return path
		}
	}
	return ""
}
