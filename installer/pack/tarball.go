package pack

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"modwsgi/csrc"
	"modwsgi/installer"
)

// tarball is one archive on its way (rule Q-8): what it holds has the shape of an
// installation, so that it can be used where it is unpacked; [Unpack] is the way
// back.
type tarball struct {
	top   string // the one folder in it
	date  time.Time
	files []File           // paths below the top
	of    []csrc.BuildInfo // the Pythons that it is for
}

// makeTarballs makes the archives of each half with the Apache half, or of a
// release of the original.
func makeTarballs(ctx context.Context, b Build, o Options, squeeze string) ([]Made, error) {
	o.Stage = filepath.Join(o.Stage, squeeze)
	if err := os.Mkdir(o.Stage, 0o755); err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	s := &stage{r: o.Runner, dir: o.Stage}
	if b.Classic != nil {
		ships, _, err := s.addAll(ctx, b.Classic.Module)
		if err != nil {
			return nil, err
		}
		t := tarball{date: o.Date, top: topOf(b, b.Classic.Version, b.Classic.Python.ABI), of: b.pythons()}
		text := installer.LoadModule("/path/to/mod_wsgi.so") + "\n"
		t.files = []File{{Path: "mod_wsgi.so", Mode: 0o644, Source: ships[0].file}, {Path: "wsgi.conf", Mode: 0o644, Data: []byte(text)}}
		m, err := t.make(b, squeeze)
		return []Made{m}, err
	}
	var made []Made
	for _, h := range b.Layout.Halves {
		if !slices.Contains(b.ABIs, h.ABI) {
			continue
		}
		t := tarball{date: o.Date, top: topOf(b, b.Layout.Apache.Version, h.ABI), of: []csrc.BuildInfo{h.Info}}
		if err := t.addHalves(ctx, s, b.Layout, h); err != nil {
			return nil, fmt.Errorf("packing %s: %w", t.top, err)
		}
		m, err := t.make(b, squeeze)
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", t.top, err)
		}
		made = append(made, m)
	}
	return made, nil
}

// topOf names an archive: what it is of, and for which Python, Apache and system.
func topOf(b Build, version, abi string) string {
	short := strings.Join(strings.SplitN(abi, "-", 3)[:min(2, strings.Count(abi, "-")+1)], "")
	return fmt.Sprintf("mod_wsgi-%s-%s-apache%s-linux-%s", version, short, b.Apache, b.Machine)
}

// addHalves adds the parts of our own module.
func (t *tarball) addHalves(ctx context.Context, s *stage, l installer.Layout, h installer.Half) error {
	linked := []string{l.Module, l.Supervisor, h.Host, h.Embed}
	ships, _, err := s.addAll(ctx, linked...)
	if err != nil {
		return err
	}
	for i, from := range append(linked, filepath.Join(l.Folder, csrc.ApacheInfoFile), filepath.Join(h.Dir, csrc.BuildInfoFile)) {
		rel, err := filepath.Rel(l.Dir, from)
		if err != nil {
			return err
		}
		f := File{Path: filepath.ToSlash(rel), Mode: 0o644, Source: from}
		if i < len(ships) {
			f.Source = ships[i].file
		}
		if base := path.Base(f.Path); base == "wsgi-host" || base == "wsgi-supervisor" {
			f.Mode = 0o755
		}
		t.files = append(t.files, f)
	}
	t.files = append(t.files, File{Path: csrc.RuntimeFolder + "/" + csrc.DefaultLink, Kind: Link, Target: h.ABI},
		File{Path: "wsgi.conf", Mode: 0o644, Data: []byte("# Where this archive was unpacked; mod_wsgi-express module-config prints the lines.\n" + installer.LoadModule("/path/to/mod_wsgi.so") + "\n")})
	runtime := installer.Runtime()
	return fs.WalkDir(runtime, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(runtime, name)
		t.files = append(t.files, File{Path: path.Join(csrc.RuntimeFolder, "python", name), Mode: 0o644, Data: data})
		return err
	})
}

// make writes the archive, and reads it again.
func (t *tarball) make(b Build, squeeze string) (Made, error) {
	bom, err := b.bill(Made{}, t.date)
	if err != nil {
		return Made{}, err
	}
	manifest, err := b.manifest(t.of)
	if err != nil {
		return Made{}, err
	}
	t.files = append(t.files, File{Path: "LICENSE", Mode: 0o644, Data: b.licence()}, File{Path: "sbom.cdx.json", Mode: 0o644, Data: bom}, File{Path: ManifestFile, Mode: 0o644, Data: manifest})
	sums, err := t.sums()
	if err != nil {
		return Made{}, err
	}
	t.files = append(t.files, File{Path: SumsFile, Mode: 0o644, Data: sums})
	slices.SortFunc(t.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	data, err := t.write()
	if err != nil {
		return Made{}, err
	}
	d := Description{Date: t.date}
	for _, f := range t.files {
		f.Path = "/" + t.top + "/" + f.Path
		d.Files = append(d.Files, f)
	}
	got, err := readTar(bytes.NewReader(data), false)
	if err == nil {
		err = checkFiles(got, d)
	}
	if err != nil {
		return Made{}, fmt.Errorf("reading it again: %w", err)
	}
	data, err = squeezed(data, squeeze)
	return Made{t.top + ".tar." + squeeze, data}, err
}

// sums are those of all files, as sha256sum writes and reads them.
func (t *tarball) sums() ([]byte, error) {
	var lines []string
	for _, f := range t.files {
		if f.Kind == Link {
			continue
		}
		data, err := f.content()
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), f.Path))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return []byte(strings.Join(lines, "")), nil
}

// write makes the archive: folders before what is in them, all of root.
func (t *tarball) write() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	header := func(name string, mode fs.FileMode) *tar.Header {
		return &tar.Header{Name: name, Mode: int64(mode), ModTime: t.date, Uname: "root", Gname: "root", Format: tar.FormatGNU}
	}
	known := map[string]bool{}
	for _, f := range t.files {
		name := path.Join(t.top, f.Path)
		for i, c := range name {
			if c == '/' && !known[name[:i]] {
				known[name[:i]] = true
				h := header(name[:i+1], 0o755)
				h.Typeflag = tar.TypeDir
				if err := w.WriteHeader(h); err != nil {
					return nil, err
				}
			}
		}
		if err := writeTarFile(w, header(name, f.Mode), f); err != nil {
			return nil, err
		}
	}
	err := w.Close() // writes the end
	return b.Bytes(), err
}

func writeTarFile(w *tar.Writer, h *tar.Header, f File) error {
	if f.Kind == Link {
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Target, 0o777
		return w.WriteHeader(h)
	}
	data, err := f.content()
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, int64(len(data))
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// squeezed is data in a compressed form, "gz" or "zst", that does not depend on
// how many processors there are.
func squeezed(data []byte, form string) ([]byte, error) {
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	if form == "zst" {
		w, err = zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	} else {
		w, err = gzip.NewWriterLevel(&b, gzip.BestCompression)
	}
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// readFileSum is the hash of a file.
func readFileSum(name string) (string, error) {
	data, err := os.ReadFile(name)
	return fmt.Sprintf("%x", sha256.Sum256(data)), err
}
