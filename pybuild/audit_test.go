package pybuild

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// auditModule is the C source of an extension module: SLOTS of its definition, or
// none for a single-phase one, and what its function of initialisation does.
func auditModule(name, slots, init string) string {
	def, array, create := "", "", "PyModule_Create(&def)"
	if slots != "" {
		array = "static PyModuleDef_Slot slots[] = {" + slots + " {0, NULL}};\n"
		def, create = ", .m_slots = slots", "PyModuleDef_Init(&def)"
	}
	return fmt.Sprintf(`#include <Python.h>
#include <stdlib.h>
#include <unistd.h>
static int run(PyObject *m) { (void)m; return 0; }
static PyObject *f(PyObject *m, PyObject *a) { (void)m; Py_INCREF(a); return a; }
static PyMethodDef methods[] = {{"%[1]s", f, METH_O, NULL}, {NULL, NULL, 0, NULL}};
%[2]sstatic PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "%[1]s", .m_size = 0, .m_methods = methods%[3]s};
PyMODINIT_FUNC PyInit_%[1]s(void) { (void)run; %[5]s; return %[4]s; }
`, name, array, def, create, init)
}

const (
	auditExec = "{Py_mod_exec, run},"
	auditOwn  = auditExec + "{3, (void *)2}, {4, (void *)1},"
	// What this Python knows of it.
	auditKnown = auditExec + `
#ifdef Py_mod_multiple_interpreters
	{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
	{Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
`
)

// auditVenv makes an environment of the Python here and compiles modules into it.
func auditVenv(t *testing.T, sources map[string]string, flags ...string) (dir, site string, python Info) {
	t.Helper()
	r := &run.Runner{}
	python, err := Find(t.Context(), r, "")
	if err != nil {
		t.Skipf("no Python to compile for: %v", err)
	}
	if _, err := r.LookPath("cc"); err != nil {
		t.Skip("no C compiler cc")
	}
	dir = filepath.Join(t.TempDir(), "an environment's")
	if _, err := r.Output(t.Context(), "", python.Executable, "-m", "venv", "--without-pip", dir); err != nil {
		t.Skipf("no virtual environment can be made: %v", err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "lib/python3*/site-packages"))
	if err != nil || len(found) != 1 {
		t.Fatalf("site-packages: %q, %v", found, err)
	}
	site = found[0]
	for name, text := range sources {
		base := filepath.Join(site, strings.ReplaceAll(name, ".", "/"))
		if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(base+".c", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"-shared", "-fPIC", "-O1", "-w", "-o", base + ".so", base + ".c"}, flags...)
		for _, include := range python.Include {
			args = append(args, "-I"+include)
		}
		if _, err := r.Output(t.Context(), "", "cc", args...); err != nil {
			t.Fatal(err)
		}
	}
	return dir, site, python
}

func TestAuditDeclarations(t *testing.T) {
	sources := map[string]string{
		"single":        auditModule("single", "", ""),
		"multi":         auditModule("multi", auditExec, ""),
		"pkg.own":       auditModule("own", auditOwn, ""),
		"pkg.sub.alone": auditModule("alone", auditExec+"{3, (void *)0},", ""),
		"pkg.any":       auditModule("any", auditExec+"{3, (void *)1}, {4, (void *)0},", ""),
		"library":       "int plain(void) { return 1; }",
	}
	want := map[string]Declaration{
		"single": {SinglePhase, No, Used}, "multi": {MultiPhase, Shared, Used}, "pkg.own": {MultiPhase, Own, NotUsed},
		"pkg.sub.alone": {MultiPhase, No, Used}, "pkg.any": {MultiPhase, Shared, Used},
	}
	for _, flags := range [][]string{nil, {"-s"}, {"-Wl,-z,pack-relative-relocs"}, {"-Wl,-z,relro,-z,now", "-fvisibility=hidden"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			if len(flags) == 1 && strings.Contains(flags[0], "pack-relative") && !linkerTakes(t, flags[0]) {
				t.Skip("the linker does not know -z pack-relative-relocs")
			}
			dir, site, _ := auditVenv(t, sources, flags...)
			for name, text := range map[string]string{"empty.so": "", "text.so": "not a library", "other.cpython-36m-x86_64-linux-gnu.so": "x"} {
				if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			a, err := Inspect(t.Context(), &run.Runner{}, dir, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Modules) != len(want) {
				t.Errorf("%d modules: %+v", len(a.Modules), a.Modules)
			}
			for _, m := range a.Modules {
				if m.Declares != want[m.Module] {
					t.Errorf("%s declares %+v, want %+v", m.Module, m.Declares, want[m.Module])
				}
			}
		})
	}
}

// linkerTakes tells whether a flag changes nothing for the worse.
func linkerTakes(t *testing.T, flag string) bool {
	source := filepath.Join(t.TempDir(), "a.c")
	if err := os.WriteFile(source, []byte("int a;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	res, err := (&run.Runner{}).Run(t.Context(), run.Cmd{Path: "cc", Args: []string{"-shared", "-fPIC", flag, "-o", source + ".so", source}})
	return err == nil && !strings.Contains(res.Stderr, "ignored")
}

// What the processes that import come to is a result.
func TestAuditImports(t *testing.T) {
	dir, _, python := auditVenv(t, map[string]string{
		"good":     auditModule("good", auditKnown, ""),
		"single":   auditModule("single", "", ""),
		"crashing": auditModule("crashing", auditKnown, "abort()"),
		"leaving":  auditModule("leaving", auditKnown, "_exit(3)"),
		"refusing": auditModule("refusing", auditKnown, `PyErr_SetString(PyExc_ImportError, "not\n today"); return NULL`),
		"hanging":  auditModule("hanging", auditKnown, "for (;;) pause()"),
		"once":     auditModule("once", auditKnown, `static int n; if (n++ > 0) { PyErr_SetString(PyExc_ImportError, "one only"); return NULL; }`),
		// as psycopg2 does in interpreters of 3.12 with a GIL each
		"worse": auditModule("worse", auditKnown, `static int n; if (n++ > 0) abort(); PyErr_SetString(PyExc_ImportError, "not yet"); return NULL`),
	})
	r := &run.Runner{}
	a, err := Inspect(t.Context(), r, filepath.Join(dir, "bin", "python"), false)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := runImports(t.Context(), r, filepath.Join(dir, "bin", "python"), order{Modules: []string{"hanging"}, Seconds: 1})
	if err != nil || len(lines) < 2 || !strings.Contains(lines[1], `"does not return"`) {
		t.Errorf("a hanging import: %q, %v", lines, err)
	}
	a.Modules = slices.DeleteFunc(a.Modules, func(e Extension) bool { return e.Module == "hanging" })
	if err := importAll(t.Context(), r, filepath.Join(dir, "bin", "python"), a.Modules); err != nil {
		t.Fatal(err)
	}
	for _, m := range a.Modules {
		want := map[string]string{
			"good": works, "single": works, "once": works, "crashing": "ends the process by SIGABRT", "leaving": "ends the process with status 3", "refusing": "ImportError: not today", "worse": "ImportError: not yet",
		}[m.Module]
		if m.Imports.Main != want {
			t.Errorf("%s: %+v, want %s", m.Module, m.Imports, want)
		}
		if m.Module == "once" && m.Imports.Shared != "" && m.Imports.Shared != "works in one interpreter, then ImportError: one only" {
			t.Errorf("a module that keeps to one interpreter: %s", m.Imports.Shared)
		}
		if m.Module == "worse" && m.Imports.Shared != "" && m.Imports.Shared != "ends the process by SIGABRT in the second interpreter, after ImportError: not yet" {
			t.Errorf("a module that ends the process when a second interpreter imports it: %s", m.Imports.Shared)
		}
		if m.Module == "single" && m.Imports.Own != "" && !strings.HasPrefix(m.Imports.Own, "ImportError: ") {
			t.Errorf("a single-phase module with a GIL of its own: %s", m.Imports.Own)
		}
		if m.Module == "good" && (python.ABI.Minor >= 12) != (m.Imports.Own != "") && !python.ABI.Free {
			t.Errorf("Python 3.%d, own GIL: %q", python.ABI.Minor, m.Imports.Own)
		}
	}
}

func TestAuditAdvice(t *testing.T) {
	own, shared, single := Declaration{MultiPhase, Own, NotUsed}, Declaration{MultiPhase, Shared, Used}, Declaration{SinglePhase, No, Used}
	module := func(name string, d Declaration) Extension { return Extension{Module: name, Declares: d} }
	imported := func(name string, d Declaration, i Imports) Extension {
		return Extension{Module: name, Declares: d, Imports: i}
	}
	for _, c := range []struct {
		name    string
		audit   Audit
		mode    string
		mention string
	}{
		{"nothing, 3.11", Audit{minor: 11}, "shared", "no extension module"},
		{"nothing, 3.13", Audit{minor: 13}, "own-gil", "no extension module"},
		{"nothing, 3.13t", Audit{minor: 13, Free: true}, "free-threaded", "no extension module"},
		{"all declare it", Audit{minor: 13, Modules: []Extension{module("a", own)}}, "own-gil", "every extension module"},
		{"too old for it", Audit{minor: 11, Modules: []Extension{module("a", own)}}, "shared", "every extension module"},
		{"one does not", Audit{minor: 13, Modules: []Extension{module("a", own), module("b", shared)}}, "shared", "b does not declare"},
		{"one is single", Audit{minor: 13, Modules: []Extension{module("a", own), module("b", single), module("c", single)}}, "main", "b has one state for the whole process (single-phase initialisation), and 1 more"},
		{"no GIL", Audit{minor: 13, Free: true, Modules: []Extension{module("a", own)}}, "free-threaded", "every"},
		{"needs the GIL", Audit{minor: 13, Free: true, Modules: []Extension{module("a", shared)}}, "shared", "a does not say that it can do without a GIL"},
		{"declared, and fails", Audit{minor: 13, Modules: []Extension{imported("a", own, Imports{Main: works, Own: "ends the process by SIGSEGV", Shared: works})}}, "shared", "SIGSEGV"},
		{"in one interpreter", Audit{minor: 11, Modules: []Extension{imported("a", shared, Imports{works, "works in one interpreter, then ImportError: x", "", ""})}}, "main", "a cannot be imported there (works in one interpreter, then ImportError: x)"},
		{"not to be read, and works", Audit{minor: 13, Modules: []Extension{imported("a", Declaration{Unknown, Unknown, Unknown}, Imports{works, works, works, ""})}}, "own-gil", "every"},
		{"usable nowhere", Audit{minor: 13, Modules: []Extension{imported("a", single, Imports{Main: "ImportError: no libx"}), module("b", own)}}, "own-gil", "every"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.audit.advise()
			if got.Mode != c.mode || !strings.Contains(got.Sentence, c.mention) {
				t.Errorf("%+v, want %s with %q", got, c.mode, c.mention)
			}
		})
	}
}

func TestAuditModuleName(t *testing.T) {
	suffixes := []string{".cpython-313-x86_64-linux-gnu.so", ".abi3.so", ".so"}
	for file, want := range map[string]string{
		"a/_b.cpython-313-x86_64-linux-gnu.so": "a._b", "a/b.abi3.so": "a.b", "c.so": "c",
		"c.cpython-311-x86_64-linux-gnu.so": "", "a.libs/libx-1.so": "", "lib-x.so": "", "1a.so": "",
	} {
		if got, ok := moduleName(file, suffixes); got != want && ok || ok != (want != "") {
			t.Errorf("%s is %q, %v, want %q", file, got, ok, want)
		}
	}
}

// A place without a Python is said, not guessed at.
func TestAuditNothing(t *testing.T) {
	if _, err := Inspect(t.Context(), &run.Runner{}, t.TempDir(), false); err == nil || !strings.Contains(err.Error(), "no bin/python3") {
		t.Errorf("an empty folder: %v", err)
	}
}
