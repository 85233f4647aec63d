package keep

import (
	"os"
	"path/filepath"
	"testing"
)

// P-5: what is kept lasts until a file it was made of changes in any way, and is
// believed only where nobody else can have written it.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	source, at := filepath.Join(dir, "program"), filepath.Join(dir, "kept.json")
	trail := func(string) []string { return []string{source, "relative"} }
	put := func() {
		t.Helper()
		if err := os.WriteFile(source, []byte("one"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := Write(at, "answer", trail); err != nil {
			t.Fatal(err)
		}
		if got, ok := Read(at, trail); !ok || got != "answer" {
			t.Fatalf("not kept: %q, %v", got, ok)
		}
	}
	stat := func() os.FileInfo {
		fi, err := os.Stat(source)
		if err != nil {
			t.Fatal(err)
		}
		return fi
	}
	for name, change := range map[string]func() error{
		"written":       func() error { return os.WriteFile(source, []byte("other"), 0o755) },
		"gone":          func() error { return os.Remove(source) },
		"made anew":     func() error { return replace(source, stat()) },
		"another mode":  func() error { return os.Chmod(source, 0o700) },
		"not readable":  func() error { return os.WriteFile(at, []byte("{"), 0o600) },
		"open to all":   func() error { return os.Chmod(at, 0o666) },
		"folder opened": func() error { return os.Chmod(dir, 0o777) },
		"a link":        func() error { return os.Symlink(source, at+"x") },
	} {
		_ = os.Chmod(dir, 0o700)
		_ = os.Chmod(at, 0o600)
		put()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		path := at
		if name == "a link" {
			path += "x"
		}
		if _, ok := Read(path, trail); ok {
			t.Errorf("%s: still believed", name)
		}
	}
}

// replace makes another file of the same size and times in place of path.
func replace(path string, was os.FileInfo) error {
	if err := os.WriteFile(path+".new", []byte("two"), was.Mode()); err != nil {
		return err
	}
	if err := os.Chtimes(path+".new", was.ModTime(), was.ModTime()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
