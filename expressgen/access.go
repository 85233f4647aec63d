package expressgen

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"modwsgi/internal/hint"
)

// blocked is the first folder on the way to path that a user with uid and
// groups may not pass, or path itself if that may not be read; "" when all is
// open. It goes by permission bits alone, the way people think of them.
func blocked(path string, uid int, groups []int) string {
	var parts []string
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		parts = append(parts, at)
		if at == filepath.Dir(at) {
			break
		}
	}
	slices.Reverse(parts)
	for i, at := range parts {
		fi, err := os.Stat(at)
		if err != nil {
			return "" // that it is not there is somebody else's message
		}
		need := os.FileMode(1) // to pass through a folder
		if i == len(parts)-1 {
			need = 4
			if fi.IsDir() {
				need = 5
			}
		}
		if !permits(fi, need, uid, groups) {
			return at
		}
	}
	return ""
}

// permits tells whether the bits of fi that are for the user have all of need.
func permits(fi os.FileInfo, need os.FileMode, uid int, groups []int) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := fi.Mode().Perm()
	switch {
	case int(st.Uid) == uid:
		mode >>= 6
	case slices.Contains(groups, int(st.Gid)):
		mode >>= 3
	}
	return mode&need == need
}

// checkAccess reports what the user that requests run as cannot reach. Only a
// command run by root has another user than its own.
func (d *Discovery) checkAccess(o *Options, a account) error {
	if d.Facts.UID != 0 || a.uid == 0 {
		return nil
	}
	for _, p := range []struct{ what, path, advice string }{ // a virtual environment is open and useless if what it was made from is closed
		{"the Python at", d.Facts.PythonHome, "use a Python outside of private folders: --python-executable /usr/bin/python3"},
		{"the Python at", d.Python.BasePrefix, "use a Python outside of private folders: --python-executable /usr/bin/python3"},
		{"the working directory", o.WorkingDirectory, "name another with --working-directory"},
	} {
		if at := blocked(p.path, a.uid, a.groups); p.path != "" && at != "" {
			return hint.New(fmt.Errorf("%s %s cannot be used by user %s: %s is closed to that user", p.what, p.path, a.user, at),
				p.advice)
		}
	}
	var paths []string
	if o.ApplicationType != "module" && o.EntryPoint != "" {
		paths = append(paths, o.EntryPoint)
	}
	paths = append(paths, filepath.Dir(ServerRoot(o, &d.Facts)))
	if o.LogDirectory != "" {
		if fi, err := os.Stat(o.LogDirectory); err == nil && fi.Sys().(*syscall.Stat_t).Uid != 0 {
			d.Warnings = append(d.Warnings, "--log-directory "+o.LogDirectory+": it is not root's, and Apache opens logs with the rights of root")
		}
	}
	if o.EnableTelemetry {
		if at := blocked(d.Facts.Program, a.uid, a.groups); at != "" {
			return hint.New(fmt.Errorf("--enable-telemetry: %s cannot be run by user %s: %s is closed to that user", d.Facts.Program, a.user, at),
				"install it where everybody may run it, such as /usr/local/bin")
		}
	}
	for _, path := range openToOthers(append([]string{o.RewriteRules, o.EnvvarsScript, o.key()}, o.IncludeFile...)) {
		d.Warnings = append(d.Warnings, path+" can be changed by others, and is read with the rights of root")
	}
	for _, path := range paths {
		if at := blocked(path, a.uid, a.groups); at != "" {
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s cannot be reached by user %s: %s is closed to that user", path, a.user, at))
		}
	}
	return nil
}

// openToOthers are the files among paths that somebody else can change, by
// themselves or through their folder. Root's Apache reads them with all rights.
func openToOthers(paths []string) []string {
	var out []string
	for _, path := range paths {
		if path == "" {
			continue
		}
		for _, at := range []string{path, filepath.Dir(path)} {
			fi, err := os.Stat(at)
			if err == nil && fi.Mode().Perm()&0o022 != 0 && fi.Mode()&os.ModeSticky == 0 {
				out = append(out, path)
				break
			}
		}
	}
	return out
}
