package pack

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// entry is what a tar archive says of one file.
type entry struct {
	mode   fs.FileMode // with the kind
	size   int64
	sum    [sha256.Size]byte
	target string
	date   time.Time
	owner  string
	data   []byte // of control files
}

// maxEntry bounds one file of a package that is read again.
const maxEntry = 256 << 20

// readTar reads an archive whole: what it has twice, what leaves its root, and
// what follows its end is refused. Names come without ./ and the last slash.
func readTar(r io.Reader, keep bool) (map[string]entry, error) {
	files := map[string]entry{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/"), "/")
		if name == "" {
			continue // the root
		}
		if path.Clean(name) != name || strings.HasPrefix(name, "..") {
			return nil, fmt.Errorf("%q leaves the archive", h.Name)
		}
		if _, twice := files[name]; twice {
			return nil, fmt.Errorf("%q is there twice", h.Name)
		}
		if h.Size > maxEntry {
			return nil, fmt.Errorf("%q has %d bytes", h.Name, h.Size)
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		e := entry{h.FileInfo().Mode(), h.Size, sha256.Sum256(data), h.Linkname, h.ModTime, h.Uname + ":" + h.Gname, nil}
		if h.Uid != 0 || h.Gid != 0 {
			return nil, fmt.Errorf("%q belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		if keep {
			e.data = data
		}
		files[name] = e
	}
	rest, err := io.ReadAll(r)
	if err == nil && len(bytes.Trim(rest, "\x00")) > 0 {
		err = fmt.Errorf("%d bytes follow the end", len(rest))
	}
	return files, err
}

// checkFiles compares what an archive has with a description. Folders that are
// only on the way may be there too.
func checkFiles(got map[string]entry, d Description) error {
	var list []error
	wanted := map[string]bool{}
	for _, f := range d.Files {
		name := strings.TrimPrefix(f.Path, "/")
		wanted[name] = true
		e, ok := got[name]
		if !ok {
			list = append(list, fmt.Errorf("%s is missing", f.Path))
			continue
		}
		list = append(list, checkEntry(f, e, d.Date))
	}
	for name, e := range got {
		if !wanted[name] && !e.mode.IsDir() {
			list = append(list, fmt.Errorf("/%s is nobody's", name))
		}
	}
	return errors.Join(list...)
}

func checkEntry(f File, e entry, date time.Time) error {
	kind := fs.FileMode(0)
	switch f.Kind {
	case Folder:
		kind = fs.ModeDir
	case Link:
		kind = fs.ModeSymlink
	}
	switch {
	case e.mode.Type() != kind:
		return fmt.Errorf("%s is a %v", f.Path, e.mode.Type())
	case f.Kind == Link && e.target != f.Target:
		return fmt.Errorf("%s leads to %s", f.Path, e.target)
	case f.Kind != Link && e.mode.Perm() != f.Mode:
		return fmt.Errorf("%s has the mode %v, not %v", f.Path, e.mode.Perm(), f.Mode)
	case !e.date.Equal(date):
		return fmt.Errorf("%s is of %v, not %v", f.Path, e.date, date)
	case f.Kind == Link || f.Kind == Folder:
		return nil
	}
	data, err := f.content()
	if err == nil && sha256.Sum256(data) != e.sum {
		err = fmt.Errorf("%s has other contents", f.Path)
	}
	return err
}
