package pybuild

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// counting is a Runner that keeps nothing but in dir, and how often it ran what.
func counting(dir string, env ...string) (*run.Runner, func() int) {
	var log strings.Builder
	r := &run.Runner{Log: &log, Env: append(append(os.Environ(), "MODWSGI_CACHE="+dir, "MODWSGI_PYTHON=", "PYTHON="), env...)}
	return r, func() int {
		n := strings.Count(log.String(), "VARIABLES = ")
		log.Reset()
		return n
	}
}

// ownPython is a copy of an interpreter, which may be changed.
func ownPython(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to ask")
	}
	venv := filepath.Join(t.TempDir(), "env")
	if out, err := exec.Command(python, "-m", "venv", "--without-pip", "--copies", venv).CombinedOutput(); err != nil {
		t.Skipf("no virtual environment can be made: %v\n%s", err, out)
	}
	return filepath.Join(venv, "bin", "python3")
}

// P-5: an interpreter is asked once, and again when its file or environment is
// another; a script, or one steered by the environment, each time.
func TestAnswersAreKept(t *testing.T) {
	exe := ownPython(t)
	cache := filepath.Join(t.TempDir(), "cache")
	r, runs := counting(cache)
	look := func(r *run.Runner, runs func() int, want int, when string) probe {
		t.Helper()
		p, err := newFinder(r).answer(t.Context(), exe)
		if err != nil {
			t.Fatal(err)
		}
		if got := runs(); got != want {
			t.Errorf("%s: asked %d times, want %d", when, got, want)
		}
		return p
	}
	dry, count := counting(cache)
	dry.Dry = io.Discard
	look(dry, count, 1, "in a dry run")
	if _, err := os.Lstat(cache); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dry run made the cache: %v", err)
	}
	first := look(r, runs, 1, "at first")
	look(dry, count, 0, "in a dry run, once it is known")
	if again := look(r, runs, 0, "again"); again.version() != first.version() || again.text("SOABI") != first.text("SOABI") || again.Paths["stdlib"] != first.Paths["stdlib"] {
		t.Errorf("%+v\nis kept as\n%+v", first, again)
	}
	cfg := filepath.Join(filepath.Dir(filepath.Dir(exe)), "pyvenv.cfg")
	data, err := os.ReadFile(cfg)
	if err == nil {
		err = os.WriteFile(cfg, append(data, "# changed\n"...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	look(r, runs, 1, "after its pyvenv.cfg was written")
	program, err := os.ReadFile(exe)
	if err == nil {
		err = os.WriteFile(exe+".new", program, 0o755)
	}
	if err == nil {
		err = os.Rename(exe+".new", exe)
	}
	if err != nil {
		t.Fatal(err)
	}
	look(r, runs, 1, "after its file was replaced")
	look(r, runs, 0, "and again")
	steered, count := counting(cache, "_PYTHON_HOST_PLATFORM=linux-else")
	look(steered, count, 1, "with another platform")
	look(steered, count, 1, "with another platform again")
	if fi, err := os.Stat(filepath.Join(cache, "probes")); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", fi, err)
	}

	script := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec '"+exe+"' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := newFinder(r).answer(t.Context(), script); err != nil || runs() != 1 {
			t.Errorf("a script is not asked each time: %v", err)
		}
	}
}

// P-6: all that the rule names is in the answer.
func TestAnswerIsWhole(t *testing.T) {
	exe := ownPython(t)
	p, err := ask(t.Context(), &run.Runner{}, exe)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"implementation": p.Implementation, "platform": p.Platform, "sysconfig platform": p.SysPlatform, "prefix": p.Prefix, "base_prefix": p.BasePrefix,
		"exec_prefix": p.ExecPrefix, "base_exec_prefix": p.BaseExecPrefix, "executable": p.Executable, "byteorder": p.ByteOrder, "platlibdir": p.PlatLibDir,
	} {
		if value == "" {
			t.Errorf("no %s", name)
		}
	}
	if p.HexVersion>>24 != 3 || p.MaxSize == 0 {
		t.Errorf("hexversion %#x, maxsize %d", p.HexVersion, p.MaxSize)
	}
	for _, name := range strings.Fields("include platinclude stdlib platstdlib purelib platlib scripts") {
		if p.Paths[name] == "" {
			t.Errorf("no path %s", name)
		}
	}
	for _, name := range strings.Fields(`VERSION LDVERSION ABIFLAGS abi_thread Py_ENABLE_SHARED Py_DEBUG Py_GIL_DISABLED Py_TRACE_REFS INSTSONAME LDLIBRARY
		LIBRARY LIBDIR LIBPL MULTIARCH INCLUDEPY CONFINCLUDEPY SOABI EXT_SUFFIX CC CFLAGS OPT LIBS SYSLIBS LINKFORSHARED LDSHARED PYTHONFRAMEWORK
		PYTHONFRAMEWORKDIR PYTHONFRAMEWORKPREFIX MACOSX_DEPLOYMENT_TARGET CONFIG_ARGS prefix exec_prefix installed_base base platbase WITH_DYLD PYTHON_BUILD_STANDALONE`) {
		if _, ok := p.Vars[name]; !ok {
			t.Errorf("no variable %s", name)
		}
	}
}

// P-3, P-5: what stands behind a shim of pyenv is asked once, and again as soon
// as pyenv would choose another.
func TestShimAnswersAreKept(t *testing.T) {
	exe := ownPython(t)
	root := filepath.Join(t.TempDir(), "pyenv")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	shim := filepath.Join(root, "shims", "python3")
	write(shim, "#!/bin/sh\n: "+root+"\nexec '"+exe+"' \"$@\"\n", 0o755)
	write(filepath.Join(root, "version"), "system\n", 0o644)
	write(filepath.Join(root, "versions", "3.9.1", "bin", "x"), "", 0o755)
	work := filepath.Join(t.TempDir(), "a", "b")
	write(filepath.Join(work, "x"), "", 0o644)
	t.Chdir(work)
	bin := t.TempDir()

	cache := filepath.Join(t.TempDir(), "cache")
	path := "PATH=" + filepath.Dir(shim) + ":" + bin + ":" + os.Getenv("PATH")
	r, runs := counting(cache, "PYENV_ROOT="+root, "PYENV_VERSION=", "PYENV_DIR=", path)
	look := func(want int, when string) {
		t.Helper()
		if _, err := newFinder(r).answer(t.Context(), shim); err != nil {
			t.Fatal(err)
		}
		if got := runs(); got != want {
			t.Errorf("%s: asked %d times, want %d", when, got, want)
		}
	}
	look(1, "at first")
	look(0, "again")
	write(filepath.Join(root, "version"), "3.9.1 system\n", 0o644)
	look(1, "another choice of the user")
	write(filepath.Join(filepath.Dir(work), ".python-version"), "3.9.1\n", 0o644)
	look(1, "one of a folder above")
	look(0, "and again")
	write(filepath.Join(root, "versions", "3.9.2", "bin", "x"), "", 0o755)
	look(1, "one was installed")
	write(filepath.Join(bin, "python3"), "#!/bin/sh\n", 0o755)
	look(1, "another of the system")
	r, runs = counting(cache, "PYENV_ROOT="+root, "PYENV_VERSION=3.9.2", "PYENV_DIR=", path)
	look(1, "the environment chooses")
	look(0, "and again")
	t.Chdir(bin)
	look(1, "another folder")

	// A stand-in of anybody else, who chooses by nobody knows what.
	r, runs = counting(cache, "PYENV_ROOT="+filepath.Dir(root), path)
	look(1, "not of pyenv")
	look(1, "each time")
}
