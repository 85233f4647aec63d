package apxs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// names of apxs, and of servers, in the order they are tried.
var (
	apxsNames  = []string{"apxs2", "apxs", "apxs2-event", "apxs2-worker", "apxs2-prefork", "apxs24"}
	httpdNames = []string{"httpd", "apache2", "httpd2", "httpd-event", "httpd-worker", "httpd-prefork"}
)

// usualDirs are where Apaches are put that PATH may not name (rule A-1).
var usualDirs = []string{
	"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin",
	"/usr/local/apache2/bin", "/usr/local/apache/bin", "/usr/local/httpd/bin", "/opt/httpd*/bin", "/opt/apache*/bin",
	"/opt/homebrew/bin", "/opt/homebrew/opt/httpd/bin", "/usr/local/opt/httpd/bin", "/home/linuxbrew/.linuxbrew/bin",
	"/opt/local/bin", "/usr/pkg/sbin", "/opt/rh/httpd24/root/usr/bin",
}

// asked returns the apxs somebody named and the setting it was named by.
func (f *finder) asked(explicit string) (name, setting string) {
	if explicit != "" {
		return explicit, "the apxs given,"
	}
	for _, key := range []string{"MODWSGI_APXS", "APXS"} {
		if name := f.r.Getenv(key); name != "" {
			return name, "the apxs of $" + key + ","
		}
	}
	return "", ""
}

// lookUp finds the program that a name stands for; a folder with the headers of
// an Apache stands for itself.
func (f *finder) lookUp(name string) (string, error) {
	if strings.Contains(name, "/") {
		if fsx.IsFile(filepath.Join(name, "httpd.h")) {
			return filepath.Abs(name)
		}
		if _, err := f.r.LookPath(name); err != nil {
			err = fmt.Errorf("no such program: %w", err)
			return "", hint.Exit(hint.New(err, "correct it, or leave it out to use the apxs that is installed; without one: "+
				f.sys.InstallLine(f.sys.Package(devPackage))), hint.NotFound)
		}
		return filepath.Abs(name)
	}
	if path, err := f.r.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range f.dirs() {
		if path, err := f.r.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", f.absent(errors.New("no such program in PATH or the usual folders"))
}

// places are all paths an apxs may be at, in the order of rule A-1; many will
// not exist.
func (f *finder) places() []string {
	var list []string
	if name, _ := f.asked(""); name != "" {
		if path, err := f.lookUp(name); err == nil {
			list = append(list, path)
		}
	}
	list = append(list, f.besidePython()...)
	// By name first: with Debian's apxs2 in PATH, an apxs earlier in it is
	// somebody's own build.
	searched := f.searched()
	for _, name := range apxsNames {
		for _, dir := range f.path() {
			list = append(list, filepath.Join(dir, name))
		}
	}
	for _, dir := range searched {
		for _, name := range apxsNames {
			list = append(list, filepath.Join(dir, name))
		}
	}
	return list
}

// besidePython is where the apxs of an httpd is that was installed as a Python
// package: beside the Python that somebody chose.
func (f *finder) besidePython() []string {
	var list []string
	for _, key := range []string{"MODWSGI_PYTHON", "PYTHON"} {
		python := f.r.Getenv(key)
		if python == "" {
			continue
		}
		if found, err := f.r.LookPath(python); err == nil && filepath.IsAbs(found) {
			list = append(list, filepath.Join(filepath.Dir(found), "mod_wsgi-apxs"))
		}
		if filepath.IsAbs(python) && fsx.IsDir(python) { // an environment
			list = append(list, filepath.Join(python, "bin", "mod_wsgi-apxs"))
		}
	}
	if venv := f.r.Getenv("VIRTUAL_ENV"); filepath.IsAbs(venv) {
		list = append(list, filepath.Join(venv, "bin", "mod_wsgi-apxs"))
	}
	return list
}

func (f *finder) path() []string {
	return slices.DeleteFunc(filepath.SplitList(f.r.Getenv("PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}

// searched are PATH and the usual folders.
func (f *finder) searched() []string { return append(f.path(), f.dirs()...) }

func (f *finder) dirs() []string {
	list := rooted(f.root, usualDirs)
	if conda := f.r.Getenv("CONDA_PREFIX"); filepath.IsAbs(conda) {
		list = append(list, filepath.Join(conda, "bin"))
	}
	return append(list, f.made()...)
}

// made are the folders of servers that were made of their sources for a matrix
// (M-16), below the cache.
func (f *finder) made() []string {
	cache := fsx.CacheFolder(f.r.Getenv)
	if cache == "" {
		return nil
	}
	list, _ := fsx.Glob(cache, "apaches/[0-9]*/bin") // well formed
	return list
}

// rooted gives the folders that match patterns below root.
func rooted(root string, patterns []string) []string {
	var list []string
	for _, p := range patterns {
		if !strings.Contains(p, "*") {
			list = append(list, filepath.Join(root, p))
			continue
		}
		found, _ := fsx.Glob(root, p) // the patterns are ours: they are well formed
		list = append(list, found...)
	}
	return list
}

// realPath is path with its links resolved, or path itself.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// maxText is ample for a header or a list of variables.
const maxText = 4 << 20

// readText reads a regular file of a system: one that is huge, or no file at
// all, is not what it was looked for.
func readText(path string) (string, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !fi.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxText+1))
	if err == nil && len(data) > maxText {
		err = fmt.Errorf("%s has more than %d bytes", path, maxText)
	}
	return string(data), err
}
