package pybuild

import (
	"fmt"
	"os"
	"path/filepath"
)

// Private says why a Python that this process can run is closed to the users that a
// server started by it runs as; nil if it is not, or if this is not root.
func Private(info Info) error { return (&finder{}).private(info) }

// private says why a Python that root can use is of no use to the users that a
// server started by root runs as: a folder on the way to it is closed to them,
// as root's own home is. nil if there is none, or if we are not root.
func (f *finder) private(info Info) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return closedFolder(f.root, info.BasePrefix, info.Prefix)
}

// closedFolder is the first folder on the way from top to one of paths that
// others may not pass; top itself, and what is above it, is not looked at
// unless it is "".
func closedFolder(top string, paths ...string) error {
	for _, path := range paths {
		for dir := filepath.Clean(path); dir != top; dir = filepath.Dir(dir) {
			if fi, err := os.Stat(dir); err == nil && fi.Mode()&0o001 == 0 {
				return fmt.Errorf("only its owner may pass %s (mode %04o), and Apache's user has to", dir, fi.Mode().Perm())
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}
