package installer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/pybuild"
)

// I-6: the home is named but for the system's own Python.
func TestHomeFor(t *testing.T) {
	own := pybuild.Info{Prefix: "/usr", BasePrefix: "/usr", ABI: pybuild.ABI{Impl: "cpython", Major: 3, Minor: 11, Triplet: "x86_64-linux-gnu"}}
	venv, local, other := own, own, own
	venv.Prefix = "/srv/venv"
	local.Prefix, local.BasePrefix = "/usr/local", "/usr/local"
	other.ABI.Minor = 13
	l := Layout{Default: own.ABI.Folder()}
	for name, c := range map[string]struct {
		python pybuild.Info
		want   string
	}{"the system's": {own, ""}, "an environment": {venv, "/srv/venv"}, "a local one": {local, "/usr/local"}, "not the default": {other, "/usr"}} {
		if got := HomeFor(l, c.python); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// I-6, I-7: who cannot be reached is named, with the folder in the way.
func TestCheckHome(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(dir, "closed", "venv")
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	python := pybuild.Info{Prefix: home, BasePrefix: "/usr"}
	if list, err := checkHome(python); err != nil || len(list) > 0 {
		t.Errorf("%q, %v", list, err)
	}
	if err := os.Chmod(filepath.Dir(home), 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := checkHome(python)
	if os.Geteuid() != 0 {
		t.Log("run by somebody else than root: one's own folders are open to the server, which runs as oneself")
	} else if err != nil || len(list) != 1 || !strings.Contains(list[0], "cannot pass "+filepath.Dir(home)) || !strings.Contains(list[0], "chmod o+x "+filepath.Dir(home)) {
		t.Errorf("%q, %v", list, err)
	}
	python.Prefix = filepath.Join(home, "bin", "python")
	if _, err := checkHome(python); err == nil {
		t.Error("a home that is no folder is accepted")
	}
}
