package apxs

import (
	"fmt"
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
	sys  distro.System
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, root: filepath.Join(t.TempDir(), `a "b" c's [x]`), sys: distro.System{ID: "debian", Family: distro.Debian}}
	m.env = []string{"PATH=" + m.path("/usr/bin")}
	m.tools()
	return m
}

// tools are the programs that the scripts need.
func (m *machine) tools() {
	m.t.Helper()
	for _, name := range []string{"cat", "env", "grep"} {
		real, err := exec.LookPath(name)
		if err == nil {
			m.mkdir("/usr/bin")
			err = os.Symlink(real, m.path("/usr/bin/"+name))
		}
		if err != nil {
			m.t.Fatal(err)
		}
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

func (m *machine) remove(p string) {
	m.t.Helper()
	if err := os.RemoveAll(m.path(p)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) finder() *finder {
	return &finder{r: &run.Runner{Env: m.env}, root: m.root, sys: m.sys}
}

// apache is a made-up installation below one prefix.
type apache struct {
	prefix  string
	version string // of its headers, "2.4.65"
	mmn     MMN
	running string // what the server says; "" as the headers
	runs    MMN    // and its module magic number
	mpm     string // what -V says; "" blank
	threads int
}

// install puts a there and returns the path of its apxs, which answers from its
// config_vars.mk as the real one does.
func (m *machine) install(a apache) string {
	m.t.Helper()
	if a.running == "" {
		a.running, a.runs = a.version, a.mmn
	}
	p := m.path(a.prefix)
	m.write(a.prefix+"/build/config_vars.mk", strings.Join([]string{
		"exp_includedir = " + p + "/include", "exp_libexecdir = " + p + "/modules", "exp_sysconfdir = " + p + "/conf",
		"exp_bindir = " + p + "/bin", "exp_sbindir = " + p + "/bin", "prefix = " + p, "progname = httpd",
		"installbuilddir = ${prefix}/build", "includedir = ${prefix}/include", "libexecdir = ${prefix}/modules",
		"EXTRA_CPPFLAGS = -DLINUX=2 -D_REENTRANT -Wall -U 'FOO' -D_FORTIFY_SOURCE=2", "CC = no-such-compiler -m64",
		"APR_INCLUDEDIR = " + p + "/include/apr-1", "APU_INCLUDEDIR = " + p + "/include/apr-1", "APR_CONFIG = " + p + "/bin/apr-1-config",
	}, "\n")+"\n", 0o644)
	m.headers(a.prefix+"/include", a.version, a.mmn)
	m.aprHeaders(a.prefix+"/include/apr-1", "", a.threads)
	m.write(a.prefix+"/bin/apr-1-config", "#!/bin/sh\n[ \"$*\" = --cppflags ] && echo ' -D_GNU_SOURCE -D_REENTRANT '\n", 0o755)
	m.write(a.prefix+"/modules/mod_alias.so", "", 0o644)
	m.write(a.prefix+"/conf/httpd.conf", "", 0o644)
	m.write(a.prefix+"/bin/httpd.V", fmt.Sprintf("Server version: Apache/%s (Unix)\nServer's Module Magic Number: %d:%d\nServer MPM:     %s\n"+
		" -D HTTPD_ROOT=\"%s\"\n -D SERVER_CONFIG_FILE=\"conf/httpd.conf\"\n", a.running, a.runs.Major, a.runs.Minor, a.mpm, p), 0o644)
	m.write(a.prefix+"/bin/httpd", "#!/bin/sh\n[ \"$1\" = -V ] && cat \"$0.V\"\n", 0o755)
	return m.write(a.prefix+"/bin/apxs", fakeApxs, 0o755)
}

// headers are those of an Apache, as far as they are read.
func (m *machine) headers(dir, version string, mmn MMN) {
	m.t.Helper()
	v := strings.Split(version+"..", ".")
	m.write(dir+"/httpd.h", "", 0o644)
	m.write(dir+"/ap_release.h", fmt.Sprintf("#define AP_SERVER_MAJORVERSION_NUMBER %s\n"+
		"#define AP_SERVER_MINORVERSION_NUMBER %s\n#define AP_SERVER_PATCHLEVEL_NUMBER   %s\n", v[0], v[1], v[2]), 0o644)
	m.write(dir+"/ap_mmn.h", fmt.Sprintf("#define MODULE_MAGIC_COOKIE 0x41503234UL /* \"%s\" */\n#ifndef MODULE_MAGIC_NUMBER_MAJOR\n"+
		"#define MODULE_MAGIC_NUMBER_MAJOR %d\n#endif\n#define MODULE_MAGIC_NUMBER_MINOR %d     /* 0...n */\n", mmn.Cookie, mmn.Major, mmn.Minor), 0o644)
}

// aprHeaders are those of APR and APR-util; without a version there is no header
// that has it.
func (m *machine) aprHeaders(dir, version string, threads int) {
	m.t.Helper()
	m.write(dir+"/apr.h", fmt.Sprintf("#define APR_HAS_THREADS           %d\n#define APR_HAS_FORK              1\n", threads), 0o644)
	m.write(dir+"/apu.h", "", 0o644)
	if version == "" {
		return
	}
	v := strings.Split(version+"..", ".")
	for _, lib := range []library{libApr, libAprUtil} {
		m.write(dir+"/"+lib.version, fmt.Sprintf("#define %[1]s_MAJOR_VERSION       %[2]s\n#define %[1]s_MINOR_VERSION       %[3]s\n"+
			"#define %[1]s_PATCH_VERSION       %[4]s\n", lib.macro, v[0], v[1], v[2]), 0o644)
	}
}

// fakeApxs knows one variable and leaves the others to its file.
const fakeApxs = `#!/bin/sh
here=${0%/bin/*}
[ "$1 $2" = "-q installbuilddir" ] && { echo "$here/build"; exit 0; }
echo "apxs:Error: Invalid query string '$2'." >&2
exit 1
`

var (
	mmn24 = MMN{Cookie: "AP24", Major: 20120211, Minor: 142}
	event = apache{version: "2.4.65", mmn: mmn24, mpm: "event", threads: 1}
)

// at is a installed below prefix.
func (a apache) at(prefix string) apache {
	a.prefix = prefix
	return a
}
