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
	"modwsgi/internal/hint"
)

// G-10, Y-5: one refusal for each thing that the rule names, and nothing else
// wrong.
func TestAttackTar(t *testing.T) {
	a := newAttacks(t, "G-10 tar")
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
		"setgid":          {[]member{{tar.Header{Name: "top/s", Typeflag: tar.TypeReg, Mode: 0o2755}, ""}}, "special permission bits"},
		"block device":    {[]member{{tar.Header{Name: "top/d", Typeflag: tar.TypeBlock}, ""}}, "neither a file nor a folder"},
		"unknown type":    {[]member{{tar.Header{Name: "top/u", Typeflag: 'Z'}, ""}}, "neither a file nor a folder"},
		"escaping folder": {[]member{{tar.Header{Name: "top/../../x/", Typeflag: tar.TypeDir, Mode: 0o755}, ""}}, "no plain path"},
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
			a.refused(t, name, err, c.want, hint.Failed)
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

// G-10: what only a PAX record spells out is judged like any other, and a sparse
// file is one whatever its records are named.
func TestAttackPAX(t *testing.T) {
	a := newAttacks(t, "G-10 PAX")
	pax := func(name, key string) []byte {
		h := tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX, PAXRecords: map[string]string{key: "x"}}
		return tarball(t, append(members("top", sample("1.0")), member{h, "x"}))
	}
	_, err := readArchive(pax("top/../../escape", "comment"))
	a.refused(t, "path", err, "no plain path", hint.Failed)
	long := "top/" + strings.Repeat("long/", 20) + "x"
	_, err = readArchive(pax(long, "comment"))
	a.refused(t, "long path", err, "folders deep", hint.Failed)
	// The writer refuses to write such a record; its name is as long as this one.
	sparse := bytes.ReplaceAll(pax("top/s", "GNU_sparse.note"), []byte("GNU_sparse.note"), []byte("GNU.sparse.note"))
	_, err = readArchive(sparse)
	a.refused(t, "sparse", err, "is a sparse file", hint.Failed)
	path := bytes.ReplaceAll(pax("top/"+strings.Repeat("n", 120), "comment"), []byte("nnnnn"), []byte("nn\x00nn"))
	_, err = readArchive(path)
	a.refused(t, "NUL in a name", err, "archive/tar: invalid tar header", hint.Failed)
}

// G-10: nothing follows the end, and nothing is cut off.
func TestAttackTrailingBytes(t *testing.T) {
	a := newAttacks(t, "G-10 ends")
	plain := tarball(t, members("top", sample("1.0")))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"after tar":      {append(bytes.Clone(plain), "more"...), "something follows the end"},
		"inside gzip":    {gz(t, append(bytes.Clone(plain), "more"...)), "something follows the end"},
		"after gzip":     {append(gz(t, plain), "more"...), "4 bytes follow the end"},
		"second member":  {append(gz(t, plain), gz(t, []byte("more"))...), "bytes follow the end"},
		"after zip":      {append(zipped(t, sample("1.0")), "more"...), "something follows the end"},
		"another format": {[]byte("no archive at all"), "unexpected EOF"},
		"cut gzip":       {gz(t, plain)[:100], "unexpected EOF"},
		"cut tar":        {plain[:len(plain)-1500], "unexpected EOF"},
		"empty":          {nil, "there is no file in it"},
	} {
		_, err := readArchive(c.data)
		a.refused(t, name, err, c.want, hint.Failed)
	}
}

// G-10: what unpacks to much more than it has is given up before it fills the
// memory.
func TestAttackBomb(t *testing.T) {
	a := newAttacks(t, "G-10 size")
	zeros := strings.Repeat("\x00", MaxFile)
	var list []member
	for i := range 4 {
		list = append(list, member{tar.Header{Name: fmt.Sprintf("top/z%d", i), Typeflag: tar.TypeReg, Mode: 0o644}, zeros})
	}
	_, err := readArchive(gz(t, tarball(t, list)))
	a.refused(t, "ratio, gzip", err, errBomb.Error(), hint.Failed)
	var files []fsx.File
	for i := range 4 {
		files = append(files, fsx.File{Path: fmt.Sprintf("z%d", i), Mode: 0o644, Data: []byte(zeros)})
	}
	_, err = readArchive(zipped(t, files))
	a.refused(t, "ratio, zip", err, errBomb.Error(), hint.Failed)
	_, err = readArchive(zipped(t, []fsx.File{{Path: "large", Mode: 0o644, Data: bytes.Repeat([]byte("large file\n"), MaxFile/10)}}))
	a.refused(t, "large file, zip", err, "more than", hint.Failed)
	full := collector{total: MaxTotal}
	a.refused(t, "total", full.add("x", 0o644, []byte("x")), "more than 268435456 bytes", hint.Failed)
}

// G-10, for zip.
func TestAttackZip(t *testing.T) {
	a := newAttacks(t, "G-10 zip")
	for name, c := range map[string]struct {
		file string
		mode fs.FileMode
		want string
	}{
		"link":   {"top/l", fs.ModeSymlink | 0o777, "neither a plain file"},
		"device": {"top/d", fs.ModeDevice | 0o600, "neither a plain file"},
		"setuid": {"top/s", fs.ModeSetuid | 0o755, "neither a plain file"},
		"parent": {"top/../../x", 0o644, "no plain path"},
		"rooted": {"/etc/passwd", 0o644, "absolute"},
		"NUL":    {"top/a\x00b", 0o644, "has a character"},
		"drive":  {"c:x", 0o644, "absolute"},
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
		_, err := readArchive(b.Bytes())
		a.refused(t, name, err, c.want, hint.Failed)
	}
}

// Y-4: whatever the bytes are, the result is a tree whose names stay inside, or an
// error.
func FuzzArchive(f *testing.F) {
	plain := tarball(f, members("top", sample("1.0")))
	f.Add(plain)
	f.Add(gz(f, plain))
	f.Add(zipped(f, sample("1.0")))
	f.Add(tarball(f, []member{{tar.Header{Name: "../x", Typeflag: tar.TypeReg}, "x"}}))
	f.Add(tarball(f, []member{{tar.Header{Name: "top/l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, ""}}))
	f.Add(gz(f, bytes.Repeat([]byte{0}, 1<<22)))
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
