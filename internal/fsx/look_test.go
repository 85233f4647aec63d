package fsx

import (
	"path/filepath"
	"slices"
	"testing"
)

// A folder stands for itself, whatever characters its name has; what lies in one
// that its name would match is not found.
func TestGlob(t *testing.T) {
	root := t.TempDir()
	var tree []File
	for _, dir := range []string{"a[b]*?", "ab", `back\slash`} {
		tree = append(tree, File{Path: dir + "/lib/x.so"}, File{Path: dir + "/lib/y.a"})
	}
	if err := WriteTree(root, tree); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"a[b]*?", "ab", `back\slash`} {
		at := filepath.Join(root, dir)
		found, err := Glob(at, "l*/*.so")
		if err != nil || !slices.Equal(found, []string{filepath.Join(at, "lib/x.so")}) {
			t.Errorf("%s: %q %v", dir, found, err)
		}
	}
	if found, err := Glob("", filepath.Join(root, "ab/*/*.a")); err != nil || len(found) != 1 {
		t.Errorf("%q %v", found, err)
	}
	if _, err := Glob(root, "["); err == nil {
		t.Error("a malformed pattern is taken")
	}
	if file := filepath.Join(root, "ab/lib/x.so"); !IsFile(file) || IsDir(file) || !Exists(file) || IsFile(root) || !IsDir(root) || Exists(file+"x") {
		t.Error("a file, a folder and nothing are not told apart")
	}
}
