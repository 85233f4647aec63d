package pybuild

import (
	"bytes"
	"cmp"
	"debug/macho"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// loadIDDylib is the load command that has a library's own name.
const loadIDDylib = 0xd

// openMachO opens the file at path, which may have several machines in one.
func openMachO(path string) (files []*macho.File, closeAll func(), err error) {
	if fat, err := macho.OpenFat(path); err == nil {
		for _, arch := range fat.Arches {
			files = append(files, arch.File)
		}
		return files, func() { fat.Close() }, nil
	} else if !errors.Is(err, macho.ErrNotFat) {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	f, err := macho.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return []*macho.File{f}, func() { f.Close() }, nil
}

// readMachO reads the dynamic library at path: of several in one file that for a
// machine of the program exe.
func readMachO(path, exe string) (b libraryFile, err error) {
	files, done, err := openMachO(path)
	if err != nil {
		return b, err
	}
	defer done()
	machines := machOMachines(exe)
	i := slices.IndexFunc(files, func(f *macho.File) bool { return machines == nil || slices.Contains(machines, f.Cpu) })
	if i < 0 {
		return b, fmt.Errorf("%s: it is for %v, the interpreter for %v", path, files[0].Cpu, machines)
	}
	f := files[i]
	if f.Type != macho.TypeDylib {
		return b, fmt.Errorf("%s is not a dynamic library", path)
	}
	if b.name = installName(f); b.name == "" {
		return b, fmt.Errorf("%s has no install name", path)
	}
	if f.Symtab == nil {
		return b, fmt.Errorf("%s has no symbols", path)
	}
	b.exports = map[string]bool{}
	for _, s := range f.Symtab.Syms {
		name, ok := strings.CutPrefix(s.Name, "_")
		if !ok || s.Sect == 0 { // 0: it is imported
			continue
		}
		if slices.Contains(needed, name) {
			b.exports[name] = true
		}
		if name == "Py_Version" {
			b.hex, b.hasHex = wordAt(f, s)
		}
	}
	return b, nil
}

// machOMachines are those that the program exe is for, nil if it is no program of
// this format: a script cannot tell.
func machOMachines(exe string) []macho.Cpu {
	files, done, err := openMachO(exe)
	if err != nil {
		return nil
	}
	defer done()
	var list []macho.Cpu
	for _, f := range files {
		list = append(list, f.Cpu)
	}
	return list
}

// installName is the name that programs linked with f will look for it by.
func installName(f *macho.File) string {
	for _, l := range f.Loads {
		raw := l.Raw()
		if len(raw) < 12 || f.ByteOrder.Uint32(raw) != loadIDDylib {
			continue
		}
		at := f.ByteOrder.Uint32(raw[8:])
		if at < 12 || int64(at) >= int64(len(raw)) {
			return ""
		}
		name, _, _ := bytes.Cut(raw[at:], []byte{0})
		return string(name)
	}
	return ""
}

// wordAt reads the 32 bits that symbol s of f stands for.
func wordAt(f *macho.File, s macho.Symbol) (uint32, bool) {
	if int(s.Sect) > len(f.Sections) {
		return 0, false
	}
	section := f.Sections[s.Sect-1]
	data := make([]byte, 4)
	if s.Value < section.Addr || section.Offset == 0 { // 0: nothing of it is in the file
		return 0, false
	}
	if _, err := section.ReadAt(data, int64(s.Value-section.Addr)); err != nil {
		return 0, false
	}
	return f.ByteOrder.Uint32(data), true
}

// fitsInstallName is fitsName for the formats of macOS: the binary of a framework
// has the framework's name, in the folder of its version.
func fitsInstallName(name string, p *probe) bool {
	if framework := p.text("PYTHONFRAMEWORK"); framework != "" && path.Base(name) == framework {
		return strings.HasSuffix(name, path.Join(p.text("PYTHONFRAMEWORKDIR"), "Versions", p.xy(), framework))
	}
	return path.Base(name) == "libpython"+cmp.Or(p.text("LDVERSION"), p.xy()+p.ABIFlags)+".dylib"
}
