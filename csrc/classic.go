package csrc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/csrc/layouts"
	"modwsgi/internal/hint"
)

// ClassicModule is what a classic tree is built as, in the build folder.
const ClassicModule = "mod_wsgi.so"

// exportsFile is the linker's list of what a classic module shows: such a tree
// is compiled without hidden visibility, since it does not mark its module
// record (rules C-6 and S-4). It is below the build folder.
const exportsFile = "obj/exports.map"

const exportsText = "{ global: wsgi_module; local: *; };\n"

// layout is a shape of source trees.
type layout string

const (
	layoutOurs    layout = ""        // flat, four targets
	layoutClassic layout = "classic" // one target
)

// ErrNoTree says that a folder holds no source tree of a known layout.
var ErrNoTree = layouts.ErrNoTree

// OpenSource gives the source tree in a folder, for [Options.Source]: a release
// of the original mod_wsgi, unpacked, or the C sources of this project. The error
// for any other folder names what was looked for.
func OpenSource(dir string) (fs.FS, error) {
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("looking for a source tree: %w", err), hint.NotFound)
	}
	if !fi.IsDir() {
		return nil, hint.Exit(hint.New(fmt.Errorf("%s is a file: %w", dir, ErrNoTree),
			"unpack it and name the folder that comes out"), hint.Usage)
	}
	source := os.DirFS(dir)
	if _, err := readTree(source); err != nil {
		err = fmt.Errorf("%s: %w", dir, err)
		if below := treesBelow(dir); len(below) > 0 {
			err = hint.New(err, "did you mean "+strings.Join(below, " or ")+"?")
		}
		return nil, hint.Exit(err, hint.Usage)
	}
	return source, nil
}

// treesBelow are the folders one below dir that are source trees.
func treesBelow(dir string) []string {
	var found []string
	entries, _ := os.ReadDir(dir) // unreadable: there is nothing to advise
	for _, e := range entries {
		at := filepath.Join(dir, e.Name())
		if _, err := layoutOf(os.DirFS(at)); err == nil && e.IsDir() {
			found = append(found, at)
		}
	}
	return found
}

// layoutOf tells which layout source has.
func layoutOf(source fs.FS) (layout, error) {
	known, err := layouts.Of(func(name string) bool {
		fi, err := fs.Stat(source, name)
		return err == nil && fi.Mode().IsRegular()
	})
	if err == nil && known.Name == layouts.Classic().Name {
		return layoutClassic, nil
	}
	return layoutOurs, err
}

// known is what is known of a layout.
func (l layout) known() layouts.Layout {
	if l == layoutClassic {
		return layouts.Classic()
	}
	return layouts.Ours()
}

// targets are what a tree is built into.
func (t *tree) targets() []Target {
	if t.layout == layoutOurs {
		return Targets()
	}
	var files []string
	for _, name := range t.names {
		if strings.HasSuffix(name, ".c") {
			files = append(files, name)
		}
	}
	return []Target{{
		Name: ClassicModule, Kind: Module, Needs: NeedsBoth,
		Exports: []string{"wsgi_module"},
		Sources: sources(tier(NeedsBoth, files...)),
	}}
}

// OutputFolder is where a source tree is built unless somebody says: releases of
// the original each have a folder, since they share no file with ours.
func OutputFolder(source fs.FS) (string, error) {
	const folder = "build"
	if source == nil {
		return folder, nil
	}
	t, err := readTree(source)
	if err != nil || t.layout == layoutOurs {
		return folder, err
	}
	return filepath.Join(folder, "mod_wsgi-"+t.version), nil
}

// checkClassic refuses facts from which one module with Python in it cannot
// follow.
func (f Facts) checkClassic() error {
	switch {
	case f.Apache == nil:
		return hint.Exit(errors.New("a release of the original is one module that needs an Apache: none was given"), hint.NotFound)
	case len(f.Python) == 0:
		return hint.Exit(errors.New("a release of the original is one module that needs a Python: none was given"), hint.NotFound)
	case len(f.Python) > 1:
		return hint.Exit(hint.New(fmt.Errorf("a release of the original is one module with one Python in it, and %d were given", len(f.Python)),
			"build it for each Python into a folder of its own"), hint.Usage)
	}
	return nil
}

// checkWindow refuses a Python that this release was never tested with, unless
// the environment says that it is wanted (rule G-3).
func (b *builder) checkWindow() error {
	if v := b.r.Getenv(layouts.UntestedVariable); v != "" && v != "0" {
		return nil
	}
	for _, py := range b.o.Python {
		if err := b.tree.layout.known().Check(b.tree.version, layouts.Python{Major: py.ABI.Major, Minor: py.ABI.Minor}); err != nil {
			return err
		}
	}
	return nil
}
