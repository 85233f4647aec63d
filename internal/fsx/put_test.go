package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A file comes back with its time and permissions, whatever the umask; an
// unfinished one of another process goes, and nothing else does.
func TestPutBack(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	when := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, name := range []string{"from", "to", ".to.77-0.tmp", ".to.78-0.tmp", ".to.77-.tmp", ".to.77-0.tm", ".other.77-0.tmp"} {
		if err := os.WriteFile(at(name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := PutBack(at("from"), at("to"), Owned{Mode: 0o662, UID: os.Geteuid(), GID: os.Getegid(), Time: when}); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(at("to"))
	data, readErr := os.ReadFile(at("to"))
	if err != nil || readErr != nil || fi.Mode() != 0o662 || !fi.ModTime().Equal(when) || string(data) != "from" {
		t.Errorf("%v, %v, %v, %q", fi, err, readErr, data)
	}
	if err := RemoveTemporary(at("to"), 77); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".other.77-0.tmp", ".to.77-.tmp", ".to.77-0.tm", ".to.78-0.tmp", "from", "to"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, want %q (%v)", names, want, err)
	}
}

func TestMkdirAndRemove(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "folder")
	if err := errors.Join(Mkdir(at, 0o777), Mkdir(at, 0o700)); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(at); err != nil || fi.Mode().Perm() != 0o777 {
		t.Errorf("%v, %v", fi, err)
	}
	if err := os.WriteFile(filepath.Join(at, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Mkdir(filepath.Join(at, "file"), 0o755); err == nil {
		t.Error("a file is taken for a folder")
	}
	if err := Remove(at); err == nil {
		t.Error("a folder with something in it is removed")
	}
	if err := errors.Join(Remove(filepath.Join(at, "file")), Remove(at), Remove(at)); err != nil {
		t.Error(err)
	}
}

func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := CreateLog(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Add([]byte("a\n")), l.Add([]byte("b\n")), l.Close()); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "a\nb\n" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := CreateLog(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second one: %v", err)
	}
}

// A log that is opened again goes on behind what counts of it; what is behind
// that, of a write that was cut short, is gone. One that lacks some is refused.
func TestOpenLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), `a "b" c`)
	for _, step := range []struct {
		size      int64
		add, want string
	}{
		{0, "one\ntwo\nthr", "one\ntwo\nthr"},
		{8, "three\n", "one\ntwo\nthree\n"},
		{0, "", ""},
	} {
		l, err := OpenLog(path, step.size, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Add([]byte(step.add)), l.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != step.want {
			t.Errorf("behind %d bytes: %q, %v; want %q", step.size, got, err, step.want)
		}
	}
	if l, err := OpenLog(path, 5, 0o644); err == nil || !strings.Contains(err.Error(), "it has 0 bytes, and had 5") {
		t.Errorf("a log that lacks some was opened: %v, %v", l, err)
	}
	if l, err := OpenLog(t.TempDir(), 0, 0o644); err == nil {
		t.Errorf("a folder was opened: %v", l)
	}
}
