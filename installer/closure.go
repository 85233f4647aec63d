package installer

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// closure does what the dynamic loader would do with a file, on paper: it finds
// what the file needs, and what defines the symbols it takes (rule V-3). No
// program runs and no variable of the environment counts.
type closure struct {
	cache  map[string][]string // SONAME to files, as the loader lists them
	images map[string]*image   // by path
}

// image is one ELF file of a process.
type image struct {
	path    string
	class   elf.Class
	machine elf.Machine
	soname  string
	needed  []string
	runPath []string // DT_RUNPATH, or DT_RPATH where there is none; expanded
	defines map[string][]string
	takes   []elf.Symbol
}

// open reads an image once.
func (c *closure) open(path string) (*image, error) {
	if known, ok := c.images[path]; ok {
		return known, nil
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	im := &image{path: path, class: f.Class, machine: f.Machine, defines: map[string][]string{}}
	if im.needed, err = f.DynString(elf.DT_NEEDED); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if names, err := f.DynString(elf.DT_SONAME); err == nil && len(names) > 0 {
		im.soname = names[0]
	}
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		list, err := f.DynString(tag)
		if err == nil && len(list) > 0 && im.runPath == nil {
			origin := strings.NewReplacer("$ORIGIN", filepath.Dir(path), "${ORIGIN}", filepath.Dir(path))
			im.runPath = strings.Split(origin.Replace(strings.Join(list, ":")), ":")
		}
	}
	symbols, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, s := range symbols {
		switch {
		case s.Section != elf.SHN_UNDEF:
			im.defines[s.Name] = append(im.defines[s.Name], s.Version)
		case elf.ST_BIND(s.Info) != elf.STB_WEAK:
			im.takes = append(im.takes, s)
		}
	}
	if c.images == nil {
		c.images = map[string]*image{}
	}
	c.images[path] = im
	return im, nil
}

// find is the file that the loader takes for a name that from needs: the first of
// the right machine, where it looks.
func (c *closure) find(name string, from *image) (string, bool) {
	if strings.Contains(name, "/") {
		_, err := os.Stat(name)
		return name, err == nil
	}
	var places []string
	for _, dir := range from.runPath {
		places = append(places, filepath.Join(dir, name))
	}
	places = append(places, c.cache[name]...)
	for _, dir := range defaultFolders() {
		places = append(places, filepath.Join(dir, name))
	}
	for _, path := range places {
		im, err := c.open(path)
		if err == nil && im.machine == from.machine && im.class == from.class {
			return path, true
		}
	}
	return "", false
}

// defaultFolders are where loaders look last: what musl's own list says, and else
// the usual ones, with Debian's for several machines.
func defaultFolders() []string {
	lists, _ := filepath.Glob("/etc/ld-musl-*.path") // the pattern is right
	for _, path := range lists {
		if data, err := os.ReadFile(path); err == nil {
			return strings.FieldsFunc(string(data), func(c rune) bool { return c == ':' || c == '\n' })
		}
	}
	several, _ := filepath.Glob("/usr/lib/*-linux-*") // the pattern is right
	return append(several, "/lib64", "/usr/lib64", "/lib", "/usr/local/lib", "/usr/lib")
}

// all are the files of a process that begins with first, in the loader's order,
// and a sentence for each that is needed and not found.
func (c *closure) all(first ...string) (list []*image, missing []string) {
	queue := slices.Clone(first)
	seen := map[string]bool{}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		key := path
		if real, err := filepath.EvalSymlinks(path); err == nil {
			key = real
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		im, err := c.open(path)
		if err != nil {
			missing = append(missing, err.Error())
			continue
		}
		list = append(list, im)
		for _, name := range im.needed {
			// What is there already under that name is taken (rules ).
			if slices.ContainsFunc(list, func(x *image) bool { return x.soname == name }) {
				continue
			}
			found, ok := c.find(name, im)
			if !ok {
				missing = append(missing, fmt.Sprintf("%s needs %s, and the loader finds none", im.path, name))
				continue
			}
			queue = append(queue, found)
		}
	}
	return list, missing
}

// problems says what is missing for path in a process that begins with before:
// the server and what it was told to load; nothing for a program. Libraries answer
// for themselves: only what path takes is looked for. Of a part of a server that is
// not known (partial) only Python's symbols can be.
func (c *closure) problems(path string, before []string, partial bool) []string {
	first := append(slices.Clone(before), path)
	images, list := c.all(first...)
	im, err := c.open(path)
	if err != nil {
		return list
	}
	absent := map[string][]string{}
	for _, s := range im.takes {
		if !slices.ContainsFunc(images, func(x *image) bool { return x.has(s) }) {
			absent[prefixOf(s.Name)] = append(absent[prefixOf(s.Name)], named(s))
		}
	}
	prefixes := []string{"ap_", "apr_", "Py", ""}
	if partial {
		prefixes = []string{"Py"}
	}
	for _, prefix := range prefixes {
		names := absent[prefix]
		slices.Sort(names)
		if len(names) > 0 {
			list = append(list, fmt.Sprintf("nothing defines %s", strings.Join(names, ", ")))
		}
	}
	return list
}

// has tells whether an image defines a symbol, in the version that is asked for.
// A definition without versions serves every one.
func (im *image) has(s elf.Symbol) bool {
	versions, ok := im.defines[s.Name]
	return ok && (s.Version == "" || slices.Contains(versions, s.Version) || slices.Contains(versions, ""))
}

// prefixOf says whose symbol a name is, by which those that are missing are told.
func prefixOf(name string) string {
	name = strings.TrimPrefix(name, "_")
	for _, prefix := range []string{"ap_", "apr_", "Py"} {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

func named(s elf.Symbol) string {
	if s.Version == "" {
		return s.Name
	}
	return s.Name + "@" + s.Version
}
