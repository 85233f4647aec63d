package expressgen

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/installer"
	"modwsgi/internal/run"
)

// Apache itself is asked about every golden, in a folder with an awkward name,
// with this machine's Apache and Python.
func TestConfigtest(t *testing.T) {
	if _, err := exec.LookPath("apxs"); err != nil {
		t.Skip("there is no Apache here to ask")
	}
	o := base()
	o.WorkingDirectory, o.SetupOnly = "/", true
	if python := "/usr/bin/python3"; os.Geteuid() == 0 && exists(python) {
		o.PythonExecutable = python // root's own may be in its closed home
		o.User = "#65534"
	}
	found, err := Discover(context.Background(), &run.Runner{}, &o, "")
	if err != nil {
		t.Fatal(err)
	}
	layout, err := installer.Locate("../build")
	if err != nil || !layout.Fits(&found.Apache, &found.Python) {
		t.Skipf("no module is built for Python %s here (%v): mod_wsgi-express build", found.Python.Version, err)
	}
	for _, tt := range goldens {
		t.Run(tt.name, func(t *testing.T) {
			top := t.TempDir()
			must(t, os.Chmod(filepath.Dir(top), 0o755)) // for the user of the application
			dir := filepath.Join(top, `a "b" c's`)
			o, f := base(), found.Facts
			o.WorkingDirectory, o.ServerRoot = dir, filepath.Join(dir, "root")
			f.Module, f.Runtime, f.Version = layout.Module, facts().Runtime, "0.0.0"
			tt.set(&o, &f, dir)
			f.User, f.Group = "#65534", "#65534"
			if os.Geteuid() != 0 {
				f.UID = os.Geteuid()
			}
			for _, path := range append(o.IncludeFile, o.RewriteRules, o.EnvvarsScript) {
				if path != "" {
					must(t, os.MkdirAll(filepath.Dir(path), 0o755))
					must(t, os.WriteFile(path, []byte("# empty\n"), 0o644))
				}
			}
			for _, path := range append([]string{dir, o.WorkingDirectory, o.DocumentRoot}, filepath.Join(dir, "public")) {
				if path != "" {
					must(t, os.MkdirAll(path, 0o755))
				}
			}
			s, err := Generate(o, f)
			must(t, err)
			must(t, Write(&s))
			out, err := exec.Command(s.Path("apachectl"), "configtest").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "Syntax OK") {
				t.Errorf("%v\n%s\n%s", err, out, contents(t, &s, "httpd.conf"))
			}
			for _, line := range strings.Split(string(out), "\n") {
				if strings.Contains(line, "warn") {
					t.Error(line)
				}
			}
		})
	}
}
