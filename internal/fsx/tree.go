package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is one entry of a tree: a regular file, or a symbolic link if Link is
// set, or a folder if Mode says so. Path has slashes and stays below the root.
type File struct {
	Path string
	Mode fs.FileMode // 0: 0644, folders 0755
	Data []byte
	Link string

	// Passing files are written again before they are needed again: nobody waits
	// until the disk has them.
	Passing bool
}

// putter writes a file.
type putter func(path string, mode fs.FileMode, durable bool, fill func(*os.File) error) error

// WriteTree writes files below root, which is made if it is missing. Every path
// is checked before the first is written. Each file appears whole; the tree as
// a whole does not: for that, see [ReplaceTree].
func WriteTree(root string, files []File) error { return writeTree(root, files, replace) }

// writeTree writes each file by put.
func writeTree(root string, files []File, put putter) error {
	for _, f := range files {
		if !filepath.IsLocal(f.Path) || filepath.Clean(f.Path) == "." {
			return fmt.Errorf("writing below %s: %q leaves it", root, f.Path)
		}
	}
	if err := MkdirAll(root, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeEntry(root, f, put); err != nil {
			return err
		}
	}
	return nil
}

func writeEntry(root string, f File, put putter) error {
	path := filepath.Join(root, filepath.FromSlash(f.Path))
	if err := noLinks(root, filepath.Dir(path)); err != nil {
		return err
	}
	if f.Mode.IsDir() {
		perm := f.Mode.Perm()
		if perm == 0 {
			perm = 0o755
		}
		if err := MkdirAll(path, perm); err != nil {
			return err
		}
		return os.Chmod(path, perm)
	}
	if err := MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.Link != "" {
		return Symlink(f.Link, path)
	}
	mode := f.Mode.Perm()
	if mode == 0 {
		mode = 0o644
	}
	return put(path, mode, !f.Passing, func(out *os.File) error {
		_, err := out.Write(f.Data)
		return err
	})
}

// noLinks returns an error if a folder between root and dir is a symbolic link:
// a tree must not be written somewhere else through one.
func noLinks(root, dir string) error {
	rel, err := filepath.Rel(root, dir)
	if err != nil || rel == "." {
		return err
	}
	at := root
	for _, part := range splitPath(rel) {
		at = filepath.Join(at, part)
		fi, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("writing below %s: %w", root, err)
		}
		if !fi.IsDir() {
			return fmt.Errorf("writing below %s: %s is not a folder", root, at)
		}
	}
	return nil
}

func splitPath(rel string) []string {
	var parts []string
	for rel != "." && rel != "" {
		parts = append([]string{filepath.Base(rel)}, parts...)
		rel = filepath.Dir(rel)
	}
	return parts
}

// ReplaceTree makes path a folder that holds exactly files. The new folder is
// complete before it takes the old one's place; if that does not succeed, the
// old one is put back. What was at path is removed: the caller knows that it is
// ours.
func ReplaceTree(path string, files []File) (err error) {
	if err := MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	fresh, err := freeName(path, func(name string) error { return os.Mkdir(name, 0o755) })
	if err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(fresh)
		}
	}()
	if err := os.Chmod(fresh, 0o755); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	if err := writeTree(fresh, files, create); err != nil {
		return err
	}
	return swap(fresh, path)
}

// create writes a file at path itself: nobody looks into a tree that is not in its
// place yet. A path that comes again takes the place of the first.
func create(path string, mode fs.FileMode, durable bool, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return replace(path, mode, durable, fill)
	}
	if err == nil {
		err = finish(f, mode, durable, fill)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, reason(err))
	}
	return nil
}

// swap puts the folder fresh in path's place and removes what was there.
func swap(fresh, path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(fresh, path)
	}
	if err != nil {
		return fmt.Errorf("replacing: %w", err)
	}
	if !fi.IsDir() {
		return fmt.Errorf("replacing %s: it is not a folder", path)
	}
	old, err := freeName(path, func(name string) error {
		if _, err := os.Lstat(name); err == nil {
			return fs.ErrExist
		}
		return os.Rename(path, name)
	})
	if err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(fmt.Errorf("replacing %s: %w", path, err), os.Rename(old, path))
	}
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("%s is replaced; removing what was there: %w", path, err)
	}
	return nil
}
