package fetch

import (
	"bytes"
	"cmp"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// numbered are lines "1" to "9".
const numbered = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"

// change is a patch of f in which 5 becomes five.
const change = "--- a/f\t2020-01-01\n+++ b/f\n@@ -3,5 +3,5 @@ some function\n 3\n 4\n-5\n+five\n 6\n 7\n"

// G-12: what a patch makes of a file.
func TestPatch(t *testing.T) {
	file := func(text string) []fsx.File { return []fsx.File{{Path: "f", Mode: 0o755, Data: []byte(text)}} }
	for name, c := range map[string]struct {
		files       []fsx.File
		patch, want string // want is what f is; "-" that there is none
	}{
		"change":       {file(numbered), change, strings.Replace(numbered, "5", "five", 1)},
		"moved down":   {file("0\n0\n" + numbered), change, "0\n0\n" + strings.Replace(numbered, "5", "five", 1)},
		"words before": {file(numbered), "From: x\nSubject: y\n---\n f | 2 +-\n\n" + change + "-- \n2.40\n", strings.Replace(numbered, "5", "five", 1)},
		"two changes": {file(numbered), "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n 1\n+one\n 2\n@@ -8,2 +9,1 @@\n 8\n-9\n",
			"1\none\n2\n3\n4\n5\n6\n7\n8\n"},
		"made":         {nil, "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n", "a\nb\n"},
		"removed":      {file("a\nb\n"), "--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n", "-"},
		"no end":       {file("a\nb"), "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n", "a\nc"},
		"end given":    {file("a\nb"), "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n", "a\nb\n"},
		"without text": {file("1\n2\n"), "--- a/f\n+++ b/f\n@@ -1,0 +2 @@\n+between\n", "1\nbetween\n2\n"},
	} {
		list, err := parsePatch(c.patch, 1)
		var files []fsx.File
		if err == nil {
			files, err = patchFiles(c.files, list)
		}
		got := "-"
		if len(files) == 1 {
			got = string(files[0].Data)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q %v, want %q", name, got, err, c.want)
		}
	}
}

// G-12: no fuzz, no guess, nothing outside the tree.
func TestAttackPatch(t *testing.T) {
	a := newAttacks(t, "G-12")
	for name, c := range map[string]struct{ series, patch, want string }{
		"context differs":   {"p", strings.Replace(change, " 4", " four", 1), "the lines that it changes are not there"},
		"two places":        {"p", strings.Replace(change, "b/f\n@@ -3,5 +3,5 @@ some function\n 3\n 4\n-5\n+five\n 6\n 7\n", "b/f\n@@ -7,1 +7,1 @@\n-twin\n+x\n", 1), "would fit at line 11 and at line 12"},
		"absent file":       {"p", strings.ReplaceAll(change, "/f", "/g"), "g is not there"},
		"made twice":        {"p", "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n", "f is there already"},
		"removed in part":   {"p", "--- a/f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-1\n", "more lines than that"},
		"outside":           {"p", strings.ReplaceAll(change, "/f", "/../../f"), "no plain path"},
		"rooted":            {"p -p0", strings.ReplaceAll(change, "a/f", "/etc/passwd"), "no plain path"},
		"two names":         {"p", strings.Replace(change, "b/f", "b/g", 1), `"f" becomes "g"`},
		"wrong counts":      {"p", strings.Replace(change, "-3,5", "-3,6", 1), "a change ends early"},
		"cut":               {"p", change[:len(change)-4], "and says 5 and 5"},
		"binary":            {"p", "diff --git a/f b/f\nGIT binary patch\nliteral 0\n", "a binary file"},
		"rename":            {"p", "diff --git a/f b/g\nrename from f\nrename to g\n", "renames"},
		"link":              {"p", "diff --git a/l b/l\nnew file mode 120000\n" + strings.Replace(change, "a/f", "/dev/null", 1), "links"},
		"nothing":           {"p", "just words\n", "changes no file"},
		"not a file of it":  {"../p", change, "no file beside it"},
		"absolute in list":  {"/etc/passwd", change, "no file beside it"},
		"option in list":    {"p -R", change, "is not known"},
		"twice in list":     {"p\np", change, "named twice"},
		"absent patch":      {"q", change, "reading a patch"},
		"same name in case": {"p", "--- /dev/null\n+++ b/F\n@@ -0,0 +1 @@\n+a\n", "are one name"},
		"no tree any more":  {"p", "--- a/src/server/mod_wsgi.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int wsgi_module;\n", "it lacks src/server/mod_wsgi.c"},
	} {
		dir := fstest.MapFS{"series": {Data: []byte(c.series + "\n")}, "p": {Data: []byte(c.patch)}}
		tree := Tree{Files: append(sample("1.0"), fsx.File{Path: "f", Mode: 0o644, Data: []byte(numbered + "x\ntwin\ntwin\n")})}
		_, err := patched(tree, dir)
		a.refused(t, name, err, c.want, hint.Failed)
	}
	_, err := patched(Tree{}, fstest.MapFS{})
	a.refused(t, "no list", err, "reading the list of patches", hint.Failed)
}

// G-12: patches are applied in their order to whatever was fetched, are part of
// what is locked, and are seen by their effect.
func TestPatchedSource(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.tar.gz")
	where := filepath.Join(dir, "my patches")
	second := "--- a/src/server/mod_wsgi.c\n+++ b/src/server/mod_wsgi.c\n@@ -1 +1 @@\n-int wsgi_module; /* one */\n+int wsgi_module; /* two */\n"
	first := "--- a/src/server/mod_wsgi.c\n+++ b/src/server/mod_wsgi.c\n@@ -1 +1 @@\n-int wsgi_module;\n+int wsgi_module; /* one */\n"
	write := func(root string, files ...fsx.File) {
		t.Helper()
		if err := fsx.WriteTree(root, files); err != nil {
			t.Fatal(err)
		}
	}
	write(dir, fsx.File{Path: "a.tar.gz", Data: gz(t, tarball(t, members("top", sample("1.0"))))})
	write(where, fsx.File{Path: seriesFile, Data: []byte("# in order\nfirst.patch\nsub/second.patch -p1 # why\n")},
		fsx.File{Path: "first.patch", Data: []byte(first)}, fsx.File{Path: "sub/second.patch", Data: []byte(second)})

	o := Options{Runner: &run.Runner{}, Cache: filepath.Join(dir, "cache")}
	s := Source{Kind: File, At: archive}
	plain, err := o.Get(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	o.Patches = where
	folder, origin, err := o.Folder(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := readFolder(folder)
	if err != nil || tree.Hash != origin.Patched || origin.Tree != plain.Hash || origin.Tree == origin.Patched {
		t.Errorf("%v, tree %s, %+v", err, tree.Hash, origin)
	}
	if len(origin.Patches) != 2 || origin.Patches[0].Name != "first.patch" || origin.Patches[1].Sum != sumOf("sha256", []byte(second)) {
		t.Errorf("recorded %+v", origin.Patches)
	}
	if !bytes.Contains(tree.Files[2].Data, []byte("/* two */")) {
		t.Errorf("%q", tree.Files[2].Data)
	}

	// A dry run says so; a folder with patches is no longer taken as it is.
	there := Source{Kind: Dir, At: folder}
	steps, err := o.Steps(there)
	if want := []string{"read " + folder, "apply the patches in " + where, "unpack it into " + filepath.Join(o.Cache, "sources")}; err != nil || !slices.Equal(steps, want) {
		t.Errorf("%q %v", steps, err)
	}
	if steps, err := (Options{}).Steps(there); err != nil || len(steps) > 0 {
		t.Errorf("%q %v", steps, err)
	}
	for _, s := range []Source{there, {Kind: Git, At: "https://example.org/x", Ref: "main"}} {
		if steps, err := (Options{Key: "gpg:key", Patches: where}).Steps(s); hint.Code(err) != hint.Refused {
			t.Errorf("what has no signature: %q %v", steps, err)
		}
	}

	// The project's own sources take neither.
	for name, o := range map[string]Options{patchesVariable: {Patches: where}, keyVariable: {Key: "gpg:key"}} {
		if steps, err := o.Steps(Source{Kind: Embedded}); hint.Code(err) != hint.Usage || !strings.Contains(err.Error(), name) {
			t.Errorf("steps for our own with %s: %q %v", name, steps, err)
		}
		t.Setenv(name, cmp.Or(o.Patches, o.Key))
		if folder, _, err := Open(t.Context(), &run.Runner{}, "test", ""); hint.Code(err) != hint.Usage || !strings.Contains(err.Error(), name) {
			t.Errorf("our own with %s: %q %v", name, folder, err)
		}
		t.Setenv(name, "")
	}

	// Locked with its patches it is refused without them, and with others.
	o.Lock = Lock{}.With(origin)
	if _, err := o.Get(t.Context(), s); err != nil {
		t.Errorf("as locked: %v", err)
	}
	without := o
	without.Patches = ""
	if _, err := without.Get(t.Context(), s); hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), "patched tree") {
		t.Errorf("without patches: %v", err)
	}
	write(where, fsx.File{Path: "sub/second.patch", Data: []byte(strings.Replace(second, "two", "three", 1))})
	if _, err := o.Get(t.Context(), s); hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), "patched tree") {
		t.Errorf("other patches: %v", err)
	}
}

// G-12: as the patch program does it, where there is one: on whatever diff says
// of two texts.
func FuzzPatch(f *testing.F) {
	f.Add("1\n2\n3\n", "1\ntwo\n3\n")
	f.Add("a\nb", "a\nb\n")
	f.Add("", "x\n")
	f.Add(numbered, strings.Replace(numbered, "5\n", "", 1))
	diff, err := exec.LookPath("diff")
	f.Fuzz(func(t *testing.T, before, after string) {
		if err != nil || before == after || strings.ContainsAny(before+after, "\x00\r") {
			return
		}
		dir := t.TempDir()
		if err := fsx.WriteTree(dir, []fsx.File{{Path: "a", Data: []byte(before)}, {Path: "b", Data: []byte(after)}}); err != nil {
			t.Fatal(err)
		}
		said, _ := exec.Command(diff, "-a", "-u", "--label", "x/f", "--label", "y/f", filepath.Join(dir, "a"), filepath.Join(dir, "b")).Output() // 1 is a difference
		list, err := parsePatch(string(said), 1)
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		files, err := patchFiles([]fsx.File{{Path: "f", Data: []byte(before)}}, list)
		if err != nil || string(files[0].Data) != after {
			t.Errorf("%v %v, want %q\n%s", files, err, after, said)
		}
	})
}

// Y-4: whatever the text is, it is a patch of plain names or an error.
func FuzzPatchText(f *testing.F) {
	f.Add(change, "p -p1 # x")
	f.Add("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n", "../p")
	f.Add("--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n", "p\np")
	f.Add("@@ -1 +1 @@\n", "#\n\n")
	f.Fuzz(func(t *testing.T, text, list string) {
		if patches, err := parsePatch(text, 1); err == nil {
			for _, p := range patches {
				if strings.Contains(p.from+p.to, "..") && !strings.Contains(text, "..") || strings.HasPrefix(p.from+p.to, "/") {
					t.Errorf("%+v", p)
				}
			}
			_, _ = patchFiles([]fsx.File{{Path: "f", Data: []byte("a\nb\nc\n")}}, patches) // it must only not panic
		}
		if names, strips, err := series(list); err == nil {
			for i, name := range names {
				if !filepath.IsLocal(name) || strips[i] < 0 || strips[i] > 2 {
					t.Errorf("%q %d", name, strips[i])
				}
			}
		}
	})
}
