package doctor

import (
	"debug/elf"
	"os"
	"path/filepath"
	"testing"
)

// loadLine loads the module of the site.
const loadLine = "LoadModule wsgi_module modules/mod_wsgi.so\n"

// loadSetups are noticed when Apache reads its configuration: httpd -t and the
// dynamic loader really say it.
var loadSetups = []setup{
	{"two LoadModule lines", "MW208", func(t *testing.T, s *site) { s.conf(s.ours() + loadLine) }},
	{"two MPMs", "MW213", func(t *testing.T, s *site) {
		if s.mpm("worker") == "" {
			t.Skip("the MPMs of this Apache are not in files")
		}
		s.conf(s.mpm("event", "worker"))
	}},
	{"no MPM", "MW213", func(t *testing.T, s *site) {
		if s.mpm("event") == "" {
			t.Skip("the MPM of this Apache is built in")
		}
		s.m.Apache.ModulesDir = filepath.Dir(s.file("modules/mod_mpm_event.so", "", 0o644))
		s.conf("")
	}},
	{"no file of the module", "MW215", func(t *testing.T, s *site) { s.conf(s.mpm("event") + loadLine) }},
	{"dangling link of the module", "MW215", func(t *testing.T, s *site) {
		s.file("modules/x", "", 0o644)
		if err := os.Symlink(filepath.Join(s.dir, "gone/mod_wsgi.so"), filepath.Join(s.dir, "modules/mod_wsgi.so")); err != nil {
			t.Fatal(err)
		}
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module in an environment that was removed", "MW215", func(t *testing.T, s *site) {
		s.conf(s.mpm("event") + "LoadModule wsgi_module $DIR/venv/lib/python3.12/site-packages/mod_wsgi/server/mod_wsgi-py312.cpython-312-x86_64-linux-gnu.so\n")
	}},
	{"envvars not read", "MW216", func(t *testing.T, s *site) {
		s.needsServer()
		s.conf(s.mpm("event") + "ErrorLog ${APACHE_LOG_DIR}/error.log\n")
	}},
	{"undefined variable in a WSGI directive", "MW216", func(t *testing.T, s *site) {
		s.scan(s.ours() + "WSGIPythonPath ${APACHE_APP_DIR}/lib\n")
	}},
	{"module for another interface number", "MW204", func(t *testing.T, s *site) {
		path := s.module("")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.patchRecord(path, 0, 0x05, 0x4e, 0x32, 0x01) // 20074501
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module for another cookie", "MW204", func(t *testing.T, s *site) {
		path := s.module("")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.patchRecord(path, 40, '2', '2', 'P', 'A')
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module of 32 bits", "MW205", func(t *testing.T, s *site) {
		s.patch(s.module(""), 4, byte(elf.ELFCLASS32))
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module for another processor", "MW205", func(t *testing.T, s *site) {
		if s.m.Server == nil {
			t.Skip("no httpd here to compare with")
		}
		s.patch(s.module(""), 18, byte(elf.EM_S390), 0)
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.scan(s.mpm("event") + loadLine) // the loader calls it "No such file", which is no help
	}},
	{"a text in place of the module", "MW205", func(t *testing.T, s *site) {
		s.file("modules/mod_wsgi.so", "<html>404 Not Found</html>\n", 0o644)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"record of the module hidden", "MW207", func(t *testing.T, s *site) {
		s.module("", "-fvisibility=hidden")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"directive without the module", "MW214", func(t *testing.T, s *site) { s.conf(s.mpm("event") + "WSGIScriptAlias / $DIR/app.wsgi\n") }},
	{"libpython of the module not found", "MW201", func(t *testing.T, s *site) {
		lib := s.python("libpython3.98.so.1.0")
		s.module("", "-Wl,--no-as-needed", lib)
		if err := os.Remove(lib); err != nil {
			t.Fatal(err)
		}
		s.conf(s.mpm("event") + loadLine)
	}},
	{"libpython of another build", "MW202", func(t *testing.T, s *site) {
		s.python("prefix/lib/libpython3.98.so.1.0")
		s.file("prefix/lib/python3.98/os.py", "", 0o644)
		s.module(record+"int PyObject_CallNoArgs(void); int wsgi_call(void) { return PyObject_CallNoArgs(); }\n", "-Wl,--no-as-needed", filepath.Join(s.dir, "prefix/lib/libpython3.98.so.1.0"))
		s.conf(s.mpm("event") + "LoadFile $DIR/prefix/lib/libpython3.98.so.1.0\n" + loadLine + unread("WSGIPythonHome $DIR/prefix"))
	}},
	{"function of another Apache", "MW203", func(t *testing.T, s *site) {
		s.module(record + "int ap_not_in_any_apache(void); int wsgi_call(void) { return ap_not_in_any_apache(); }\n")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"static Python without its libraries", "MW217", func(t *testing.T, s *site) {
		s.needsServer()
		s.module(record + "int SSL_CTX_new(void); int wsgi_call(void) { return SSL_CTX_new(); }\n")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module that nobody may read", "MW209", func(t *testing.T, s *site) {
		line := s.ours()
		if err := os.Chmod(filepath.Join(s.dir, "modules/mod_wsgi.so"), 0); err != nil {
			t.Fatal(err)
		}
		s.scan(line)
	}},
	{"two libpythons of one name", "MW212", func(t *testing.T, s *site) {
		s.python("own/libpython3.98.so.1.0")
		s.python("other/libpython3.98.so.1.0")
		s.file("prefix/lib/python3.98/os.py", "", 0o644)
		s.module("", "-Wl,--no-as-needed", filepath.Join(s.dir, "own/libpython3.98.so.1.0"), "-Wl,-rpath,$ORIGIN/../own")
		s.scan(s.mpm("event") + "LoadFile $DIR/other/libpython3.98.so.1.0\n" + loadLine + "WSGIPythonHome $DIR/prefix\n")
	}},
	{"run path to a build folder", "MW401", func(t *testing.T, s *site) {
		s.module("", "-Wl,-rpath,/home/user/project/build/lib")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module without protection", "MW402", func(t *testing.T, s *site) {
		s.module("", "-Wl,-z,norelro", "-Wl,-z,lazy")
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 3)
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module without its other parts", "MW403", func(t *testing.T, s *site) {
		s.module("")
		s.conf(s.mpm("event") + loadLine)
	}},
	{"module without build info", "MW403", func(t *testing.T, s *site) {
		line := s.ours()
		if err := os.Remove(filepath.Join(s.dir, "modules/mod_wsgi/apache.json")); err != nil {
			t.Fatal(err)
		}
		s.conf(line)
	}},
	{"half of another version", "MW403", func(t *testing.T, s *site) {
		line := s.ours()
		s.half("cpython-313-x86_64-linux-gnu", "3.13.1", 2)
		s.conf(line)
	}},
	{"library of a half gone", "MW201", func(t *testing.T, s *site) {
		line := s.ours()
		if err := os.Remove(filepath.Join(s.dir, "lib/libpython.so")); err != nil {
			t.Fatal(err)
		}
		s.conf(line)
	}},
	{"module of a package and one of ours", "MW404", func(t *testing.T, s *site) {
		s.m.Packaged = []Packaged{{Path: "/usr/lib/apache2/modules/mod_wsgi.so-3.11", Package: "libapache2-mod-wsgi-py3"}, {Path: "/usr/lib/apache2/modules/mod_wsgi.so", Loaded: true}}
		s.conf(s.ours())
	}},
}

// patchRecord writes bytes into the record of a module.
func (s *site) patchRecord(path string, at int64, data ...byte) {
	s.t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	symbols, err := f.DynamicSymbols()
	f.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, symbol := range symbols {
		if symbol.Name == "wsgi_module" {
			section := f.Sections[symbol.Section]
			s.patch(path, int64(symbol.Value-section.Addr+section.Offset)+at, data...)
			return
		}
	}
	s.t.Fatal("no record in ", path)
}
