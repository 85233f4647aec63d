package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"modwsgi/internal/hint"
)

func zst(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, data)
	return b.Bytes()
}

func xzed(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, data)
	return b.Bytes()
}

// G-10, for each way to pack a tar: nothing follows, nothing is cut off, and no
// bomb goes off.
func TestAttackCompressed(t *testing.T) {
	a := newAttacks(t, "G-10 packed")
	plain := tarball(t, members("top", sample("1.0")))
	var zeros []member
	for i := range 3 {
		zeros = append(zeros, member{tar.Header{Name: fmt.Sprintf("top/z%d", i), Typeflag: tar.TypeReg, Mode: 0o644}, strings.Repeat("\x00", MaxFile)})
	}
	bomb := tarball(t, zeros)
	for name, p := range map[string]struct {
		pack          func(testing.TB, []byte) []byte
		after, second string // what is said of bytes, and of another stream, behind the end
	}{
		"zstd": {zst, "magic number mismatch", "something follows the end"},
		"xz":   {xzed, "unexpected data after stream", "unexpected data after stream"},
	} {
		pack := p.pack
		good := pack(t, plain)
		if tree, err := readArchive(good); err != nil || tree.Version != "1.0" {
			t.Errorf("%s: %+v, %v", name, tree.Version, err)
		}
		for what, c := range map[string]struct {
			data []byte
			want string
		}{
			"after":         {append(bytes.Clone(good), "more"...), p.after},
			"second stream": {append(bytes.Clone(good), pack(t, []byte("more"))...), p.second},
			"inside":        {pack(t, append(bytes.Clone(plain), "more"...)), "something follows the end"},
			"cut":           {good[:len(good)/2], "unexpected EOF"},
			"head alone":    {good[:6], "EOF"},
			"bomb":          {pack(t, bomb), errBomb.Error()},
		} {
			_, err := readArchive(c.data)
			a.refused(t, what+", "+name, err, c.want, hint.Failed)
		}
	}
}

// G-10: nobody reads what is encrypted.
func TestAttackEncrypted(t *testing.T) {
	a := newAttacks(t, "G-10 zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "top/secret", Flags: 1, Method: zip.Store, CompressedSize64: 1, UncompressedSize64: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = readArchive(b.Bytes())
	a.refused(t, "encrypted", err, "is encrypted", hint.Failed)
}

// G-3, G-4, G-5, G-9, G-12, G-13: what was brought is not what was meant.
func TestAttackMeaning(t *testing.T) {
	a := newAttacks(t, "G-3 to G-13")
	old := gz(t, tarball(t, members("mod_wsgi-5.0.1", sample("5.0.1"))))
	mux := http.NewServeMux()
	mux.HandleFunc("/mod-wsgi/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".tar.gz") {
			w.Write(old)
			return
		}
		fmt.Fprintf(w, `<a href="mod_wsgi-5.0.3.tar.gz#sha256=%x">mod_wsgi-5.0.3.tar.gz</a>`, sha256.Sum256(old))
	})
	base, o := site(t, mux)
	o.Index = base
	_, err := o.Get(t.Context(), Source{Kind: PyPI, At: "5.0.3"})
	a.refused(t, "another version inside", err, "the tree says that it is 5.0.1", hint.Refused) // G-3
	_, err = o.Get(t.Context(), Source{Kind: PyPI, At: "5.0.4"})
	a.refused(t, "a version that is not there", err, "has no mod_wsgi-5.0.4.tar.gz", hint.NotFound)
	zero := "sha256:" + strings.Repeat("0", 64)
	_, err = Options{}.expected(Source{Kind: PyPI, At: "6.0.5", Sum: zero})
	a.refused(t, "another sum than the known one", err, "this program knows sha256:", hint.Refused) // G-4
	_, err = o.Get(t.Context(), Source{Kind: HTTPS, At: base + "/mod-wsgi/mod-wsgi_5.0.2.orig.tar.gz"})
	a.refused(t, "other content under the name of Debian's archive", err, "sha256:9a0fdb61405abc300ec6b100c440dd98", hint.Refused) // G-4
	_, err = Parse("git::https://x.example/r?ref=a#sha256="+strings.Repeat("0", 64), places)
	a.refused(t, "a sum for git", err, "is checked by its commit", hint.Usage) // G-9

	far := Source{Kind: Git, At: "https://127.0.0.1:1/r", Ref: strings.Repeat("a", 40)}
	_, err = Options{Runner: o.Runner, Offline: true}.Get(t.Context(), far)
	a.refused(t, "git, offline", err, "the network is not to be used", hint.Refused) // T-9

	folder := t.TempDir()
	for _, f := range sample("1.0") {
		path := filepath.Join(folder, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Options{Key: "gpg:x"}.Get(t.Context(), Source{Kind: Dir, At: folder})
	a.refused(t, "a folder, where a signature is asked for", err, "has no signature", hint.Refused) // G-13
	_, err = Options{Patches: folder}.Get(t.Context(), Source{Kind: Dir, At: folder})
	a.refused(t, "patches without a series", err, "series", hint.Refused) // G-12
	archive := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(archive, old, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Options{}.Get(t.Context(), Source{Kind: File, At: archive, Sum: zero})
	a.refused(t, "a file with another sum", err, "the archive has sha256:", hint.Refused) // G-5
	_, err = Options{Key: "gpg:" + filepath.Join(folder, "no.key")}.Get(t.Context(), Source{Kind: File, At: archive})
	a.refused(t, "a file without its signature", err, "the signature cannot be relied on", hint.Refused) // G-13
}
