package provider

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	return &Store{Dir: filepath.Join(t.TempDir(), "a cache"), R: &run.Runner{}}
}

// aScript is a program for a shell.
func aScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nset -e\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// put is what makes a thing with one file in it.
func put(text string) func(work, to string, stamp *Stamp) error {
	return func(work, to string, stamp *Stamp) error {
		stamp.From = text
		return os.WriteFile(filepath.Join(work, "what"), []byte(text), 0o644)
	}
}

// names are those in the room of a store, hidden ones too.
func names(t *testing.T, s *Store, room string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Dir, room))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			list = append(list, e.Name())
		}
	}
	return list
}

// M-16, M-17: what was made is there whole, made once however many want it, and
// anybody may pass its folder if root made it.
func TestStoreMakesOnce(t *testing.T) {
	s := newStore(t)
	if _, _, ok := s.Have(pythonsRoom, "3.13t"); ok {
		t.Fatal("it is there before it is made")
	}
	var times atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			dir, stamp, err := s.Make(t.Context(), pythonsRoom, "3.13t", func(work, to string, stamp *Stamp) error {
				times.Add(1)
				if to != filepath.Join(s.Dir, pythonsRoom, "3.13t") || fsx.Exists(to) {
					t.Errorf("it is made for %s", to)
				}
				return put("sources")(work, to, stamp)
			})
			data, _ := os.ReadFile(filepath.Join(dir, "what"))
			if err != nil || string(data) != "sources" || stamp.From != "sources" || stamp.Name != "3.13t" {
				t.Errorf("%s: %q, %+v, %v", dir, data, stamp, err)
			}
		})
	}
	wait.Wait()
	if times.Load() != 1 {
		t.Errorf("it was made %d times", times.Load())
	}
	fi, err := os.Stat(filepath.Join(s.Dir, pythonsRoom, "3.13t"))
	if err != nil || fi.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if fi, err := os.Stat(filepath.Join(s.Dir, pythonsRoom)); err != nil || os.Geteuid() == 0 && fi.Mode().Perm()&0o005 != 0o005 {
		t.Errorf("Apache's user cannot pass %v, %v", fi.Mode(), err)
	}
}

// What is half made is never used, and nothing is left of it: neither of a failure,
// nor of one that was killed.
func TestStoreHalfMade(t *testing.T) {
	s := newStore(t)
	broken := errors.New("no compiler")
	half := func(work, to string, stamp *Stamp) error {
		return errors.Join(put("half")(work, to, stamp), broken)
	}
	if dir, _, err := s.Make(t.Context(), rootfsRoom, "trixie", half); !errors.Is(err, broken) || dir != "" {
		t.Errorf("%q, %v", dir, err)
	}
	if left := names(t, s, rootfsRoom); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// Of two that were killed: before the stamp was written, and before the move.
	for _, name := range []string{"trixie", ".trixie.work"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, rootfsRoom, name, "old"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, ok := s.Have(rootfsRoom, "trixie"); ok {
		t.Error("a tree without a stamp is used")
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, _, err := s.Make(ctx, rootfsRoom, "trixie", func(work, to string, stamp *Stamp) error {
		cancel()
		return put("late")(work, to, stamp)
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("one that was called off: %v", err)
	}
	dir, _, err := s.Make(t.Context(), rootfsRoom, "trixie", put("whole"))
	if err != nil {
		t.Fatal(err)
	}
	if fsx.Exists(filepath.Join(dir, "old")) || !slices.Equal(names(t, s, rootfsRoom), []string{"trixie"}) {
		t.Errorf("%v", names(t, s, rootfsRoom))
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.Have(rootfsRoom, "trixie"); ok {
		t.Error("a tree that anybody may write is used")
	}
}

// A name is one of a folder in the room, never of one elsewhere.
func TestStoreNames(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", ".hidden", "-rf", "a b", strings.Repeat("x", 65)} {
		if _, _, err := s.Make(t.Context(), rootfsRoom, name, put("x")); err == nil {
			t.Errorf("%q was made", name)
		}
	}
}

// A folder in which something is mounted is not removed.
func TestMountedBelow(t *testing.T) {
	const mountinfo = "22 1 254:1 / / rw,relatime - ext4 /dev/root rw\n" +
		"30 22 0:5 / /srv/a\\040cache/rootfs/trixie/tree/dev rw - devtmpfs udev rw\n" +
		"31 22 0:6 / /srv/a\\040cache/rootfs/trixie-x rw - tmpfs tmpfs rw\n\nshort line\n"
	for dir, want := range map[string]string{
		"/srv/a cache/rootfs/trixie":   "/srv/a cache/rootfs/trixie/tree/dev",
		"/srv/a cache/rootfs/trixie-x": "/srv/a cache/rootfs/trixie-x",
		"/srv/a cache/rootfs/forky":    "",
	} {
		if got := mountedBelow(mountinfo, dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}
