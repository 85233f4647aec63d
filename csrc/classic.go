package csrc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"modwsgi/internal/hint"
)

// A classic tree is a release of the original mod_wsgi: all its C files are in
// one folder and make one module with Python in it. Nothing of its layout but
// these three names is relied on.
const (
	classicFolder  = "src/server"
	classicMain    = "mod_wsgi.c"
	classicVersion = "wsgi_version.h"
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
	layoutClassic layout = "classic" // classicFolder, one target
)

// ErrNoTree says that a folder holds no source tree of a known layout.
var ErrNoTree = errors.New("not a source tree of mod_wsgi")

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
	have := func(name string) bool {
		fi, err := fs.Stat(source, name)
		return err == nil && fi.Mode().IsRegular()
	}
	if have(oursHeader) {
		return layoutOurs, nil
	}
	var missing []string
	for _, name := range []string{classicMain, classicVersion} {
		if !have(path.Join(classicFolder, name)) {
			missing = append(missing, path.Join(classicFolder, name))
		}
	}
	switch len(missing) {
	case 0:
		return layoutClassic, nil
	case 1:
		return "", fmt.Errorf("%w: it lacks %s", ErrNoTree, missing[0])
	}
	return "", fmt.Errorf("%w: it has neither %s, as a release of the original, nor %s, as the sources of this project",
		ErrNoTree, strings.Join(missing, " and "), oursHeader)
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

var classicVersionLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*define[ \t]+MOD_WSGI_VERSION_STRING[ \t]+"([0-9A-Za-z.+-]+)"`)

// classicVersionOf reads a release's version from its header: names of folders
// and archives may say anything.
func classicVersionOf(header []byte) (string, error) {
	m := classicVersionLine.FindSubmatch(header)
	if m == nil {
		return "", fmt.Errorf("%s/%s does not define MOD_WSGI_VERSION_STRING: %w", classicFolder, classicVersion, ErrNoTree)
	}
	return string(m[1]), nil
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

// classicBase is in front of every compile command of a classic tree (rule C-3):
// no -std, since such trees count on what the compiler brings, and nothing of our
// own sources' flags.
func classicBase() []string {
	return []string{"-O2", "-g", "-fPIC", "-DPIC", "-pthread", "-Wall", "-Wformat", "-Werror=format-security"}
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
