package fsx

import (
	"os"
	"path/filepath"
	"syscall"
)

// CacheFolder is where what can be had again is kept between runs (rule K-1), by
// the environment that getenv reads; "" if there is no such place. A home folder
// of somebody else, as with sudo, is none.
func CacheFolder(getenv func(string) string) string {
	if dir := getenv("MODWSGI_CACHE"); filepath.IsAbs(dir) {
		return dir
	}
	if dir := getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modwsgi")
	}
	home := getenv("HOME")
	fi, err := os.Stat(home)
	if err != nil || !filepath.IsAbs(home) {
		return ""
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
		return ""
	}
	return filepath.Join(home, ".cache", "modwsgi")
}

// MkdirCache makes the cache folder dir and rooms of this user alone in it, or
// accepts those that are there; somebody else's are refused with [ErrNotOurs].
// Modules that root builds there are run by other users, so root's folder lets
// them pass; anybody else's does not.
func MkdirCache(dir string, rooms ...string) error {
	mode, parent := os.FileMode(0o755), dir
	if os.Geteuid() != 0 {
		mode, parent = 0o700, filepath.Dir(dir)
	}
	if err := MkdirAll(parent, mode); err != nil {
		return err
	}
	if parent != dir {
		if err := MkdirPrivate(dir); err != nil {
			return err
		}
	}
	for _, room := range rooms {
		if err := MkdirPrivate(filepath.Join(dir, room)); err != nil {
			return err
		}
	}
	return nil
}
