package installer

import (
	"os"
	"path/filepath"

	"modwsgi/internal/fsx"
)

// StateFolder is where it is noted what is installed, by the environment that
// getenv reads: root's installations are the machine's, anybody else's their own
// (rule X-3). It is "" if there is no such place.
func StateFolder(getenv func(string) string) string {
	if dir := getenv("MODWSGI_STATE"); filepath.IsAbs(dir) {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/modwsgi"
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modwsgi")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "modwsgi")
	}
	return ""
}

// state is the folder of all that is noted.
type state struct{ dir string }

func (s state) journal() string { return filepath.Join(s.dir, "journal") }

// tidy removes the folder if nothing is noted there any more.
func (s state) tidy() {
	_ = fsx.Remove(s.dir) // not empty: it is needed
}
