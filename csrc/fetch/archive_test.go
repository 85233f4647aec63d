package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"modwsgi/internal/fsx"
)

// One refusal for each thing that rule G-10 names, and nothing else wrong.
func TestHostileTar(t *testing.T) {
	good := members("top", sample("1.0"))
	reg := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	for name, c := range map[string]struct {
		add  []member
		want string
	}{
		"absolute":        {[]member{{reg("/etc/passwd"), ""}}, "absolute"},
		"parent":          {[]member{{reg("top/../../x"), ""}}, "no plain path"},
		"parent alone":    {[]member{{reg(".."), ""}}, "no plain path"},
		"not clean":       {[]member{{reg("top//x"), ""}}, "no plain path"},
		"backslash":       {[]member{{reg(`top\x`), ""}}, "character"},
		"drive":           {[]member{{reg("c:x"), ""}}, "absolute"},
		"utf-8":           {[]member{{reg("top/\xff\xfe"), ""}}, "character"},
		"long name":       {[]member{{reg("top/" + strings.Repeat("n", 255)), ""}}, "longer than 255"},
		"deep":            {[]member{{reg("top/" + strings.Repeat("d/", 16) + "x"), ""}}, "folders deep"},
		"symbolic link":   {[]member{{tar.Header{Name: "top/l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, ""}}, "neither a file nor a folder"},
		"hard link":       {[]member{{tar.Header{Name: "top/l", Typeflag: tar.TypeLink, Linkname: "top/configure"}, ""}}, "neither a file nor a folder"},
		"device":          {[]member{{tar.Header{Name: "top/d", Typeflag: tar.TypeChar}, ""}}, "neither a file nor a folder"},
		"fifo":            {[]member{{tar.Header{Name: "top/f", Typeflag: tar.TypeFifo}, ""}}, "neither a file nor a folder"},
		"setuid":          {[]member{{tar.Header{Name: "top/s", Typeflag: tar.TypeReg, Mode: 0o4755}, ""}}, "special permission bits"},
		"sticky":          {[]member{{tar.Header{Name: "top/s", Typeflag: tar.TypeReg, Mode: 0o1644}, ""}}, "special permission bits"},
		"twice":           {[]member{{reg("top/configure"), ""}}, "are one name"},
		"case":            {[]member{{reg("top/Configure"), ""}}, "are one name"},
		"case of folder":  {[]member{{reg("top/SRC/x"), ""}}, "are one name"},
		"file and folder": {[]member{{reg("top/configure/x"), ""}}, "are one name"},
		"two tops":        {[]member{{reg("other/x"), ""}}, "not everything is below one folder"},
		"top level file":  {[]member{{reg("x"), ""}}, "not everything is below one folder"},
		"large file":      {[]member{{reg("top/large"), strings.Repeat("x", MaxFile+1)}}, "more than"},
		"many entries":    {many("top", MaxEntries), "more than 5000 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readArchive(tarball(t, append(append([]member{}, good...), c.add...)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func many(top string, n int) []member {
	list := make([]member, n)
	for i := range list {
		list[i].header = tar.Header{Name: fmt.Sprintf("%s/f%d", top, i), Typeflag: tar.TypeReg, Mode: 0o644}
	}
	return list
}

// A name that only a PAX record spells out is judged like any other.
func TestHostilePAX(t *testing.T) {
	h := tar.Header{Name: "top/../../escape", Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX, PAXRecords: map[string]string{"comment": "x"}}
	_, err := readArchive(tarball(t, append(members("top", sample("1.0")), member{h, "x"})))
	if err == nil || !strings.Contains(err.Error(), "no plain path") {
		t.Errorf("got %v", err)
	}
}

func TestTrailingBytes(t *testing.T) {
	plain := tarball(t, members("top", sample("1.0")))
	for name, data := range map[string][]byte{
		"after tar":      append(bytes.Clone(plain), "more"...),
		"inside gzip":    gz(t, append(bytes.Clone(plain), "more"...)),
		"after gzip":     append(gz(t, plain), "more"...),
		"second member":  append(gz(t, plain), gz(t, []byte("more"))...),
		"after zip":      append(zipped(t, sample("1.0")), "more"...),
		"another format": []byte("no archive at all"),
		"cut gzip":       gz(t, plain)[:100],
		"cut tar":        plain[:len(plain)-1500],
		"empty":          {},
	} {
		if tree, err := readArchive(data); err == nil {
			t.Errorf("%s: taken, %d files", name, len(tree.Files))
		}
	}
}

// What unpacks to much more than it has is given up before it fills the memory.
func TestBomb(t *testing.T) {
	zeros := strings.Repeat("\x00", MaxFile)
	var list []member
	for i := range 4 {
		list = append(list, member{tar.Header{Name: fmt.Sprintf("top/z%d", i), Typeflag: tar.TypeReg, Mode: 0o644}, zeros})
	}
	if _, err := readArchive(gz(t, tarball(t, list))); err == nil || !strings.Contains(err.Error(), errBomb.Error()) {
		t.Errorf("gzip: got %v", err)
	}
	var files []fsx.File
	for i := range 4 {
		files = append(files, fsx.File{Path: fmt.Sprintf("z%d", i), Mode: 0o644, Data: []byte(zeros)})
	}
	if _, err := readArchive(zipped(t, files)); err == nil || !strings.Contains(err.Error(), errBomb.Error()) {
		t.Errorf("zip: got %v", err)
	}
}

func TestHostileZip(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		mode fs.FileMode
		want string
	}{
		"link":   {"top/l", fs.ModeSymlink | 0o777, "neither a plain file"},
		"device": {"top/d", fs.ModeDevice | 0o600, "neither a plain file"},
		"setuid": {"top/s", fs.ModeSetuid | 0o755, "neither a plain file"},
		"parent": {"top/../../x", 0o644, "no plain path"},
	} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: c.file}
		h.SetMode(c.mode)
		if _, err := w.CreateHeader(h); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := readArchive(b.Bytes()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// Whatever the bytes are, the result is a tree whose names stay inside, or an
// error.
func FuzzArchive(f *testing.F) {
	plain := tarball(f, members("top", sample("1.0")))
	f.Add(plain)
	f.Add(gz(f, plain))
	f.Add(zipped(f, sample("1.0")))
	f.Add(tarball(f, []member{{tar.Header{Name: "../x", Typeflag: tar.TypeReg}, "x"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := readArchive(data)
		if err != nil {
			return
		}
		for _, file := range tree.Files {
			if !fs.ValidPath(file.Path) || file.Mode&^0o755 != 0 {
				t.Errorf("%q %o", file.Path, file.Mode)
			}
		}
	})
}
