package fsx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestMoveAndExchange(t *testing.T) {
	dir := root(t)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.WriteFile(a, []byte("A"), 0o600), os.WriteFile(b, []byte("B"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := Exchange(a, b); err != nil {
		t.Fatal(err)
	}
	wantFile(t, a, "B", 0o600)
	wantFile(t, b, "A", 0o600)
	if err := Move(a, b, 0o755); err != nil {
		t.Fatal(err)
	}
	wantList(t, dir, "b")
	wantFile(t, b, "B", 0o755)
	if Move(a, b, 0o755) == nil || Exchange(a, b) == nil {
		t.Error("moving what is not there: no error")
	}
	wantList(t, dir, "b")
}

func TestMakeBeside(t *testing.T) {
	dir := root(t)
	one, err := MakeBeside(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := MakeBeside(filepath.Join(dir, "x"))
	if err != nil || one == two || filepath.Dir(one) != dir {
		t.Errorf("%s and %s, %v", one, two, err)
	}
	if err := errors.Join(Sync(dir), RemoveAll(one), RemoveAll(two)); err != nil {
		t.Error(err)
	}
	wantList(t, dir)
}

func TestLock(t *testing.T) {
	path := filepath.Join(root(t), "lock")
	release, err := Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}

	// Who gives up while waiting says so, and does not keep the lock later.
	ctx, cancel := context.WithCancel(t.Context())
	holder := 0
	_, err = Lock(ctx, path, func(pid int) { holder = pid; cancel() })
	if !errors.Is(err, context.Canceled) || holder != os.Getpid() {
		t.Errorf("%v, held by %d", err, holder)
	}

	second, err := Lock(t.Context(), path, func(int) { release() })
	if err != nil {
		t.Fatal(err)
	}
	if !Held(path) {
		t.Error("nobody holds it")
	}
	if err := RemoveLock(path); err != nil || !Held(path) {
		t.Errorf("a lock that is held was removed: %v", err)
	}

	// One that is removed while somebody waits for it is no lock any more.
	third, err := Lock(t.Context(), path, func(int) {
		if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)); err != nil { // another's, who came in between
			t.Error(err)
		}
		second()
	})
	if err != nil || !Held(path) {
		t.Fatalf("the lock is not that of the file: %v", err)
	}
	third()
	if Held(path) {
		t.Error("somebody holds it")
	}
	if err := RemoveLock(path); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// Who does not wait hears who holds the lock, and leaves nothing that waits: it is
// free as soon as that one gives it back.
func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for range 20 {
		release, err := TryLock(path)
		if err != nil {
			t.Fatal(err)
		}
		var held *HeldError
		if _, err := TryLock(path); !errors.As(err, &held) || held.PID != os.Getpid() || held.Path != path {
			t.Fatalf("a lock that is held: %v", err)
		}
		release()
	}
	if _, err := TryLock(filepath.Join(path, "below")); err == nil || errors.As(err, new(*HeldError)) {
		t.Errorf("below a file: %v", err)
	}
}
