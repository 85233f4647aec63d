// Package csrc holds the C sources of the module and knows how to compile them.
//
// A tree is described by its targets ([Targets]). [NewPlan] turns targets and
// facts about Apache, the Pythons and the compiler into command lines and runs
// nothing; [Build] runs those of them whose result is not there yet, in a
// build folder that has the shape of an installation:
//
//	mod_wsgi.so                         the Apache half
//	mod_wsgi/{wsgi-supervisor,apache.json}
//	mod_wsgi/python/mod_wsgi/…          the pure Python package
//	mod_wsgi/<abi>/{wsgi-host,wsgi-embed.so,build.json}
//	mod_wsgi/default                    a link to one <abi>
//	obj/, src/                          objects, what is known of them; sources
//
// Nothing is written outside that folder. Sources always come out of a file
// system value, normally the embedded one, so that a build from a checkout and
// one from an installed binary are the same build.
//
// Releases of the original mod_wsgi are built by the same code: [OpenSource]
// tells by its files which kind of tree a folder holds.
package csrc

import (
	"embed"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/pattern"
)

//go:embed src/*.c src/*.h
var embedded embed.FS

//go:embed VERSION
var version string

// Version is the version of the project, of the module and of everything else
// that carries one.
func Version() string { return strings.TrimSpace(version) }

//go:embed RELEASED
var released string

// Released is the day of that version: the time of whatever carries one and was
// not told another (rule H-3).
func Released() time.Time {
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(released))
	if err != nil {
		panic(err) // the file is beside this one
	}
	return day
}

// Sources returns the embedded C sources, by plain file name.
func Sources() fs.FS {
	sub, err := fs.Sub(embedded, "src")
	if err != nil {
		panic(err) // the pattern above names that folder
	}
	return sub
}

// tree is a set of source files in memory, with what is derived from all of it.
type tree struct {
	names []string          // sorted bytewise
	files map[string][]byte // by name
	sums  map[string]string // content hash by name
	hash  string            // of the whole, "h1:…"

	layout  layout
	version string
	level   int // WSGI_INTERFACE_VERSION; 0 of a classic tree
}

// oursHeader is in our tree, and in no other.
const oursHeader = "wsgi_wire.h"

// readTree reads the .c and .h files of a source tree; they are in one folder.
func readTree(source fs.FS) (*tree, error) {
	t, err := loadTree(source)
	if err != nil {
		return nil, err
	}
	t.sums = map[string]string{}
	for name, data := range t.files {
		t.sums[name] = sum(data)
	}
	if t.hash, err = t.dirhash(); err != nil {
		return nil, err
	}
	if t.layout == layoutClassic {
		t.version, err = t.layout.known().Version(t.files[t.layout.known().Header])
		return t, err
	}
	t.version = Version()
	t.level, err = interfaceLevel(t.files[oursHeader])
	return t, err
}

// loadTree reads the same, and derives nothing.
func loadTree(source fs.FS) (*tree, error) {
	shape, err := layoutOf(source)
	if err != nil {
		return nil, err
	}
	if source, err = fs.Sub(source, shape.known().Folder); err != nil {
		return nil, fmt.Errorf("reading the C sources: %w", err)
	}
	entries, err := fs.ReadDir(source, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the C sources: %w", err)
	}
	t := &tree{files: map[string][]byte{}, layout: shape}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".c") && !strings.HasSuffix(name, ".h") {
			continue
		}
		data, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, fmt.Errorf("reading the C sources: %w", err)
		}
		t.names = append(t.names, name)
		t.files[name] = data
	}
	sort.Strings(t.names)
	return t, nil
}

var interfaceLine = pattern.New(`(?m)^#define[ \t]+WSGI_INTERFACE_VERSION[ \t]+(\d+)`)

// interfaceLevel reads the number that both halves must share from the header
// that declares it, so that it is written down once.
func interfaceLevel(header []byte) (int, error) {
	m := interfaceLine.FindSubmatch(header)
	if m == nil {
		return 0, fmt.Errorf("wsgi_wire.h of the C sources does not define WSGI_INTERFACE_VERSION")
	}
	return strconv.Atoi(string(m[1]))
}
