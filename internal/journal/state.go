package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"modwsgi/internal/fsx"
)

// state is what had a name before a step.
type state struct {
	Path   string      `json:"path"`
	Is     string      `json:"is"` // "nothing", "file", "link", "folder"
	Mode   fs.FileMode `json:"mode,omitempty"`
	UID    int         `json:"uid,omitempty"`
	GID    int         `json:"gid,omitempty"`
	Time   *time.Time  `json:"time,omitempty"`
	Link   string      `json:"link,omitempty"`
	Backup string      `json:"backup,omitempty"` // its copy beside the journal
	ID     string      `json:"id,omitempty"`     // device and inode: what it is, whatever its name
}

const (
	isNothing = "nothing"
	isFile    = "file"
	isLink    = "link"
	isFolder  = "folder"
)

// look sees what has the name path.
func look(path string) (state, error) {
	s := state{Path: path, Is: isNothing}
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("looking at what is there: %w", err)
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.ID = fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	}
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		s.Is = isLink
		s.Link, err = os.Readlink(path)
	case fi.IsDir():
		s.Is, s.Mode = isFolder, fi.Mode().Perm()
	case fi.Mode().IsRegular():
		s.Is = isFile
		o, at := fsx.OwnedBy(fi), fi.ModTime()
		s.Mode, s.UID, s.GID, s.Time = o.Mode, o.UID, o.GID, &at
	default:
		return s, fmt.Errorf("%s is no file, link or folder and is left alone", path)
	}
	return s, err
}

// putBack makes path what it was. Done already, it changes nothing.
func (s state) putBack(backups string) error {
	now, err := look(s.Path)
	if err != nil {
		return err
	}
	switch s.Is {
	case isNothing:
		return fsx.Remove(s.Path)
	case isFolder:
		if now.Is != isFolder {
			return fsx.Mkdir(s.Path, s.Mode)
		}
		return nil
	case isLink:
		if now.Is == isLink && now.Link == s.Link {
			return nil
		}
		return fsx.Symlink(s.Link, s.Path)
	}
	copied := filepath.Join(backups, s.Backup)
	if same, err := s.same(now, copied); same || err != nil {
		return err
	}
	return fsx.PutBack(copied, s.Path, fsx.Owned{Mode: s.Mode, UID: s.UID, GID: s.GID, Time: *s.Time})
}

// same tells whether the file that is there now is what was copied: then it keeps
// its place on the disk, and whoever has it open keeps it.
func (s state) same(now state, copied string) (bool, error) {
	if now.Is != isFile || now.Mode != s.Mode || now.UID != s.UID || now.GID != s.GID || !now.Time.Equal(*s.Time) {
		return false, nil
	}
	was, err := os.ReadFile(copied)
	if err != nil {
		return false, fmt.Errorf("reading a copy: %w", err)
	}
	is, err := os.ReadFile(s.Path)
	if err != nil {
		return false, fmt.Errorf("looking at what is there: %w", err)
	}
	return bytes.Equal(was, is), nil
}
