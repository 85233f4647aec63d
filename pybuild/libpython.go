package pybuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// resolve finds the shared libpython of the interpreter p describes, whose own
// file is exe (rule P-10). The error says of each file that was there why it is
// not the one, or that there is none.
func resolve(p *probe, exe, root string) (library, error) {
	var wrong []string
	tried := map[string]bool{}
	for _, path := range libraryPaths(p, exe, root) {
		if tried[path] || !isFile(path) {
			continue
		}
		tried[path] = true
		lib, err := inspect(path, p, exe)
		if err == nil {
			return lib, nil
		}
		if real, realErr := filepath.EvalSymlinks(path); realErr == nil {
			if tried[real] && real != path {
				continue // the same file under another name was reported
			}
			tried[real] = true
		}
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return library{}, errors.New(strings.Join(wrong, "; "))
	}
	if archive := staticLibrary(p); archive != "" {
		return library{}, fmt.Errorf("it was built without one, there is only %s", archive)
	}
	return library{}, fmt.Errorf("%s is not there", describeName(p))
}

// describeName is how the library would be called, for an error text.
func describeName(p *probe) string {
	if name := p.text("INSTSONAME"); strings.Contains(name, ".so") {
		return name
	}
	return "libpython" + p.text("LDVERSION") + ".so"
}

// libraryPaths lists the files that may be the shared library, likeliest first.
func libraryPaths(p *probe, exe, root string) []string {
	list := slices.Clone(p.Mapped)
	if path := buildDetails(p); path != "" {
		list = append(list, path)
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
				list = append(list, filepath.Join(dir, name))
			}
		}
	}
	return list
}

// libraryNames are the file names to look for. A build that was not configured
// as shared may still have one, beside it or from its distribution; its name
// holds the ABI flags (LDVERSION), never the bare version.
func libraryNames(p *probe) []string {
	var names []string
	for _, name := range []string{p.text("INSTSONAME"), p.text("LDLIBRARY")} {
		if strings.Contains(name, ".so") && !slices.Contains(names, filepath.Base(name)) {
			names = append(names, filepath.Base(name))
		}
	}
	if version := p.text("LDVERSION"); len(names) == 0 && version != "" {
		names = []string{"libpython" + version + ".so.1.0", "libpython" + version + ".so"}
	}
	return names
}

// buildDetails reads libpython.dynamic of build-details.json, which Python has
// from 3.14 on; "" without one.
func buildDetails(p *probe) string {
	data, err := os.ReadFile(filepath.Join(p.Paths["stdlib"], "build-details.json"))
	if err != nil {
		return ""
	}
	var details struct {
		LibPython struct {
			Dynamic string `json:"dynamic"`
		} `json:"libpython"`
	}
	if json.Unmarshal(data, &details) != nil || !filepath.IsAbs(details.LibPython.Dynamic) {
		return ""
	}
	return details.LibPython.Dynamic
}

func staticLibrary(p *probe) string {
	for _, dir := range []string{p.text("LIBPL"), p.text("LIBDIR")} {
		if path := filepath.Join(dir, p.text("LIBRARY")); p.text("LIBRARY") != "" && isFile(path) {
			return path
		}
	}
	return ""
}
