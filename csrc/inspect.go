package csrc

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Binary is what a linked file says of itself. It is read from the file; no
// program runs.
type Binary struct {
	Class   elf.Class
	Machine elf.Machine
	SONAME  string
	Needed  []string // DT_NEEDED, in order
	RunPath string   // DT_RUNPATH
	RPath   string   // DT_RPATH: we never write one
	TextRel bool
	Exports []string // defined dynamic symbols, sorted
	Imports []string // undefined ones, sorted
	Weak    []string // the undefined ones that may stay so, sorted
	Module  *ModuleMagic
	Build   *BuildNote // how it was built; nil if it does not say
}

// ModuleMagic is what httpd compares before it accepts a module.
type ModuleMagic struct {
	Major, Minor int
	Cookie       string // "AP24"
}

// Inspect reads the ELF file at path.
func Inspect(path string) (Binary, error) {
	f, err := elf.Open(path)
	if err != nil {
		return Binary{}, fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	b := Binary{Class: f.Class, Machine: f.Machine, Build: buildNote(f)}
	if b.Needed, err = f.DynString(elf.DT_NEEDED); err != nil {
		return b, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, e := range []struct {
		tag elf.DynTag
		to  *string
	}{{elf.DT_SONAME, &b.SONAME}, {elf.DT_RUNPATH, &b.RunPath}, {elf.DT_RPATH, &b.RPath}} {
		if list, err := f.DynString(e.tag); err == nil && len(list) > 0 {
			*e.to = strings.Join(list, ":")
		}
	}
	if values, err := f.DynValue(elf.DT_TEXTREL); err == nil && len(values) > 0 {
		b.TextRel = true
	}
	if values, err := f.DynValue(elf.DT_FLAGS); err == nil && len(values) > 0 && elf.DynFlag(values[0])&elf.DF_TEXTREL != 0 {
		b.TextRel = true
	}
	symbols, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return b, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, s := range symbols {
		weak := elf.ST_BIND(s.Info) == elf.STB_WEAK
		switch {
		case s.Section != elf.SHN_UNDEF:
			b.Exports = append(b.Exports, s.Name)
			if s.Name == "wsgi_module" {
				b.Module = moduleMagic(f, s)
			}
		case weak:
			b.Weak = append(b.Weak, s.Name)
		default:
			b.Imports = append(b.Imports, s.Name)
		}
	}
	slices.Sort(b.Exports)
	slices.Sort(b.Imports)
	slices.Sort(b.Weak)
	return b, nil
}

// moduleMagic reads the start of a module record (http_config.h): the major and
// minor number as int, and behind an int and three pointers the cookie. It is
// nil when the symbol is no such record.
func moduleMagic(f *elf.File, s elf.Symbol) *ModuleMagic {
	if int(s.Section) >= len(f.Sections) || f.Class != elf.ELFCLASS64 {
		return nil
	}
	section := f.Sections[s.Section]
	record := make([]byte, 48)
	if section.Type == elf.SHT_NOBITS || s.Value < section.Addr {
		return nil
	}
	if _, err := section.ReadAt(record, int64(s.Value-section.Addr)); err != nil {
		return nil
	}
	order := binary.ByteOrder(f.ByteOrder)
	cookie := order.Uint64(record[40:])
	return &ModuleMagic{
		Major:  int(int32(order.Uint32(record))),
		Minor:  int(int32(order.Uint32(record[4:]))),
		Cookie: string([]byte{byte(cookie >> 24), byte(cookie >> 16), byte(cookie >> 8), byte(cookie)}),
	}
}

// systemLibraries are those that any of our files may need: the C library, what
// was cut out of it on older systems, the loader and the compiler's own.
var systemLibraries = []string{"libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "ld-linux", "ld-musl", "ld64.so", "libc.musl-", "libgcc_s.so."}

// linkerSymbols are exported by some linkers though nobody asked.
var linkerSymbols = []string{"__bss_start", "_edata", "_end", "_fini", "_init"}

// Expectation is what a linked target must be (rule S-5).
type Expectation struct {
	Target Target
	SONAME string // of libpython; "" where none may be needed
	// Sanitized is a build with sanitizers, for tests: their libraries are
	// needed, and what they export for themselves is there.
	Sanitized bool
	Static    bool // a libpython is in it: it shows that one's symbols, and needs its libraries
	RunPath   string
	Like      *Binary  // the file it will share a process with: same machine
	Symbols   []string // sorted; those of libpython, nil where not known
}

// Problems compares b with what it should be: one sentence for each difference.
func (b Binary) Problems(e Expectation) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }

	if e.Target.Exports != nil && !e.Static {
		var exports []string
		for _, name := range b.Exports {
			if !slices.Contains(linkerSymbols, name) && !(e.Sanitized && strings.HasPrefix(name, "__odr_asan")) {
				exports = append(exports, name)
			}
		}
		want := slices.Sorted(slices.Values(e.Target.Exports))
		if !slices.Equal(exports, want) {
			add("it exports %s and should export %s", some(exports), some(want))
		}
	}
	needsPython := false
	for _, name := range b.Needed {
		switch {
		case e.SONAME != "" && name == e.SONAME:
			needsPython = true
		case e.Static: // see Extra
		case e.Sanitized && (strings.HasPrefix(name, "libasan.so.") || strings.HasPrefix(name, "libubsan.so.")):
		case !system(name):
			add("it needs %s", name)
		}
	}
	if e.SONAME != "" && !needsPython {
		add("it does not need %s", e.SONAME)
	}
	if b.RPath != "" {
		add("it has an old style run path %s", b.RPath)
	}
	if b.RunPath != e.RunPath {
		add("its run path is %q and should be %q", b.RunPath, e.RunPath)
	}
	if b.TextRel {
		add("it has relocations in its code")
	}
	if e.Target.Kind != Executable && b.SONAME != e.Target.Name {
		add("its SONAME is %q", b.SONAME)
	}
	if e.Like != nil && (b.Machine != e.Like.Machine || b.Class != e.Like.Class) {
		add("it is for %v %v, the process it runs in for %v %v", b.Machine, b.Class, e.Like.Machine, e.Like.Class)
	}
	// What a shared object does not define is found only when it is loaded. Ours
	// must be whole, and what it takes from Python must be in that Python.
	var missing []string
	for _, name := range b.Imports {
		ours := strings.HasPrefix(name, "wsgi_")
		python := e.Symbols != nil && (strings.HasPrefix(name, "Py") || strings.HasPrefix(name, "_Py"))
		if _, found := slices.BinarySearch(e.Symbols, name); ours || python && !found {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		add("nothing defines %s", some(missing))
	}
	return list
}

// Extra are the libraries that b needs beyond those of the system: what a
// libpython in it brought along.
func (b Binary) Extra() []string {
	return slices.DeleteFunc(slices.Clone(b.Needed), system)
}

func system(library string) bool {
	return slices.ContainsFunc(systemLibraries, func(prefix string) bool { return strings.HasPrefix(library, prefix) })
}

// some joins names, a few of them.
func some(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	const limit = 8
	text := strings.Join(names[:min(len(names), limit)], ", ")
	if len(names) > limit {
		text += fmt.Sprintf(" and %d more", len(names)-limit)
	}
	return text
}

// Expect is what target must be, built for a Python of that SONAME with that
// run path.
func Expect(target, soname, runPath string) (Expectation, error) {
	for _, t := range Targets() {
		if t.Name == path.Base(target) {
			return Expectation{Target: t, SONAME: soname, RunPath: runPath}, nil
		}
	}
	return Expectation{}, fmt.Errorf("%s is not a target of this tree", target)
}
