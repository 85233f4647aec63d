package expressgen

import (
	"io/fs"
	"strings"
)

// runtime adds the copy of the Python package that handler.wsgi imports. It has
// a name of its own, so that it does not matter what mod_wsgi means there.
func (g *generator) runtime() {
	g.folder("runtime")
	err := fs.WalkDir(g.f.Runtime, "mod_wsgi", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below := strings.TrimPrefix(strings.TrimPrefix(path, "mod_wsgi"), "/")
		to := strings.TrimSuffix("runtime/_mwe_runtime/"+below, "/")
		switch {
		case !g.needs(below) && d.IsDir():
			return fs.SkipDir
		case !g.needs(below):
			return nil
		case d.IsDir():
			g.folder(to)
			return nil
		}
		data, err := fs.ReadFile(g.f.Runtime, path)
		g.file(to, data, true)
		return err
	})
	if err != nil {
		g.fail("reading the Python runtime: %w", err)
	}
}

// needs is whether this server has a use for path of the package. Files are written
// at every start, and somebody waits for that: what belongs to options that were
// not given, and to the package under its own name, is left out.
func (g *generator) needs(path string) bool {
	served := len(g.docFolders()) > 0
	for _, part := range []struct {
		path   string
		needed bool
	}{
		{"docs", served},
		{"images", served},
		{"server", false},
		{"_loghandler.py", false}, // what mod_wsgi means inside Apache has it
		{"express/cli.py", false},
		{"express/management", false},
		{"express/welcome.py", g.welcome},
		{"express/resources.py", len(g.o.AddHandler) > 0},
		{"express/__init__.py", true},
		{"express/loader.py", true},
		{"express/", len(g.tools()) > 0},
	} {
		if strings.HasPrefix(path, part.path) {
			return part.needed
		}
	}
	return true
}
