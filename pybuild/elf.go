package pybuild

import (
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"
)

// needed are functions a usable libpython exports.
var needed = []string{"Py_GetVersion", "PyConfig_InitPythonConfig"}

// library is a shared libpython that was looked into.
type library struct {
	path   string
	soname string
	note   string // what is odd about it, "" when nothing is
}

// inspect opens the shared library at path and decides whether it is that of
// the interpreter p describes (rule P-11): of its machine, under its name, with
// the functions an embedding program calls, of its version. exe is the
// interpreter's own file. The error says what is wrong with it.
func inspect(path string, p *probe, exe string) (library, error) {
	read := readELF
	if p.Platform == "darwin" {
		read = readMachO
	}
	b, err := read(path, exe)
	if err != nil {
		return library{path: path}, err
	}
	return b.judge(path, p)
}

// libraryFile is what a shared library says of itself, whatever its format.
type libraryFile struct {
	name    string          // SONAME, or install name
	exports map[string]bool // of those in needed
	hex     uint32          // Py_Version
	hasHex  bool            // before 3.11 there is none
}

// judge compares b, read from path, with the interpreter p describes.
func (b libraryFile) judge(path string, p *probe) (library, error) {
	lib := library{path: path, soname: b.name}
	if !fitsName(b.name, p) {
		return lib, fmt.Errorf("%s has SONAME %s, which is not that of Python %s%s", path, b.name, p.version(), p.ABIFlags)
	}
	for _, name := range needed {
		if !b.exports[name] {
			return lib, fmt.Errorf("%s does not export %s", path, name)
		}
	}
	if !b.hasHex {
		return lib, nil
	}
	if int(b.hex>>16) != p.HexVersion>>16 {
		return lib, fmt.Errorf("%s is of Python %s, the interpreter is %s", path, hexText(b.hex), p.version())
	}
	if int(b.hex) != p.HexVersion {
		lib.note = fmt.Sprintf("%s is of Python %s, the interpreter is %s", path, hexText(b.hex), p.version())
	}
	return lib, nil
}

// readELF reads the shared library at path, which must be for the machine of the
// program exe.
func readELF(path, exe string) (b libraryFile, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	if f.Type != elf.ET_DYN {
		return b, fmt.Errorf("%s is not a shared library", path)
	}
	if err := sameMachine(f, exe); err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil || len(names) != 1 {
		return b, fmt.Errorf("%s has no SONAME", path)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	b = libraryFile{name: names[0], exports: map[string]bool{}}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && slices.Contains(needed, s.Name) {
			b.exports[s.Name] = true
		}
	}
	b.hex, b.hasHex = versionIn(f, symbols)
	return b, nil
}

func hexText(hex uint32) string {
	return fmt.Sprintf("%d.%d.%d", hex>>24, hex>>16&0xff, hex>>8&0xff)
}

// sameMachine compares f with the program at exe. One that is no ELF file, a
// script say, cannot tell.
func sameMachine(f *elf.File, exe string) error {
	program, err := elf.Open(exe)
	if err != nil {
		return nil
	}
	defer program.Close()
	if f.Class != program.Class || f.Machine != program.Machine || f.Data != program.Data {
		return fmt.Errorf("it is for %v %v, the interpreter for %v %v", f.Class, f.Machine, program.Class, program.Machine)
	}
	return nil
}

// loadable tells whether the loader of the program exe would open file: it
// passes over what is not there or of another machine.
func loadable(file, exe string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return sameMachine(f, exe) == nil
}

// fitsName tells whether soname is the one the interpreter was built to have.
// Names are never put together from the version alone: "libpython3.13.so" may
// lie beside "libpython3.13t.so" (rule P-9).
func fitsName(soname string, p *probe) bool {
	if p.Platform == "darwin" {
		return fitsInstallName(soname, p)
	}
	if want := path.Base(p.text("INSTSONAME")); strings.Contains(want, ".so") {
		return soname == want
	}
	version := p.text("LDVERSION")
	if version == "" {
		version = p.xy() + p.ABIFlags
	}
	rest, ok := strings.CutPrefix(soname, "libpython"+version+".so")
	return ok && (rest == "" || rest[0] == '.')
}

// versionIn reads Py_Version, a constant of libpython from 3.11 on.
func versionIn(f *elf.File, symbols []elf.Symbol) (hex uint32, ok bool) {
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "Py_Version" })
	if i < 0 || int(symbols[i].Section) >= len(f.Sections) || symbols[i].Section == elf.SHN_UNDEF {
		return 0, false
	}
	section := f.Sections[symbols[i].Section]
	if section.Type == elf.SHT_NOBITS || symbols[i].Value < section.Addr {
		return 0, false
	}
	data := make([]byte, 4) // it is an unsigned long, of which no more is used
	offset := int64(symbols[i].Value - section.Addr)
	if f.Data == elf.ELFDATA2MSB && f.Class == elf.ELFCLASS64 {
		offset += 4
	}
	if _, err := section.ReadAt(data, offset); err != nil {
		return 0, false
	}
	return f.ByteOrder.Uint32(data), true
}
