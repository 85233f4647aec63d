package fetch

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
)

// MaxPackaged is the size of one file in a package: a program with a static Python
// in it is larger than any source file.
const MaxPackaged = 128 << 20

// ReadPackage unpacks an archive of built files into memory, a tar.gz or tar.zst
// whose files lie below one folder, which is taken off. It is as strict as with
// sources, but for larger files and links to a neighbour: what is at the same place
// in the archive, by its name alone.
func ReadPackage(data []byte) ([]fsx.File, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) && !bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return nil, fmt.Errorf("it is neither a tar.gz nor a tar.zst")
	}
	c := collector{largest: MaxPackaged, links: true}
	err := c.tar(data)
	if err == nil {
		err = c.linked()
	}
	if err == nil {
		err = c.strip()
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(c.files, func(a, b fsx.File) int { return strings.Compare(a.Path, b.Path) })
	return c.files, nil
}

// link takes an entry that is a symbolic link, where those are taken at all.
func (c *collector) link(h *tar.Header) error {
	name, err := c.name(h.Name, false)
	if err != nil {
		return err
	}
	if to := h.Linkname; name == "" || to == "" || to == "." || to == ".." || strings.ContainsAny(to, "/\\\x00") || len(to) > MaxName {
		return fmt.Errorf("%q is a link to %q, which is no neighbour of it", h.Name, h.Linkname)
	}
	c.files = append(c.files, fsx.File{Path: name, Link: h.Linkname})
	return nil
}

// linked refuses a link to what is not in the archive, or to another link.
func (c *collector) linked() error {
	for _, f := range c.files {
		if f.Link == "" {
			continue
		}
		to := path.Join(path.Dir(f.Path), f.Link)
		kind := c.kinds[strings.ToLower(to)]
		toLink := slices.ContainsFunc(c.files, func(other fsx.File) bool { return other.Path == to && other.Link != "" })
		if toLink || kind != to && kind != to+"/" {
			return fmt.Errorf("%q is a link to %q, which is not in the archive", f.Path, f.Link)
		}
	}
	return nil
}

// most is the size that one file may have.
func (c *collector) most() int64 {
	if c.largest > 0 {
		return c.largest
	}
	return MaxFile
}
