package doctor

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/fsx"
)

// LoadedModule is a LoadModule line of wsgi_module, and the file it names.
type LoadedModule struct {
	Directive apxs.Directive  `json:"directive"`
	Path      string          `json:"path"`
	Missing   bool            `json:"missing,omitempty"` // there is no such file
	Link      string          `json:"link,omitempty"`    // it is a link that leads there, to nothing
	Closed    string          `json:"closed,omitempty"`  // the folder or file that may not be passed or read
	Problem   string          `json:"problem,omitempty"` // why the file could not be read as a module
	Binary    *csrc.Binary    `json:"binary,omitempty"`  // what it is
	Hardening *csrc.Hardening `json:"hardening,omitempty"`

	Halves []Half           `json:"halves,omitempty"` // beside a module of ours
	Record *csrc.ApacheInfo `json:"record,omitempty"` // beside a module of ours

	Classic     bool     `json:"classic,omitempty"`      // the original: it links libpython itself
	Library     string   `json:"library,omitempty"`      // the libpython that the loader would take for it
	LibraryLost string   `json:"library_lost,omitempty"` // or the SONAME that it would not find
	NotInPython []string `json:"not_in_python,omitempty"`
	NotInApache []string `json:"not_in_apache,omitempty"`
}

// Half is a Python that a module of ours has a half for.
type Half struct {
	Folder    string `json:"folder"`           // "cpython-313t-x86_64-linux-gnu"
	Version   string `json:"version"`          // "3.13.0"
	Prefix    string `json:"prefix,omitempty"` // of that Python
	Python    string `json:"python,omitempty"` // its interpreter
	Hex       int    `json:"hexversion,omitempty"`
	Interface int    `json:"interface,omitempty"`
	Lost      string `json:"lost,omitempty"` // the libpython it was linked with, if that is gone
}

// xy is "3.13t": how the half's folders of packages are called.
func (h Half) xy() string {
	abi, _, _ := strings.Cut(strings.TrimPrefix(h.Folder, "cpython-"), "-")
	if strings.HasSuffix(strings.TrimSuffix(abi, "d"), "t") {
		return minor(h.Version) + "t"
	}
	return minor(h.Version)
}

// OtherModule is a LoadModule or LoadFile line of something else.
type OtherModule struct {
	Directive apxs.Directive `json:"directive"`
	Symbol    string         `json:"symbol,omitempty"` // "ssl_module"; "" of a LoadFile
	Path      string         `json:"path"`
	Library   string         `json:"library,omitempty"` // the libpython it is, or brings
	SONAME    string         `json:"soname,omitempty"`  // of that
}

// readModule looks at the file of a LoadModule line.
func (m *Machine) readModule(d apxs.Directive, path string) LoadedModule {
	l := LoadedModule{Directive: d, Path: path}
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		l.Missing = true
		l.Link, _ = os.Readlink(path) // "" where it is no link
		return l
	case errors.Is(err, fs.ErrPermission):
		l.Closed = filepath.Dir(path)
		return l
	}
	if fi, err := os.Stat(path); err == nil && fi.Mode().Perm()&0o444 == 0 {
		l.Closed = path
		return l
	}
	binary, err := csrc.Inspect(path)
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	l.Binary = &binary
	if h, err := csrc.ReadHardening(path); err == nil {
		l.Hardening = &h
	}
	if i := slices.IndexFunc(binary.Needed, isLibPython); i >= 0 {
		l.Classic = true
		m.library(&l, binary.Needed[i])
	}
	l.NotInApache = m.notInApache(binary)
	l.halves()
	return l
}

func isLibPython(soname string) bool { return strings.HasPrefix(soname, "libpython") }

// halves reads what stands beside a module of ours.
func (l *LoadedModule) halves() {
	folder := filepath.Join(filepath.Dir(l.Path), csrc.RuntimeFolder)
	if record, err := csrc.ReadApacheInfo(folder); err == nil {
		l.Record = &record
	}
	folders, _ := fsx.Glob(folder, "cpython-*")
	for _, folder := range folders {
		info, err := csrc.ReadBuildInfo(folder)
		if err != nil {
			continue
		}
		h := Half{Folder: filepath.Base(folder), Version: info.Python, Prefix: info.Prefix, Python: info.Executable, Hex: info.HexVersion, Interface: info.Interface}
		if _, err := os.Stat(info.LibPython); err != nil && !info.Static { // of an archive everything is in the files
			h.Lost = info.LibPython
		}
		l.Halves = append(l.Halves, h)
	}
}

// library resolves the libpython of a module of the original: by its run path,
// the system's folders, and what a LoadFile brought where there is no other.
// Were the last one there too, the loader would take it: a check looks for that.
func (m *Machine) library(l *LoadedModule, soname string) {
	var files []string
	for dir := range strings.SplitSeq(l.Binary.RPath+":"+l.Binary.RunPath, ":") {
		dir = strings.NewReplacer("$ORIGIN", filepath.Dir(l.Path), "${ORIGIN}", filepath.Dir(l.Path)).Replace(dir)
		if filepath.IsAbs(dir) {
			files = append(files, filepath.Join(dir, soname))
		}
	}
	for _, dir := range loaderFolders() {
		files = append(files, filepath.Join(dir, soname))
	}
	for _, o := range m.Others {
		if o.Symbol == "" && o.SONAME == soname {
			files = append(files, o.Path)
		}
	}
	i := slices.IndexFunc(files, fsx.Exists)
	if i < 0 {
		l.LibraryLost = soname
		return
	}
	l.Library = files[i]
	python, err := csrc.Inspect(l.Library)
	if err != nil {
		return
	}
	for _, name := range l.Binary.Imports {
		if _, found := slices.BinarySearch(python.Exports, name); !found && (strings.HasPrefix(name, "Py") || strings.HasPrefix(name, "_Py")) {
			l.NotInPython = append(l.NotInPython, name)
		}
	}
}

// loaderFolders are where the loader looks without being told: those of
// ld.so.conf, then the usual ones.
func loaderFolders() []string {
	var dirs []string
	files, _ := filepath.Glob("/etc/ld.so.conf.d/*.conf")
	for _, file := range append(files, "/etc/ld.so.conf") {
		data, _ := os.ReadFile(file)
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); filepath.IsAbs(line) {
				dirs = append(dirs, line)
			}
		}
	}
	return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
}

// notInApache are the functions of httpd's core that a module takes and the
// server does not have. A server whose core is in a library cannot be asked.
func (m *Machine) notInApache(b csrc.Binary) []string {
	if m.Server == nil {
		return nil
	}
	server, err := csrc.Inspect(m.Server.File)
	if err != nil || !slices.Contains(server.Exports, "ap_hook_post_config") {
		return nil
	}
	var list []string
	for _, name := range b.Imports {
		if _, found := slices.BinarySearch(server.Exports, name); !found && strings.HasPrefix(name, "ap_") {
			list = append(list, name)
		}
	}
	return list
}

// other keeps what brings a libpython, or what conda's libraries clash with.
func (m *Machine) other(d apxs.Directive, symbol, path string) {
	o := OtherModule{Directive: d, Symbol: symbol, Path: path}
	if b, err := csrc.Inspect(path); err == nil {
		i := slices.IndexFunc(b.Needed, isLibPython)
		switch {
		case isLibPython(b.SONAME):
			o.Library, o.SONAME = path, b.SONAME
		case i >= 0:
			l := LoadedModule{Path: path, Binary: &csrc.Binary{RPath: b.RPath, RunPath: b.RunPath}}
			m.library(&l, b.Needed[i])
			o.Library, o.SONAME = l.Library, b.Needed[i]
		}
	}
	if o.SONAME != "" || slices.Contains(clashing, symbol) {
		m.Others = append(m.Others, o)
	}
}

// clashing are modules that bring libraries which conda's Python brings too.
var clashing = []string{"ssl_module", "php_module", "php5_module", "php7_module"}

// same tells whether two files are for one kind of processor.
func (k Kind) same(b *csrc.Binary) bool { return k.Class == b.Class && k.Machine == b.Machine }

// text is for a message: "ELFCLASS64 EM_X86_64".
func kindText(b *csrc.Binary) string {
	return Kind{Class: elf.Class(b.Class), Machine: b.Machine}.String()
}
