package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Owned is a file as it was: whose, with which permissions and when it was last
// written.
type Owned struct {
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
	Time time.Time   `json:"time"`
}

// OwnedBy is what fi says of a file; the owner is -1 where the system has none.
func OwnedBy(fi fs.FileInfo) Owned {
	o := Owned{Mode: fi.Mode().Perm(), UID: -1, GID: -1, Time: fi.ModTime()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		o.UID, o.GID = int(st.Uid), int(st.Gid)
	}
	return o
}

// PutBack makes to a copy of the file from, with owner, permissions and time as
// they were, in one step. An owner is given back only by root, who alone can.
func PutBack(from, to string, was Owned) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("putting back %s: %w", to, err)
	}
	defer in.Close()
	return replace(to, was.Mode, true, func(f *os.File) error {
		if _, err := io.Copy(f, in); err != nil {
			return err
		}
		if os.Geteuid() == 0 && was.UID >= 0 {
			if err := f.Chown(was.UID, was.GID); err != nil {
				return err
			}
		}
		if err := f.Chmod(was.Mode); err != nil {
			return err
		}
		return os.Chtimes(f.Name(), was.Time, was.Time)
	})
}

// Mkdir makes the one folder path with exactly mode. One that is there is left as
// it is.
func Mkdir(path string, mode fs.FileMode) error {
	switch err := os.Mkdir(path, 0o700); {
	case errors.Is(err, fs.ErrExist):
		if fi, err := os.Stat(path); err != nil || !fi.IsDir() {
			return errors.Join(fmt.Errorf("making the folder %s: something else is there", path), err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("making a folder: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	return nil
}

// Remove removes one file, link or empty folder. What is not there is removed.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing: %w", err)
	}
	return nil
}

// LikeFolder gives path to the owner of the folder that it is in, where root
// wrote it into somebody else's.
func LikeFolder(path string) error {
	fi, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("giving %s its owner: %w", path, err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || st.Uid == 0 {
		return nil
	}
	if err := os.Lchown(path, int(st.Uid), int(st.Gid)); err != nil {
		return fmt.Errorf("giving %s its owner: %w", path, err)
	}
	return nil
}

// RemoveTemporary removes what the process pid, which ended on the way, left of
// writing path: names that only this package makes.
func RemoveTemporary(path string, pid int) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for what is left over: %w", err)
	}
	begin := fmt.Sprintf(".%s.%d-", filepath.Base(path), pid)
	for _, e := range entries {
		rest, ok := cutBoth(e.Name(), begin, ".tmp")
		if !ok || rest == "" || e.IsDir() {
			continue
		}
		if err := Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func cutBoth(s, before, after string) (string, bool) {
	if len(s) < len(before)+len(after) || s[:len(before)] != before || s[len(s)-len(after):] != after {
		return "", false
	}
	return s[len(before) : len(s)-len(after)], true
}

// Log is a file that is only ever added to, where what was added is on the disk
// when Add returns.
type Log struct{ f *os.File }

// CreateLog makes the file path, which must not be there, readable by its owner
// alone.
func CreateLog(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing a log: %w", err)
	}
	return &Log{f}, errors.Join(f.Sync(), Sync(filepath.Dir(path)))
}

// OpenLog opens the file path, which is made with mode if it is missing, to be
// added to behind its first size bytes: what is behind them is cut off.
func OpenLog(path string, size int64, mode fs.FileMode) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, mode)
	if err != nil {
		return nil, fmt.Errorf("writing a log: %w", err)
	}
	fi, err := f.Stat()
	switch {
	case err != nil:
	case !fi.Mode().IsRegular():
		err = errors.New("not a regular file")
	case fi.Size() < size:
		err = fmt.Errorf("it has %d bytes, and had %d", fi.Size(), size)
	case fi.Size() > size:
		err = f.Truncate(size)
	}
	if err == nil {
		err = errors.Join(f.Sync(), Sync(filepath.Dir(path)))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("writing the log %s: %w", path, reason(err)), f.Close())
	}
	return &Log{f}, nil
}

// Add appends data.
func (l *Log) Add(data []byte) error {
	if _, err := l.f.Write(data); err != nil {
		return fmt.Errorf("writing %s: %w", l.f.Name(), reason(err))
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", l.f.Name(), reason(err))
	}
	return nil
}

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }
