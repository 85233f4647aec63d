package installer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/treetest"
	"modwsgi/pybuild"
)

// I-9: what an upgrade of the system, or somebody, has done to an installation.
func TestCheck(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBuilt(t), apxs.FamilySUSE, false, nil)
	venv := filepath.Join(s.top, "venv")
	put := func(path, text string) func() error {
		return func() error {
			return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
		}
	}
	if err := put(filepath.Join(venv, "pyvenv.cfg"), "home = "+s.top+"\nversion = 3.11.4\n")(); err != nil {
		t.Fatal(err)
	}
	o := s.options(Setup{})
	o.Setup.Python.Prefix = venv
	s.put(t, o)
	as := func(n int) func(string) (pybuild.Info, error) {
		return func(string) (pybuild.Info, error) { return s.Pythons[n], nil }
	}
	same := func(exe string) (pybuild.Info, error) {
		for _, p := range s.Pythons {
			if p.Base == exe || p.Executable == exe {
				return p, nil
			}
		}
		return pybuild.Info{}, errors.New("not known: " + exe)
	}
	module, conf := filepath.Join(s.modules, moduleFile), filepath.Join(s.apache.Root, "conf.d", "wsgi.conf")
	newer := s.apache
	newer.MMN.Major++
	for _, c := range []struct {
		name    string
		do      func() error
		apache  *apxs.Info
		python  func(string) (pybuild.Info, error)
		want    string // "" for nothing
		rebuild bool
	}{
		{name: "as it was", python: same},
		{name: "changed", do: put(module, "x"), want: module + " is not as it was installed"},
		{name: "gone", do: func() error { return os.Remove(module) }, want: module + " is gone"},
		{name: "not readable", do: func() error { return os.Chmod(module, 0o600) }, want: "has the permissions 0600"},
		{name: "a newer Apache", apache: &newer, want: "has the module interface AP24 20120212", rebuild: true},
		{name: "another Python", python: as(1), want: "is Python 3.13.0", rebuild: true},
		{name: "no Python", python: func(string) (pybuild.Info, error) { return pybuild.Info{}, errors.New("gone") }, want: "not usable any more", rebuild: true},
		{name: "another environment", do: put(filepath.Join(venv, "pyvenv.cfg"), "home = "+s.top+"\nversion = 3.12.1\n"), want: "is of Python 3.12.1 now", rebuild: true},
		{name: "an orphan", do: put(filepath.Join(venv, "pyvenv.cfg"), "home = /no/such\nversion = 3.11.1\n"), want: "is gone: /no/such"},
		{name: "no environment", do: func() error { return os.RemoveAll(venv) }, want: "which WSGIPythonHome names, is gone"},
		{name: "a second one", do: put(filepath.Join(s.apache.Root, "conf.d", "other.conf"), "LoadModule wsgi_module /o.so\n"), want: "other.conf:1 loads another wsgi_module, /o.so"},
		{name: "taken out", do: put(conf, "# nothing\n"), want: "Apache does not load the module"},
		{name: "no library", do: func() error { return os.Rename(s.Pythons[0].LibPython, s.Pythons[0].LibPython+".away") }, want: "needs, is gone", rebuild: true},
	} {
		restore := keepTree(t, s.top)
		if c.do != nil {
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
		}
		o := Options{Runner: s.r, State: s.state, Apache: &s.apache}
		if c.apache != nil {
			o.Apache = c.apache
		}
		before := s.tree(t)
		h, err := CheckInstalled(t.Context(), s.modules, o, c.python)
		treetest.Same(t, c.name, s.tree(t), before)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		bad := h.Err()
		switch {
		case c.want == "" && bad != nil:
			t.Errorf("%s: %v", c.name, bad)
		case c.want != "" && (hint.Code(bad) != hint.Unhealthy || !strings.Contains(bad.Error(), c.want) || strings.Contains(hint.Of(bad), "rebuild needed: mod_wsgi-express build") != c.rebuild):
			t.Errorf("%s: %v (%s)", c.name, bad, hint.Of(bad))
		}
		restore()
	}
	if _, err := CheckInstalled(t.Context(), s.top, Options{Runner: s.r, State: s.state}, nil); hint.Code(err) != hint.NotFound {
		t.Errorf("nothing is installed: %v", err)
	}
}

// keepTree copies dir; restore puts the copy in its place.
func keepTree(t *testing.T, dir string) (restore func()) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-a", dir, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(dir), os.Rename(copied, dir)); err != nil {
			t.Fatal(err)
		}
	}
}
