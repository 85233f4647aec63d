package installer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"modwsgi/pybuild"
)

// HomeFor is what WSGIPythonHome has to name, for a configuration that is written
// (rule I-6): nothing for the system's own Python, if that is the default.
func HomeFor(l Layout, python pybuild.Info) string {
	own := python.Prefix == "/usr" && python.BasePrefix == "/usr"
	if own && (l.Default == "" || l.Default == python.ABI.Folder()) {
		return ""
	}
	return python.Prefix
}

// checkHome looks at what Python needs as the server's user will: a home that is no
// folder is refused, a folder on the way that keeps others out is warned of (rules
// I-6 and I-7), with its label where the system has some.
func checkHome(python pybuild.Info) (warnings []string, err error) {
	if !isFolder(python.Prefix) {
		return nil, fmt.Errorf("WSGIPythonHome: %s is no folder", python.Prefix)
	}
	var closed []string
	for _, path := range []string{python.Prefix, python.BasePrefix, python.LibPython} {
		if path == "" {
			continue
		}
		dir := ClosedOnTheWay(realPath(path))
		if dir == "" || slices.Contains(closed, dir) {
			continue
		}
		closed = append(closed, dir)
		warnings = append(warnings, fmt.Sprintf("a warning: the server's user cannot pass %s on the way to %s%s: chmod o+x %s, or use a Python elsewhere", dir, path, label(dir), dir))
	}
	return warnings, nil
}

// label is the SELinux label of a file, in brackets; "" where there is none.
func label(path string) string {
	buf := make([]byte, 256)
	n, err := unix.Getxattr(path, "security.selinux", buf)
	if err != nil || n <= 0 {
		return ""
	}
	return " (" + strings.TrimRight(string(buf[:n]), "\x00") + ")"
}

// ClosedOnTheWay is the outermost folder on the way to path that others than its
// owner may not enter: the one to open first. "" if there is none.
func ClosedOnTheWay(path string) string {
	closed := ""
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() && !passable(fi) {
			closed = dir
		}
		if dir == filepath.Dir(dir) {
			return closed
		}
	}
}

// passable tells whether others than the owner may enter a folder. What the
// server's user may do by its groups is not known here; a folder of root's that
// nobody else may enter is closed to it.
func passable(fi fs.FileInfo) bool {
	if fi.Mode().Perm()&0o011 != 0 {
		return true
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && os.Geteuid() == int(st.Uid) // one's own, run as oneself
}
