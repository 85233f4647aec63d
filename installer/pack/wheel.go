package pack

import (
	"archive/zip"
	"bytes"
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
	"modwsgi/internal/hint"
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
	half  installer.Half
	stage *stage
	py    python
	v     Version
	files []wheelFile
}

// wheelFile is an entry of a wheel; its path has slashes and no root.
type wheelFile struct {
	path string
	mode fs.FileMode
	data []byte
}

// makeWheels makes a wheel of each half.
func makeWheels(ctx context.Context, b Build, o Options) ([]Made, error) {
	switch {
	case b.Classic != nil:
		return nil, hint.Exit(hint.New(fmt.Errorf("a wheel has our own module: the original makes its own"), "pip wheel mod_wsgi=="+b.Classic.Version), hint.Usage)
	case b.Program == "":
		return nil, fmt.Errorf("a wheel needs the program mod_wsgi-express, and there is none")
	}
	v, err := ParseVersion(b.Layout.Apache.Version, o.Revision)
	if err != nil {
		return nil, err
	}
	s := &stage{r: o.Runner, dir: o.Stage}
	var made []Made
	for _, h := range b.Layout.Halves {
		if !slices.Contains(b.ABIs, h.ABI) {
			continue
		}
		w := &wheel{b: b, o: o, half: h, v: v, stage: s}
		m, err := w.make(ctx)
		if err != nil {
			return nil, fmt.Errorf("packing a wheel for %s: %w", h.ABI, err)
		}
		made = append(made, m)
	}
	return made, nil
}

func (w *wheel) make(ctx context.Context) (Made, error) {
	var err error
	if w.py, err = pythonOf(w.half.Info, ""); err != nil {
		return Made{}, err
	}
	for _, add := range []func(context.Context) error{w.addPackage, w.addParts, w.addProgram} {
		if err := add(ctx); err != nil {
			return Made{}, err
		}
	}
	slices.SortFunc(w.files, func(a, b wheelFile) int { return strings.Compare(a.path, b.path) })
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

// tag is for which Pythons the wheel is: "cp313-cp313t-linux_x86_64".
func (w *wheel) tag() string {
	return fmt.Sprintf("cp%s-cp%s-linux_%s", strings.TrimRight(w.py.Digits, "td"), w.py.Digits, goToUname[w.b.Machine])
}

// build keeps wheels for different Apaches apart in caches.
func (w *wheel) build() string {
	return fmt.Sprintf("%smmn%d", w.v.number(), w.b.Layout.Apache.Major)
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
	info := fmt.Sprintf("mod_wsgi-%s.dist-info/", w.v.PEP440())
	var metadata strings.Builder
	fmt.Fprintf(&metadata, "Metadata-Version: 2.4\nName: mod_wsgi\nVersion: %s\nSummary: WSGI applications in Apache: mod_wsgi and mod_wsgi-express\n", w.v.PEP440())
	fmt.Fprintf(&metadata, "License-Expression: Apache-2.0\nLicense-File: LICENSE\nLicense-File: NOTICE\nRequires-Python: ==%s.*\n", w.py.minor())
	fmt.Fprintf(&metadata, "Description-Content-Type: text/plain\n\nFor Apache with the module magic number %d and the library %s of this machine.\nPublic indexes take no wheels of the platform linux: build it where it is used.\n", w.b.Layout.Apache.Major, w.half.Info.SONAME)
	w.add(info+"METADATA", 0o644, []byte(metadata.String()))
	w.add(info+"WHEEL", 0o644, fmt.Appendf(nil, "Wheel-Version: 1.0\nGenerator: modwsgi %s\nRoot-Is-Purelib: false\nTag: %s\nBuild: %s\n", csrc.Version(), w.tag(), w.build()))
	w.add(info+"sboms/mod_wsgi.cdx.json", 0o644, bill)
	w.add(info+"licenses/LICENSE", 0o644, licence)
	w.add(info+"licenses/NOTICE", 0o644, notice)
	var record strings.Builder
	for _, f := range w.files {
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.path, wheelSum(f.data), len(f.data))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	w.add(info+"RECORD", 0o644, []byte(record.String()))
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
		h := &zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: zipTime(w.o.Date)}
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

// zipTime is a time as archives of that kind can have it.
func zipTime(t time.Time) time.Time {
	if first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(first) {
		return first
	}
	return t.UTC().Truncate(2 * time.Second)
}
