package apxs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

func TestFind(t *testing.T) {
	m := newMachine(t)
	path := m.install(event.at("/opt/httpd 2.4"))
	info, err := m.finder().find(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	p := m.path("/opt/httpd 2.4")
	want := Info{
		Apxs: path, Httpd: p + "/bin/httpd", Version: "2.4.65", Running: "2.4.65", MMN: mmn24, MPM: "event", Family: "source",
		HasForks: true, Threads: true, Prefix: p, BuildDir: p + "/build", IncludeDirs: []string{p + "/include", p + "/include/apr-1"},
		Defines:    []string{"-D_GNU_SOURCE", "-D_REENTRANT", "-DLINUX=2", "-UFOO"},
		ModulesDir: p + "/modules", ConfDir: p + "/conf", ConfFile: p + "/conf/httpd.conf", Root: p,
		From: info.From,
	}
	if !reflect.DeepEqual(info, want) {
		t.Errorf("found\n%+v\nwant\n%+v", info, want)
	}
	from := map[string]Provenance{"version": FromHeader, "mmn": FromHeader, "modules_dir": FromFile, "include_dirs": FromFile,
		"mpm": FromBinary, "root": FromBinary, "family": FromGuess}
	for field, p := range from {
		if info.From[field] != p {
			t.Errorf("%s is from %q, want %q", field, info.From[field], p)
		}
	}
	data, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var again Info
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(again, info) {
		t.Errorf("JSON does not bring it back: %+v, %v", again, err)
	}
}

func TestFindOrder(t *testing.T) {
	m := newMachine(t)
	first := m.install(event.at("/usr"))
	other := m.install(event.at("/opt/apache-b"))
	if err := os.Symlink("apxs", m.path("/usr/bin/apxs2")); err != nil { // as Debian has it
		t.Fatal(err)
	}
	m.write("/usr/local/sbin/httpd", "#!/bin/sh\n", 0o755)
	inherit := m.env
	tests := []struct {
		name, explicit string
		env            []string
		want           string
	}{
		{"nothing named", "", nil, first},
		{"path", other, nil, other},
		{"link", m.path("/usr/bin/apxs2"), nil, first},
		{"name", "apxs2", nil, first},
		{"APXS", "", []string{"APXS=" + other}, other},
		{"MODWSGI_APXS first", "", []string{"APXS=" + first, "MODWSGI_APXS=" + other}, other},
		{"argument first", first, []string{"APXS=/none", "MODWSGI_APXS=" + other}, first},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m.env = append(slices.Clone(inherit), tt.env...)
			if info, err := m.finder().find(t.Context(), tt.explicit); err != nil || info.Apxs != tt.want {
				t.Errorf("%s, %v; want %s", info.Apxs, err, tt.want)
			}
		})
	}
	m.env = inherit
	list := m.finder().all(t.Context())
	if len(list) != 3 || list[0].Apxs != first || list[1].Apxs != other || !list[1].Usable || list[2].Usable || !strings.HasSuffix(list[2].Httpd, "/usr/local/sbin/httpd") {
		t.Errorf("Candidates = %+v", list)
	}
	info, err := m.finder().find(t.Context(), "")
	if err != nil || !strings.Contains(strings.Join(info.Notes, "\n"), "another Apache is here, 2.4.65, with another prefix: APXS=") {
		t.Errorf("notes %q, %v", info.Notes, err)
	}
}

func TestFindErrors(t *testing.T) {
	old, single := event, event
	old.version = "2.2.34"
	single.threads = 0
	tests := []struct {
		name        string
		apache      apache
		spoil       func(m *machine)
		err, advice string
		code        int
	}{
		{"too old", old, nil, "this is Apache 2.2.34: 2.4 or later is needed", "APXS=", hint.Refused},
		{"no threads", single, nil, "was built without threads", "APXS=", hint.Refused},
		{"no headers", event, func(m *machine) { m.remove("/opt/a/include/httpd.h") }, "the headers of Apache are missing: no httpd.h in ", "apt-get install apache2-dev", hint.NotFound},
		{"no APR headers", event, func(m *machine) { m.remove("/opt/a/include/apr-1/apu.h") }, "the headers of APR are missing: no apu.h", "apt-get install apache2-dev", hint.NotFound},
		{"absent", event, func(m *machine) { m.remove("/opt/a/bin/apxs") }, "no such program: there is no such file", "correct it, or leave it out", hint.NotFound},
		{"it fails", event, func(m *machine) {
			m.remove("/opt/a/build")
			m.write("/opt/a/bin/apxs", "#!/bin/sh\necho 'cannot read config_vars.mk' >&2; exit 3\n", 0o755)
		}, "exit status 3\ncannot read config_vars.mk", "", hint.NotFound},
		{"no perl", event, func(m *machine) {
			m.remove("/opt/a/build")
			m.write("/opt/a/bin/apxs", "#!/no/such/perl -w\n", 0o755)
		}, "asking apxs for installbuilddir: apxs is a Perl program, and perl is not installed", "apt-get install perl", hint.NotFound},
		{"no perl by env", event, func(m *machine) {
			m.remove("/opt/a/build")
			m.write("/opt/a/bin/apxs", "#!/bin/sh\necho \"env: 'perl': No such file or directory\" >&2; exit 127\n", 0o755)
		}, "perl is not installed", "apt-get install perl", hint.NotFound},
		{"headers unreadable", event, func(m *machine) { m.write("/opt/a/include/ap_mmn.h", "", 0o644) }, "MODULE_MAGIC_NUMBER_MAJOR is \"\", not a number", "", hint.NotFound},
		{"server of another Apache", event, func(m *machine) {
			m.write("/opt/a/bin/httpd.V", "Server version: Apache/2.2.3\nServer's Module Magic Number: 20051115:3\nServer MPM: Worker\n", 0o644)
		}, "headers do not match the server: apxs ", "name the apxs of that server: APXS=", hint.Refused},
		{"server of another prefix", event, func(m *machine) {
			m.write("/opt/a/bin/httpd.V", "Server version: Apache/2.4.65\nServer's Module Magic Number: 20120211:142\n"+
				" -D HTTPD_ROOT=\"/opt/b\"\n -D SERVER_CONFIG_FILE=\"conf/httpd.conf\"\n", 0o644)
		}, "apxs and server are not of one Apache: apxs ", "name the apxs of that server: APXS=", hint.Refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			path := m.install(tt.apache.at("/opt/a"))
			if tt.spoil != nil {
				tt.spoil(m)
			}
			m.install(event.at("/opt/apache2")) // never taken instead
			m.env = append(m.env, "APXS="+path)
			info, err := m.finder().find(t.Context(), "")
			if err == nil {
				t.Fatalf("no error, %+v", info)
			}
			if !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "the apxs of $APXS, '"+strings.ReplaceAll(path, "'", `'\''`)+"': ") {
				t.Errorf("error = %q, want %q in it", err, tt.err)
			}
			if got := hint.Of(err); !strings.Contains(got, tt.advice) {
				t.Errorf("advice = %q, want %q in it", got, tt.advice)
			}
			if got := hint.Code(err); got != tt.code {
				t.Errorf("exit status %d, want %d", got, tt.code)
			}
		})
	}
}

func TestNothingHere(t *testing.T) {
	for family, want := range map[string]string{
		distro.Debian: "apt-get install apache2-dev", distro.Fedora: "dnf install httpd-devel", distro.Alpine: "apk add apache2-dev",
		distro.SUSE: "zypper install apache2-devel", distro.Arch: "pacman -S --needed apache",
		distro.Unknown: "install with your system's package manager: Apache's development files (apxs and headers; apache2-dev or httpd-devel)",
	} {
		m := newMachine(t)
		server := m.write("/usr/sbin/httpd", "#!/bin/sh\n", 0o755)
		f := m.finder()
		f.sys.Family = family
		_, err := f.find(t.Context(), "")
		if err == nil || hint.Of(err) != want || hint.Code(err) != hint.NotFound || !strings.Contains(err.Error(), server) {
			t.Errorf("%s: %v, advice %q", family, err, hint.Of(err))
		}
	}
}

func TestMissing(t *testing.T) {
	m := newMachine(t)
	check := func(step string, want ...string) {
		t.Helper()
		if got := m.finder().missing(t.Context()); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	check("bare machine", "apache2", "apache2-dev", "gcc libc6-dev")
	m.write("/usr/sbin/apache2", "#!/bin/sh\n", 0o755)
	check("with a server", "apache2-dev", "gcc libc6-dev")
	m.write("/usr/bin/cc", "#!/bin/sh\n", 0o755)
	check("a compiler without C library", "apache2-dev", "gcc libc6-dev")
	m.write("/usr/include/stdio.h", "", 0o644)
	check("with a compiler", "apache2-dev")
	path := m.install(event.at("/opt/apache2"))
	check("with an apxs")
	m.remove("/opt/apache2/bin/httpd")
	m.env = append(m.env, "APXS="+path)
	check("the named one without a server", "apache2")
}

// The file is not found by asking: then one of the usual places serves if it
// is this apxs's, never another's.
func TestFileWithoutApxs(t *testing.T) {
	m := newMachine(t)
	path := m.install(event.at("/usr"))
	m.write("/usr/bin/apxs", "#!/no/such/perl\n", 0o755)
	m.mkdir("/usr/share/apache2")
	if err := os.Rename(m.path("/usr/build"), m.path("/usr/share/apache2/build")); err != nil {
		t.Fatal(err)
	}
	info, err := m.finder().find(t.Context(), path)
	if err != nil || info.Version != "2.4.65" || !strings.Contains(strings.Join(info.Notes, "\n"), "perl is not installed") {
		t.Errorf("%+v, %v", info, err)
	}
	elsewhere := m.write("/opt/x/bin/apxs", "#!/no/such/perl\n", 0o755)
	if info, err := m.finder().find(t.Context(), elsewhere); err == nil {
		t.Errorf("another's file was taken: %+v", info)
	}
}

// Without a file apxs answers for each variable, with exit status 1 where
// apr-1-config is missing (rule A-4).
func TestQueryOnly(t *testing.T) {
	m := newMachine(t)
	path := m.install(event.at("/opt/a"))
	if err := os.Rename(m.path("/opt/a/build/config_vars.mk"), m.path("/opt/a/vars")); err != nil {
		t.Fatal(err)
	}
	m.write("/opt/a/bin/apxs", `#!/bin/sh
case $2 in
*INCLUDEDIR) [ "$2" = INCLUDEDIR ] && echo "${0%/bin/*}/include" && exit 0 ;;
LIBEXECDIR) echo "${0%/bin/*}/modules"; echo 'apr-1-config not found' >&2; exit 1 ;;
SYSCONFDIR) echo "${0%/bin/*}/conf"; exit 0 ;;
esac
echo "apxs:Error: Invalid query string '$2'." >&2
exit 1
`, 0o755)
	m.remove("/opt/a/bin/apr-1-config")
	if err := os.Rename(m.path("/opt/a/include/apr-1"), m.path("/opt/a/apr-1")); err != nil {
		t.Fatal(err)
	}
	info, err := m.finder().find(t.Context(), path)
	if err != nil || info.ModulesDir != m.path("/opt/a/modules") || info.From["modules_dir"] != FromApxs ||
		info.Httpd != m.path("/opt/a/bin/httpd") || info.From["httpd"] != FromGuess {
		t.Errorf("%+v, %v", info, err)
	}
	if !strings.Contains(strings.Join(info.Notes, "\n"), "no apr-1-config") {
		t.Errorf("notes %q", info.Notes)
	}
}

// that apxs answers and ends with an error is told by a flag, also where an
// apr-1-config is beside it: it is not the one that apxs looks for.
func TestQueryThatFails(t *testing.T) {
	for _, code := range []int{0, 1} {
		m := newMachine(t)
		path := m.install(event.at("/opt/a"))
		m.write("/opt/a/bin/apxs", fmt.Sprintf("#!/bin/sh\n[ \"$2\" = installbuilddir ] && echo \"${0%%/bin/*}/build\" && exit %d\nexit 1\n", code), 0o755)
		info, err := m.finder().find(t.Context(), path)
		if err != nil || info.BuildDir != m.path("/opt/a/build") || info.Has(FlagNoAprConfig) != (code == 1) {
			t.Errorf("exit status %d: flags %q, %+v, %v", code, info.Flags, info, err)
		}
	}
}

// of a macro that is defined for several compilers the first counts.
func TestFirstDefinitionCounts(t *testing.T) {
	m := newMachine(t)
	path := m.write("/x.h", "#define N 2 /* two */\n#if ODD\n# define N 3\n#endif\n#define TEXT \"x\"\n", 0o644)
	if n, err := numbers(path, "N"); err != nil || n[0] != 2 {
		t.Errorf("%v, %v", n, err)
	}
	if _, err := numbers(path, "TEXT"); err == nil {
		t.Error("a text is taken for a number")
	}
}

// the one that is taken when none is named is marked. What a setting names
// is taken or nothing is.
func TestDefaultCandidate(t *testing.T) {
	m := newMachine(t)
	m.install(event.at("/opt/httpd1"))
	second := m.install(event.at("/opt/httpd2"))
	marked := func(env ...string) (list []string) {
		f := m.finder()
		f.r.Env = append(slices.Clone(m.env), env...)
		for _, c := range f.all(t.Context()) {
			if c.Default {
				list = append(list, strings.TrimPrefix(c.Apxs, m.root))
			}
		}
		return list
	}
	for _, c := range []struct{ env, want string }{
		{"X=", "/opt/httpd1/bin/apxs"}, {"APXS=" + second, "/opt/httpd2/bin/apxs"}, {"APXS=/no/such", ""}, {"MODWSGI_APACHE_CONFIG=/no/such", ""},
	} {
		if got := strings.Join(marked(c.env), " "); got != c.want {
			t.Errorf("%s: %q is marked, want %q", c.env, got, c.want)
		}
	}
}

// A server whose configuration needs an environment says its MPM only in it.
func TestMPMNeedsEnvironment(t *testing.T) {
	m := newMachine(t)
	blank := event
	blank.mpm = ""
	path := m.install(blank.at("/opt/a"))
	find := func() string {
		t.Helper()
		info, err := m.finder().find(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return info.MPM
	}
	if got := find(); got != "unknown" {
		t.Errorf("without any word: %q", got)
	}
	m.write("/opt/a/conf/httpd.conf", "LoadModule mpm_prefork_module x\n", 0o644)
	if got := find(); got != "prefork" {
		t.Errorf("by LoadModule: %q", got)
	}
	m.write("/opt/a/bin/httpd", "#!/bin/sh\ncase $1 in -V) cat \"$0.V\";; -l) printf 'Compiled in modules:\\n  core.c\\n  worker.c\\n';; esac\n", 0o755)
	if got := find(); got != "worker" {
		t.Errorf("by -l: %q", got)
	}
	m.write("/opt/a/bin/apachectl", "#!/bin/sh\necho 'Passing arguments is no longer supported'\n", 0o755)
	if got := find(); got != "worker" {
		t.Errorf("with a control program that does not answer: %q", got)
	}
	m.write("/opt/a/bin/httpd", "#!/bin/sh\n[ -n \"$RUN_DIR\" ] || { cat \"$0.V\"; exit 1; }\nprintf 'Server version: Apache/2.4.65\\nServer MPM: %s\\n' \"$RUN_DIR\"\n", 0o755)
	m.write("/opt/a/conf/envvars", "unset HOME\nexport RUN_DIR=event\n", 0o644)
	if got := find(); got != "event" {
		t.Errorf("by envvars: %q", got)
	}
}

func TestPair(t *testing.T) {
	m := newMachine(t)
	older, other := event, event
	older.running, older.runs = "2.4.41", MMN{Major: 20120211, Minor: 88}
	other.version, other.mmn = "2.2.34", MMN{Cookie: "AP22", Major: 20051115, Minor: 43}
	path := m.install(older.at("/opt/a"))
	m.install(event.at("/opt/b"))
	m.install(other.at("/opt/c"))
	f := m.finder()
	info, err := f.find(t.Context(), path)
	if err != nil || info.Running != "2.4.41" || !strings.Contains(strings.Join(info.Notes, "\n"), "older than its headers") {
		t.Fatalf("%+v, %v", info, err)
	}
	for httpd, want := range map[string]error{"/opt/b/bin/httpd": ErrPairing, "/opt/c/bin/httpd": ErrHeaders, "/opt/none": nil} {
		before := info
		err := Pair(t.Context(), f.r, &info, m.path(httpd))
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", httpd, err, want)
		}
		if want != nil && !strings.Contains(hint.Of(err), filepath.Join(filepath.Dir(httpd), "apxs")) {
			t.Errorf("%s: advice %q", httpd, hint.Of(err))
		}
		if info.Httpd != before.Httpd {
			t.Errorf("%s was taken all the same", httpd)
		}
	}
	if err := Pair(t.Context(), f.r, &info, m.path("/opt/a/bin/httpd")); err != nil {
		t.Error(err)
	}
}

// What is found on this machine must be true of it.
func TestThisMachine(t *testing.T) {
	r := &run.Runner{}
	info, err := Find(t.Context(), r, "")
	if err != nil {
		t.Skipf("no Apache to build for here: %v", err)
	}
	for _, file := range []string{info.IncludeDirs[0] + "/httpd.h", info.ModulesDir} {
		if !fsx.Exists(file) {
			t.Errorf("%s is not there", file)
		}
	}
	if older(info.Version, oldest) || info.MMN.Major < 20120211 || info.MMN.Cookie != "AP24" || !info.Threads {
		t.Errorf("%+v", info)
	}
	if info.Httpd == "" {
		t.Skip("no server here to ask")
	}
	res, _ := r.Run(t.Context(), run.Cmd{Path: info.Httpd, Args: []string{"-v"}})
	if !strings.Contains(res.Stdout, "Apache/"+info.Running) {
		t.Errorf("it is %s, the server says %s", info.Running, res.Stdout)
	}
	if !fsx.IsFile(info.ConfFile) || filepath.Dir(info.ConfFile) != info.ConfDir {
		t.Errorf("configuration %s in %s", info.ConfFile, info.ConfDir)
	}
	if a2query, err := r.LookPath("a2query"); err == nil && info.Family == "debian" {
		if want, err := r.Output(t.Context(), "", a2query, "-M"); err == nil && info.MPM != want {
			t.Errorf("MPM %s, a2query says %s", info.MPM, want)
		}
	}
}
