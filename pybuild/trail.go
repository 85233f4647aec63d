package pybuild

import "path/filepath"

// Trail lists the files that a description of this Python was made of, whether
// they are there or not: as long as each of them is the one it was, a [Find] that
// names its executable has nothing new to tell.
func Trail(info Info) []string {
	list := []string{info.Executable, info.Base, info.LibPython, filepath.Dir(info.LibPython), "/etc/ld.so.cache", info.Prefix, info.BasePrefix,
		filepath.Join(info.Prefix, "pyvenv.cfg"), filepath.Join(filepath.Dir(info.Executable), "pyvenv.cfg")}
	for _, dir := range info.Include {
		list = append(list, dir, filepath.Join(dir, "Python.h"), filepath.Join(dir, "pyconfig.h"), filepath.Join(dir, "patchlevel.h"))
	}
	return list
}
