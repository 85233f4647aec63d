package apxs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/fsx"
)

// places prints what a scan found, one line each, below its folder.
func found(dir string, s Scan) []string {
	var list []string
	for _, d := range s.Directives {
		rel, _ := filepath.Rel(dir, d.File)
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s:%d %s %s %s", rel, d.Line, d.Name, strings.Join(d.Args, "|"), strings.Join(d.Within, ""))))
	}
	return list
}

func scan(t *testing.T, files map[string]string, env map[string]string) (string, Scan) {
	t.Helper()
	dir := t.TempDir()
	var tree []fsx.File
	for name, text := range files {
		tree = append(tree, fsx.File{Path: name, Data: []byte(text)})
	}
	if err := fsx.WriteTree(dir, tree); err != nil {
		t.Fatal(err)
	}
	s, err := ScanConfig(filepath.Join(dir, "apache2.conf"), dir, env)
	if err != nil {
		t.Fatal(err)
	}
	return dir, s
}

// Debian's shape: modules by links, variables of envvars, sites in folders.
func TestScanDebianShape(t *testing.T) {
	dir, s := scan(t, map[string]string{
		"apache2.conf": `# the main file
Define WHERE "/usr/lib/apache2 modules"
Mutex file:${APACHE_LOCK_DIR} default
IncludeOptional mods-enabled/*.load
IncludeOptional none/*.conf
include sites\
-enabled
WSGIPythonHome "/srv/a \"b\""
<IfDefine OTHER>
  LoadModule wsgi_module /other/mod_wsgi.so
</IfDefine>
`,
		"mods-enabled/b.load": "LoadModule wsgi_module \"${WHERE}/mod_wsgi.so\"\n",
		"mods-enabled/a.load": "LoadFile '${LIBS}/libpython3.so' ${NOBODY}\n",
		"mods-enabled/c.conf": "WSGINotRead On\n",
		"sites-enabled/x":     "<VirtualHost *:80>\n<IfModule mod_ssl.c>\nWSGIScriptAlias / /srv/x.py\n</IfModule>\nwsgidaemonprocess d\n</VirtualHost>\nServerName x\n",
		"sites-enabled/d/y":   "WSGIRestrictEmbedded On",
	}, map[string]string{"LIBS": "/opt/lib", "APACHE_LOCK_DIR": "/run"})
	want := []string{
		"mods-enabled/a.load:1 LoadFile /opt/lib/libpython3.so|${NOBODY}",
		"mods-enabled/b.load:1 LoadModule wsgi_module|/usr/lib/apache2 modules/mod_wsgi.so",
		"sites-enabled/d/y:1 WSGIRestrictEmbedded On",
		"sites-enabled/x:3 WSGIScriptAlias /|/srv/x.py <VirtualHost *:80><IfModule mod_ssl.c>",
		"sites-enabled/x:5 wsgidaemonprocess d <VirtualHost *:80>",
		`apache2.conf:8 WSGIPythonHome /srv/a "b"`,
		"apache2.conf:10 LoadModule wsgi_module|/other/mod_wsgi.so <IfDefine OTHER>",
	}
	if got := found(dir, s); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(s.Notes) != 0 || len(s.Files) != 5 {
		t.Errorf("%q %q", s.Notes, s.Files)
	}
	loads := s.Loads("wsgi_module")
	if len(loads) != 2 || loads[0].Conditional() || !loads[1].Conditional() {
		t.Errorf("%+v", loads)
	}
}

func TestScanServerRootAndConditions(t *testing.T) {
	dir, s := scan(t, map[string]string{
		"apache2.conf":       "ServerRoot conf\nInclude wsgi.conf\n<IfModule !wsgi_module>\nInclude extra/w.conf\n</IfModule>\nUnDefine A\nDefine A b\nInclude ${A}.conf\nUnDefine A\nWSGIAfter ${A}\n",
		"conf/wsgi.conf":     "<Directory /x>\nWSGIProcessGroup a",
		"conf/extra/w.conf":  "LoadModule wsgi_module m.so\n",
		"conf/b.conf":        "WSGISocketPrefix run/wsgi\n",
		"extra/w.conf":       "WSGIWrong x\n",
		"conf/extra/no.conf": "WSGIWrong x\n",
	}, nil)
	want := []string{
		"conf/wsgi.conf:2 WSGIProcessGroup a <Directory /x>",
		"conf/extra/w.conf:1 LoadModule wsgi_module|m.so <IfModule !wsgi_module>",
		"conf/b.conf:1 WSGISocketPrefix run/wsgi",
		"apache2.conf:10 WSGIAfter ${A}",
	}
	if got := found(dir, s); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What cannot be followed is noted, never an endless loop or an error.
func TestScanNotes(t *testing.T) {
	_, s := scan(t, map[string]string{
		"apache2.conf": "Include apache2.conf\nInclude missing.conf\nInclude no*thing\nInclude [\nIncludeOptional gone.conf\nWSGIPythonOptimize 2\n",
	}, nil)
	text := strings.Join(s.Notes, "\n")
	for _, want := range []string{"more than 32 levels deep", "missing.conf: no such file", "nothing matches", "malformed"} {
		if !strings.Contains(text, want) {
			t.Errorf("no note %q in\n%.2000s", want, text)
		}
	}
	if len(s.Files) != maxScanDepth+1 || strings.Contains(text, "gone.conf") {
		t.Errorf("%d files", len(s.Files))
	}
	if _, err := ScanConfig(filepath.Join(t.TempDir(), "none"), "/", nil); err == nil {
		t.Error("a configuration that is not there was read")
	}
}

// The real configuration of this machine is read to its end.
func TestScanHere(t *testing.T) {
	const conf = "/etc/apache2/apache2.conf"
	if _, err := os.Stat(conf); err != nil {
		t.Skip("no Debian Apache is configured here")
	}
	s, err := ScanConfig(conf, "/etc/apache2", map[string]string{"APACHE_LOG_DIR": "/var/log/apache2"})
	if err != nil || len(s.Files) < 2 || len(s.Loads("authz_core_module")) == 0 {
		t.Errorf("%v, %d files, notes %q", err, len(s.Files), s.Notes)
	}
}

// what is no configuration any more is not read to its end.
func TestScanLimits(t *testing.T) {
	big := strings.Repeat("# "+strings.Repeat("x", 1022)+"\n", 1<<10) // a mebibyte
	doubling := "Define A0 " + strings.Repeat("x", 64) + "\n"
	for i := range 40 {
		doubling += fmt.Sprintf("Define A%d ${A%d}${A%d}\n", i+1, i, i)
	}
	tests := []struct {
		name  string
		files map[string]string
		says  string
		most  int // files read
	}{
		{"files", map[string]string{"apache2.conf": strings.Repeat("Include a\n", maxScanFiles+5), "a": ""}, "more than 10000 files or 67108864 bytes", maxScanFiles},
		{"bytes", map[string]string{"apache2.conf": strings.Repeat("Include a\n", 100), "a": big}, "more than 10000 files or 67108864 bytes", 64},
		{"depth", map[string]string{"apache2.conf": "Include apache2.conf\nInclude apache2.conf\n"}, "more than 32 levels deep", maxScanFiles},
		{"folders that are links to themselves", map[string]string{"apache2.conf": "Include d\n", "d/e": ""}, "more than 32 levels deep", maxScanFiles},
		{"notes", map[string]string{"apache2.conf": strings.Repeat("Include none\n", 1000)}, "there is more that could not be followed", 1},
		{"definitions that double each other", map[string]string{"apache2.conf": doubling + "WSGIA ${A40}\n"}, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				path := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"d/loop", "d/again"} {
				if _, err := os.Stat(filepath.Join(dir, "d")); err == nil {
					if err := os.Symlink(".", filepath.Join(dir, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			s, err := ScanConfig(filepath.Join(dir, "apache2.conf"), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, tt.says) || len(s.Notes) > maxScanNotes+1 {
				t.Errorf("%d notes, without %q: %.300s", len(s.Notes), tt.says, notes)
			}
			if len(s.Files) > tt.most {
				t.Errorf("%d files were read", len(s.Files))
			}
			for _, d := range s.Directives {
				if len(strings.Join(d.Args, "")) > maxScanLine {
					t.Errorf("%s grew to %d bytes", d.Name, len(strings.Join(d.Args, "")))
				}
			}
		})
	}
}

// all of it at once, as a site has it.
func TestScanFollows(t *testing.T) {
	dir, s := scan(t, map[string]string{
		"apache2.conf":    "ServerRoot conf\nDefine kind .conf\nIncludeOptional ${TOP}/*${kind}\nInclude more/[ab]*/x?.conf\nInclude dir\n<IfDefine !NO>\nIncludeOptional gone/*.conf\nLoadFile a\n<Else>\n</Else>\n</IfDefine>\n",
		"conf/top/1.conf": "<IfModule !wsgi_module>\nLoadModule wsgi_module modules/mod_wsgi.so\n</IfModule>\n", "conf/top/2.txt": "WSGINo\n",
		"conf/more/a1/x1.conf": "WSGIPythonHome /a\n", "conf/more/c1/x1.conf": "WSGINo\n",
		"conf/dir/deep/y": "<VirtualHost *>\n<Location />\nWSGIProcessGroup p\n</Location>\n</VirtualHost>\n",
	}, map[string]string{"TOP": "top"})
	want := []string{
		"conf/top/1.conf:2 LoadModule wsgi_module|modules/mod_wsgi.so <IfModule !wsgi_module>",
		"conf/more/a1/x1.conf:1 WSGIPythonHome /a",
		"conf/dir/deep/y:3 WSGIProcessGroup p <VirtualHost *><Location />",
		"apache2.conf:8 LoadFile a <IfDefine !NO>",
	}
	if got := found(dir, s); !slices.Equal(got, want) || len(s.Notes) > 0 {
		t.Errorf("got\n%s\nwant\n%s\nnotes %q", strings.Join(got, "\n"), strings.Join(want, "\n"), s.Notes)
	}
}

// Y-4. Paths of the text lie below a folder of the test's own.
func FuzzScan(f *testing.F) {
	f.Add("Include x\n<IfModule a>\nLoadModule a \"b c\nWSGIX ${Y} '\\''\n</IfModule>\n")
	f.Add("Define A ${A}\nWSGIX ${A}\\\n\\\n")
	f.Add("ServerRoot /etc\nIncludeOptional conf.d/*.conf\nInclude f\nInclude conf.d\nInclude /\n")
	f.Add("Define A xxxxxxxx\nDefine A ${A}${A}\nDefine A ${A}${A}\nUnDefine A\n</IfDefine>\n<IfDefine\nLoadModule mpm_event_module x")
	f.Add("Include [\nInclude /../../etc\nServerRoot ..\nInclude *\x00\xff\r\n\\")
	root := f.TempDir()
	if err := fsx.WriteTree(root, []fsx.File{{Path: "etc/conf.d/a.conf", Data: []byte("Include ../f\nLoadModule a b\n")}, {Path: "etc/f", Data: []byte("Include /etc/conf.d/*\n")}}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			return
		}
		s := &scanner{below: root, root: "/etc", defines: map[string]string{}}
		s.text("f", text, nil, 0)
		for _, d := range s.out.Directives {
			if d.Line < 1 || d.Name == "" {
				t.Errorf("%+v", d)
			}
		}
		for _, file := range s.out.Files {
			if !fsx.IsFile(filepath.Join(root, file)) {
				t.Errorf("%q was read, which is not below the root", file)
			}
		}
		s.out.MPM()
	})
}
