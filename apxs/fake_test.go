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
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, root: filepath.Join(t.TempDir(), `a "b" c's [x]`)}
	m.env = []string{"PATH=" + m.path("/usr/bin")}
	for _, name := range []string{"cat", "grep"} { // which the scripts need
		real, err := exec.LookPath(name)
		if err == nil {
			m.mkdir("/usr/bin")
			err = os.Symlink(real, m.path("/usr/bin/"+name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
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
	return &finder{r: &run.Runner{Env: m.env}, root: m.root, sys: distro.System{ID: "debian", Family: distro.Debian}}
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
	var v [3]int
	if _, err := fmt.Sscanf(a.version, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		m.t.Fatal(err)
	}
	m.write(a.prefix+"/include/httpd.h", "", 0o644)
	m.write(a.prefix+"/include/ap_release.h", fmt.Sprintf("#define AP_SERVER_MAJORVERSION_NUMBER %d\n"+
		"#define AP_SERVER_MINORVERSION_NUMBER %d\n#define AP_SERVER_PATCHLEVEL_NUMBER   %d\n", v[0], v[1], v[2]), 0o644)
	m.write(a.prefix+"/include/ap_mmn.h", fmt.Sprintf("#define MODULE_MAGIC_COOKIE 0x41503234UL /* \"%s\" */\n#ifndef MODULE_MAGIC_NUMBER_MAJOR\n"+
		"#define MODULE_MAGIC_NUMBER_MAJOR %d\n#endif\n#define MODULE_MAGIC_NUMBER_MINOR %d     /* 0...n */\n", a.mmn.Cookie, a.mmn.Major, a.mmn.Minor), 0o644)
	m.write(a.prefix+"/include/apr-1/apr.h", fmt.Sprintf("#define APR_HAS_THREADS           %d\n#define APR_HAS_FORK              1\n", a.threads), 0o644)
	m.write(a.prefix+"/include/apr-1/apu.h", "", 0o644)
	m.write(a.prefix+"/bin/apr-1-config", "#!/bin/sh\n[ \"$*\" = --cppflags ] && echo ' -D_GNU_SOURCE -D_REENTRANT '\n", 0o755)
	m.write(a.prefix+"/modules/mod_alias.so", "", 0o644)
	m.write(a.prefix+"/conf/httpd.conf", "", 0o644)
	m.write(a.prefix+"/bin/httpd.V", fmt.Sprintf("Server version: Apache/%s (Unix)\nServer's Module Magic Number: %d:%d\nServer MPM:     %s\n"+
		" -D HTTPD_ROOT=\"%s\"\n -D SERVER_CONFIG_FILE=\"conf/httpd.conf\"\n", a.running, a.runs.Major, a.runs.Minor, a.mpm, p), 0o644)
	m.write(a.prefix+"/bin/httpd", "#!/bin/sh\n[ \"$1\" = -V ] && cat \"$0.V\"\n", 0o755)
	return m.write(a.prefix+"/bin/apxs", fakeApxs, 0o755)
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
