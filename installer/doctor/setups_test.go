package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/docs"
	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// setup is one way to break a machine (rules D-1 to D-3, Y-3). Whoever notices
// it, the checks, the texts of real programs or both, says its code and no other
// one at warning or above.
type setup struct {
	name string
	code string // "" for a healthy one
	make func(t *testing.T, s *site)
}

// site is a machine in the making.
type site struct {
	t    *testing.T
	dir  string
	m    Machine
	said string   // by programs
	by   []string // which programs really ran, for the table
}

// TestSetups prints the table: set-up, code, and who noticed.
func TestSetups(t *testing.T) {
	all := slices.Concat(healthySetups, buildSetups, loadSetups, runSetups, logSetups)
	names := map[string]bool{}
	codes := map[string]bool{}
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "set-up\tcode\tnoticed by")
	for _, c := range all {
		if names[c.name] {
			t.Errorf("%s is there twice", c.name)
		}
		names[c.name], codes[c.code] = true, true
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			c.make(t, s)
			got, witnesses := s.codes()
			want := []string{}
			if c.code != "" {
				want = append(want, c.code)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q; the programs said:\n%s\n%+v", got, want, s.said, Diagnose(s.m))
			}
			fmt.Fprintf(columns, "%s\t%s\t%s\n", c.name, cmp.Or(c.code, "–"), strings.Join(witnesses, ", "))
		})
	}
	if err := columns.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d broken set-ups, %d healthy ones\n%s", len(all)-len(healthySetups), len(healthySetups), table.String())
	if n := len(all) - len(healthySetups); n < 40 {
		t.Errorf("only %d broken set-ups", n)
	}
	for _, c := range codesOf(t) {
		if !codes[c] {
			t.Errorf("%s has no set-up", c)
		}
	}
}

func codesOf(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, c := range codes {
		list = append(list, c.ID)
	}
	return list
}

// codes are those that checks and texts give at warning and above, each once.
func (s *site) codes() (list, witnesses []string) {
	list = []string{}
	add := func(code string) {
		if !slices.Contains(list, code) {
			list = append(list, code)
		}
	}
	for _, r := range Diagnose(s.m) {
		if r.Level != Info {
			add(r.Code)
			witnesses = append(witnesses, "doctor")
		}
		if r.Saw == "" || r.Why == "" || len(r.Fix) == 0 || strings.Contains(strings.Join(r.Fix, " "), "${") || strings.HasPrefix(r.Fix[0], "or ") {
			s.t.Errorf("it cannot be acted upon: %+v", r)
		}
	}
	found, err := Explain(strings.NewReader(s.said), s.m.System, Messages(docs.Messages))
	if err != nil && !errors.Is(err, errUnknown) {
		s.t.Error(err)
	}
	for _, f := range found {
		add(f.Code)
		witnesses = append(witnesses, "explain")
	}
	slices.Sort(witnesses)
	return list, append(slices.Compact(witnesses), s.by...)
}

// newSite is a machine with an Apache whose configuration is still to be
// written; the kind of its files is that of this machine.
func newSite(t *testing.T) *site {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir}
	s.m = Machine{
		System:  distro.System{ID: "debian", Name: "Debian", Family: distro.Debian},
		Apache:  &apxs.Info{MMN: apxs.MMN{Cookie: "AP24", Major: 20120211}, Root: dir, ConfFile: filepath.Join(dir, "httpd.conf")},
		User:    "www-data",
		Envvars: true,
	}
	if httpd := server(); httpd != "" {
		s.m.Server = kindOf(httpd)
	}
	return s
}

// server is an httpd of this machine, "" without one.
func server() string {
	for _, name := range []string{"apache2", "httpd", "/usr/sbin/apache2", "/usr/sbin/httpd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// file writes a file below the site; $DIR in it is the site's folder.
func (s *site) file(name, text string, mode os.FileMode) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "$DIR", s.dir)), mode); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// open makes every folder from the site's up to the temporary one passable, as
// that of a server would be.
func (s *site) open() {
	for dir := s.dir; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(dir); err == nil && fi.Mode().Perm()&0o011 == 0 {
			if err := os.Chmod(dir, 0o755); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// conf writes the configuration, has the scanner read it, and, where there is an
// Apache here, has httpd -t say what it thinks of it.
func (s *site) conf(text string) {
	s.t.Helper()
	s.scan(text)
	httpd := server()
	if httpd == "" {
		s.by = append(s.by, "(no httpd here)")
		return
	}
	s.said += s.run(httpd, "-t", "-f", filepath.Join(s.dir, "httpd.conf"))
}

// scan writes the configuration and has only the scanner read it.
func (s *site) scan(text string) {
	s.t.Helper()
	s.open()
	path := s.file("httpd.conf", "ServerRoot $DIR\nServerName localhost\nPidFile $DIR/pid\n"+text, 0o644)
	scan, err := apxs.ScanConfig(path, s.dir, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.m.read(scan)
}

// needsServer skips a set-up that only httpd itself notices.
func (s *site) needsServer() {
	s.t.Helper()
	if server() == "" {
		s.t.Skip("no httpd here, and nobody else notices")
	}
}

// mpm is the line that loads the event MPM of this machine; "" if httpd has it
// built in, or there is no httpd.
func (s *site) mpm(names ...string) string {
	text := ""
	for _, name := range names {
		for _, dir := range []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/lib64/apache2", "/usr/lib/apache2"} {
			if path := filepath.Join(dir, "mod_mpm_"+name+".so"); fsx.Exists(path) {
				text += fmt.Sprintf("LoadModule mpm_%s_module %s\n", name, path)
				break
			}
		}
	}
	return text
}

// runs programs; what they say is text for Explain, whatever they exit with.
func (s *site) run(program string, args ...string) string {
	s.t.Helper()
	r := &run.Runner{Env: []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TMPDIR=" + os.TempDir()}}
	res, err := r.Run(context.Background(), run.Cmd{Dir: s.dir, Path: program, Args: args, Timeout: time.Minute})
	var failed *run.Error
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	s.by = append(s.by, filepath.Base(program))
	return res.Stdout + res.Stderr
}

// compiler is a C compiler of this machine; without one the set-up is skipped.
func (s *site) compiler() string {
	s.t.Helper()
	path, err := exec.LookPath("gcc")
	if err != nil {
		s.t.Skip("no gcc here: ", err)
	}
	return path
}

// record is the C source of a module record as httpd compares it: its version,
// its cookie and nothing else.
const record = `
struct { int major, minor, index; const char *name; void *handle, *next; unsigned long magic; void *rest[8]; }
wsgi_module = { 20120211, 1, -1, "mod_wsgi.c", 0, 0, 0x41503234UL, {0} };
void use(char *); void wsgi_use(void) { char buffer[64]; use(buffer); } void use(char *b) { b[0] = 0; }
`

// sound are the options of a hardened module.
var sound = []string{"-shared", "-fPIC", "-O1", "-fstack-protector-all", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"}

// module compiles a module of the name mod_wsgi.so and gives its path.
func (s *site) module(source string, options ...string) string {
	s.t.Helper()
	if source == "" {
		source = record
	}
	c, to := s.file("module.c", source, 0o644), filepath.Join(s.dir, "modules", "mod_wsgi.so")
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if out := s.run(s.compiler(), slices.Concat(sound, []string{"-o", to, c}, options)...); out != "" {
		s.t.Fatal(out)
	}
	s.by = slices.DeleteFunc(s.by, func(b string) bool { return b == "gcc" }) // only made the fixture
	return to
}

// half puts a Python half beside the module of ours; its libpython is there.
func (s *site) half(folder, version string, interfaceNumber int) {
	s.t.Helper()
	s.file("lib/libpython.so", "", 0o644)
	s.file("modules/"+csrc.RuntimeFolder+"/"+csrc.ApacheInfoFile, `{"interface": 3, "apache": "2.4.62", "cookie": "AP24", "mmn_major": 20120211, "mmn_minor": 1}`, 0o644)
	s.file("modules/"+csrc.RuntimeFolder+"/"+folder+"/"+csrc.BuildInfoFile, fmt.Sprintf(
		`{"interface": %d, "abi": %q, "python": %q, "libpython": "$DIR/lib/libpython.so", "prefix": "$DIR/py"}`, interfaceNumber, folder, version), 0o644)
}

// ours is a whole module of ours with one half, and the line that loads it.
func (s *site) ours() string {
	s.module("")
	s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
	return s.mpm("event") + "LoadModule wsgi_module modules/mod_wsgi.so\n"
}

// python makes a file that the loader takes for the libpython of an unheard-of
// version.
func (s *site) python(name string) string {
	s.t.Helper()
	c, to := s.file("python.c", "int Py_IsInitialized(void) { return 0; }\n", 0o644), filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if out := s.run(s.compiler(), "-shared", "-fPIC", "-Wl,-soname,libpython3.98.so.1.0", "-o", to, c); out != "" {
		s.t.Fatal(out)
	}
	s.by = slices.DeleteFunc(s.by, func(b string) bool { return b == "gcc" })
	return to
}

// patch writes bytes into a file at an offset.
func (s *site) patch(path string, at int64, data ...byte) {
	s.t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, at); err != nil {
		s.t.Fatal(err)
	}
}

// healthySetups have nothing wrong.
var healthySetups = []setup{
	{"healthy: module of ours, environment, two halves", "", func(t *testing.T, s *site) {
		line := s.ours()
		s.half("cpython-313t-x86_64-linux-gnu", "3.13.1", 3)
		s.file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.0\n", 0o644)
		s.file("venv/lib/python3.13/site-packages/x.py", "", 0o644)
		s.scan(line + "WSGIPythonHome $DIR/venv\nWSGIFreeThreading On\nWSGIDaemonProcess a python-home=$DIR/venv\n")
	}},
	{"healthy: httpd -t", "", func(t *testing.T, s *site) { s.conf(s.ours()) }},
	{"healthy: the original, its library in a prefix", "", func(t *testing.T, s *site) {
		lib := s.python("prefix/lib/libpython3.98.so.1.0")
		s.file("prefix/lib/python3.98/os.py", "", 0o644)
		s.module("", "-Wl,--no-as-needed", lib)
		s.conf(s.mpm("event") + "LoadFile $DIR/prefix/lib/libpython3.98.so.1.0\nLoadModule wsgi_module modules/mod_wsgi.so\n" + unread("WSGIPythonHome $DIR/prefix"))
	}},
	{"healthy: nothing known", "", func(t *testing.T, s *site) { s.m = Machine{} }},
	{"healthy: no directive, no module", "", func(t *testing.T, s *site) { s.conf(s.mpm("event")) }},
	{"healthy: a log without trouble", "", func(t *testing.T, s *site) {
		s.said = "[mpm_event:notice] AH00489: Apache/2.4.62 configured -- resuming normal operations\nAH00094: Command line: 'apache2'\n"
	}},
}

// unread hides directives of the real module from httpd, which has loaded one
// that knows none; the scanner reads them.
func unread(text string) string { return "<IfModule never.c>\n" + text + "\n</IfModule>\n" }
