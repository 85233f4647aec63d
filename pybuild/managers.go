package pybuild

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
)

// manager is a tool that keeps Pythons in folders of their own, an installation
// or environment each. None of them is run: its folders tell.
type manager struct {
	source string
	dirs   []string
}

// managers lists those of rule P-2 that come before PATH. What is chosen in
// pyenv is not among them.
func (f *finder) managers(pyenv []string) []manager {
	data := f.folder("XDG_DATA_HOME", ".local/share")
	return []manager{
		{"uv", newestFirst(cmp.Or(f.folder("UV_PYTHON_INSTALL_DIR", ""), below(data, "uv/python")), "cpython-*")},
		{"pyenv", pyenv},
		{"mise", newestFirst(cmp.Or(f.folder("MISE_DATA_DIR", ""), below(data, "mise")), "installs/python/*")},
		{"asdf", newestFirst(f.folder("ASDF_DATA_DIR", ".asdf"), "installs/python/*")},
		{"conda", f.condas()},
		{"tool cache", newestFirst(cmp.Or(f.folder("RUNNER_TOOL_CACHE", ""), f.root+"/opt/hostedtoolcache"), "Python/*/*")},
		{"/opt/python", newestFirst(f.root+"/opt/python", "*")},
	}
}

// packaged lists the Pythons of macOS and of Homebrew, which come last.
func (f *finder) packaged() []manager {
	var brew []string
	for _, prefix := range []string{f.folder("HOMEBREW_PREFIX", ""), f.root + "/opt/homebrew", f.root + "/usr/local", f.root + "/home/linuxbrew/.linuxbrew"} {
		brew = append(brew, newestFirst(prefix, "opt/python@3.*")...)
		brew = append(brew, newestFirst(prefix, "opt/python-freethreading")...)
	}
	var frameworks []string
	for _, name := range []string{"Python", "PythonT"} {
		frameworks = append(frameworks, newestFirst(f.root+"/Library/Frameworks", name+".framework/Versions/3*")...)
	}
	return []manager{
		{"Homebrew", brew},
		{"framework", frameworks},
		{"MacPorts", newestFirst(f.root+"/opt/local/Library/Frameworks", "Python*.framework/Versions/3*")},
		{"cache", newestFirst(below(fsx.CacheFolder(f.r.Getenv), "pythons"), "[0-9]*")}, // made of their sources (M-17)
	}
}

// folder is the one that variable key names, else fallback in the home folder;
// "" without either.
func (f *finder) folder(key, fallback string) string {
	if dir := f.r.Getenv(key); filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	if home := f.r.Getenv("HOME"); fallback != "" && filepath.IsAbs(home) {
		return filepath.Join(home, fallback)
	}
	return ""
}

// below is path in dir, "" if there is no dir.
func below(dir, path string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, path)
}

// newestFirst lists the folders in dir that pattern matches, as far as names
// tell their age; none for a dir of "".
func newestFirst(dir, pattern string) []string {
	if dir == "" {
		return nil
	}
	list, _ := fsx.Glob(dir, pattern) // well formed
	slices.SortStableFunc(list, func(a, b string) int {
		return compareVersions(strings.TrimPrefix(b, dir), strings.TrimPrefix(a, dir))
	})
	return list
}

// pyenv lists its versions: those chosen for this folder or user, then all
// others, newest first.
func (f *finder) pyenv() (chosen, rest []string) {
	root := f.folder("PYENV_ROOT", ".pyenv")
	if root == "" {
		return nil, nil
	}
	names := strings.FieldsFunc(f.r.Getenv("PYENV_VERSION"), func(c rune) bool { return c == ':' })
	if len(names) == 0 {
		data, _ := os.ReadFile(filepath.Join(root, "version")) // without one nothing is chosen
		names = strings.Fields(string(data))
	}
	for _, name := range names {
		if filepath.IsLocal(name) {
			chosen = append(chosen, filepath.Join(root, "versions", name))
		}
	}
	rest = slices.DeleteFunc(newestFirst(root, "versions/*"), func(dir string) bool { return slices.Contains(chosen, dir) })
	return chosen, rest
}

// condas lists the environments of conda and its kin: those it noted itself,
// then what is in the folders where it is usually installed.
func (f *finder) condas() []string {
	var dirs []string
	home := f.folder("", ".")
	if data, err := os.ReadFile(filepath.Join(home, ".conda", "environments.txt")); home != "" && err == nil {
		for line := range strings.Lines(string(data)) {
			if dir := strings.TrimSpace(line); filepath.IsAbs(dir) && fsx.IsDir(dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	for _, root := range f.condaRoots() {
		if fsx.IsDir(filepath.Join(root, "conda-meta")) {
			dirs = append(dirs, root)
		}
		dirs = append(dirs, newestFirst(root, "envs/*")...)
	}
	return dirs
}

// condaRoots are the folders that have environments in envs.
func (f *finder) condaRoots() []string {
	var roots []string
	if exe := f.r.Getenv("CONDA_EXE"); filepath.IsAbs(exe) {
		roots = append(roots, filepath.Dir(filepath.Dir(exe)))
	}
	for _, key := range []string{"CONDA_ROOT", "MAMBA_ROOT_PREFIX"} {
		roots = append(roots, f.folder(key, ""))
	}
	for _, name := range []string{"miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".conda"} {
		roots = append(roots, f.folder("", name))
	}
	for _, name := range []string{"conda", "miniconda3", "anaconda3", "miniforge3"} {
		roots = append(roots, f.root+"/opt/"+name)
	}
	return slices.DeleteFunc(roots, func(dir string) bool { return dir == "" })
}

// condaNamed is the folder of the environment of that name; "base" is the
// installation of conda itself. "" if there is none.
func (f *finder) condaNamed(name string) string {
	roots := f.condaRoots()
	for _, dir := range f.condas() {
		isRoot := slices.Contains(roots, dir) || fsx.IsDir(filepath.Join(dir, "condabin"))
		if isRoot && name == "base" || !isRoot && filepath.Base(dir) == name {
			return dir
		}
	}
	return ""
}
