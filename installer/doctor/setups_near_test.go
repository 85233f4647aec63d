package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
)

// nearSetups look like one that has a code, and nothing is wrong (rule D-3): of
// the codes that only a look at the machine gives. Those that a text gives have
// theirs in samples.
var nearSetups = []setup{
	{"one libpython by two names", "MW212", func(t *testing.T, s *site) {
		lines := s.original("WSGIPythonHome $DIR/prefix\n")
		if err := os.Symlink(filepath.Join(s.dir, "prefix/lib"), filepath.Join(s.dir, "link")); err != nil {
			t.Fatal(err)
		}
		s.scan(lines + "LoadFile $DIR/link/libpython3.98.so.1.0\n")
	}},
	{"Python as it was when the half was built", "MW306", func(t *testing.T, s *site) {
		s.m = healthy()
		s.m.Modules[0].Halves[0].Python, s.m.Modules[0].Halves[0].Hex = "/usr/bin/python3.11", 0x030b02f0
		s.m.Python = pythonNow("/usr/bin/python3.11", "3.11.2", 0x030b02f0)
	}},
	{"another Python than that of the half, elsewhere", "MW306", func(t *testing.T, s *site) {
		s.m = healthy()
		s.m.Modules[0].Halves[0].Python, s.m.Modules[0].Halves[0].Hex = "/usr/bin/python3.11", 0x030b02f0
		s.m.Python = pythonNow("/opt/python3.12", "3.12.1", 0x030c01f0)
	}},
	{"standalone Python, and its home", "MW307", func(t *testing.T, s *site) { s.scan(s.original("WSGIPythonHome $DIR/prefix\n")) }},
	{"conda's Python without mod_ssl", "MW308", func(t *testing.T, s *site) {
		s.file("conda/conda-meta/history", "", 0o644)
		s.file("conda/lib/python3.98/os.py", "", 0o644)
		s.scan(s.original("WSGIPythonHome $DIR/conda\n"))
	}},
	{"conda's Python and mod_ssl, and Python in processes of its own", "MW308", func(t *testing.T, s *site) {
		s.file("conda/conda-meta/history", "", 0o644)
		s.file("conda/lib/python3.13/os.py", "", 0o644)
		s.scan(s.ours() + "WSGIPythonHome $DIR/conda\nLoadModule ssl_module modules/mod_ssl.so\n")
	}},
	{"run path to a folder called builder", "MW401", func(t *testing.T, s *site) {
		line := s.ours()
		s.module("", "-Wl,-rpath,/opt/builder/lib:/var/tmpfiles/lib")
		s.scan(line)
	}},
	{"module of a package without protection", "MW402", func(t *testing.T, s *site) {
		s.m = healthy()
		s.m.Modules[0].Hardening = &csrc.Hardening{}
		s.m.Packaged = []Packaged{{Path: s.m.Modules[0].Path, Package: "libapache2-mod-wsgi-py3", Loaded: true}}
	}},
	{"two modules of one package", "MW404", func(t *testing.T, s *site) {
		s.m = healthy()
		s.m.Packaged = []Packaged{{Path: "/m/mod_wsgi.so", Package: "p", Loaded: true}, {Path: "/m/mod_wsgi.so-3.11", Package: "p"}}
	}},
	{"two modules of ours", "MW404", func(t *testing.T, s *site) {
		s.m = healthy()
		s.m.Packaged = []Packaged{{Path: "/m/mod_wsgi.so", Loaded: true}, {Path: "/m/mod_wsgi-py313t.so"}}
	}},
}

// D-3: each code has something that looks like it and is not it.
func TestNearMisses(t *testing.T) {
	near := map[string]bool{}
	for _, c := range nearSetups {
		near[c.code] = true
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			c.make(t, s)
			if got, _ := s.codes(); len(got) > 0 {
				t.Errorf("got %q, want none: %+v", got, Diagnose(s.m))
			}
		})
	}
	for _, c := range codes {
		if !near[c.ID] && len(samples[c.ID].near) == 0 {
			t.Errorf("%s has no near miss", c.ID)
		}
	}
}

// What is loaded is told where nothing is wrong, too: which module, of whom, for
// which Pythons.
func TestLoaded(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(s *site)
		want Loaded
		text string
	}{
		{"ours", func(s *site) { s.scan(s.ours()) }, Loaded{Pythons: []string{"3.13"}}, "Apache loads DIR/modules/mod_wsgi.so (DIR/httpd.conf:PLACE): ours, for Python 3.13."},
		{"original", func(s *site) {
			s.scan(s.original("WSGIPythonHome $DIR/prefix\n"))
			s.m.Packaged = []Packaged{{Path: filepath.Join(s.dir, "modules/mod_wsgi.so"), Package: "libapache2-mod-wsgi-py3", Loaded: true}}
		}, Loaded{Original: true, Pythons: []string{"libpython3.98.so.1.0"}, Package: "libapache2-mod-wsgi-py3"},
			"Apache loads DIR/modules/mod_wsgi.so (DIR/httpd.conf:PLACE): the original, for libpython3.98.so.1.0, of the package libapache2-mod-wsgi-py3."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			c.make(s)
			list := loaded(s.m)
			if len(list) != 1 || list[0].Original != c.want.Original || !slices.Equal(list[0].Pythons, c.want.Pythons) || list[0].Package != c.want.Package {
				t.Fatalf("%+v, want %+v", list, c.want)
			}
			place := list[0].Place
			want := strings.NewReplacer("DIR/httpd.conf:PLACE", place, "DIR", s.dir).Replace(c.text)
			if got := looked(s.m); !strings.HasSuffix(got, "\n"+want) {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
	m := healthy()
	m.Modules = nil
	if got := looked(m); !strings.Contains(got, "Apache loads no wsgi_module.") {
		t.Error(got)
	}
	if got := looked(Machine{Scan: m.Scan}); strings.Contains(got, "configuration") {
		t.Error(got)
	}
}

// D-4: what was looked at names nobody's home folder either.
func TestLookedIsRedacted(t *testing.T) {
	m := healthy()
	m.Modules[0].Path = "/home/ann/secret/mod_wsgi.so"
	r := NewRedactor([]string{"HOME=/home/ann"}, true)
	if got := r.Text(looked(m)); strings.Contains(got, "ann") {
		t.Error(got)
	}
	for _, l := range r.modules(loaded(m)) {
		if strings.Contains(l.Path, "ann") {
			t.Errorf("%+v", l)
		}
	}
	for _, x := range r.Results([]Result{{Why: "it is in /home/ann/x"}}) {
		if strings.Contains(x.Why, "ann") {
			t.Errorf("%+v", x)
		}
	}
}
