package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"modwsgi/csrc/layouts"
	"modwsgi/internal/hint"
)

// Server is what the Python files of the original are told of the Apache that
// their module is for.
type Server struct {
	Httpd       string // the program
	Rotatelogs  string
	ProgramsDir string // of apxs and its like
	ModulesDir  string
	LibraryPath string // the variable of the dynamic loader; "": that of Linux
}

// treePackages are where the Python package of the original lies in its tree, and
// what of it is wanted there.
var treePackages = []struct {
	from, to string
	only     string // how the names of files end; "" all
}{
	{"src", "mod_wsgi", ".py"}, // with the C files
	{"images", "mod_wsgi/images", ""},
	{"docs/_build/html", "mod_wsgi/docs", ""},
}

// errNoPackage says that a tree has the module alone.
var errNoPackage = errors.New("the tree has no src/__init__.py, the Python package that a wheel of the original is about")

// WheelOfTree tells whether a wheel can be made of a source tree, by an error if
// not: the oldest of the original had the module alone.
func WheelOfTree(tree fs.FS) error {
	have := func(name string) bool {
		_, err := fs.Stat(tree, name)
		return err == nil
	}
	if l, err := layouts.Of(have); err != nil || l.Name != layouts.Classic().Name || have("src/__init__.py") {
		return err
	}
	return hint.Exit(hint.New(errNoPackage, "package another format, or name a release that has mod_wsgi-express"), hint.Usage)
}

// express is the package of a tree that has the command mod_wsgi-express.
func (c *Classic) express() (folder, entry string) {
	if _, err := fs.Stat(c.Tree, "src/express/__init__.py"); err == nil { // from 6.0 on
		return "mod_wsgi/express", "mod_wsgi.express.cli:main"
	}
	return "mod_wsgi/server", "mod_wsgi.server:main"
}

// aboutOriginal is what a wheel of the original says of itself.
func (b Build) aboutOriginal() aboutWheel {
	_, entry := b.Classic.express()
	return aboutWheel{
		summary: "Original mod_wsgi " + b.Classic.Version + " for Apache, and its mod_wsgi-express", author: "Graham Dumpleton", homepage: original,
		entry: entry, licences: []wheelFile{{"LICENSE", 0o644, b.licence()}},
	}
}

// addTree adds the Python package as the tree has it.
func (w *wheel) addTree(context.Context) error {
	tree := w.b.Classic.Tree
	for _, p := range treePackages {
		err := fs.WalkDir(tree, p.from, func(name string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == p.from:
				return fs.SkipDir
			case err != nil || !e.Type().IsRegular() || !strings.HasSuffix(name, p.only):
				return err
			}
			data, err := fs.ReadFile(tree, name)
			w.add(p.to+strings.TrimPrefix(name, p.from), 0o644, data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addModule adds the module under the name by which the package knows it.
func (w *wheel) addModule(ctx context.Context) error {
	ships, _, err := w.stage.addAll(ctx, w.b.Classic.Module)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(ships[0].file)
	w.add("mod_wsgi/server/mod_wsgi-py"+w.py.number()+"."+w.py.ABI+".so", 0o644, data)
	return err
}

// addServer adds what the package wants to know of Apache, in the module that
// setting it up makes: the names are those that it imports.
func (w *wheel) addServer(context.Context) error {
	s := w.b.Classic.Server
	if s.LibraryPath == "" {
		s.LibraryPath = "LD_LIBRARY_PATH"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Of the Apache that this mod_wsgi was built for.\nWITH_HTTPD_PACKAGE = False\n")
	for _, v := range []struct{ name, value string }{
		{"BINDIR", s.ProgramsDir}, {"SBINDIR", filepath.Dir(s.Httpd)}, {"LIBEXECDIR", s.ModulesDir},
		{"SHLIBPATH", ""}, {"SHLIBPATH_VAR", s.LibraryPath}, {"MPM_NAME", ""}, // both empty where modules are loaded
		{"PROGNAME", filepath.Base(s.Httpd)}, {"HTTPD", s.Httpd}, {"ROTATELOGS", s.Rotatelogs},
	} {
		fmt.Fprintf(&b, "%s = %s\n", v.name, strconv.Quote(v.value)) // Python reads it as Go does
	}
	folder, _ := w.b.Classic.express()
	w.add(path.Join(folder, "apxs_config.py"), 0o644, []byte(b.String()))
	return nil
}
