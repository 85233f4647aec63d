package apxs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// edit replaces text in a file of the machine.
func (m *machine) edit(p, old, new string) {
	m.t.Helper()
	data, err := os.ReadFile(m.path(p))
	if err != nil {
		m.t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), m.here(old), m.here(new))
	if text == string(data) {
		m.t.Fatalf("%s has no %q", p, old)
	}
	if err := os.WriteFile(m.path(p), []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) move(from, to string) {
	m.t.Helper()
	m.mkdir(filepath.Dir(to))
	if err := os.Rename(m.path(from), m.path(to)); err != nil {
		m.t.Fatal(err)
	}
}

const noPerl = "#!/no/such/perl -w\n"

// An archived system with one thing broken. Each is told by a flag, which is what
// doctor goes by, and by a sentence; where a module can be built all the same, it
// is usable.
func TestBrokenSystems(t *testing.T) {
	tests := []struct {
		name, system string
		spoil        func(m *machine)
		usable       bool
		flags        []Flag
		says, advice string // in why, or the notes of a usable one
	}{
		{"no perl", "alpine", func(m *machine) { m.write("/usr/bin/apxs", noPerl, 0o755) },
			true, []Flag{FlagNoPerl}, "only its config_vars.mk was read: asking apxs for installbuilddir: apxs is a Perl program, and perl is not installed", ""},
		{"no perl and no file", "alpine", func(m *machine) { m.write("/usr/bin/apxs", noPerl, 0o755); m.remove("/usr/share/apache2/build") },
			false, []Flag{FlagNoPerl}, "apxs is a Perl program, and perl is not installed", "apk add perl"},
		{"file of apxs gone", "fedora", func(m *machine) {
			m.remove("/usr/lib64/httpd/build")
			m.write("/usr/bin/apxs", "#!/bin/sh\necho 'cannot open /usr/lib64/httpd/build/config_vars.mk: No such file or directory at /usr/bin/apxs line 211.' >&2\nexit 2\n", 0o755)
		}, false, []Flag{FlagNoVars}, "the config_vars.mk that apxs reads is not there", "dnf install httpd-devel"},
		{"headers gone", "debian12", func(m *machine) { m.remove("/usr/include/apache2") },
			false, []Flag{FlagNoHeaders}, "the headers of Apache are missing: no httpd.h in /usr/include/apache2", "apt-get install apache2-dev"},
		{"headers elsewhere", "fedora", func(m *machine) {
			m.edit("/usr/lib64/httpd/build/config_vars.mk", "/usr/include/httpd", "/usr/include/gone")
		},
			true, nil, "", ""},
		{"headers of two Apaches", "fedora", func(m *machine) {
			m.edit("/usr/lib64/httpd/build/config_vars.mk", "/usr/include/httpd", "/usr/include/gone")
			m.headers("/usr/include/apache2", "2.4.10", MMN{Cookie: "AP24", Major: 20120211, Minor: 37})
		}, false, nil, "headers of two Apaches, in /usr/include/apache2 and /usr/include/httpd, and apxs does not say which are its own", ""},
		{"headers below the prefix", "homebrew", func(m *machine) {
			m.edit("/opt/homebrew/Cellar/httpd/2.4.63/lib/httpd/build/config_vars.mk", "/opt/homebrew/opt/httpd/include/httpd", "/opt/homebrew/gone")
		}, true, nil, "", ""},
		{"APR's headers gone", "source", func(m *machine) { m.remove("/usr/local/apache2/include/apu.h") },
			false, []Flag{FlagNoHeaders}, "the headers of APR are missing: no apu.h for /usr/local/apache2/bin/apxs", "apt-get install apache2-dev"},
		{"apr-1-config gone", "debian12", func(m *machine) { m.remove("/usr/bin/apr-1-config") },
			true, []Flag{FlagNoAprConfig}, "no apr-1-config: APR's definitions are taken from apxs alone", ""},
		{"no threads", "arch", func(m *machine) { m.aprHeaders("/usr/include/apr-1", "1.7.6", 0) },
			false, []Flag{FlagNoThreads}, "built without threads (APR_HAS_THREADS in /usr/include/apr-1)", "build APR and Apache with threads"},
		{"Apache 2.2", "arch", func(m *machine) {
			m.headers("/usr/include/httpd", "2.2.34", MMN{Cookie: "AP22", Major: 20051115, Minor: 43})
		},
			false, []Flag{FlagTooOld}, "this is Apache 2.2.34: 2.4 or later is needed", "APXS=/path/to/apxs"},
		{"server of another major", "suse", func(m *machine) { m.edit("/usr/sbin/httpd-prefork -V", "20120211:131", "20051115:43") },
			false, []Flag{FlagHeaders}, "headers do not match the server: apxs /usr/bin/apxs builds for Apache 2.4.58 (module magic number 20120211), /usr/sbin/httpd-prefork is 2.4.58 (20051115)", "APXS=/usr/bin/apxs2"},
		{"server older than headers", "suse", func(m *machine) { m.edit("/usr/sbin/httpd-prefork -V", "20120211:131", "20120211:88") },
			true, []Flag{FlagOldServer}, "the server /usr/sbin/httpd-prefork (2.4.58) is older than its headers (2.4.58)", ""},
		{"server of another prefix", "source", func(m *machine) { // the binary's own prefix
			m.edit("/usr/local/apache2/bin/httpd -V", `HTTPD_ROOT="/usr/local/apache2"`, `HTTPD_ROOT="/opt/apache-old"`)
		}, false, []Flag{FlagPairing}, "its configuration is /opt/apache-old/conf/httpd.conf, that of apxs lies in /usr/local/apache2/conf", "APXS=/usr/local/apache2/bin/apxs"},
		{"no server", "source", func(m *machine) { m.remove("/usr/local/apache2/bin/httpd") },
			true, []Flag{FlagNoServer}, "no server binary belongs to /usr/local/apache2/bin/apxs", ""},
		{"file of another version", "arch", func(m *machine) { m.edit("/usr/share/httpd/build/config_vars.mk", "2.4.65", "2.4.10") }, // headers win
			true, nil, "apxs is of Apache 2.4.10, the headers in /usr/include/httpd are of 2.4.65", ""},
		{"modules not where apxs says", "fedora", func(m *machine) {
			m.edit("/usr/lib64/httpd/build/config_vars.mk", "/usr/lib64/httpd/modules", "/usr/lib/none")
			m.move("/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")
		}, true, nil, "apxs names the modules folder /usr/lib/none, which has none; those of the server lie in /usr/lib/httpd/modules", ""},
		{"modules below the root", "source", func(m *machine) {
			m.edit("/usr/local/apache2/build/config_vars.mk", "/usr/local/apache2/modules", "/usr/local/apache2/libexec")
		}, true, nil, "those of the server lie in /usr/local/apache2/modules", ""},
		{"modules as a2query says", "debian12", func(m *machine) {
			m.move("/usr/lib/apache2/modules", "/usr/lib/elsewhere")
			m.write("/usr/sbin/a2query", "#!/bin/sh\n[ \"$1\" = -d ] && echo "+m.root+"/usr/lib/elsewhere/\n", 0o755)
		}, true, nil, "those of the server lie in /usr/lib/elsewhere", ""},
		{"no module yet", "source", func(m *machine) { m.remove("/usr/local/apache2/modules") }, // creatable
			true, nil, "the modules folder /usr/local/apache2/modules is not there", ""},
		{"no folder of modules can be", "source", func(m *machine) {
			m.remove("/usr/local/apache2/modules")
			m.write("/usr/local/apache2/modules", "", 0o644)
		}, false, nil, "the modules folder that apxs names, /usr/local/apache2/modules, is not there and cannot be made", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := archivedMachine(t, tt.system)
			tt.spoil(m)
			list := m.finder().all(t.Context())
			if len(list) == 0 {
				t.Fatal("nothing was found")
			}
			c := list[0]
			text := c.Why
			if c.Info != nil {
				text = strings.Join(c.Info.Notes, "\n")
			}
			if c.Usable != tt.usable || !slices.Equal(c.Flags, tt.flags) {
				t.Errorf("usable %v with %q, want %v with %q: %s", c.Usable, c.Flags, tt.usable, tt.flags, m.there(text))
			}
			if !strings.Contains(m.there(text), tt.says) || !strings.Contains(m.there(c.Advice), tt.advice) {
				t.Errorf("it says %q, advice %q", m.there(text), m.there(c.Advice))
			}
			if len(list) > 1 && tt.system != "homebrew" {
				t.Errorf("its server counts as another: %+v", list[1:])
			}
			if len(tt.flags) > 0 && !tt.usable && FlagOf(c.err) != tt.flags[0] {
				t.Errorf("the error has the flag %q", FlagOf(c.err))
			}
		})
	}
}
