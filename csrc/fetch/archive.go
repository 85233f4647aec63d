package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// readArchive unpacks a source archive into memory: tar, tar.gz, tar.zst, tar.xz
// or zip, told apart by their first bytes. Whatever a source archive has no
// need of is refused: links, devices, special bits, names that leave the tree,
// names that are one on some file systems, bytes behind the end (rule G-10).
func readArchive(data []byte) (Tree, error) {
	var c collector
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		err = c.zip(data)
	default:
		err = c.tar(data)
	}
	if err == nil {
		err = c.strip()
	}
	if err != nil {
		return Tree{}, err
	}
	return c.tree()
}

// errBomb is what a budget says when it is used up.
var errBomb = errors.New("unpacked it is larger than a source tree can be")

// budget is a reader that ends an archive which unpacks to more than it may.
type budget struct {
	from io.Reader
	left int64
}

func newBudget(from io.Reader, packed int) *budget {
	// Headers and padding of a tar file count too, and a tree of empty files packs
	// very well: below a megabyte no ratio is asked for.
	left := min(int64(MaxTotal)+MaxEntries*1024, max(int64(packed)*MaxRatio, 1<<20))
	return &budget{from: from, left: left}
}

func (b *budget) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errBomb
	}
	return n, err
}

// decompress is the tar stream inside data, and a check that nothing follows it.
func decompress(data []byte) (stream io.Reader, end func() error, err error) {
	rest := bytes.NewReader(data)
	nothing := func() error {
		if rest.Len() > 0 {
			return fmt.Errorf("%d bytes follow the end of the archive", rest.Len())
		}
		return nil
	}
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(rest)
		if err != nil {
			return nil, nil, err
		}
		z.Multistream(false)
		return z, nothing, nil
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(rest, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxTotal))
		if err != nil {
			return nil, nil, err
		}
		return z, func() error { z.Close(); return nothing() }, nil
	case bytes.HasPrefix(data, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		z, err := xz.ReaderConfig{SingleStream: true, DictCap: 64 << 20}.NewReader(rest)
		return z, nothing, err
	}
	return rest, nothing, nil
}

func (c *collector) tar(data []byte) error {
	stream, end, err := decompress(data)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	limited := newBudget(stream, len(data))
	tr := tar.NewReader(limited)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		if err := c.tarEntry(h, tr); err != nil {
			return err
		}
	}
	if err := onlyZeros(limited); err != nil {
		return err
	}
	return end()
}

func (c *collector) tarEntry(h *tar.Header, from io.Reader) error {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse") {
			return fmt.Errorf("%q is a sparse file", h.Name)
		}
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		if c.links {
			return c.link(h)
		}
	case tar.TypeXGlobalHeader: // git's archives begin with one
		return nil
	}
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
		return fmt.Errorf("%q is neither a file nor a folder (type %q)", h.Name, h.Typeflag)
	}
	if h.Mode&0o7000 != 0 {
		return fmt.Errorf("%q has special permission bits (%04o)", h.Name, h.Mode&0o7777)
	}
	return c.entry(h.Name, h.Typeflag == tar.TypeDir, fs.FileMode(h.Mode), h.Size, from)
}

// entry takes one entry of any archive.
func (c *collector) entry(name string, folder bool, mode fs.FileMode, size int64, from io.Reader) error {
	clean, err := c.name(name, folder)
	if err != nil || folder || clean == "" {
		return err
	}
	if size > c.most() {
		return fmt.Errorf("%q has %d bytes, more than %d", name, size, c.most())
	}
	data, err := io.ReadAll(io.LimitReader(from, c.most()+1))
	switch {
	case err != nil:
		return fmt.Errorf("unpacking %q: %w", name, err)
	case int64(len(data)) > c.most():
		return fmt.Errorf("%q has more than %d bytes", name, c.most())
	}
	return c.add(clean, mode, data)
}

// onlyZeros reads the padding of a tar file.
func onlyZeros(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return fmt.Errorf("something follows the end of the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
	}
}

// The record at the end of a zip file that has no comment.
const zipEnd = 22

func (c *collector) zip(data []byte) error {
	if len(data) < zipEnd || !bytes.HasPrefix(data[len(data)-zipEnd:], []byte("PK\x05\x06")) {
		return fmt.Errorf("something follows the end of the archive")
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	left := newBudget(nil, len(data))
	for _, f := range z.File {
		if err := c.zipEntry(f, left); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) zipEntry(f *zip.File, left *budget) error {
	mode := f.Mode()
	if mode&^(fs.ModePerm|fs.ModeDir) != 0 {
		return fmt.Errorf("%q is neither a plain file nor a folder (%s)", f.Name, mode)
	}
	if f.Flags&1 != 0 {
		return fmt.Errorf("%q is encrypted", f.Name)
	}
	if f.UncompressedSize64 > MaxFile {
		return fmt.Errorf("%q has %d bytes, more than %d", f.Name, f.UncompressedSize64, MaxFile)
	}
	if mode.IsDir() {
		return c.entry(f.Name, true, mode, 0, nil)
	}
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", f.Name, err)
	}
	defer r.Close()
	left.from = r
	return c.entry(f.Name, false, mode, int64(f.UncompressedSize64), left)
}
