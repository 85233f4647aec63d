package csrc_test

import (
	"os"
	"path/filepath"
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
