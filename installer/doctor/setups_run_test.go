package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/pybuild"
)

// runSetups are noticed when Python starts or an application runs: the state of
// the file system is real, and so is a Python that does not start.
var runSetups = []setup{
	{"home that is not there", "MW302", func(t *testing.T, s *site) { s.home("$DIR/gone") }},
	{"home that the server's user may not enter", "MW302", func(t *testing.T, s *site) {
		if os.Geteuid() != 0 {
			t.Skip("a folder of one's own is closed to others only when root runs the server")
		}
		s.file("closed/venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.0\n", 0o644)
		if err := os.Chmod(filepath.Join(s.dir, "closed"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.home("$DIR/closed/venv")
	}},
	{"home names bin/python", "MW303", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.0\n", 0o644)
		s.file("venv/bin/python", "", 0o755)
		s.home("$DIR/venv/bin/python")
	}},
	{"home names bin", "MW301", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.0\n", 0o644)
		s.file("venv/bin/python", "", 0o755)
		s.home("$DIR/venv/bin")
	}},
	{"home is an empty folder", "MW301", func(t *testing.T, s *site) {
		s.file("empty/readme", "", 0o644)
		s.home("$DIR/empty")
	}},
	{"environment of another version", "MW304", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.9.2\n", 0o644)
		s.home("$DIR/venv")
	}},
	{"environment of the build without the GIL", "MW304", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.1\n", 0o644)
		s.file("venv/lib/python3.13t/site-packages/x.py", "", 0o644)
		s.home("$DIR/venv")
	}},
	{"installation of another version", "MW304", func(t *testing.T, s *site) {
		s.file("py/lib/python3.12/os.py", "", 0o644)
		s.home("$DIR/py")
	}},
	{"installation of another version, in a folder whose name is a pattern", "MW304", func(t *testing.T, s *site) {
		s.file("py[3]*/lib/python3.12/os.py", "", 0o644)
		s.home("$DIR/py[3]*")
	}},
	{"orphaned environment", "MW305", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = $DIR/gone/bin\nversion = 3.13.0\n", 0o644)
		s.home("$DIR/venv")
	}},
	{"python-home= of a group names a folder of shims", "MW317", func(t *testing.T, s *site) {
		s.file(".pyenv/shims/python3", "", 0o755)
		s.scan(s.ours() + "WSGIDaemonProcess app threads=5 python-home=$DIR/.pyenv/shims\n")
	}},
	{"python-home= of one of two groups is gone", "MW302", func(t *testing.T, s *site) {
		s.file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.0\n", 0o644)
		s.scan(s.ours() + "WSGIDaemonProcess a python-home=$DIR/venv\nWSGIDaemonProcess b \"python-home=$DIR/gone\"\n")
	}},
	{"Python upgraded since the half was built", "MW306", func(t *testing.T, s *site) {
		m := healthy()
		m.Modules[0].Halves[0].Python, m.Modules[0].Halves[0].Hex = "/usr/bin/python3.11", 0x030b02f0
		m.Python = pythonNow("/usr/bin/python3.11", "3.11.9", 0x030b09f0)
		s.m = m
	}},
	{"another Python where the half's was", "MW306", func(t *testing.T, s *site) {
		m := healthy()
		m.Modules[0].Halves[0].Python, m.Modules[0].Halves[0].Hex = "/opt/py/bin/python3", 0x030b02f0
		m.Python = pythonNow("/opt/py/bin/python3", "3.12.1", 0x030c01f0)
		s.m = m
	}},
	{"standalone Python, no home", "MW307", func(t *testing.T, s *site) {
		s.python("python/lib/libpython3.98.so.1.0")
		s.module("", "-Wl,--no-as-needed", filepath.Join(s.dir, "python/lib/libpython3.98.so.1.0"))
		s.conf(s.mpm("event") + "LoadFile $DIR/python/lib/libpython3.98.so.1.0\n" + loadLine)
	}},
	{"conda's Python and mod_ssl in one Apache", "MW308", func(t *testing.T, s *site) {
		s.file("conda/conda-meta/history", "", 0o644)
		s.file("conda/lib/python3.98/os.py", "", 0o644)
		s.scan(s.original("WSGIPythonHome $DIR/conda\nLoadModule ssl_module modules/mod_ssl.so\n"))
	}},
	{"sockets below /tmp", "MW309", func(t *testing.T, s *site) {
		s.scan(s.original("WSGIPythonHome $DIR/prefix\nWSGISocketPrefix /tmp/wsgi\n"))
	}},
	{"Fedora, a daemon group and no WSGISocketPrefix", "MW309", func(t *testing.T, s *site) {
		s.m.System.Family = distro.Fedora
		s.scan(s.original("WSGIPythonHome $DIR/prefix\nWSGIDaemonProcess app\n"))
	}},
	{"WSGIFreeThreading and a Python with a GIL", "MW310", func(t *testing.T, s *site) { s.scan(s.ours() + "WSGIFreeThreading On\n") }},
	{"Python does not find its library", "MW301", func(t *testing.T, s *site) {
		s.said = s.run("/bin/sh", "-c", `PYTHONHOME="$1" exec "$2" -c pass`, "sh", filepath.Join(s.dir, "gone"), s.interpreter())
	}},
	{"package that is not in the environment", "MW312", func(t *testing.T, s *site) {
		s.said = s.run(s.interpreter(), "-I", "-c", "import no_such_package_anywhere")
	}},
}

// home has the module of ours and a line that names a folder.
func (s *site) home(path string) {
	s.t.Helper()
	s.scan(s.ours() + "WSGIPythonHome " + path + "\n")
}

// original is a module of the original in the system's way, its library brought
// by a LoadFile, and more lines.
func (s *site) original(more string) string {
	lib := s.python("prefix/lib/libpython3.98.so.1.0")
	s.file("prefix/lib/python3.98/os.py", "", 0o644)
	s.module("", "-Wl,--no-as-needed", lib)
	return s.mpm("event") + "LoadFile $DIR/prefix/lib/libpython3.98.so.1.0\n" + loadLine + more
}

// interpreter is a Python of this machine.
func (s *site) interpreter() string {
	s.t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	s.t.Skip("no Python here")
	return ""
}

func pythonNow(base, version string, hex int) *pybuild.Info {
	return &pybuild.Info{Base: base, Version: version, HexVersion: hex}
}
