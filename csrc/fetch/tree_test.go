package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"modwsgi/internal/fsx"
)

// sample is a tree that has the layout of the original, and nothing of it.
func sample(version string) []fsx.File {
	return []fsx.File{
		{Path: "README.rst", Mode: 0o644, Data: []byte("a tree for tests\n")},
		{Path: "configure", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
		{Path: "src/server/mod_wsgi.c", Mode: 0o644, Data: []byte("int wsgi_module;\n")},
		{Path: "src/server/wsgi_version.h", Mode: 0o644, Data: []byte("#define MOD_WSGI_VERSION_STRING \"" + version + "\"\n")},
	}
}

// member is an entry of an archive that a test makes.
type member struct {
	header tar.Header
	data   string
}

func members(top string, files []fsx.File) []member {
	list := []member{{header: tar.Header{Name: top + "/", Typeflag: tar.TypeDir, Mode: 0o755}}}
	for _, f := range files {
		list = append(list, member{tar.Header{Name: top + "/" + f.Path, Typeflag: tar.TypeReg, Mode: int64(f.Mode)}, string(f.Data)})
	}
	return list
}

func tarball(t testing.TB, list []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range list {
		m.header.Size = int64(len(m.data))
		if err := w.WriteHeader(&m.header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	write(t, w, data)
	return b.Bytes()
}

func write(t testing.TB, w io.WriteCloser, data []byte) {
	t.Helper()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func zipped(t testing.TB, files []fsx.File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: "top/" + f.Path, Method: zip.Deflate}
		h.SetMode(f.Mode)
		one, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := one.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// G-10, G-11: the same tree has the same hash whatever it came in.
func TestOneTreeManyForms(t *testing.T) {
	files := sample("6.0.5")
	plain := tarball(t, members("mod_wsgi-6.0.5", files))
	var z, x bytes.Buffer
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	write(t, zw, plain)
	xw, err := xz.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	write(t, xw, plain)

	dir := t.TempDir()
	if err := fsx.WriteTree(dir, append(files, fsx.File{Path: ".git/config", Data: []byte("not of the tree")})); err != nil {
		t.Fatal(err)
	}
	folder, err := readFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"tar": plain, "tar.gz": gz(t, plain), "tar.zst": z.Bytes(), "tar.xz": x.Bytes(), "zip": zipped(t, files)} {
		tree, err := readArchive(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tree.Hash != folder.Hash || tree.Version != "6.0.5" {
			t.Errorf("%s: %s %s, the folder has %s", name, tree.Version, tree.Hash, folder.Hash)
		}
	}
}

// G-11
func TestTreeHashSeesEverything(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func([]fsx.File){
		"nothing": func([]fsx.File) {},
		"name":    func(f []fsx.File) { f[0].Path = "README" },
		"mode":    func(f []fsx.File) { f[0].Mode = 0o755 },
		"content": func(f []fsx.File) { f[0].Data = []byte("a tree for testS\n") },
	} {
		files := sample("1.0")
		change(files)
		h := treeHash(files)
		if other, dup := seen[h]; dup {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[h] = name
	}
}

// G-3: what is no source tree is refused with what was looked for.
func TestUnknownLayout(t *testing.T) {
	for name, c := range map[string]struct {
		files []fsx.File
		want  string
	}{
		"no sources":  {[]fsx.File{{Path: "setup.py", Mode: 0o644}}, "neither src/server/mod_wsgi.c and src/server/wsgi_version.h"},
		"no version":  {sample("1.0")[:3], "lacks src/server/wsgi_version.h"},
		"odd version": {sample("1 0"), "does not define MOD_WSGI_VERSION_STRING"},
	} {
		_, err := treeVersion(c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A folder with a link in it is refused: what is compiled is what was looked at.
func TestFolderWithLink(t *testing.T) {
	dir := t.TempDir()
	if err := fsx.WriteTree(dir, sample("1.0")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "src/server/passwd.c")); err != nil {
		t.Fatal(err)
	}
	if _, err := readFolder(dir); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v", err)
	}
}
