package pybuild

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/run"
)

// machine is a made-up one: its folders lie below a root whose name has blanks
// and quotes, and nothing of the real one is looked at.
type machine struct {
	t    *testing.T
	root string
	env  []string
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, root: filepath.Join(t.TempDir(), `a "b" c's [x]`)}
	m.env = []string{"PATH=" + m.path("/usr/bin"), "HOME=" + m.path("/home/user")}
	m.link("/usr/bin/cat") // which the scripts need
	t.Chdir(m.mkdir("/srv/here"))
	return m
}

// link makes the real program path one of the machine.
func (m *machine) link(path string) {
	m.t.Helper()
	m.mkdir(filepath.Dir(path))
	real, err := exec.LookPath(filepath.Base(path))
	if err == nil {
		err = os.Symlink(real, m.path(path))
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) path(p string) string { return filepath.Join(m.root, p) }

func (m *machine) mkdir(p string) string {
	m.t.Helper()
	if err := os.MkdirAll(m.path(p), 0o755); err != nil {
		m.t.Fatal(err)
	}
	return m.path(p)
}

func (m *machine) write(p, text string, mode os.FileMode) string {
	m.t.Helper()
	m.mkdir(filepath.Dir(p))
	if err := os.WriteFile(m.path(p), []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
	return m.path(p)
}

func (m *machine) finder() *finder {
	return &finder{
		r: &run.Runner{Env: m.env}, root: m.root,
		sys: distro.System{ID: "debian", Family: distro.Debian}, loader: &loader{root: m.root},
	}
}

// python is a made-up installation.
type python struct {
	prefix  string            // below the root
	version string            // "3.13.0"
	flags   string            // "t", "d"
	static  bool              // without a shared library
	bare    bool              // without headers
	vars    map[string]string // instead of what would be
}

// install puts p there and returns the path of its interpreter: a script that
// prints what a probe of it would.
func (m *machine) install(p python) string {
	m.t.Helper()
	var n [3]int
	if _, err := fmt.Sscanf(p.version, "%d.%d.%d", &n[0], &n[1], &n[2]); err != nil {
		m.t.Fatal(err)
	}
	xy := fmt.Sprintf("%d.%d", n[0], n[1])
	ld := xy + p.flags
	prefix := m.path(p.prefix)
	include := filepath.Join(prefix, "include", "python"+ld)
	vars := map[string]string{
		"VERSION": xy, "LDVERSION": ld, "ABIFLAGS": p.flags, "LIBDIR": filepath.Join(prefix, "lib"),
		"INSTSONAME": "libpython" + ld + ".so.1.0", "LDLIBRARY": "libpython" + ld + ".so", "LIBRARY": "libpython" + ld + ".a",
		"INCLUDEPY": include, "CONFINCLUDEPY": include, "SOABI": fmt.Sprintf("cpython-%d%d%s-x86_64-linux-gnu", n[0], n[1], p.flags),
		"LIBPL": filepath.Join(prefix, "lib", "config"), "installed_base": prefix, "CFLAGS": "-O2 -DNDEBUG -g",
		"Py_GIL_DISABLED": fmt.Sprint(strings.Count(p.flags, "t")), "Py_DEBUG": fmt.Sprint(strings.Count(p.flags, "d")),
	}
	if p.static {
		vars["INSTSONAME"], vars["LDLIBRARY"] = vars["LIBRARY"], vars["LIBRARY"]
		m.write(filepath.Join(p.prefix, "lib", "config", vars["LIBRARY"]), "!<arch>\n", 0o644)
	} else {
		m.library(filepath.Join(p.prefix, "lib", vars["INSTSONAME"]), vars["INSTSONAME"], hexOf(n))
	}
	maps.Copy(vars, p.vars)
	if !p.bare {
		m.headers(filepath.Join(p.prefix, "include", "python"+ld), p.version)
	}
	exe := filepath.Join(p.prefix, "bin", "python3")
	answer, err := json.Marshal(map[string]any{
		"implementation": "cpython", "version_info": n, "hexversion": hexOf(n), "abiflags": p.flags, "maxsize": int64(1) << 62,
		"platform": "linux", "sysconfig_platform": "linux-x86_64", "prefix": prefix, "base_prefix": prefix,
		"executable": m.path(exe), "paths": map[string]string{"include": include}, "vars": vars,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return m.answering(exe, string(answer))
}

// answering makes a program that answers the probe with what stands beside it.
func (m *machine) answering(exe, answer string) string {
	m.t.Helper()
	m.write(exe+".json", answer, 0o644)
	return m.write(exe, "#!/bin/sh\necho noise; printf %s \"$5\"; cat \"$0.json\"; printf '%s\\n' \"$5\"\n", 0o755)
}

// headers makes those of a version in dir.
func (m *machine) headers(dir, version string) {
	m.t.Helper()
	var n [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &n[0], &n[1], &n[2]); err != nil {
		m.t.Fatal(err)
	}
	m.write(filepath.Join(dir, "Python.h"), "", 0o644)
	m.write(filepath.Join(dir, "pyconfig.h"), "", 0o644)
	m.write(filepath.Join(dir, "patchlevel.h"), fmt.Sprintf(
		"#define PY_MAJOR_VERSION %d\n#define PY_MINOR_VERSION %d\n#define PY_MICRO_VERSION %d\n", n[0], n[1], n[2]), 0o644)
}

// jsonText is s as it stands in a JSON document.
func jsonText(s string) string {
	data, _ := json.Marshal(s) // a string always can be
	return string(data)
}

func hexOf(n [3]int) int { return n[0]<<24 | n[1]<<16 | n[2]<<8 | 0xf0 }

// library compiles a shared library that could be a libpython, and skips the
// test where there is no compiler.
func (m *machine) library(p, soname string, hex int, options ...string) string {
	m.t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		m.t.Skip("no C compiler to make a shared library with")
	}
	m.mkdir(filepath.Dir(p))
	source := m.write(p+".c", fmt.Sprintf("const unsigned long Py_Version = %#x;\nvoid Py_GetVersion(void) {}\n"+
		"#ifndef LACKS\nvoid PyConfig_InitPythonConfig(void) {}\n#endif\n", hex), 0o644)
	args := append([]string{"-shared", "-fPIC", "-nostdlib", "-o", m.path(p), source}, options...)
	if soname != "" {
		args = append(args, "-Wl,-soname,"+soname)
	}
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		m.t.Fatalf("compiling %s: %v\n%s", p, err, out)
	}
	if err := os.Remove(source); err != nil {
		m.t.Fatal(err)
	}
	return m.path(p)
}
