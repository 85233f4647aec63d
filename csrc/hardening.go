package csrc

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Hardening is what protects a linked file, read from the file (rule H-2).
type Hardening struct {
	RELRO     string   `json:"relro"`         // "full", "partial" or "no"
	StackNX   bool     `json:"nx"`            // its stack is not executable
	Canary    bool     `json:"canary"`        // functions with buffers check their frame
	Fortified []string `json:"fortified"`     // checked variants of C library calls that it uses
	Unchecked []string `json:"unchecked"`     // plain variants: of a size that the compiler knew, or could not know
	CET       []string `json:"cet"`           // of x86: "IBT", "SHSTK"; of arm64: "BTI", "PAC"
	TextRel   bool     `json:"textrel"`       // its code is changed when it is loaded
	RunPath   string   `json:"run_path"`      // where it looks for libraries
	Stripped  bool     `json:"stripped"`      // it has no table of all its symbols
	BuildID   string   `json:"build_id"`      // in hex, "" if it has none
	PIE       bool     `json:"pie,omitempty"` // of a program: it can be loaded anywhere
}

// fortifiable are calls that _FORTIFY_SOURCE replaces by checked ones.
var fortifiable = []string{"memcpy", "memmove", "memset", "strcpy", "strncpy", "strcat", "strncat", "sprintf", "snprintf", "vsnprintf", "vsprintf",
	"fprintf", "printf", "read", "pread", "recv", "recvfrom", "readlink", "realpath", "poll", "ppoll", "getcwd", "fgets", "fdelt"}

// ReadHardening reads the ELF file at path.
func ReadHardening(path string) (Hardening, error) {
	b, err := Inspect(path)
	if err != nil {
		return Hardening{}, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return Hardening{}, fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	h := Hardening{RELRO: "no", TextRel: b.TextRel, RunPath: b.RunPath, Stripped: f.Section(".symtab") == nil}
	bindNow := dynFlag(f, elf.DT_FLAGS, uint64(elf.DF_BIND_NOW)) || dynFlag(f, elf.DT_FLAGS_1, uint64(elf.DF_1_NOW))
	h.PIE = f.Type == elf.ET_DYN && dynFlag(f, elf.DT_FLAGS_1, uint64(elf.DF_1_PIE))
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_GNU_RELRO:
			h.RELRO = "partial"
		case elf.PT_GNU_STACK:
			h.StackNX = p.Flags&elf.PF_X == 0
		}
	}
	if h.RELRO == "partial" && bindNow {
		h.RELRO = "full"
	}
	h.symbols(slices.Concat(b.Imports, b.Weak))
	h.notes(f)
	return h, nil
}

// symbols tells from the functions that a file takes from elsewhere how it was
// compiled.
func (h *Hardening) symbols(imports []string) {
	for _, name := range imports {
		if name == "__stack_chk_fail" {
			h.Canary = true
		}
		plain, checked := strings.CutPrefix(name, "__")
		plain, suffix := strings.CutSuffix(plain, "_chk")
		switch {
		case checked && suffix && name != "__stack_chk_fail":
			h.Fortified = append(h.Fortified, plain)
		case slices.Contains(fortifiable, name):
			h.Unchecked = append(h.Unchecked, name)
		}
	}
	slices.Sort(h.Fortified)
	slices.Sort(h.Unchecked)
}

// Types of notes, and bits of the property of code.
const (
	noteBuildID    = 3
	noteProperty   = 5
	propertyX86    = 0xc0000002
	propertyArm    = 0xc0000000
	bitIBT, bitBTI = 1, 1
	bitSHSTK       = 2
	bitPAC         = 2
)

// notes reads the build id and the property note.
func (h *Hardening) notes(f *elf.File) {
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOTE {
			continue
		}
		data, err := s.Data()
		if err != nil {
			continue
		}
		for len(data) >= 12 {
			nameSize, size := f.ByteOrder.Uint32(data), f.ByteOrder.Uint32(data[4:])
			kind := f.ByteOrder.Uint32(data[8:])
			nameEnd := 12 + (uint64(nameSize)+3)&^3
			end := nameEnd + (uint64(size)+uint64(s.Addralign)-1)&^(max(uint64(s.Addralign), 1)-1)
			if nameEnd+uint64(size) > uint64(len(data)) {
				break
			}
			if string(data[12:12+min(4, nameSize)]) == "GNU\x00" {
				h.note(f, kind, data[nameEnd:nameEnd+uint64(size)])
			}
			data = data[min(end, uint64(len(data))):]
		}
	}
}

func (h *Hardening) note(f *elf.File, kind uint32, data []byte) {
	if kind == noteBuildID {
		h.BuildID = hex.EncodeToString(data)
		return
	}
	if kind != noteProperty {
		return
	}
	for len(data) >= 8 {
		property, size := f.ByteOrder.Uint32(data), f.ByteOrder.Uint32(data[4:])
		if uint64(size) > uint64(len(data)-8) {
			return
		}
		if size >= 4 {
			h.property(f.ByteOrder, f.Machine, property, data[8:])
		}
		step := (uint64(size)+7)&^7 + 8
		data = data[min(step, uint64(len(data))):]
	}
}

func (h *Hardening) property(order binary.ByteOrder, machine elf.Machine, property uint32, data []byte) {
	bits := order.Uint32(data)
	names := map[uint32]string{}
	switch {
	case machine == elf.EM_X86_64 && property == propertyX86:
		names = map[uint32]string{bitIBT: "IBT", bitSHSTK: "SHSTK"}
	case machine == elf.EM_AARCH64 && property == propertyArm:
		names = map[uint32]string{bitBTI: "BTI", bitPAC: "PAC"}
	}
	for bit, name := range names {
		if bits&bit != 0 {
			h.CET = append(h.CET, name)
		}
	}
	slices.Sort(h.CET)
}

func dynFlag(f *elf.File, tag elf.DynTag, bit uint64) bool {
	values, err := f.DynValue(tag)
	return err == nil && len(values) > 0 && values[0]&bit != 0
}

// Weaknesses are what a hardened build must not have, a sentence each (rules H-1
// and H-2).
func (h Hardening) Weaknesses() []string {
	var list []string
	for _, w := range []struct {
		bad  bool
		text string
	}{
		{h.RELRO != "full", "its table of functions can be overwritten (RELRO " + h.RELRO + ")"},
		{!h.StackNX, "its stack is executable"},
		{!h.Canary, "no function checks its stack frame"},
		{h.TextRel, "its code is changed when it is loaded (TEXTREL)"},
	} {
		if w.bad {
			list = append(list, w.text)
		}
	}
	return list
}
