package csrc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// place makes an empty file.
func placeFile(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// which run path each choice gives.
func TestRunPaths(t *testing.T) {
	root := t.TempDir()
	const soname = "libpython3.13.so.1.0"
	own := placeFile(t, filepath.Join(root, "uv/cpython-3.13.1-linux/lib", soname))
	if err := os.Symlink("cpython-3.13.1-linux", filepath.Join(root, "uv/cpython-3.13-linux")); err != nil {
		t.Fatal(err)
	}
	stranger := placeFile(t, filepath.Join(root, "pyenv/3.13.1/lib", soname))
	placeFile(t, filepath.Join(root, "pyenv/3.13/lib", soname)) // another installation, not a link
	managed := pybuild.Info{Version: "3.13.1", LibPython: own, SONAME: soname, NeedsPath: true, BasePrefix: filepath.Join(root, "uv/cpython-3.13.1-linux")}
	system, fixed := managed, managed
	system.NeedsPath = false
	fixed.LibPython, fixed.BasePrefix = stranger, filepath.Join(root, "pyenv/3.13.1")
	inside := filepath.Join(managed.BasePrefix, "lib/httpd/modules")
	for _, c := range []struct {
		name  string
		o     Options
		py    pybuild.Info
		place string // of the file
		want  string
		err   string
		exit  int
	}{
		{name: "R-1 found by itself", py: system},
		{name: "R-2 a link of the minor version", py: managed, want: filepath.Join(root, "uv/cpython-3.13-linux/lib")},
		{name: "R-2 none that is the same file", py: fixed, want: filepath.Dir(stranger)},
		{name: "R-2 exact", o: Options{RunPath: "exact"}, py: managed, want: filepath.Dir(own)},
		{name: "R-2 exact, though not needed", o: Options{RunPath: "exact"}, py: system, want: filepath.Dir(own)},
		{name: "R-2 none", o: Options{RunPath: "none"}, py: managed},
		{name: "R-2 a folder", o: Options{RunPath: filepath.Dir(stranger)}, py: managed, want: filepath.Dir(stranger)},
		{name: "R-2 a folder without the library", o: Options{RunPath: root}, py: managed, err: "leads to no " + soname, exit: hint.Usage},
		{name: "R-2 a relative folder", o: Options{RunPath: "lib"}, py: managed, err: "auto, exact, none, origin or an absolute folder", exit: hint.Usage},
		{name: "R-2 a folder with a dollar", o: Options{RunPath: "/opt/$x"}, py: managed, err: "cannot name the folder /opt/$x", exit: hint.Failed},
		{name: "R-3 a package, found by itself", o: Options{Package: true}, py: system},
		{name: "R-3 a package that needs one", o: Options{Package: true}, py: managed, err: "a package may not carry the run path", exit: hint.Refused},
		{name: "R-3 a package, exact", o: Options{Package: true, RunPath: "exact"}, py: system, err: "a package may not carry", exit: hint.Refused},
		{name: "R-3 a package, none", o: Options{Package: true, RunPath: "none"}, py: managed},
		{name: "R-3 a package with its own Python", o: Options{Package: true, RunPath: "origin"}, py: managed, place: inside, want: "$ORIGIN/../.."},
		{name: "R-4 one prefix", o: Options{RunPath: "origin"}, py: managed, place: inside, want: "$ORIGIN/../.."},
		{name: "R-4 one folder", o: Options{RunPath: "origin"}, py: managed, place: filepath.Dir(own), want: "$ORIGIN"},
		{name: "R-4 two prefixes", o: Options{RunPath: "origin"}, py: managed, place: "/usr/lib/apache2/modules", err: "under one prefix", exit: hint.Failed},
	} {
		paths, err := c.o.runPaths(c.py)
		got := ""
		if err == nil {
			got, err = paths.For(c.place)
		}
		if got != c.want && c.err == "" || (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || hint.Code(err) != c.exit) {
			t.Errorf("%s: %q, %v (status %d)", c.name, got, err, hint.Code(err))
		}
	}
}

// one folder, as DT_RUNPATH; R-4: relative to where each file will lie.
func TestPlanRunPath(t *testing.T) {
	f := planFacts()
	f.Install = "/opt/py 3/lib/httpd/modules"
	f.Paths = map[string]RunPaths{"cpython-313t-x86_64-linux-gnu": {Dir: "/opt/py 3/lib", Origin: true, Prefix: "/opt/py 3"}}
	p, err := NewPlan(Targets(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.Links {
		line, want := strings.Join(l.Command.Args, "\n"), ""
		if strings.Contains(l.ABI, "313t") {
			want = "$ORIGIN/../../../.."
		}
		if l.RunPath != want || want != "" && !strings.Contains(line, "-Wl,--enable-new-dtags\n-Xlinker\n-rpath\n-Xlinker\n"+want+"\n") {
			t.Errorf("%s: run path %q in %q", l.Output, l.RunPath, line)
		}
	}
	f.Install = "/usr/lib/apache2/modules"
	if _, err := NewPlan(Targets(), f); err == nil || !strings.Contains(err.Error(), "under one prefix") {
		t.Errorf("%v", err)
	}
}

// what Apache has to load first.
func TestLoadFileLine(t *testing.T) {
	py := pybuild.Info{LibPython: `/opt/a "b"\c/libpython3.13.so.1.0`, NeedsPath: true}
	if got := LoadFileLine(py, ""); got != `LoadFile "/opt/a \"b\"\\c/libpython3.13.so.1.0"` {
		t.Error(got)
	}
	if got := LoadFileLine(py, "/opt"); got != "" {
		t.Errorf("with a run path: %s", got)
	}
	py.NeedsPath = false
	if got := LoadFileLine(py, ""); got != "" {
		t.Errorf("found by itself: %s", got)
	}
}
