package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Move gives the finished file from the permissions mode and the name to, in
// one step: whoever opens to sees the old file or the new one. Both must be on
// one file system.
func Move(from, to string, mode fs.FileMode) error {
	if err := os.Chmod(from, mode); err != nil {
		return fmt.Errorf("moving to %s: %w", to, err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("moving to %s: %w", to, err)
	}
	return nil
}

// Exchange makes each of two names stand for what the other one did, in one
// step where the system can (Linux), else in three. Both must exist, in one
// folder.
func Exchange(a, b string) error {
	err := exchange(a, b)
	if err == nil {
		return nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("exchanging %s and %s: %w", a, b, err)
	}
	aside, err := freeName(a, func(name string) error {
		if _, err := os.Lstat(name); err == nil {
			return fs.ErrExist
		}
		return os.Rename(a, name)
	})
	if err != nil {
		return fmt.Errorf("exchanging %s and %s: %w", a, b, err)
	}
	if err := os.Rename(b, a); err != nil {
		return errors.Join(fmt.Errorf("exchanging %s and %s: %w", a, b, err), os.Rename(aside, a))
	}
	if err := os.Rename(aside, b); err != nil {
		return errors.Join(fmt.Errorf("exchanging %s and %s: %w", a, b, err), os.Rename(a, b), os.Rename(aside, a))
	}
	return nil
}

// MakeBeside makes an empty folder of mode 0755 beside path, on the same file
// system, for what is to take path's place. The name is hidden.
func MakeBeside(path string) (string, error) {
	hidden := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	name, err := freeName(hidden, func(name string) error { return os.Mkdir(name, 0o755) })
	if err != nil {
		return "", fmt.Errorf("making a folder beside %s: %w", path, err)
	}
	if err := os.Chmod(name, 0o755); err != nil {
		return "", errors.Join(fmt.Errorf("making a folder beside %s: %w", path, err), os.Remove(name))
	}
	return name, nil
}

// RemoveAll removes path and what is below it. The caller knows that it is
// ours.
func RemoveAll(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("removing: %w", err)
	}
	return nil
}

// Sync makes the names in the folder dir durable.
func Sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	defer f.Close()
	// Some file systems have no such operation on a folder.
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}
