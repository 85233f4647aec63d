package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// buildSetups are noticed before there is a module: apxs and pybuild really look
// for what is not there, and a real compiler and linker say what they lack.
var buildSetups = []setup{
	{"no apxs", "MW101", func(t *testing.T, s *site) { s.findApache(filepath.Join(s.dir, "bin/apxs")) }},
	{"apxs without perl", "MW116", func(t *testing.T, s *site) {
		s.findApache(s.file("bin/apxs", "#!$DIR/bin/perl -w\n", 0o755))
	}},
	{"apxs whose perl env does not find", "MW116", func(t *testing.T, s *site) {
		s.findApache(s.file("bin/apxs", "#!/bin/sh\necho '/usr/bin/env: perl: not found' >&2; exit 127\n", 0o755))
	}},
	{"no httpd.h", "MW103", func(t *testing.T, s *site) {
		s.file("build/config_vars.mk", "exp_bindir = $DIR/bin\nexp_includedir = $DIR/include\nexp_libexecdir = $DIR/modules\n", 0o644)
		s.findApache(s.file("bin/apxs", "#!/bin/sh\nexit 1\n", 0o755))
	}},
	{"compiling without httpd.h", "MW103", func(t *testing.T, s *site) { s.compile("#include <httpd.h>\n", "-nostdinc", "-I.") }},
	{"apr-1-config missing", "MW102", func(t *testing.T, s *site) {
		s.m.Apache.Apxs, s.m.Apache.Flags = "/usr/bin/apxs", []apxs.Flag{apxs.FlagNoAprConfig}
	}},
	{"apxs calls apr-1-config that is not there", "MW102", func(t *testing.T, s *site) {
		s.said = s.run("/bin/sh", s.file("ask", "PATH=$DIR; apr-1-config --includes\n", 0o755))
	}},
	{"apxs and server of two installations", "MW115", func(t *testing.T, s *site) {
		s.m.Apache, s.m.ApacheProblem = nil, problem(apxs.ErrPairing, flagCodes[apxs.FlagPairing])
	}},
	{"headers of another Apache than the server", "MW204", func(t *testing.T, s *site) {
		s.m.Apache, s.m.ApacheProblem = nil, problem(apxs.ErrHeaders, flagCodes[apxs.FlagHeaders])
	}},
	{"APR without threads", "MW118", func(t *testing.T, s *site) {
		s.m.Apache = nil
		s.m.ApacheProblem = &Problem{Text: "the APR of this Apache was built without threads (APR_HAS_THREADS in /usr/include/apr-1.0)"}
	}},
	{"macOS's own Apache", "MW206", func(t *testing.T, s *site) {
		s.m.Apache = nil
		s.m.ApacheProblem = &Problem{Code: flagCodes[apxs.FlagAppleServer], Text: "/usr/sbin/httpd has no headers"}
	}},
	{"no compiler in PATH", "MW109", func(t *testing.T, s *site) { s.tools("PATH=" + s.dir) }},
	{"CC names the compiler of another machine", "MW109", func(t *testing.T, s *site) {
		s.tools("PATH="+os.Getenv("PATH"), "CC=x86_64-conda_cos7-linux-gnu-cc-9")
	}},
	{"CC is conda's", "MW110", func(t *testing.T, s *site) {
		cc := s.file("miniconda3/bin/x86_64-conda-linux-gnu-cc", "#!/bin/sh\n", 0o755)
		s.tools("PATH="+os.Getenv("PATH"), "CC="+cc)
	}},
	{"TMPDIR on a file system mounted noexec", "MW119", func(t *testing.T, s *site) {
		s.m.Compiler, s.m.Temp, s.m.NoExec = "cc", "/media/build", true
		for _, mount := range mounts("noexec") { // where there is one, it is really asked
			s.m.Temp, s.m.NoExec = mount, noExec(mount)
			s.by = append(s.by, "statfs")
			break
		}
	}},
	{"compiling without Python.h", "MW104", func(t *testing.T, s *site) { s.compile("#include <Python.h>\n", "-nostdinc", "-I.") }},
	{"compiling with specs that are not there", "MW105", func(t *testing.T, s *site) {
		s.compile("", "-specs=/usr/lib/rpm/redhat/redhat-hardened-cc1-of-another-machine")
	}},
	{"compiling with a flag of another compiler", "MW106", func(t *testing.T, s *site) { s.compile("", "-fno-such-flag-of-another") }},
	{"linking with a libpython that is not there", "MW108", func(t *testing.T, s *site) { s.compile("int x;\n", "-shared", "-fPIC", "-lpython3.98") }},
	{"linking with a static libpython", "MW107", func(t *testing.T, s *site) {
		s.file("python.c", "int Py_State; int Py_IsInitialized(void) { return Py_State++; }\n", 0o644)
		for _, step := range [][]string{{s.compiler(), "-fno-pic", "-mcmodel=large", "-c", "python.c", "-o", "python.o"}, {s.compiler(), "-fno-pic", "-c", "python.c", "-o", "python.o"}, {"ar", "rc", "libpython3.98.a", "python.o"}} {
			s.run(step[0], step[1:]...) // the first is not for every processor
		}
		s.compile("int Py_IsInitialized(void); int f(void) { return Py_IsInitialized(); }\n", "-shared", "-fPIC", "-L.", "-lpython3.98")
	}},
	{"sources for another Python", "MW111", func(t *testing.T, s *site) {
		s.compile("#error \"Sorry, mod_wsgi requires at least Python 3.98.0.\"\n", "-c")
	}},
	{"compiler killed", "MW120", func(t *testing.T, s *site) {
		s.said = "gcc: fatal error: Killed signal terminated program cc1\ncompilation terminated.\n"
	}},
	{"libraries of two processors on macOS", "MW112", func(t *testing.T, s *site) {
		s.said = "ld: warning: ignoring file libpython3.12.dylib: building for macOS-arm64 but attempting to link with file built for macOS-x86_64\n"
	}},
	{"Python of 32 bits", "MW113", func(t *testing.T, s *site) {
		if s.m.Server == nil {
			t.Skip("no httpd here to compare with")
		}
		lib := s.python("libpython3.98.so.1.0")
		s.m.Library = kindOf(lib)
		s.m.Library.Class = 1
	}},
	{"the program named is no Python", "MW114", func(t *testing.T, s *site) { s.findPython(s.file("bin/tool", "#!/bin/sh\necho hello\n", 0o755)) }},
	{"the folder named has no Python", "MW114", func(t *testing.T, s *site) { s.findPython(s.dir) }},
	{"the Python named is not there", "MW114", func(t *testing.T, s *site) { s.findPython(filepath.Join(s.dir, "bin/python3")) }},
	{"shim that leads nowhere", "MW317", func(t *testing.T, s *site) {
		s.findPython(s.file("pyenv/shims/python3.98", "#!/bin/sh\necho 'pyenv: python3.98: command not found' >&2; exit 127\n", 0o755))
	}},
	{"environment that lost its Python", "MW305", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = $DIR/gone/bin\nversion = 3.12.4\n", 0o644)
		s.findPython(filepath.Join(s.dir, "venv"))
	}},
	{"library beside the interpreter is of the build without the GIL", "MW117", func(t *testing.T, s *site) {
		s.m.PythonProblem = &Problem{Text: "the Python asked for, 3.13: /usr/local/lib/libpython3.13.so.1.0 has SONAME libpython3.13t.so.1.0, which is not that of Python 3.13.1"}
	}},
	{"Python too old for the sources", "MW111", func(t *testing.T, s *site) {
		s.m.PythonProblem = &Problem{Text: "the Python of $PYTHON, /usr/bin/python3.6: it is Python 3.6.15: version 3.9 or later is needed"}
	}},
	{"Python without a shared library", "MW107", func(t *testing.T, s *site) {
		s.m.PythonProblem = problem(pybuild.ErrShared, "")
	}},
	{"Python without headers", "MW104", func(t *testing.T, s *site) {
		s.m.PythonProblem = problem(pybuild.ErrHeaders, "")
	}},
}

// mounts are the file systems of this machine that are mounted with an option.
func mounts(option string) []string {
	data, _ := os.ReadFile("/proc/self/mounts") // without it there are none
	var list []string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 3 && slices.Contains(strings.Split(f[3], ","), option) {
			list = append(list, f[1])
		}
	}
	return list
}

// bare is an environment with nothing but a PATH.
func bare(env ...string) *run.Runner { return &run.Runner{Env: env} }

// findApache really looks for the Apache of an apxs.
func (s *site) findApache(path string) {
	s.t.Helper()
	_, err := apxs.Find(context.Background(), bare("PATH=/usr/bin:/bin"), path)
	if err == nil {
		s.t.Fatal("it was found")
	}
	s.m.Apache, s.m.ApacheProblem = nil, problem(err, flagCodes[apxs.FlagOf(err)])
	s.by = append(s.by, "apxs.Find")
}

// findPython really looks for the Python at a place.
func (s *site) findPython(place string) {
	s.t.Helper()
	_, err := pybuild.Find(context.Background(), bare("PATH=/usr/bin:/bin"), place)
	if err == nil {
		s.t.Fatal("it was found")
	}
	s.m.PythonProblem = problem(err, "")
	s.by = append(s.by, "pybuild.Find")
}

// tools really looks for a compiler.
func (s *site) tools(env ...string) {
	s.m.tools(bare(append(env, "TMPDIR="+s.dir)...))
	s.by = append(s.by, "csrc.FindCompiler")
}

// compile has the real compiler fail.
func (s *site) compile(source string, options ...string) {
	s.t.Helper()
	s.said = s.run(s.compiler(), append([]string{s.file("x.c", source, 0o644), "-o", filepath.Join(s.dir, "x.out")}, options...)...)
}
