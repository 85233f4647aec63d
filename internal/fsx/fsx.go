// Package fsx is the only one that writes outside temporary folders.
//
// A file appears whole or not at all: it is written beside its target and
// renamed. What fails on the way is taken away again.
package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile makes path a file of mode holding data, in one step: whoever opens
// path sees the old file or the new one. The folder must exist.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return replace(path, mode, true, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// CopyFile makes to a copy of the file from, as WriteFile does. A mode of 0
// keeps the permissions of from.
func CopyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	defer in.Close()
	fi, err := in.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("copying %s: %w", from, err)
	case !fi.Mode().IsRegular():
		return fmt.Errorf("copying %s: not a regular file", from)
	case mode == 0:
		mode = fi.Mode().Perm()
	}
	return replace(to, mode, true, func(f *os.File) error {
		_, err := io.Copy(f, in)
		return err
	})
}

// Symlink makes path a symbolic link to target, in place of a link or file that
// is there. It refuses to replace a folder.
func Symlink(target, path string) error {
	if fi, err := os.Lstat(path); err == nil && fi.IsDir() {
		return fmt.Errorf("linking %s: a folder is in the way", path)
	}
	temp, err := freeName(path, func(name string) error { return os.Symlink(target, name) })
	if err != nil {
		return fmt.Errorf("linking %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("linking %s: %w", path, err)
	}
	return nil
}

// MkdirAll makes the folder path and those above it that are missing. One that
// exists is left as it is.
func MkdirAll(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	return nil
}

// replace writes a file beside path by fill and puts it in path's place: a durable
// one once the disk has it.
func replace(path string, mode fs.FileMode, durable bool, fill func(*os.File) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, reason(err))
		}
	}()
	var f *os.File
	temp, err := freeName(path, func(name string) (err error) {
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	if err := finish(f, mode, durable, fill); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// finish gives a file that was just made what is to be in it, and closes it.
func finish(f *os.File, mode fs.FileMode, durable bool, fill func(*os.File) error) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil { // here, since the umask does not bind Chmod
		return err
	}
	if durable {
		return f.Sync()
	}
	return nil
}

// reason is err without operation and path of the temporary file, which is gone
// when somebody reads of it.
func reason(err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		return at.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// freeName calls create with names beside path until one is free.
func freeName(path string, create func(name string) error) (string, error) {
	dir, base := filepath.Split(path)
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s.%s.%d-%d.tmp", dir, base, os.Getpid(), n)
		err := create(name)
		if err == nil || !errors.Is(err, fs.ErrExist) || n > 1000 {
			return name, err
		}
	}
}
