package fetch

import (
	"archive/tar"
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"modwsgi/internal/hint"
)

// squeezed is an archive in a compressed form.
func squeezed(t testing.TB, data []byte, form string) []byte {
	t.Helper()
	var b bytes.Buffer
	if form == "zst" {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll(data, nil)
	}
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// built are the members of a package.
func built(more ...member) []member {
	reg := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	return append([]member{{reg("top/mod_wsgi.so"), "x"}, {reg("top/mod_wsgi/abi/wsgi-host"), "y"}}, more...)
}

func link(name, to string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}, ""}
}

// what a package holds comes out as it went in, in both forms.
func TestReadPackage(t *testing.T) {
	for _, form := range []string{"gz", "zst"} {
		files, err := ReadPackage(squeezed(t, tarball(t, built(link("top/mod_wsgi/default", "abi"))), form))
		if err != nil || len(files) != 3 {
			t.Fatalf("%s: %+v, %v", form, files, err)
		}
		if f := files[2]; f.Path != "mod_wsgi/default" || f.Link != "abi" {
			t.Errorf("%s: %+v", form, f)
		}
		if f := files[0]; f.Path != "mod_wsgi.so" || string(f.Data) != "x" || f.Mode != 0o644 {
			t.Errorf("%s: %+v", form, f)
		}
	}
}

// G-10, Y-5: a package is read as strictly as a source, and no link in it leads
// anywhere but to its neighbour.
func TestAttackPackage(t *testing.T) {
	a := newAttacks(t, "Q-8 package")
	for name, c := range map[string]struct {
		add  member
		want string
	}{
		"link out":           {link("top/mod_wsgi/default", "../../etc"), "no neighbour"},
		"absolute link":      {link("top/l", "/etc"), "no neighbour"},
		"link to the parent": {link("top/l", ".."), "no neighbour"},
		"link to itself":     {link("top/l", "l"), "not in the archive"},
		"link to nothing":    {link("top/l", "gone"), "not in the archive"},
		"link at the top":    {link("l", "top"), "not everything is below one folder"},
		"link over a file":   {link("top/mod_wsgi.so", "mod_wsgi"), "are one name"},
		"absolute link name": {link("/etc/x", "y"), "absolute"},
		"hard link":          {member{tar.Header{Name: "top/l", Typeflag: tar.TypeLink, Linkname: "top/mod_wsgi.so"}, ""}, "neither a file nor a folder"},
		"file below a link":  {member{tar.Header{Name: "top/mod_wsgi.so/x", Typeflag: tar.TypeReg, Mode: 0o644}, "x"}, "are one name"},
		"setuid":             {member{tar.Header{Name: "top/s", Typeflag: tar.TypeReg, Mode: 0o4755}, ""}, "special permission bits"},
		"parent":             {member{tar.Header{Name: "top/../../x", Typeflag: tar.TypeReg, Mode: 0o644}, ""}, "no plain path"},
	} {
		_, err := ReadPackage(squeezed(t, tarball(t, built(c.add)), "gz"))
		a.refused(t, name, err, c.want, hint.Failed)
	}
	chain := built(link("top/a", "b"), link("top/b", "mod_wsgi"))
	_, err := ReadPackage(squeezed(t, tarball(t, chain), "gz"))
	a.refused(t, "link to a link", err, "not in the archive", hint.Failed)
	_, err = ReadPackage(tarball(t, built()))
	a.refused(t, "not compressed", err, "neither a tar.gz nor a tar.zst", hint.Failed)
	_, err = ReadPackage(append(squeezed(t, tarball(t, built()), "gz"), "more"...))
	a.refused(t, "something behind", err, "follow the end", hint.Failed)
	_, err = ReadPackage(squeezed(t, bytes.Repeat([]byte{0}, 300<<20), "zst"))
	a.refused(t, "bomb", err, "larger than", hint.Failed)
}

// Y-4: whatever is read of an archive stays below its top.
func FuzzReadPackage(f *testing.F) {
	f.Add(tarball(f, built(link("top/mod_wsgi/default", "abi"))))
	f.Add(tarball(f, built(link("top/l", "../x"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := ReadPackage(squeezed(t, data, "gz"))
		if err != nil {
			return
		}
		for _, each := range files {
			if strings.HasPrefix(each.Path, "/") || slices.Contains(strings.Split(each.Path, "/"), "..") || strings.ContainsAny(each.Link, "/\\") {
				t.Errorf("%+v", each)
			}
		}
	})
}
