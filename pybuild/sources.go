package pybuild

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/pattern"
)

// place is a path where an interpreter may be, and how it was come by.
type place struct {
	path   string
	source string
	kept   bool // a manager has it for other things: where nobody asks, it comes after all others
}

// pythonName is how interpreters are called.
var pythonName = pattern.New(`^python(?:3(?:\.(\d{1,2})(t?)(d?))?)?$`)

// places lists where Pythons may be on this machine, in the order of rule P-2.
func (f *finder) places() []place {
	var list []place
	add := func(source string, kept bool, paths ...string) {
		for _, path := range paths {
			list = append(list, place{path, source, kept})
		}
	}
	for _, key := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := f.r.Getenv(key); filepath.IsAbs(dir) {
			add(key, false, inFolder(dir))
		}
	}
	if wd, err := os.Getwd(); err == nil {
		if dir := filepath.Join(wd, ".venv"); fsx.IsFile(filepath.Join(dir, "pyvenv.cfg")) {
			add(".venv", false, inFolder(dir))
		}
	}
	chosen, rest := f.pyenv()
	for _, dir := range chosen {
		add("pyenv", false, inFolder(dir))
	}
	for _, m := range f.managers(rest) {
		for _, dir := range m.dirs {
			add(m.source, true, inFolder(dir))
		}
	}
	for _, dir := range filepath.SplitList(f.r.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			add("PATH", false, interpreters(dir)...)
		}
	}
	for _, dir := range []string{"/usr/bin", "/usr/local/bin"} {
		add(dir, false, interpreters(filepath.Join(f.root, dir))...)
	}
	opt, _ := fsx.Glob(f.root, "/opt/*/bin") // well formed
	for _, dir := range opt {
		add("/opt", true, interpreters(dir)...)
	}
	for _, m := range f.packaged() {
		for _, dir := range m.dirs {
			add(m.source, true, inFolder(dir))
		}
	}
	return list
}

// inFolder is the interpreter of an installation or virtual environment.
func inFolder(dir string) string {
	bin := filepath.Join(dir, "bin")
	for _, name := range []string{"python3", "python"} {
		if path := filepath.Join(bin, name); fsx.IsFile(path) {
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

var digits = pattern.New(`\d+`)

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
