package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// moduleFile is the name of the one module.
const moduleFile = "mod_wsgi.so"

// ErrNotBuilt says that a folder has no module, or none for what was asked.
var ErrNotBuilt = errors.New("not built")

// Layout is a module with its parts, in a build folder or installed. Paths are
// absolute and can be written into Apache's configuration.
type Layout struct {
	Dir        string          `json:"dir"`
	Module     string          `json:"module"`
	Folder     string          `json:"folder"` // of all other parts
	Supervisor string          `json:"supervisor"`
	Python     string          `json:"python"` // of the Python package: for sys.path
	Apache     csrc.ApacheInfo `json:"apache"`
	Halves     []Half          `json:"halves"`  // by name of the ABI
	Default    string          `json:"default"` // the ABI used when nothing else decides; "" for none

	// Original is set of a release of the original, which is the module alone.
	Original *Original `json:"original,omitempty"`
}

// Half is what serves one Python.
type Half struct {
	ABI   string         `json:"abi"`
	Dir   string         `json:"dir"`
	Host  string         `json:"host"`
	Embed string         `json:"embed"`
	Info  csrc.BuildInfo `json:"info"`
}

// layoutAt names the parts of a layout at dir, whatever is there.
func layoutAt(dir string) Layout {
	folder := filepath.Join(dir, csrc.RuntimeFolder)
	return Layout{
		Dir: dir, Folder: folder,
		Module:     filepath.Join(dir, moduleFile),
		Supervisor: filepath.Join(folder, "wsgi-supervisor"),
		Python:     filepath.Join(folder, "python"),
	}
}

// Locate reads the layout in dir. If there is none, or half of one, the error
// wraps [ErrNotBuilt].
func Locate(dir string) (Layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("locating the module: %w", err)
	}
	l := layoutAt(dir)
	if _, err := quote(dir); err != nil {
		return l, fmt.Errorf("the module cannot be used from %q: %w", dir, err)
	}
	missing := func(err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			err = hint.New(fmt.Errorf("%s: %w (%w)", dir, ErrNotBuilt, err), "build the module first: mod_wsgi-express build")
		}
		return err
	}
	for _, path := range []string{l.Module, l.Supervisor} {
		fi, err := os.Stat(path)
		if err != nil {
			return l, missing(err)
		}
		if !fi.Mode().IsRegular() {
			return l, fmt.Errorf("%s is not a file", path)
		}
	}
	if l.Apache, err = csrc.ReadApacheInfo(l.Folder); err != nil {
		return l, missing(err)
	}
	if l.Halves, err = readHalves(l.Folder); err != nil {
		return l, err
	}
	if link, err := os.Readlink(filepath.Join(l.Folder, csrc.DefaultLink)); err == nil {
		if slices.ContainsFunc(l.Halves, func(h Half) bool { return h.ABI == link }) {
			l.Default = link
		}
	}
	return l, nil
}

// readHalves finds the folders that hold a Python half.
func readHalves(folder string) ([]Half, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("looking for Python halves: %w", err)
	}
	var list []Half
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(folder, e.Name())
		info, err := csrc.ReadBuildInfo(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // not a half: the Python package, say
		}
		if err != nil {
			return nil, err
		}
		if info.ABI != e.Name() {
			return nil, fmt.Errorf("%s was built as %s", dir, info.ABI)
		}
		list = append(list, Half{
			ABI: info.ABI, Dir: dir, Info: info,
			Host:  filepath.Join(dir, "wsgi-host"),
			Embed: filepath.Join(dir, "wsgi-embed.so"),
		})
	}
	return list, nil
}

// Half returns the half for python: of its ABI, linked with its library, of the
// interface that the module has. If there is none the error wraps [ErrNotBuilt].
func (l Layout) Half(python pybuild.Info) (Half, error) {
	abi := python.ABI.Folder()
	build := "build it: mod_wsgi-express build --python " + python.Executable
	for _, h := range l.Halves {
		if h.ABI != abi {
			continue
		}
		switch {
		case h.Info.Interface != l.Apache.Interface:
			return h, hint.New(fmt.Errorf("%w: %s has interface %d, %s has %d", ErrNotBuilt, h.Dir, h.Info.Interface, l.Module, l.Apache.Interface), build)
		case h.Info.LibPython != libraryOf(python):
			return h, hint.New(fmt.Errorf("%w: %s is for %s, not %s", ErrNotBuilt, h.Dir, h.Info.LibPython, libraryOf(python)), build)
		}
		return h, nil
	}
	return Half{}, hint.New(fmt.Errorf("%s has nothing for Python %s: %w", l.Folder, python.Version, ErrNotBuilt), build)
}

// libraryOf is what a half for python is linked with: its shared library, or the
// archive of one that has no other.
func libraryOf(python pybuild.Info) string {
	if python.LibPython == "" {
		return python.Archive
	}
	return python.LibPython
}

// Fits says whether l was made from the sources of this program, for that
// Apache and with a half for that Python. Either may be nil: not asked.
func (l Layout) Fits(apache *apxs.Info, python *pybuild.Info) bool {
	hash, err := csrc.SourceHash()
	if err != nil || l.Apache.Source != hash {
		return false
	}
	if apache != nil {
		m := apache.MMN
		if l.Apache.Cookie != m.Cookie || l.Apache.Major != m.Major || l.Apache.Minor > m.Minor {
			return false
		}
	}
	if python != nil {
		h, err := l.Half(*python)
		return err == nil && h.Info.Source == hash
	}
	return true
}
