package pybuild

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"modwsgi/internal/fsx"
	"modwsgi/internal/keep"
)

// steering are variables that change what sysconfig says, and reach it: with one
// of them an answer is good for that run alone.
var steering = []string{"_PYTHON_SYSCONFIGDATA_NAME", "_PYTHON_HOST_PLATFORM", "_PYTHON_PROJECT_BASE", "_PYTHON_SYSCONFIGDATA_PATH"}

// recall is what the interpreter at path said before, if it, its library and its
// standard library are what they were (rule P-5); else it is asked. That nothing
// can be kept is no error.
func (f *finder) recall(ctx context.Context, path string) (probe, error) {
	shim := f.shimTrail(path)
	at := f.answerFile(path, shim != nil)
	if at == "" {
		return ask(ctx, f.r, path)
	}
	trail := func(p probe) []string { return append(answerTrail(p, path), shim...) }
	if p, ok := keep.Read(at, trail); ok && p.sound() == nil {
		return p, nil
	}
	p, err := ask(ctx, f.r, path)
	if err != nil || f.r.Dry != nil { // a dry run changes nothing
		return p, err
	}
	dir := filepath.Dir(at)
	if fsx.MkdirCache(filepath.Dir(dir), filepath.Base(dir)) == nil {
		_ = keep.Write(at, p, trail)
	}
	return p, nil
}

// answerFile is where the answer of the interpreter at path is kept: another one
// for each path, file and version of the question. "" for what must be asked each
// time: a script that is no shim may lead to another interpreter tomorrow.
func (f *finder) answerFile(path string, shim bool) string {
	folder := fsx.CacheFolder(f.r.Getenv)
	if folder == "" || !filepath.IsAbs(path) {
		return ""
	}
	for _, name := range steering {
		if f.r.Getenv(name) != "" {
			return ""
		}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil || isScript(real) && !shim {
		return ""
	}
	text := path + "\x00" + real + "\x00" + probeScript
	if shim {
		here, _ := os.Getwd() // "" is a place like any other
		for _, name := range []string{"PATH", "HOME", "PYENV_ROOT", "PYENV_VERSION", "PYENV_DIR", "PYENV_HOOK_PATH"} {
			here += "\x00" + f.r.Getenv(name)
		}
		text += "\x00" + here
	}
	sum := sha256.Sum256([]byte(text))
	return filepath.Join(folder, "probes", fmt.Sprintf("%x.json", sum[:12]))
}

// answerTrail lists the files on which the answer p of the interpreter at path
// depends.
func answerTrail(p probe, path string) []string {
	list := []string{path, filepath.Join(filepath.Dir(path), "pyvenv.cfg"), filepath.Join(filepath.Dir(filepath.Dir(path)), "pyvenv.cfg"),
		p.stdlib(), filepath.Join(p.stdlib(), "sysconfig.py"), filepath.Join(p.stdlib(), "sysconfig")}
	records, _ := fsx.Glob(p.stdlib(), "_sysconfig*")
	return append(append(list, records...), p.Mapped...)
}

// shimTrail lists the files by which pyenv chooses what its stand-in at path
// starts: the version files from here upwards and its own, what is installed, and
// the programs of that name in PATH, one of which is meant by "system". nil for
// what is no such stand-in. Starting one takes longer than all the rest.
func (f *finder) shimTrail(path string) []string {
	root := f.folder("PYENV_ROOT", ".pyenv")
	if root == "" || filepath.Dir(path) != filepath.Join(root, "shims") {
		return nil
	}
	versions := filepath.Join(root, "versions")
	list := []string{filepath.Join(root, "version"), versions, filepath.Join(root, "libexec", "pyenv"), filepath.Join(root, "libexec", "pyenv-exec"), filepath.Join(root, "pyenv.d")}
	installed, _ := os.ReadDir(versions) // none
	for _, e := range installed {
		list = append(list, filepath.Join(versions, e.Name(), "bin"))
	}
	here, err := os.Getwd()
	if dir := f.r.Getenv("PYENV_DIR"); err == nil && dir != "" {
		here = dir
	}
	for dir := here; filepath.IsAbs(dir); dir = filepath.Dir(dir) {
		list = append(list, filepath.Join(dir, ".python-version"))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, dir := range filepath.SplitList(f.r.Getenv("PATH")) {
		list = append(list, filepath.Join(dir, filepath.Base(path)))
	}
	return list
}

// isScript tells whether path is none of the formats that a linker writes.
func isScript(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return true
	}
	defer file.Close()
	start := make([]byte, 2)
	_, err = io.ReadFull(file, start)
	return err != nil || string(start) == "#!"
}
