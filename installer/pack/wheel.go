package pack

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modwsgi/csrc"
	"modwsgi/installer"
)

// WheelFolder is where the module and its parts lie in a wheel, below the folder
// for packages of Python.
const WheelFolder = "mod_wsgi/server/apache"

//go:embed NOTICE
var notice []byte

// wheel is one wheel on its way (rule Q-4). It is for one Apache and one Python
// of one machine: that is why no public index takes it.
type wheel struct {
	b     Build
	o     Options
	half  installer.Half // of a wheel of ours
	stage *stage
	py    python
	mmn   int // of Apache, its major number
	v     Version
	about aboutWheel
	files []wheelFile
}

// aboutWheel is what a wheel says of itself beside its files.
type aboutWheel struct {
	summary  string
	author   string // ""; who is not named is us
	homepage string
	entry    string      // the callable that is to be mod_wsgi-express; "" where a file is
	licences []wheelFile // by their names
}

// wheelFile is an entry of a wheel; its path has slashes and no root.
type wheelFile struct {
	path string
	mode fs.FileMode
	data []byte
}

// makeWheels makes a wheel of each half, or of a release of the original.
func makeWheels(ctx context.Context, b Build, o Options) ([]Made, error) {
	s := &stage{r: o.Runner, dir: o.Stage}
	if b.Classic != nil {
		if err := WheelOfTree(b.Classic.Tree); err != nil {
			return nil, err
		}
		w := &wheel{b: b, o: o, stage: s, mmn: b.Classic.MMN, about: b.aboutOriginal()}
		m, err := w.make(ctx, b.Classic.Python, w.addTree, w.addModule, w.addServer)
		return []Made{m}, err
	}
	if b.Program == "" {
		return nil, fmt.Errorf("a wheel needs the program mod_wsgi-express, and there is none")
	}
	var made []Made
	for _, h := range b.Layout.Halves {
		if !slices.Contains(b.ABIs, h.ABI) {
			continue
		}
		w := &wheel{b: b, o: o, half: h, stage: s, mmn: b.Layout.Apache.Major, about: aboutWheel{
			summary: "WSGI applications in Apache: mod_wsgi and mod_wsgi-express", licences: []wheelFile{{"LICENSE", 0o644, licence}, {"NOTICE", 0o644, notice}},
		}}
		m, err := w.make(ctx, h.Info, w.addPackage, w.addParts, w.addProgram)
		if err != nil {
			return nil, err
		}
		made = append(made, m)
	}
	return made, nil
}

// make makes the wheel of what the functions add.
func (w *wheel) make(ctx context.Context, info csrc.BuildInfo, adds ...func(context.Context) error) (_ Made, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("packing a wheel for %s: %w", info.ABI, err)
		}
	}()
	if w.py, err = pythonOf(info, ""); err != nil {
		return Made{}, err
	}
	if w.v, err = ParseVersion(w.b.version(), w.o.Revision); err != nil {
		return Made{}, err
	}
	for _, add := range adds {
		if err := add(ctx); err != nil {
			return Made{}, err
		}
	}
	slices.SortFunc(w.files, byPath)
	bill, err := w.b.bill(Made{}, w.o.Date)
	if err != nil {
		return Made{}, err
	}
	w.addInfo(bill)
	data, err := w.zip()
	if err != nil {
		return Made{}, err
	}
	name := strings.Join([]string{"mod_wsgi", w.v.PEP440(), w.build(), w.tag()}, "-") + ".whl"
	if err := checkWheel(name, data, w.o.Date); err != nil {
		return Made{}, fmt.Errorf("reading %s again: %w", name, err)
	}
	return Made{name, data}, nil
}

func byPath(a, b wheelFile) int { return strings.Compare(a.path, b.path) }

// tag is for which Pythons the wheel is: "cp313-cp313t-linux_x86_64".
func (w *wheel) tag() string {
	return fmt.Sprintf("cp%s-cp%s-%s", w.py.number(), w.py.Digits, platformTag(w.py.ABI, w.b.Machine))
}

// platformTag is the platform of a Python by the name of its ABI, or else by the
// machine that it runs on: neither says which macOS it is for, so it is the first
// with that processor.
func platformTag(abi, machine string) string {
	_, triplet, _ := strings.Cut(strings.TrimPrefix(abi, "cpython-"), "-")
	processor, _, _ := strings.Cut(triplet, "-")
	if processor == "darwin" {
		return map[string]string{"arm64": "macosx_11_0_arm64", "amd64": "macosx_10_9_x86_64"}[machine]
	}
	// The names that Python's platform has otherwise than compilers.
	for from, to := range map[string]string{"i386": "i686", "arm": "armv7l", "powerpc64le": "ppc64le"} {
		if processor == from {
			processor = to
		}
	}
	return "linux_" + cmp.Or(processor, goToUname[machine])
}

// build keeps wheels for different Apaches apart in caches.
func (w *wheel) build() string {
	return fmt.Sprintf("%smmn%d", w.v.number(), w.mmn)
}

func (w *wheel) add(path string, mode fs.FileMode, data []byte) {
	w.files = append(w.files, wheelFile{path, mode, data})
}

// addPackage adds the Python package, twice: where Python finds it, and beside
// the module, where programs for applications do.
func (w *wheel) addPackage(context.Context) error {
	runtime := installer.Runtime()
	return fs.WalkDir(runtime, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(runtime, name)
		w.add(name, 0o644, data)
		w.add(path.Join(WheelFolder, csrc.RuntimeFolder, "python", name), 0o644, data)
		return err
	})
}

// addParts adds module, supervisor and the half.
func (w *wheel) addParts(ctx context.Context) error {
	l := w.b.Layout
	linked := []string{l.Module, l.Supervisor, w.half.Host, w.half.Embed}
	ships, _, err := w.stage.addAll(ctx, linked...)
	if err != nil {
		return err
	}
	parts := []struct {
		from string
		mode fs.FileMode
	}{{filepath.Join(l.Folder, csrc.ApacheInfoFile), 0o644}, {filepath.Join(w.half.Dir, csrc.BuildInfoFile), 0o644}}
	for i, path := range linked {
		rel, err := filepath.Rel(l.Dir, path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o755)
		if strings.HasSuffix(rel, ".so") {
			mode = 0o644
		}
		if err := w.copy(ships[i].file, rel, mode); err != nil {
			return err
		}
	}
	for _, p := range parts {
		rel, err := filepath.Rel(l.Dir, p.from)
		if err != nil {
			return err
		}
		if err := w.copy(p.from, rel, p.mode); err != nil {
			return err
		}
	}
	return nil
}

// copy adds the file from as rel beside the module.
func (w *wheel) copy(from, rel string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	w.add(path.Join(WheelFolder, filepath.ToSlash(rel)), mode, data)
	return err
}

// addProgram adds what is to be in PATH.
func (w *wheel) addProgram(context.Context) error {
	data, err := os.ReadFile(w.b.Program)
	w.add(fmt.Sprintf("mod_wsgi-%s.data/scripts/mod_wsgi-express", w.v.PEP440()), 0o755, data)
	return err
}

// addInfo adds what a wheel says of itself; its list of everything is last.
func (w *wheel) addInfo(bill []byte) {
	files := []wheelFile{
		{"METADATA", 0o644, w.metadata()},
		{"WHEEL", 0o644, fmt.Appendf(nil, "Wheel-Version: 1.0\nGenerator: modwsgi %s\nRoot-Is-Purelib: false\nTag: %s\nBuild: %s\n", csrc.Version(), w.tag(), w.build())},
		{"sboms/mod_wsgi.cdx.json", 0o644, bill},
	}
	for _, l := range w.about.licences {
		files = append(files, wheelFile{"licenses/" + l.path, l.mode, l.data})
	}
	if w.about.entry != "" {
		files = append(files, wheelFile{"entry_points.txt", 0o644, []byte("[console_scripts]\nmod_wsgi-express = " + w.about.entry + "\n")})
	}
	slices.SortFunc(files, byPath)
	info := fmt.Sprintf("mod_wsgi-%s.dist-info/", w.v.PEP440())
	for _, f := range files {
		w.add(info+f.path, f.mode, f.data)
	}
	var record strings.Builder
	for _, f := range w.files {
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.path, wheelSum(f.data), len(f.data))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	w.add(info+"RECORD", 0o644, []byte(record.String()))
}

// metadata is METADATA, of version 2.4: whose files have licences by expression.
func (w *wheel) metadata() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.4\nName: mod_wsgi\nVersion: %s\nSummary: %s\n", w.v.PEP440(), w.about.summary)
	if w.about.author != "" {
		fmt.Fprintf(&b, "Author: %s\n", w.about.author)
	}
	if w.about.homepage != "" {
		fmt.Fprintf(&b, "Project-URL: Documentation, %s\n", w.about.homepage)
	}
	b.WriteString("License-Expression: Apache-2.0\n")
	for _, l := range w.about.licences {
		fmt.Fprintf(&b, "License-File: %s\n", l.path)
	}
	fmt.Fprintf(&b, "Requires-Python: ==%s.*\nDescription-Content-Type: text/plain\n\n", w.py.minor())
	fmt.Fprintf(&b, "For Apache with the module magic number %d and the library %s of this machine.\n", w.mmn, cmp.Or(w.py.SONAME, "of its Python")) // a static Python has none
	b.WriteString("Public indexes take no wheels of the platform linux: build it where it is used.\n")
	return []byte(b.String())
}

// wheelSum is a hash as RECORD has it.
func wheelSum(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// zip writes the archive. Its times cannot be before 1980.
func (w *wheel) zip() ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range w.files {
		h := &zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: zipTime(w.o.Date), Flags: zipUTF8}
		h.SetMode(f.mode)
		out, err := z.CreateHeader(h)
		if err == nil {
			_, err = out.Write(f.data)
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close() // writes the list of files
	return b.Bytes(), err
}

// zipUTF8 says of an entry's name that it is UTF-8.
const zipUTF8 = 0x800

// zipTime is a time as archives of that kind can have it.
func zipTime(t time.Time) time.Time {
	if first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(first) {
		return first
	}
	return t.UTC().Truncate(2 * time.Second)
}
