package verbs

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/installer/pack"
	"modwsgi/internal/options"
	"modwsgi/internal/run"
)

// a release of the original with its Python package has a wheel, which knows
// this Apache; of one without, all other formats are made.
func TestWheelOfOriginal(t *testing.T) {
	w := newWorkshop(t)
	w.python.NeedsPath = false
	flags := options.Flags{"allow_untested": ptr(true)}
	for _, had := range []bool{false, true} {
		if had {
			w.place("tree/src/__init__.py", nil)
		}
		p, err := w.pack("all", flags)
		if err != nil {
			t.Fatal(err)
		}
		var wheel string
		for _, f := range p.Files {
			if strings.HasSuffix(f.Name, ".whl") {
				wheel = f.Name
			}
		}
		if (wheel != "") != had || len(p.Files) < 20 {
			t.Fatalf("%d files, the wheel %q", len(p.Files), wheel)
		}
		if !had {
			continue
		}
		z, err := zip.OpenReader(filepath.Join(p.Folder, wheel))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		f, err := z.Open("mod_wsgi/server/apxs_config.py")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		if err != nil || !strings.Contains(string(text), `LIBEXECDIR = "`+w.Apache.ModulesDir+`"`) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

// Where the programs of an Apache are, as systems have them.
func TestServerPrograms(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"debian/bin/rotatelogs", "fedora/sbin/rotatelogs", "fedora/bin/rotatelogs", "source/bin/rotatelogs", "none/bin/x"} {
		file := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ httpd, apxs, programs, rotatelogs string }{
		{"debian/sbin/apache2", "debian/bin/apxs2", "debian/bin", "debian/bin/rotatelogs"},
		{"debian/sbin/apache2", "", "debian/sbin", "debian/bin/rotatelogs"},
		{"fedora/sbin/httpd", "fedora/bin/apxs", "fedora/bin", "fedora/sbin/rotatelogs"},
		{"source/bin/httpd", "source/bin/apxs", "source/bin", "source/bin/rotatelogs"},
		{"none/sbin/httpd", "none/bin/apxs", "none/bin", ""},
	} {
		at := func(name string) string {
			if name == "" {
				return ""
			}
			return filepath.Join(top, name)
		}
		p := &packing{Job: &Job{R: &run.Runner{}}}
		got := p.server(apxs.Info{Httpd: at(c.httpd), Apxs: at(c.apxs), ModulesDir: "/m", LibraryPath: "X"})
		want := pack.Server{Httpd: at(c.httpd), ModulesDir: "/m", LibraryPath: "X", ProgramsDir: at(c.programs), Rotatelogs: at(c.rotatelogs)}
		if got != want {
			t.Errorf("%+v, not %+v", got, want)
		}
	}
}
