package pybuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/words"
)

// Library is a file that may be the libpython of an interpreter, and whether it
// is (rule P-10).
type Library struct {
	Path string `json:"path"`
	From string `json:"from"`          // how it was come by: "mapped", "needed", "build-details.json", "name", "framework", "static"
	Why  string `json:"why,omitempty"` // why it is not the one; "" where it could be: the first such is taken
}

// resolve finds the shared libpython of the interpreter p describes, whose own
// file is exe (rule P-10), and tells of all files that were looked into. The
// error says of each why it is not the one, or that there is none.
func (f *finder) resolve(ctx context.Context, p *probe, exe string) (lib library, looked []Library, err error) {
	f.loader.ask(ctx, f.r)
	var wrong []string
	tried := map[string]bool{}
	for _, c := range libraryPaths(p, exe, f.root, f.loader.neededBy(exe, p)) {
		if tried[c.Path] || !fsx.IsFile(c.Path) {
			continue
		}
		tried[c.Path] = true
		real, realErr := filepath.EvalSymlinks(c.Path)
		if realErr == nil && real != c.Path {
			if tried[real] {
				continue // the same file under another name was reported
			}
			tried[real] = true
		}
		found, wrongErr := inspect(c.Path, p, exe)
		if wrongErr != nil {
			c.Why = wrongErr.Error()
			wrong = append(wrong, c.Why)
		} else if lib.path == "" {
			lib = found
		}
		looked = append(looked, c)
	}
	archive := staticLibrary(p)
	if archive != "" {
		looked = append(looked, Library{Path: archive, From: "static", Why: "it is a static library"})
	}
	switch {
	case lib.path != "":
	case len(wrong) > 0:
		err = errors.New(strings.Join(wrong, "; "))
	case archive != "":
		err = fmt.Errorf("it was built without one, there is only %s", archive)
	default:
		err = fmt.Errorf("%s is not there", describeName(p))
	}
	return lib, looked, err
}

// describeName is how the library would be called, for an error text.
func describeName(p *probe) string {
	if name := p.text("INSTSONAME"); strings.Contains(name, ".so") {
		return name
	}
	return "libpython" + p.text("LDVERSION") + ".so"
}

// archive ends the name of a static library, which is no shared one whoever names it.
const archive = ".a"

// libraryPaths lists the files that may be the shared library, likeliest first.
// Needed are those that the interpreter's own file names.
func libraryPaths(p *probe, exe, root string, needed []Library) []Library {
	var list []Library
	add := func(from string, paths ...string) {
		for _, path := range paths {
			if filepath.Ext(path) != archive {
				list = append(list, Library{Path: path, From: from})
			}
		}
	}
	add("mapped", p.Mapped...)
	list = append(list, needed...)
	if details, err := readDetails(p.stdlib()); err == nil && filepath.IsAbs(details.LibPython.Dynamic) {
		add("build-details.json", details.LibPython.Dynamic)
	}
	multi := p.text("MULTIARCH")
	dirs := []string{p.text("LIBDIR")}
	if multi != "" {
		dirs = append(dirs, filepath.Join(p.text("LIBDIR"), multi))
	}
	for _, lib := range []string{"lib", "lib64", filepath.Join("lib", multi)} {
		dirs = append(dirs, filepath.Join(p.BasePrefix, lib))
	}
	dirs = append(dirs, p.text("LIBPL"))
	if exe != "" {
		bin := filepath.Dir(exe)
		dirs = append(dirs, filepath.Join(bin, "../lib"), filepath.Join(bin, "../lib64"))
	}
	if multi != "" {
		dirs = append(dirs, filepath.Join(root, "/usr/lib", multi), filepath.Join(root, "/lib", multi))
	}
	for _, name := range libraryNames(p) {
		for _, dir := range dirs {
			if filepath.IsAbs(dir) {
				add("name", filepath.Join(dir, name))
			}
		}
	}
	add("framework", frameworkPaths(p)...)
	return list
}

// libraryNames are the file names to look for. A build that was not configured
// as shared may still have one, beside it or from its distribution; its name
// holds the ABI flags (LDVERSION), never the bare version.
func libraryNames(p *probe) []string {
	suffix := ".so"
	if p.Platform == "darwin" {
		suffix = ".dylib"
	}
	var names []string
	for _, name := range []string{p.text("INSTSONAME"), p.text("LDLIBRARY")} {
		base := filepath.Base(name)
		if strings.Contains(base, suffix) && filepath.Ext(base) != archive && !slices.Contains(names, base) {
			names = append(names, base)
		}
	}
	if version := p.text("LDVERSION"); len(names) == 0 && version != "" {
		names = []string{"libpython" + version + suffix}
		if suffix == ".so" {
			names = []string{"libpython" + version + ".so.1.0", "libpython" + version + ".so"}
		}
	}
	return names
}

// frameworkPaths are the library of a framework of macOS, by either of its names.
func frameworkPaths(p *probe) []string {
	name, dir, prefix := p.text("PYTHONFRAMEWORK"), p.text("PYTHONFRAMEWORKDIR"), p.text("PYTHONFRAMEWORKPREFIX")
	if name == "" || !filepath.IsAbs(prefix) {
		return nil
	}
	version := filepath.Join(prefix, dir, "Versions", p.xy())
	return []string{filepath.Join(version, name), filepath.Join(version, "lib", "libpython"+p.text("LDVERSION")+".dylib")}
}

// staticLibrary is the archive that a static build would be linked with, "" if
// there is none.
func staticLibrary(p *probe) string {
	for _, dir := range []string{p.text("LIBPL"), p.text("LIBDIR")} {
		if path := filepath.Join(dir, p.text("LIBRARY")); p.text("LIBRARY") != "" && filepath.IsAbs(path) && fsx.IsFile(path) {
			return path
		}
	}
	return ""
}

// staticWords are the libraries that the archive needs: of what Python recorded
// the -l words alone, since its folders and run paths are those of the machine it
// was built on (rule P-9).
func staticWords(p *probe) []string {
	var out []string
	for _, name := range []string{"LIBS", "MODLIBS", "SYSLIBS"} {
		list, err := words.Split(p.text(name))
		if err != nil {
			continue // odd quoting: the linker will name what is missing
		}
		for _, w := range list {
			if strings.HasPrefix(w, "-l") && len(w) > 2 && !strings.HasPrefix(w, "-lpython") && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}
