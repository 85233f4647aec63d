package pybuild

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// What an extension module can say of itself.
const (
	MultiPhase  = "multi-phase"
	SinglePhase = "single-phase"

	No     = "no"     // one interpreter of a process only
	Shared = "shared" // any that shares the main one's GIL
	Own    = "own"    // also those with a GIL of their own

	Used    = "used"
	NotUsed = "not-used"

	Unknown = "unknown" // put together when the module is loaded
)

// Declaration is what the file of an extension module says.
type Declaration struct {
	Init         string `json:"init"`         // MultiPhase, SinglePhase or Unknown
	Interpreters string `json:"interpreters"` // No, Shared, Own or Unknown
	GIL          string `json:"gil"`          // Used, NotUsed or Unknown
}

// sharedSafely tells whether the module can be in several interpreters.
func (d Declaration) sharedSafely() bool { return d.Interpreters == Shared || d.Interpreters == Own }

// image is an ELF file as the loader lays it out, before anything of it runs.
type image struct {
	file  *elf.File
	order binary.ByteOrder
	links map[uint64]uint64 // address of a pointer that is relocated: where it points in the file
}

// readDeclaration looks for the PyModuleDef of module in the file at path. ok is
// whether it is an extension module of that name at all.
func readDeclaration(path, module string) (d Declaration, ok bool, err error) {
	f, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) || errors.Is(err, io.EOF) {
		return d, false, nil
	}
	if err != nil {
		return d, false, err
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return d, false, nil // no library that could be loaded
	}
	last := module[strings.LastIndexByte(module, '.')+1:]
	imports := map[string]bool{}
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF {
			imports[s.Name] = true
		} else if s.Name == "PyInit_"+last {
			ok = true
		}
	}
	if !ok {
		return d, false, nil
	}
	if f.Class == elf.ELFCLASS64 {
		m := &image{file: f, order: f.ByteOrder, links: map[uint64]uint64{}}
		m.relocate(symbols)
		if d, found := m.definition(module, last); found {
			if d.Init == SinglePhase && imports["PyUnstable_Module_SetGIL"] {
				d.GIL = Unknown
			}
			return d, true, nil
		}
	}
	return byImports(imports), true, nil
}

// byImports is what can be said without the definition: it is made when the
// module is loaded.
func byImports(imports map[string]bool) Declaration {
	d := Declaration{Unknown, Unknown, Unknown}
	creates := imports["PyModule_Create2"]
	switch multi := imports["PyModuleDef_Init"]; {
	case multi && !creates:
		d.Init = MultiPhase
	case creates && !multi:
		d = Declaration{SinglePhase, No, Used}
		if imports["PyUnstable_Module_SetGIL"] {
			d.GIL = Unknown
		}
	}
	return d
}

// ---- the file in memory

// at reads n bytes at an address; nil if the file has none for it.
func (m *image) at(addr uint64, n int) []byte {
	for _, p := range m.file.Progs {
		if p.Type != elf.PT_LOAD || addr < p.Vaddr || addr-p.Vaddr >= p.Memsz {
			continue
		}
		data := make([]byte, n)
		if off := addr - p.Vaddr; off < p.Filesz {
			if got, err := p.ReadAt(data, int64(off)); err != nil && (err != io.EOF || off+uint64(got) < p.Filesz) {
				return nil
			}
		}
		return data // what is beyond the file's part is zero
	}
	return nil
}

// word is the pointer or number at an address, where it points after relocation.
func (m *image) word(addr uint64) (value uint64, linked bool) {
	if to, ok := m.links[addr]; ok {
		return to, true
	}
	if data := m.at(addr, 8); data != nil {
		return m.order.Uint64(data), false
	}
	return 0, false
}

// text is the C string at an address.
func (m *image) text(addr uint64) string {
	data := m.at(addr, 256)
	if i := bytes.IndexByte(data, 0); i > 0 {
		return string(data[:i])
	}
	return ""
}

// Relocation types that put a pointer into the file itself at a place.
const (
	shtRELR          = 19
	x86Abs, x86Rel   = uint32(elf.R_X86_64_64), uint32(elf.R_X86_64_RELATIVE)
	armAbs, armRel   = uint32(elf.R_AARCH64_ABS64), uint32(elf.R_AARCH64_RELATIVE)
	relaSize         = 24
	relrBitsPerWord  = 63
	relocationsLimit = 1 << 24
)

// relocate notes where the pointers of the file's data lead.
func (m *image) relocate(symbols []elf.Symbol) {
	for _, s := range m.file.Sections {
		switch {
		case s.Type == elf.SHT_RELA && s.Size < relocationsLimit*relaSize:
			if data, err := s.Data(); err == nil {
				m.relocateRELA(data, symbols)
			}
		case s.Type == shtRELR && s.Size < relocationsLimit*8:
			if data, err := s.Data(); err == nil {
				m.relocateRELR(data)
			}
		}
	}
}

func (m *image) relocateRELA(data []byte, symbols []elf.Symbol) {
	for ; len(data) >= relaSize; data = data[relaSize:] {
		place, info, addend := m.order.Uint64(data), m.order.Uint64(data[8:]), m.order.Uint64(data[16:])
		switch kind := uint32(info); {
		case m.file.Machine == elf.EM_X86_64 && kind == x86Rel, m.file.Machine == elf.EM_AARCH64 && kind == armRel:
			m.links[place] = addend
		case m.file.Machine == elf.EM_X86_64 && kind == x86Abs, m.file.Machine == elf.EM_AARCH64 && kind == armAbs:
			i := int(info>>32) - 1 // the list leaves out the null symbol
			if i >= 0 && i < len(symbols) && symbols[i].Section != elf.SHN_UNDEF {
				m.links[place] = symbols[i].Value + addend
			}
		}
	}
}

// relocateRELR reads the packed form: an address, then bitmaps of the words
// behind it. What they point at is in the file at the place itself.
func (m *image) relocateRELR(data []byte) {
	var next uint64
	link := func(place uint64) {
		if word := m.at(place, 8); word != nil {
			m.links[place] = m.order.Uint64(word)
		}
	}
	for ; len(data) >= 8; data = data[8:] {
		entry := m.order.Uint64(data)
		if entry&1 == 0 {
			link(entry)
			next = entry + 8
			continue
		}
		for bit := range uint64(relrBitsPerWord) {
			if entry>>(bit+1)&1 != 0 {
				link(next + bit*8)
			}
		}
		next += relrBitsPerWord * 8
	}
}

// ---- PyModuleDef

// Offsets in a PyModuleDef from its m_name, which are the same in all builds, and
// a slot: an int and a pointer.
const (
	offInit, offCopy = -24, -8
	offSize          = 16
	offMethods       = 24
	offSlots         = 32

	slotSize, slotsLimit = 16, 64
	slotInterpreters     = 3 // Py_mod_multiple_interpreters
	slotGIL              = 4 // Py_mod_gil
)

// definition finds the PyModuleDef by its name. One with slots counts before one
// without, as strings of that name are in other structures too.
func (m *image) definition(module, last string) (d Declaration, found bool) {
	for place, to := range m.links {
		if name := m.text(to); name == "" || name != last && name != module && !strings.HasSuffix(module, "."+name) {
			continue
		}
		slots, linked, ok := m.looksLikeDefinition(place)
		switch {
		case !ok:
		case !linked:
			d, found = Declaration{SinglePhase, No, Used}, true
		default:
			if said, ok := m.readSlots(slots); ok {
				return said, true
			}
		}
	}
	return d, found
}

// looksLikeDefinition checks what surrounds the name: the base, which is empty
// until the module is made, a size, and pointers where pointers belong.
func (m *image) looksLikeDefinition(name uint64) (slots uint64, linked, ok bool) {
	for off := int64(offInit); off <= offCopy; off += 8 {
		if v, linked := m.word(name + uint64(off)); v != 0 || linked {
			return 0, false, false
		}
	}
	size, sizeLinked := m.word(name + offSize)
	methods, methodsLinked := m.word(name + offMethods)
	slots, linked = m.word(name + offSlots)
	if sizeLinked || int64(size) < -1 || int64(size) > 1<<24 || methods != 0 && !methodsLinked || slots != 0 && !linked {
		return 0, false, false
	}
	return slots, linked, true
}

// readSlots reads the array of slots. Without a slot the defaults of Python hold.
func (m *image) readSlots(addr uint64) (d Declaration, ok bool) {
	d = Declaration{MultiPhase, Shared, Used}
	for i := range uint64(slotsLimit) {
		data := m.at(addr+i*slotSize, 4)
		if data == nil {
			return d, false
		}
		value, _ := m.word(addr + i*slotSize + 8)
		switch id := m.order.Uint32(data); {
		case id == 0:
			return d, i > 0 || value == 0
		case id == slotInterpreters:
			d.Interpreters = map[uint64]string{0: No, 1: Shared, 2: Own}[value]
			if d.Interpreters == "" {
				return d, false
			}
		case id == slotGIL:
			d.GIL = map[bool]string{true: NotUsed, false: Used}[value == 1]
		case id > slotsLimit:
			return d, false
		}
	}
	return d, false
}
