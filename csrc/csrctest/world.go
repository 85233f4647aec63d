// Package csrctest is a world to test builds in: a tiny Apache, two tiny Pythons
// and a tiny source tree of the right shape. None of the real ones need be
// there, and each can be broken at will. The compiler is real.
package csrctest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// World is one such world, below a folder with an odd name.
type World struct {
	Root    string
	Apache  *apxs.Info
	Pythons []pybuild.Info // 3.11 and a free-threaded 3.13
	Source  fstest.MapFS
	Env     []string // of programs; nil: the process's without CC

	t   testing.TB
	mu  sync.Mutex
	log strings.Builder // the line of every program that ran
}

// The ABI folders of the two Pythons.
const (
	ABI311 = "cpython-311-x86_64-linux-gnu"
	ABI313 = "cpython-313t-x86_64-linux-gnu"
)

// Write takes a Runner's log.
func (w *World) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// Lines returns the line of each program that ran since the last call.
func (w *World) Lines() []string {
	text := strings.TrimSpace(w.log.String())
	w.log.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func (w *World) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// New makes a world, or skips the test where there is no compiler.
func New(t testing.TB) *World {
	t.Helper()
	if _, err := (&run.Runner{}).LookPath("cc"); err != nil {
		t.Skip("no C compiler: ", err)
	}
	return At(t, filepath.Join(t.TempDir(), `it's "odd", with a space`))
}

// At makes a world in the folder root, or takes the one that was made there, as
// another process does that shares it.
func At(t testing.TB, root string) *World {
	t.Helper()
	w := &World{t: t, Root: root}
	w.write("apache/include/http_config.h", "")
	w.write("apache/include/apr.h", "#define APR_HAS_THREADS 1\n")
	w.write("apache/include/apr_version.h", "")
	header := w.write("apache/include/httpd.h", `
#define AP_SERVER_MAJORVERSION_NUMBER 2
#define AP_SERVER_MINORVERSION_NUMBER 4
typedef struct module { int version, minor, index; const char *name; void *a, *b; unsigned long magic; } module;
`)
	w.Apache = &apxs.Info{
		MMN:         apxs.MMN{Cookie: "AP24", Major: 20120211, Minor: 124},
		IncludeDirs: []string{filepath.Dir(header)},
		Httpd:       os.Args[0], // of this machine, which is all that is asked of it
	}
	w.addPython(11, "")
	w.addPython(13, "t")
	w.Source = fakeSource()
	return w
}

// addPython makes a Python's header and shared library.
func (w *World) addPython(minor int, flags string) {
	w.t.Helper()
	base := fmt.Sprintf("py3.%d%s", minor, flags)
	text := fmt.Sprintf("#define PY_MAJOR_VERSION 3\n#define PY_MINOR_VERSION %d\nint Py_Fake(void);\n", minor)
	if flags == "t" {
		text += "#define Py_GIL_DISABLED 1\n"
	}
	header := w.write(base+"/include/Python.h", text)
	code := w.write(base+"/lib/lib.c", "int Py_Fake(void); int Py_Fake(void) { return 1; }\n")
	soname := fmt.Sprintf("libpython3.%d%s.so.1.0", minor, flags)
	lib := filepath.Join(filepath.Dir(code), soname)
	r := &run.Runner{}
	if _, err := r.Output(w.t.Context(), "", "cc", "-shared", "-fPIC", "-o", lib, "-Wl,-soname,"+soname, code); err != nil {
		w.t.Fatal(err)
	}
	w.Pythons = append(w.Pythons, pybuild.Info{
		Executable: "/nowhere/" + base, Base: "/nowhere/" + base, BasePrefix: "/nowhere",
		Version: fmt.Sprintf("3.%d.0", minor), HexVersion: 0x030000f0 + minor<<16,
		ABI:       pybuild.ABI{Impl: "cpython", Major: 3, Minor: minor, Free: flags == "t", Triplet: "x86_64-linux-gnu"},
		Include:   []string{filepath.Dir(header)},
		LibPython: lib, SONAME: soname, NeedsPath: true,
	})
}

// OnlyArchive is py with nothing but a static library.
func (w *World) OnlyArchive(py pybuild.Info) pybuild.Info {
	w.t.Helper()
	dir := filepath.Dir(py.LibPython)
	object, archive := filepath.Join(dir, "lib.o"), filepath.Join(dir, "libpython.a")
	for _, args := range [][]string{{"cc", "-fPIC", "-c", "-o", object, filepath.Join(dir, "lib.c")}, {"ar", "rcD", archive, object}} {
		if _, err := (&run.Runner{}).Output(w.t.Context(), "", args[0], args[1:]...); err != nil {
			w.t.Fatal(err)
		}
	}
	py.LibPython, py.SONAME, py.NeedsPath = "", "", false
	py.Archive, py.StaticLibs = archive, []string{"-lm"}
	return py
}

// fakeSource has a function in each file that the tree must have.
func fakeSource() fstest.MapFS {
	m := fstest.MapFS{"wsgi_wire.h": {Data: []byte("#include <assert.h>\n#define WSGI_INTERFACE_VERSION 7\n")}}
	for _, target := range csrc.Targets() {
		for _, s := range target.Sources {
			text := "#include \"wsgi_wire.h\"\n"
			switch s.Needs {
			case csrc.NeedsApache:
				text += "#include <httpd.h>\n"
			case csrc.NeedsPython:
				text += "#include <Python.h>\n"
			}
			name := strings.TrimSuffix(s.File, ".c")
			text += fmt.Sprintf("int f_%[1]s(int x);\nint f_%[1]s(int x) { assert(x); return x; }\n", name)
			m[s.File] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	add := func(name, text string) { m[name].Data = append(m[name].Data, text...) }
	const export = `__attribute__((visibility("default"))) `
	add("mod_wsgi.c", "extern module wsgi_module;\n"+export+"module wsgi_module = { 20120211, 124, -1, \"mod_wsgi.c\", 0, 0, 0x41503234UL };\n")
	add("wsgi_supervisor_main.c", "int main(void) { return 0; }\n")
	add("wsgi_host.c", "int main(void) { return Py_Fake(); }\n")
	add("wsgi_embed.c", export+"int wsgi_embed_entry(void);\nint wsgi_embed_entry(void) { return Py_Fake(); }\n")
	return m
}

// Edit gives the tree another text in one file.
func (w *World) Edit(name, old, replacement string) {
	w.t.Helper()
	text := string(w.Source[name].Data)
	if !strings.Contains(text, old) {
		w.t.Fatalf("%s has no %q", name, old)
	}
	w.Source = maps.Clone(w.Source)
	w.Source[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, replacement, 1))}
}

// Options builds all of it in the folder dir of the world.
func (w *World) Options(dir string) csrc.Options {
	return csrc.Options{
		Apache: w.Apache, Python: w.Pythons, Source: w.Source, Dir: filepath.Join(w.Root, dir),
		Runtime: fstest.MapFS{"mod_wsgi/__init__.py": {Data: []byte("x = 1\n")}, "mod_wsgi/a/__init__.py": {}},
	}
}

// Classic builds a tiny release of the original for one of the Pythons, in the
// folder dir of the world.
func (w *World) Classic(dir string, python int) csrc.Options {
	o := w.Options(dir)
	o.Source, o.Python, o.Runtime = ClassicSource(), o.Python[python:python+1], nil
	return o
}

// ClassicSource has the shape of a release of the original: two files.
func ClassicSource() fstest.MapFS {
	return fstest.MapFS{
		"src/server/wsgi_version.h": {Data: []byte("#define MOD_WSGI_VERSION_STRING \"9.8.7\"\n")},
		"src/server/mod_wsgi.c": {Data: []byte(`#include <Python.h>
#include <httpd.h>
#include <string.h>
int helper(char *to, const char *from);
module wsgi_module = { 20120211, 124, -1, "mod_wsgi.c", 0, 0, 0x41503234UL };
int helper(char *to, const char *from) { char b[64]; strcpy(b, from); strcat(to, b); return Py_Fake(); }
`)},
		"src/server/wsgi_other.c": {Data: []byte("int other(void);\nint other(void) { return 1; }\n")},
	}
}

// Runner runs programs and notes them for [World.Lines].
func (w *World) Runner() *run.Runner {
	env := w.Env
	if env == nil {
		env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "CC=") })
	}
	return &run.Runner{Log: w, Env: env}
}

// Build builds and fails the test if that does.
func (w *World) Build(o csrc.Options) csrc.Artifact {
	w.t.Helper()
	a, err := csrc.Build(w.t.Context(), w.Runner(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// Sums is what a build folder has for others, by path.
func Sums(t testing.TB, dir string) map[string]string {
	t.Helper()
	m, err := csrc.ArtifactSums(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
