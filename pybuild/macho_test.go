package pybuild

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
)

// machO is a dynamic library of macOS under name, with the functions that are
// looked for and Py_Version, for "arm64" or "amd64". An "exe" in front makes a
// program of it.
func machO(name string, hex uint32, cpu string) []byte {
	cpu, isProgram := strings.CutPrefix(cpu, "exe-")
	machine, fileType := macho.CpuArm64, macho.TypeDylib
	if cpu == "amd64" {
		machine = macho.CpuAmd64
	}
	if isProgram {
		fileType = macho.TypeExec
	}
	le := binary.LittleEndian
	var id, seg, symtab, strtab, syms bytes.Buffer
	for id.WriteString(name); id.Len()%8 != 0 || id.Len() == len(name); id.WriteByte(0) {
	}
	strtab.WriteByte(0)
	symbol := func(name string, value uint64) {
		_ = binary.Write(&syms, le, macho.Nlist64{Name: uint32(strtab.Len()), Type: 0xf, Sect: 1, Value: value}) // a Buffer takes it
		strtab.WriteString(name + "\x00")
	}
	const addr = 0x1000
	symbol("_Py_GetVersion", addr)
	symbol("_PyConfig_InitPythonConfig", addr)
	symbol("_Py_Version", addr)
	const header, segSize, symSize = 32, 72 + 80, 24
	idSize := uint32(24 + id.Len())
	dataAt := header + idSize + segSize + symSize
	write := func(b *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(b, le, v)
		}
	}
	write(&seg, macho.Segment64{Cmd: macho.LoadCmdSegment64, Len: segSize, Name: [16]byte{'_'}, Addr: addr, Memsz: 8, Offset: uint64(dataAt), Filesz: 8, Nsect: 1},
		macho.Section64{Name: [16]byte{'c'}, Addr: addr, Size: 8, Offset: dataAt})
	write(&symtab, macho.SymtabCmd{Cmd: macho.LoadCmdSymtab, Len: symSize, Symoff: dataAt + 8, Nsyms: 3, Stroff: dataAt + 8 + uint32(syms.Len()), Strsize: uint32(strtab.Len())})
	var out bytes.Buffer
	write(&out, macho.FileHeader{Magic: macho.Magic64, Cpu: machine, Type: fileType, Ncmd: 3, Cmdsz: idSize + segSize + symSize}, uint32(0),
		uint32(loadIDDylib), idSize, uint32(24), uint32(0), uint32(0), uint32(0))
	for _, b := range []*bytes.Buffer{&id, &seg, &symtab} {
		out.Write(b.Bytes())
	}
	write(&out, uint64(hex))
	out.Write(syms.Bytes())
	out.Write(strtab.Bytes())
	return out.Bytes()
}

// fatMachO is one file of several.
func fatMachO(files map[macho.Cpu][]byte) []byte {
	var head, body bytes.Buffer
	_ = binary.Write(&head, binary.BigEndian, []uint32{macho.MagicFat, uint32(len(files))})
	at := 8 + 20*len(files)
	for cpu, data := range files {
		for (at+body.Len())%8 != 0 {
			body.WriteByte(0)
		}
		_ = binary.Write(&head, binary.BigEndian, []uint32{uint32(cpu), 0, uint32(at + body.Len()), uint32(len(data)), 3})
		body.Write(data)
	}
	return append(head.Bytes(), body.Bytes()...)
}

// P-11 on macOS: machine, install name, functions and version are read from the
// file; of one for several machines the part for the interpreter's.
func TestMachO(t *testing.T) {
	m := newMachine(t)
	const framework = "/Library/Frameworks/Python.framework/Versions/3.13/Python"
	p := probe{Platform: "darwin", VersionInfo: [3]int{3, 13, 1}, HexVersion: hexOf([3]int{3, 13, 1}), Vars: map[string]setting{
		"LDVERSION": "3.13", "PYTHONFRAMEWORK": "Python", "PYTHONFRAMEWORKDIR": "Python.framework"}}
	hex := uint32(p.HexVersion)
	write := func(name string, data []byte) string { return m.write(filepath.Join("/l", name), string(data), 0o755) }
	arm := write("arm", machO("/bin/python3", 0, "exe-arm64"))
	for _, c := range []struct {
		name string
		path string
		exe  string
		want string // in the error; "" for none
		note string
	}{
		{"framework", write("a", machO(framework, hex, "arm64")), arm, "", ""},
		{"dylib", write("b", machO("@rpath/libpython3.13.dylib", hex, "arm64")), arm, "", ""},
		{"both machines", write("c", fatMachO(map[macho.Cpu][]byte{macho.CpuArm64: machO(framework, hex, "arm64"), macho.CpuAmd64: machO(framework, 1, "amd64")})), arm, "", ""},
		{"patch level", write("d", machO(framework, hex-0x100, "arm64")), arm, "", "of Python 3.13.0, the interpreter is 3.13.1"},
		{"other version", write("e", machO(framework, hex-0x10000, "arm64")), arm, "is of Python 3.12.1", ""},
		{"other machine", write("f", machO(framework, hex, "amd64")), arm, "it is for CpuAmd64, the interpreter for [CpuArm64]", ""},
		{"of another framework", write("g", machO("/Library/Frameworks/PythonT.framework/Versions/3.13/PythonT", hex, "arm64")), arm, "is not that of Python 3.13.1", ""},
		{"of another version's framework", write("h", machO("/Library/Frameworks/Python.framework/Versions/3.12/Python", hex, "arm64")), arm, "is not that of Python 3.13.1", ""},
		{"free-threaded dylib", write("i", machO("@rpath/libpython3.13t.dylib", hex, "arm64")), arm, "is not that of Python 3.13.1", ""},
		{"a program", write("j", machO(framework, hex, "exe-arm64")), arm, "is not a dynamic library", ""},
		{"cut short", write("k", machO(framework, hex, "arm64")[:40]), arm, "EOF", ""},
		{"no library", write("l", []byte("INPUT(x)")), arm, "/l/l: ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			lib, err := inspect(c.path, &p, c.exe)
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if !strings.Contains(lib.note, c.note) || c.note == "" && lib.note != "" {
				t.Errorf("note %q, want %q", lib.note, c.note)
			}
		})
	}
}
