package csrc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
)

// A classic tree goes through the same steps: compiled side by side, kept,
// linked, checked, and only then in its place.
func TestBuildClassic(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o, tree := w.Classic("classic build", 0), csrctest.ClassicSource()
	a := w.Build(o)
	if a.Compiled != 2 || a.Linked != 1 || a.Version != "9.8.7" || a.Module != filepath.Join(o.Dir, "mod_wsgi.so") || len(a.Halves) != 0 {
		t.Errorf("%+v", a)
	}
	b, err := csrc.Inspect(a.Module)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Exports) != 1 || b.Exports[0] != "wsgi_module" {
		t.Errorf("exports %q", b.Exports)
	}
	if entries, err := os.ReadDir(o.Dir); err != nil || len(entries) != 3 {
		t.Errorf("in the folder: %v, %v", entries, err)
	}
	w.Lines()
	wantCounts(t, w, "again", o, 0, 0)

	edited := fstest.MapFS{}
	for name, f := range tree {
		edited[name] = f
	}
	edited["src/server/wsgi_other.c"] = &fstest.MapFile{Data: []byte("int other(void);\nint other(void) { return 2; }\n")}
	o.Source = edited
	wantCounts(t, w, "one file", o, 1, 1)

	// Each kind of tree keeps to its folder.
	ours := w.Options("classic build")
	if _, err := csrc.Build(t.Context(), w.Runner(), ours); hint.Code(err) != hint.Usage || !strings.Contains(err.Error(), "another kind of source tree") {
		t.Errorf("ours into its folder: %v", err)
	}
	w.Build(w.Options("build"))
	o.Dir = filepath.Join(w.Root, "build")
	if _, err := csrc.Build(t.Context(), w.Runner(), o); hint.Code(err) != hint.Usage {
		t.Errorf("into the folder of ours: %v", err)
	}
}

// S-4: a linker that takes no version script keeps nobody from building; what the
// module then shows is said.
func TestBuildWithoutVersionScript(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	cc := filepath.Join(t.TempDir(), "cc")
	script := "#!/bin/sh\nfor a; do case $a in *--version-script*) echo unknown option >&2; exit 1;; esac; done\nexec cc \"$@\"\n"
	if err := os.WriteFile(cc, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	w.Env = append(os.Environ(), "CC="+cc)
	a := w.Build(w.Classic("build", 0))
	if len(a.Notes) == 0 || !strings.Contains(strings.Join(a.Notes, "\n"), "the linker takes no version script: mod_wsgi.so for "+csrctest.ABI311+" shows more than its module record") {
		t.Errorf("notes %q", a.Notes)
	}
	if b, err := csrc.Inspect(a.Module); err != nil || !slices.Contains(b.Exports, "helper") || !slices.Contains(b.Exports, "wsgi_module") {
		t.Errorf("exports %q, %v", b.Exports, err)
	}
}

// without a run path Apache is told to load the library that the loader
// would not find; with one, or where the loader finds it, nothing needs saying.
func TestBuildLoadFile(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	library := w.Pythons[0].LibPython
	for _, c := range []struct {
		mode  string
		needs bool
		want  string
	}{
		{csrc.RunPathNone, true, library},
		{csrc.RunPathNone, false, ""},
		{csrc.RunPathAuto, true, ""},
		{csrc.RunPathExact, true, ""},
	} {
		o := w.Classic("build", 0)
		o.RunPath = c.mode
		o.Python = slices.Clone(o.Python)
		o.Python[0].NeedsPath = c.needs
		if a := w.Build(o); a.LoadFile != c.want {
			t.Errorf("%s, needed %v: LoadFile %q, want %q", c.mode, c.needs, a.LoadFile, c.want)
		}
	}
	// Of our tree no LoadFile helps: its programs are not loaded by Apache.
	o := w.Options("ours")
	o.Apache, o.Python, o.RunPath = nil, o.Python[:1], csrc.RunPathNone
	if a := w.Build(o); a.LoadFile != "" || !strings.Contains(strings.Join(a.Warnings, "\n"), "have no run path, and the loader does not find libpython3.11.so.1.0") {
		t.Errorf("%q, warnings %q", a.LoadFile, a.Warnings)
	}
}
