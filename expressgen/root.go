package expressgen

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// UnsafeRoot says why a folder cannot be the server root. The default one has a
// name that anybody can guess in a folder where anybody may write: what
// somebody else has put there must not become our configuration.
type UnsafeRoot struct{ Path, Why string }

func (e *UnsafeRoot) Error() string {
	return fmt.Sprintf("server root %s: %s", e.Path, e.Why)
}

func unsafeRoot(path, format string, args ...any) error {
	return hint.New(&UnsafeRoot{path, fmt.Sprintf(format, args...)},
		"name a folder of your own with --server-root, or remove this one")
}

// Ready reports what forbids to write s's root: somebody else's folder, or a
// server that runs from it. It changes nothing.
func Ready(s *Server) error {
	if err := checkRoot(s); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range s.Folders {
		if err := s.checkPrivate(f); err != nil {
			return err
		}
	}
	return notRunning(s)
}

// checkPrivate reports a folder that is Private and somebody else's, or open to
// others.
func (s *Server) checkPrivate(f Folder) error {
	fi, err := os.Lstat(f.Path)
	if !f.Private || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", f.Path, err)
	}
	owner := os.Geteuid()
	if s.Super {
		owner = s.UID
	}
	var why string
	switch st := fi.Sys().(*syscall.Stat_t); {
	case !fi.IsDir():
		why = "it is no folder"
	case int(st.Uid) != owner:
		why = fmt.Sprintf("it belongs to user %d, not to user %d", st.Uid, owner)
	case fi.Mode().Perm()&0o022 != 0:
		why = fmt.Sprintf("others may write there (mode %04o)", fi.Mode().Perm())
	default:
		return nil
	}
	return hint.New(fmt.Errorf("%s: %s", f.Path, why), "remove it, or name another folder with --socket-prefix")
}

// checkRoot looks at the folder through a descriptor, so that the name cannot
// be given to another one in between. The error wraps fs.ErrNotExist if there
// is none.
func checkRoot(s *Server) error {
	if !s.Named {
		var st syscall.Stat_t
		dir := filepath.Dir(s.Root)
		if err := syscall.Stat(dir, &st); err != nil {
			return fmt.Errorf("looking at %s: %w", dir, err)
		}
		if others := st.Mode & 0o022; others != 0 && st.Mode&syscall.S_ISVTX == 0 {
			return unsafeRoot(s.Root, "anybody may rename folders in %s (mode %04o)", dir, st.Mode&0o7777)
		}
	}
	flags := syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC
	if !s.Named {
		flags |= syscall.O_NOFOLLOW
	}
	fd, err := syscall.Open(s.Root, flags, 0)
	switch {
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		return unsafeRoot(s.Root, "it is a link or a file, not a folder")
	case errors.Is(err, syscall.EACCES):
		return unsafeRoot(s.Root, "it cannot be opened by user %d", os.Geteuid())
	case err != nil:
		return fmt.Errorf("server root %s: %w", s.Root, err)
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return fmt.Errorf("looking at %s: %w", s.Root, err)
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		return unsafeRoot(s.Root, "it belongs to user %d, not to user %d", st.Uid, uid)
	}
	if st.Mode&0o022 != 0 {
		return unsafeRoot(s.Root, "others may write there (mode %04o)", st.Mode&0o7777)
	}
	return nil
}

// notRunning is an error if the root's pid file names an httpd that was started
// from it.
func notRunning(s *Server) error {
	pid, ok := readPid(s.PidFile)
	if !ok {
		return nil
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !bytes.Contains(line, []byte("\x00"+s.Path("httpd.conf")+"\x00")) {
		return nil // gone, or another program has its number now
	}
	return hint.New(fmt.Errorf("a server runs from %s already (pid %d)", s.Root, pid),
		"stop it: "+quoteWord(s.Path("apachectl"))+" stop; or give this one a --server-root of its own")
}

func readPid(path string) (int, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, err == nil && pid > 0
}

// Write makes the server root with everything in it. What was kept from an
// earlier run stays; every other file of ours is replaced whole.
func Write(s *Server) error {
	if err := makeRoot(s); err != nil {
		return err
	}
	var plain, runtime []fsx.File
	for _, f := range s.Files {
		if f.Kept {
			if _, err := os.Lstat(s.Path(f.Path)); err == nil {
				continue
			}
		}
		entry := fsx.File{Path: f.Path, Mode: f.Mode, Data: f.Data, Passing: s.Passing && !f.Kept}
		if rest, ok := strings.CutPrefix(f.Path, "runtime/"); ok {
			entry.Path = rest
			runtime = append(runtime, entry)
		} else {
			plain = append(plain, entry)
		}
	}
	if err := fsx.ReplaceTree(s.Path("runtime"), runtime); err != nil {
		return err
	}
	var fresh []string // folders of the application's user that are not there yet
	for _, f := range s.Files {
		if _, err := os.Lstat(s.Path(f.Path)); f.Owned && errors.Is(err, fs.ErrNotExist) {
			fresh = append(fresh, s.Path(f.Path))
		}
	}
	if err := fsx.WriteTree(s.Root, plain); err != nil { // gives runtime its mode, too
		return err
	}
	for _, f := range s.Folders {
		if err := s.checkPrivate(f); err != nil {
			return err
		}
		if _, err := os.Lstat(f.Path); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := fsx.MkdirAll(f.Path, f.Mode); err != nil {
			return err
		}
		if f.Owned {
			fresh = append(fresh, f.Path)
		}
	}
	if s.Super {
		for _, path := range fresh {
			if err := os.Lchown(path, s.UID, s.GID); err != nil {
				return err
			}
		}
	}
	return nil
}

func noRoot(s *Server, err error) error {
	return hint.New(fmt.Errorf("server root %s: %w", s.Root, err), "name a folder of your own with --server-root")
}

// makeRoot makes the folder if there is none, and checks what is there then.
func makeRoot(s *Server) error {
	_, err := os.Lstat(s.Root)
	fresh := errors.Is(err, fs.ErrNotExist)
	mode := fs.FileMode(0o700)
	if s.Super {
		mode = 0o711 // requests run as another user and have to get through
	}
	if s.Named {
		if err := fsx.MkdirAll(filepath.Dir(s.Root), 0o755); err != nil {
			return noRoot(s, err)
		}
	}
	if fresh {
		if err := fsx.MkdirAll(s.Root, mode); err != nil {
			return noRoot(s, err)
		}
	}
	if err := checkRoot(s); err != nil {
		return err
	}
	if fresh { // it is ours: the umask shall not matter
		return os.Chmod(s.Root, mode)
	}
	return nil
}
