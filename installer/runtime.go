// Package installer knows where the parts of a built module are, how Apache is
// told of them, and how they get into its modules folder.
//
// The parts keep one shape wherever they are, a build folder or Apache's
// modules folder: mod_wsgi.so, and beside it the folder mod_wsgi. A [Layout]
// names them.
package installer

import (
	"embed"
	"io/fs"
)

// By patterns, since the name of a folder would leave __init__.py out and
// all:… take __pycache__ along.
//
//go:embed pyruntime/mod_wsgi/*.py pyruntime/mod_wsgi/*/*.py
//go:embed pyruntime/mod_wsgi/*/*/*.py pyruntime/mod_wsgi/*/*/*/*.py
//go:embed pyruntime/mod_wsgi/docs/*.html pyruntime/mod_wsgi/images/*.svg
var pyruntime embed.FS

// Runtime returns the Python package; its root holds the folder mod_wsgi.
func Runtime() fs.FS {
	sub, err := fs.Sub(pyruntime, "pyruntime")
	if err != nil {
		panic(err) // the pattern above names that folder
	}
	return sub
}
