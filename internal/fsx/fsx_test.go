package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// root is a folder with a space and a quote in its name.
func root(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), `a "b" c's`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// list names everything below dir.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); rel != "." {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantList(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := list(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func wantFile(t *testing.T, path, data string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	fi, err := os.Stat(path)
	if err != nil || string(got) != data || fi.Mode().Perm() != mode {
		t.Errorf("%s: %q %v, want %q %v", path, got, fi.Mode().Perm(), data, mode)
	}
}

func TestWriteFile(t *testing.T) {
	dir := root(t)
	path := filepath.Join(dir, "x y")
	for _, data := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(data), 0o640); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, data, 0o640)
	}
	wantList(t, dir, "x y")
}

func TestFailureLeavesNothing(t *testing.T) {
	dir := root(t)
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"a folder in the way of a file": WriteFile(taken, []byte("x"), 0o644),
		"a folder in the way of a link": Symlink("target", taken),
		"no folder":                     WriteFile(filepath.Join(dir, "none", "x"), nil, 0o644),
		"copying a folder":              CopyFile(taken, filepath.Join(dir, "copy"), 0),
		"copying nothing":               CopyFile(filepath.Join(dir, "none"), filepath.Join(dir, "copy"), 0),
		"a tree that leaves":            WriteTree(filepath.Join(dir, "t"), []File{{Path: "a"}, {Path: "../b"}}),
		"an absolute entry":             ReplaceTree(filepath.Join(dir, "t"), []File{{Path: "/b"}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	wantList(t, dir, "taken", "taken/in")
}

func TestCopyFile(t *testing.T) {
	dir := root(t)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, []byte("x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := CopyFile(from, to, 0); err != nil {
		t.Fatal(err)
	}
	wantFile(t, to, "x", 0o700)
	if err := CopyFile(from, to, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFile(t, to, "x", 0o600)
}

func TestSymlink(t *testing.T) {
	dir := root(t)
	path := filepath.Join(dir, "default")
	for _, target := range []string{"cpython-311", "cpython-313t"} {
		if err := Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(path); err != nil || got != target {
			t.Errorf("link = %q, %v", got, err)
		}
	}
	wantList(t, dir, "default")
}

func TestReplaceTree(t *testing.T) {
	dir := root(t)
	path := filepath.Join(dir, "mod_wsgi")
	if err := ReplaceTree(path, []File{{Path: "a/old", Data: []byte("1")}, {Path: "host", Mode: 0o755}}); err != nil {
		t.Fatal(err)
	}
	wantList(t, path, "a", "a/old", "host")
	wantFile(t, filepath.Join(path, "host"), "", 0o755)
	if err := ReplaceTree(path, []File{{Path: "new", Data: []byte("2")}, {Path: "l", Link: "new"}, {Path: "d", Mode: fs.ModeDir | 0o700}}); err != nil {
		t.Fatal(err)
	}
	wantList(t, dir, "mod_wsgi", "mod_wsgi/d", "mod_wsgi/l", "mod_wsgi/new")
	wantFile(t, filepath.Join(path, "l"), "2", 0o644)
}

// A path that comes twice is what came last, and a link before it is not written
// through.
func TestReplaceTreeTwiceTheSame(t *testing.T) {
	dir := root(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []File{{Path: "a", Data: []byte("1")}, {Path: "a", Data: []byte("2"), Mode: 0o600}, {Path: "l", Link: outside}, {Path: "l", Data: []byte("3")}}
	if err := ReplaceTree(filepath.Join(dir, "tree"), files); err != nil {
		t.Fatal(err)
	}
	wantList(t, dir, "tree", "tree/a", "tree/l")
	wantFile(t, filepath.Join(dir, "tree", "a"), "2", 0o600)
	wantFile(t, filepath.Join(dir, "tree", "l"), "3", 0o644)
	wantFile(t, outside, "theirs", 0o600)
}

// A link inside the tree must not lead a write out of it.
func TestWriteTreeStaysBelow(t *testing.T) {
	dir := root(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := WriteTree(dir, []File{{Path: "out/x"}}); err == nil {
		t.Error("no error")
	}
	wantList(t, outside)
}

func TestMkdirPrivate(t *testing.T) {
	dir := root(t)
	path := filepath.Join(dir, "server root")
	mode := func() fs.FileMode {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi.Mode().Perm()
	}
	for range 2 { // made, then accepted
		if err := MkdirPrivate(path); err != nil || mode() != 0o700 {
			t.Fatalf("%v, mode %o", err, mode())
		}
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := MkdirPrivate(path); err != nil || mode() != 0o700 {
		t.Errorf("readable by others: %v, mode %o", err, mode())
	}

	refuse := func(name, path string) {
		t.Helper()
		if err := MkdirPrivate(path); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	refuse("writable by others", path)
	link, file := filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := errors.Join(os.Symlink(t.TempDir(), link), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	refuse("a link", link)
	refuse("a file", file)
	if os.Geteuid() != 0 {
		refuse("somebody else's", "/")
		return
	}
	foreign := filepath.Join(dir, "foreign")
	if err := errors.Join(os.Mkdir(foreign, 0o700), os.Chown(foreign, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	refuse("somebody else's", foreign)
}

// TestFailureNamesTheTarget: not the temporary file, which nobody will find.
func TestFailureNamesTheTarget(t *testing.T) {
	path := filepath.Join(root(t), "missing", "x")
	err := WriteFile(path, nil, 0o644)
	if want := "writing " + path + ": no such file or directory"; err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %s", err, want)
	}
}
