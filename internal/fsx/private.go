package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotOurs says that a folder which should be private to this user belongs to
// somebody else, can be written by others, or is no folder at all.
var ErrNotOurs = errors.New("not a private folder of this user")

// MkdirPrivate makes path a folder that only this user may enter, or accepts
// one that is. Whoever else could have made it first, in /tmp above all, is
// refused with [ErrNotOurs]: a link, a foreign owner, group or world write. One
// of this user's that others may only read is closed to them.
func MkdirPrivate(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a private folder: %w", err)
	}
	// Checked through a descriptor: between a check by name and its use the
	// name could be made to mean something else.
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return fmt.Errorf("%s is a link or a file: %w", path, ErrNotOurs)
	}
	if errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%s cannot be opened: %w", path, ErrNotOurs)
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	uid := uint32(os.Geteuid())
	if st.Uid != uid {
		return fmt.Errorf("%s belongs to user %d, not %d: %w", path, st.Uid, uid, ErrNotOurs)
	}
	perm := uint32(st.Mode) & 0o777
	if perm&0o022 != 0 {
		return fmt.Errorf("%s has mode %04o, others may write there: %w", path, perm, ErrNotOurs)
	}
	if perm != 0o700 {
		if err := syscall.Fchmod(fd, 0o700); err != nil {
			return fmt.Errorf("closing %s to others: %w", path, err)
		}
	}
	return nil
}

// Ours looks at path and tells whether what is there is this user's, and no other
// may write it. A link never is.
func Ours(path string) (fs.FileInfo, bool) {
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode()&fs.ModeSymlink != 0 || fi.Mode().Perm()&0o022 != 0 {
		return nil, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return fi, ok && int(st.Uid) == os.Geteuid()
}

// Trusted refuses with [ErrNotOurs] a file or folder that somebody else than this
// user and root could have written: what it says would be done in our name. One
// that is not there is nobody's.
func Trusted(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !ok || fi.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a link: %w", path, ErrNotOurs)
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d: %w", path, st.Uid, ErrNotOurs)
	case fi.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s has mode %04o, others may write there: %w", path, fi.Mode().Perm(), ErrNotOurs)
	}
	return nil
}
