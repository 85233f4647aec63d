package apxs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
)

// every place is looked at, in this order.
func TestPlacesInOrder(t *testing.T) {
	m := archivedMachine(t, "conda") // whose CONDA_PREFIX is searched last
	want := []string{
		"/srv/named/apxs", "/srv/env/bin/mod_wsgi-apxs", "/usr/bin/apxs2", "/usr/sbin/apxs2", "/usr/bin/apxs", "/usr/bin/apxs2-worker", "/usr/bin/apxs24",
		"/usr/local/bin/apxs", "/usr/local/sbin/apxs", "/usr/local/apache2/bin/apxs", "/usr/local/apache/bin/apxs", "/usr/local/httpd/bin/apxs",
		"/opt/httpd-2.4/bin/apxs", "/opt/httpd24/bin/apxs", "/opt/apache/bin/apxs", "/opt/homebrew/bin/apxs", "/opt/homebrew/opt/httpd/bin/apxs",
		"/usr/local/opt/httpd/bin/apxs", "/home/linuxbrew/.linuxbrew/bin/apxs", "/opt/local/bin/apxs", "/usr/pkg/sbin/apxs",
		"/opt/rh/httpd24/root/usr/bin/apxs", "/home/user/miniconda3/envs/web/bin/apxs", "/home/user/cache/apaches/2.4.66/bin/apxs",
	}
	for _, path := range slices.Backward(want) {
		m.write(path, "#!/bin/sh\nexit 3\n", 0o755)
	}
	m.write("/srv/env/bin/python3", "#!/bin/sh\n", 0o755)
	m.mkdir("/usr/local/bin/apxs2") // a folder is none
	m.write("/opt/local/bin/apxs2", "not executable", 0o644)
	if err := os.Symlink("apxs24", m.path("/usr/bin/apxs2-event")); err != nil { // the same one once more
		t.Fatal(err)
	}
	m.write("/home/user/cache/apaches/.2.4.67.work/bin/apxs", "#!/bin/sh\nexit 3\n", 0o755) // somebody makes it just now
	m.env = append(m.env, "MODWSGI_CACHE="+m.path("/home/user/cache"), "MODWSGI_APXS="+m.path("/srv/named/apxs"), "PYTHON="+m.path("/srv/env/bin/python3"))
	var got []string
	for _, c := range m.finder().all(t.Context()) {
		if c.Apxs != "" {
			got = append(got, m.there(c.Apxs))
		}
	}
	want[5], want[6] = want[6], want[5] // by the name apxs2-event it comes before
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// servers that no apxs belongs to, by each name.
func TestServersWithoutApxs(t *testing.T) {
	m := archivedMachine(t, "source")
	for i, name := range httpdNames {
		m.write(fmt.Sprintf("/opt/apache%d/bin/%s", i, name), "#!/bin/sh\n", 0o755)
	}
	var got []string
	for _, c := range m.finder().all(t.Context())[1:] {
		got = append(got, filepath.Base(c.Httpd))
		if c.Usable || c.Advice != "apt-get install apache2-dev" || c.Select != "" {
			t.Errorf("%+v", c)
		}
	}
	if !slices.Equal(got, httpdNames) {
		t.Errorf("got %q", got)
	}
}

// one that was named and cannot be used is an error, whatever else is here.
func TestNamedIsNeverReplaced(t *testing.T) {
	m := archivedMachine(t, "debian12")
	if _, err := m.finder().find(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	m.write("/srv/apxs", noPerl, 0o755)
	for _, setting := range []string{"MODWSGI_APXS", "APXS"} {
		f := m.finder()
		f.r.Env = append(slices.Clone(m.env), setting+"="+m.path("/srv/apxs"))
		if info, err := f.find(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "$"+setting) || hint.Code(err) != hint.NotFound {
			t.Errorf("%s: %+v, %v", setting, info, err)
		}
	}
}

// what is noted of a second usable one.
func TestSecondApache(t *testing.T) {
	for name, c := range map[string]struct {
		second apache
		want   string
	}{
		"prefix": {event.at("/opt/apache-b"), "another Apache is here, 2.4.65, with another prefix: APXS="},
		"both": {apache{prefix: "/opt/apache-b", version: "2.4.68", mmn: MMN{Cookie: "AP24", Major: 20120211, Minor: 145}, mpm: "worker", threads: 1},
			"another Apache is here, 2.4.68, with another module magic number and prefix: APXS="},
		"not usable": {apache{prefix: "/opt/apache-b", version: "2.2.1", mmn: mmn24, threads: 1}, ""},
	} {
		m := newMachine(t)
		first := m.install(event.at("/usr"))
		second := m.install(c.second)
		info, err := m.finder().find(t.Context(), "")
		notes := strings.Join(info.Notes, "\n")
		if err != nil || info.Apxs != first || !strings.Contains(notes, c.want) || (c.want == "") != (notes == "") {
			t.Errorf("%s: %q, %v", name, notes, err)
		}
		if c.want != "" && !strings.Contains(notes, filepath.Base(filepath.Dir(filepath.Dir(second)))) {
			t.Errorf("%s: it does not say how to select it: %s", name, notes)
		}
		if info, err := m.finder().find(t.Context(), first); err != nil || len(info.Notes) > 0 {
			t.Errorf("%s: one was named: %q, %v", name, info.Notes, err)
		}
	}
}

// where config_vars.mk is looked for when apxs does not say it.
func TestPlacesOfTheFile(t *testing.T) {
	for _, dir := range append(slices.Clone(buildDirs), "/opt/httpd/build", "/opt/httpd/share/apache2/build", "/opt/httpd/lib64/httpd/build", "/opt/httpd/lib/httpd/build", "/opt/httpd/share/httpd/build") {
		prefix := "/opt/httpd"
		if !strings.HasPrefix(dir, prefix) {
			prefix = "/usr"
		}
		m := newMachine(t)
		path := m.install(event.at(prefix))
		m.write(prefix+"/bin/apxs", noPerl, 0o755)
		m.move(prefix+"/build/config_vars.mk", dir+"/config_vars.mk")
		info, err := m.finder().find(t.Context(), path)
		if err != nil || info.BuildDir != m.path(dir) {
			t.Errorf("%s: found in %q, %v", dir, info.BuildDir, err)
		}
	}
}

// one variable a call, by the real path whatever it was called by; what it
// knows only in small letters is asked for so. T-7: the environment is ours.
func TestQueryProtocol(t *testing.T) {
	m := newMachine(t)
	path := m.install(event.at("/opt/a"))
	m.remove("/opt/a/build")
	m.write("/opt/a/bin/apxs", `#!/bin/sh
echo "$0|$#|$1|$LC_ALL|$LD_LIBRARY_PATH$LD_PRELOAD$PERL5OPT$PYTHONPATH" >>"${0%/bin/*}/log"
here=${0%/bin/*}
case $2 in
INCLUDEDIR) echo "$here/include" ;;
LIBEXECDIR) echo "$here/modules"; exit 1 ;;
SYSCONFDIR) echo "$here/conf" ;;
progname) echo httpd ;;
bindir) echo "$here/bin" ;;
apr_includedir|apu_includedir) echo "$here/include/apr-1" ;;
*) echo "apxs:Error: Invalid query string '$2'." >&2; exit 1 ;;
esac
`, 0o755)
	if err := os.Symlink(path, m.path("/usr/bin/apxs2")); err != nil {
		t.Fatal(err)
	}
	m.env = append(m.env, "LD_LIBRARY_PATH=/l", "LD_PRELOAD=/p", "PERL5OPT=-x", "PYTHONPATH=/y", "LC_ALL=de_DE")
	info, err := m.finder().find(t.Context(), "apxs2")
	if err != nil {
		t.Fatal(err)
	}
	if info.Httpd != m.path("/opt/a/bin/httpd") || info.From["httpd"] == FromFile || info.From["modules_dir"] != FromApxs {
		t.Errorf("%+v", info)
	}
	if !info.Has(FlagNoAprConfig) { // status 1 with a value is how apxs says it
		t.Errorf("flags %q", info.Flags)
	}
	data, err := os.ReadFile(m.path("/opt/a/log"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		asked[line] = true
	}
	if want := path + "|2|-q|C|\n"; len(asked) != 1 || !asked[want] {
		t.Errorf("it was called as %v, want only %q", asked, want)
	}
}

// one option a call, and where to look without APR's own program.
func TestAprPrograms(t *testing.T) {
	m := newMachine(t)
	path := m.install(event.at("/opt/a"))
	m.edit("/opt/a/build/config_vars.mk", "APR_INCLUDEDIR", "NO")
	m.edit("/opt/a/build/config_vars.mk", "APU_INCLUDEDIR", "NO")
	find := func(want string) Info {
		t.Helper()
		info, err := m.finder().find(t.Context(), path)
		if err != nil || len(info.IncludeDirs) < 2 || info.IncludeDirs[1] != m.path(want) {
			t.Fatalf("%q, %v; want %s", info.IncludeDirs, err, want)
		}
		return info
	}
	m.write("/opt/a/bin/apr-1-config", "#!/bin/sh\n[ $# = 1 ] || exit 9\necho \"$1\" >>\"$0.log\"\ncase $1 in --includedir) echo \"${0%/bin/*}/apr\";; --cppflags) echo -D_LARGEFILE64_SOURCE;; *) exit 1;; esac\n", 0o755)
	m.move("/opt/a/include/apr-1", "/opt/a/apr")
	m.write("/opt/a/bin/apu-1-config", "#!/bin/sh\n[ \"$*\" = --includedir ] && echo \"${0%/bin/*}/apr\"\n", 0o755)
	m.edit("/opt/a/build/config_vars.mk", "APR_CONFIG", "APU_BINDIR = "+m.path("/opt/a/bin")+"\nAPR_CONFIG")
	if info := find("/opt/a/apr"); !slices.Contains(info.Defines, "-D_LARGEFILE64_SOURCE") || info.From["defines"] != FromApxs {
		t.Errorf("defines %q from %s", info.Defines, info.From["defines"])
	}
	m.remove("/opt/a/bin/apr-1-config")
	m.remove("/opt/a/bin/apu-1-config")
	m.move("/opt/a/apr", "/opt/a/apr-1.0") // beside the headers of Apache
	if info := find("/opt/a/apr-1.0"); !info.Has(FlagNoAprConfig) {
		t.Errorf("flags %q", info.Flags)
	}
	m.move("/opt/a/apr-1.0", "/srv/apr")
	m.write("/usr/bin/pkg-config", "#!/bin/sh\nhere=${0%/usr/bin/pkg-config}\nprintf '%s\\n' \"-I'${here%%\\'*}'\\\\''${here#*\\'}/srv/apr'\"\n", 0o755)
	find("/srv/apr")
}

// which answers count.
func TestAnswersOfServers(t *testing.T) {
	const whole = "Server version: Apache/2.4.65\nServer's Module Magic Number: 20120211:142\nServer MPM: worker\n -D HTTPD_ROOT=\"%s\"\n -D SERVER_CONFIG_FILE=\"conf/httpd.conf\"\n"
	tests := []struct {
		name, httpd, control string
		mpm, running         string
	}{
		{"status 1 with all of it", "cat <<'.'\n" + whole + ".\nexit 1", "", "worker", "2.4.65"},
		{"status 1 with a part of it", "echo 'Server version: Apache/2.4.65'; exit 1", "", "unknown", ""},
		{"of the init system", "exit 1", "echo 'apache2.service - loaded'; exit 0", "unknown", ""},
		{"only by the control program", "echo 'cannot open shared object' >&2; exit 127", "cat <<'.'\n" + whole + ".\n", "worker", "2.4.65"},
		{"by -M", "case $1 in -V) cat \"$0.V\";; -M) echo ' mpm_prefork_module (shared)';; *) exit 1;; esac", "", "prefork", "2.4.65"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			blank := event
			blank.mpm = ""
			path := m.install(blank.at("/opt/a"))
			put := func(name, script string) {
				if script != "" {
					m.write("/opt/a/bin/"+name, "#!/bin/sh\n"+strings.ReplaceAll(script, "%s", m.path("/opt/a"))+"\n", 0o755)
				}
			}
			put("httpd", tt.httpd)
			put("apachectl", tt.control)
			info, err := m.finder().find(t.Context(), path)
			if err != nil || info.MPM != tt.mpm || info.Running != tt.running {
				t.Errorf("MPM %q of %q, %v", info.MPM, info.Running, err)
			}
		})
	}
}

// envvars is read in a clean shell, as the system's start does it, and
// a2query is asked where Debian has it.
func TestCleanEnvironment(t *testing.T) {
	m := archivedMachine(t, "debian12")
	m.env = append(m.env, "APACHE_RUN_DIR=/mine", "SUFFIX=-mine")
	m.write("/etc/apache2/envvars", m.here("export APACHE_RUN_USER=www-data SEEN=\"$APACHE_RUN_DIR$SUFFIX$HOME\"\n"), 0o644)
	f := m.finder()
	info, err := f.find(t.Context(), "")
	if err != nil || info.MPM != unknownMPM {
		t.Errorf("what a person has set decided: MPM %s, %v", info.MPM, err)
	}
	env := Environment(t.Context(), f.r, info)
	if len(env) != 2 || env["APACHE_RUN_USER"] != "www-data" || env["SEEN"] != "" {
		t.Errorf("%q", env)
	}
	m.write("/etc/apache2/mods-available/mpm_event.load", "", 0o644)
	m.write("/usr/sbin/a2query", "#!/bin/sh\n[ \"$1\" = -M ] && echo prefork\n", 0o755)
	if info, err := m.finder().find(t.Context(), ""); err != nil || info.MPM != "prefork" {
		t.Errorf("by a2query: %s, %v", info.MPM, err)
	}
}

// what lies in the configuration says more than the system's name.
func TestFamilies(t *testing.T) {
	tests := []struct {
		name, conf, prefix, system string
		there                      []string
		want                       string
	}{
		{"mods-available", "/etc/apache2", "", "", []string{"/etc/apache2/mods-available"}, FamilyDebian},
		{"conf.modules.d", "/etc/httpd/conf", "", distro.Debian, []string{"/etc/httpd/conf.modules.d"}, FamilyFedora},
		{"modules.d", "/etc/apache2", "", "", []string{"/etc/apache2/modules.d"}, FamilyGentoo},
		{"modules.d of ports", "/usr/local/etc/apache24", "", "", []string{"/usr/local/etc/apache24/modules.d"}, FamilyFreeBSD},
		{"sysconfig", "/etc/apache2", "", "", []string{"/etc/sysconfig/apache2/"}, FamilySUSE},
		{"sysconfig, and a private Apache", "/srv/conf", "/srv", distro.SUSE, []string{"/etc/sysconfig/apache2/"}, FamilySource},
		{"system's name", "/etc/httpd/conf", "", distro.Arch, nil, FamilyArch},
		{"private Apache on it", "/opt/httpd/conf", "/opt/httpd", distro.Arch, nil, FamilySource},
		{"conda", "/home/u/env/conf", "/home/u/env", distro.Debian, []string{"/home/u/env/conda-meta"}, FamilyConda},
		{"unknown system", "/etc/httpd/conf", "", "", nil, FamilySource},
	}
	for _, tt := range tests {
		m := newMachine(t)
		m.sys = distro.System{Family: tt.system}
		for _, dir := range append(tt.there, tt.conf) {
			m.mkdir(dir)
		}
		d := &draft{finder: m.finder(), info: Info{ConfDir: m.path(tt.conf), From: map[string]Provenance{}}}
		if tt.prefix != "" {
			d.info.Prefix = m.path(tt.prefix)
		}
		if d.classify(); d.info.Family != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, d.info.Family, tt.want)
		}
	}
}

// A folder of headers stands for an Apache that came without apxs.
func TestHeadersAlone(t *testing.T) {
	for system, dir := range map[string]string{"fedora": "/usr/include/httpd", "source": "/usr/local/apache2/include"} {
		m := archivedMachine(t, system)
		for _, path := range []string{"/usr/bin/apxs", "/usr/local/apache2/bin/apxs", "/usr/lib64/httpd/build", "/usr/local/apache2/build"} {
			m.remove(path)
		}
		if _, err := m.finder().find(t.Context(), ""); err == nil {
			t.Fatal("there is no apxs")
		}
		m.env = append(m.env, "APXS="+m.path(dir))
		info, err := m.finder().find(t.Context(), "")
		if err != nil || info.Apxs != "" || info.Httpd == "" || !hasModules(info.ModulesDir) || info.IncludeDirs[0] != m.path(dir) {
			t.Errorf("%s: %+v, %v", system, info, err)
		}
		list := m.finder().all(t.Context())
		if len(list) != 1 || !list[0].Usable || list[0].Apxs != "" || m.there(list[0].Select) != "APXS="+dir {
			t.Errorf("%s: %+v", system, list)
		}
	}
}
