package pybuild

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// place is a path where an interpreter may be, and how it was come by.
type place struct {
	path   string
	source string
}

// pythonName is how interpreters are called.
var pythonName = regexp.MustCompile(`^python(?:3(?:\.(\d{1,2})(t?)(d?))?)?$`)

// places lists where Pythons may be on this machine, in the order of rule P-2.
// Of pyenv, only the versions chosen in it come before PATH: the rest are what
// its owner keeps for other things.
func (f *finder) places() []place {
	var list []place
	add := func(source string, paths ...string) {
		for _, path := range paths {
			list = append(list, place{path, source})
		}
	}
	for _, key := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := f.r.Getenv(key); filepath.IsAbs(dir) {
			add(key, inFolder(dir))
		}
	}
	if wd, err := os.Getwd(); err == nil {
		if dir := filepath.Join(wd, ".venv"); isFile(filepath.Join(dir, "pyvenv.cfg")) {
			add(".venv", inFolder(dir))
		}
	}
	chosen, rest := f.pyenv()
	add("pyenv", chosen...)
	for _, dir := range filepath.SplitList(f.r.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			add("PATH", interpreters(dir)...)
		}
	}
	add("pyenv", rest...)
	for _, m := range f.managers() {
		for _, pattern := range m.patterns {
			dirs, _ := filepath.Glob(pattern) // made of well formed parts
			slices.Reverse(dirs)              // newest first, as far as names tell
			for _, dir := range dirs {
				add(m.source, inFolder(dir))
			}
		}
	}
	for _, dir := range []string{"/usr/bin", "/usr/local/bin"} {
		add(dir, interpreters(filepath.Join(f.root, dir))...)
	}
	opt, _ := filepath.Glob(quoteGlob(f.root) + "/opt/*/bin")
	for _, dir := range opt {
		add("/opt", interpreters(dir)...)
	}
	return list
}

// manager is a tool that keeps Pythons in folders of their own.
type manager struct {
	source   string
	patterns []string
}

func (f *finder) managers() []manager {
	home := quoteGlob(f.r.Getenv("HOME"))
	env := func(key, fallback string) string {
		if dir := f.r.Getenv(key); filepath.IsAbs(dir) {
			return quoteGlob(dir)
		}
		return fallback
	}
	data := env("XDG_DATA_HOME", home+"/.local/share")
	list := []manager{
		{"uv", []string{env("UV_PYTHON_INSTALL_DIR", data+"/uv/python") + "/cpython-*"}},
		{"mise", []string{env("MISE_DATA_DIR", data+"/mise") + "/installs/python/*"}},
		{"asdf", []string{env("ASDF_DATA_DIR", home+"/.asdf") + "/installs/python/*"}},
		{"tool cache", []string{
			env("RUNNER_TOOL_CACHE", f.root+"/opt/hostedtoolcache") + "/Python/*/*",
			quoteGlob(f.root) + "/opt/python/*",
		}},
	}
	for i := range list { // without a home a pattern is relative to nowhere
		list[i].patterns = slices.DeleteFunc(list[i].patterns, func(p string) bool { return !filepath.IsAbs(p) })
	}
	return list
}

// pyenv lists its interpreters: of the versions chosen for this folder or user,
// then of all others, newest first.
func (f *finder) pyenv() (chosen, rest []string) {
	root := f.r.Getenv("PYENV_ROOT")
	if home := f.r.Getenv("HOME"); root == "" && home != "" {
		root = filepath.Join(home, ".pyenv")
	}
	if !filepath.IsAbs(root) {
		return nil, nil
	}
	names := strings.FieldsFunc(f.r.Getenv("PYENV_VERSION"), func(c rune) bool { return c == ':' })
	if len(names) == 0 {
		data, _ := os.ReadFile(filepath.Join(root, "version")) // without one nothing is chosen
		names = strings.Fields(string(data))
	}
	for _, name := range names {
		if filepath.IsLocal(name) {
			chosen = append(chosen, inFolder(filepath.Join(root, "versions", name)))
		}
	}
	entries, _ := os.ReadDir(filepath.Join(root, "versions"))
	slices.SortStableFunc(entries, func(a, b os.DirEntry) int { return compareVersions(b.Name(), a.Name()) })
	for _, e := range entries {
		if path := inFolder(filepath.Join(root, "versions", e.Name())); !slices.Contains(chosen, path) {
			rest = append(rest, path)
		}
	}
	return chosen, rest
}

// inFolder is the interpreter of an installation or virtual environment.
func inFolder(dir string) string {
	bin := filepath.Join(dir, "bin")
	for _, name := range []string{"python3", "python"} {
		if path := filepath.Join(bin, name); isFile(path) {
			return path
		}
	}
	if list := interpreters(bin); len(list) > 0 {
		return list[0]
	}
	return filepath.Join(bin, "python3")
}

// interpreters lists those in dir, preferred first: python3, then the numbered,
// newest and plainest first, then python, which may still be Python 2.
func interpreters(dir string) []string {
	entries, _ := os.ReadDir(dir) // PATH names folders that are not there
	type ranked struct {
		name string
		rank int
	}
	var list []ranked
	for _, e := range entries {
		m := pythonName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		rank := 0
		switch {
		case e.Name() == "python":
			rank = 100000
		case m[1] != "":
			minor, _ := strconv.Atoi(m[1])
			rank = 1000 - minor*4 + len(m[2])*2 + len(m[3])
		}
		list = append(list, ranked{e.Name(), rank})
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return a.rank - b.rank })
	paths := make([]string, len(list))
	for i, r := range list {
		paths[i] = filepath.Join(dir, r.name)
	}
	return paths
}

var digits = regexp.MustCompile(`\d+`)

// compareVersions orders names by the numbers in them, then as text.
func compareVersions(a, b string) int {
	as, bs := digits.FindAllString(a, 4), digits.FindAllString(b, 4)
	for i := range min(len(as), len(bs)) {
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x - y
		}
	}
	if len(as) != len(bs) {
		return len(as) - len(bs)
	}
	return strings.Compare(a, b)
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// quoteGlob makes a path match itself alone.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
