package fetch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// G-4: a release is the archive that was uploaded with it; its sums file is
// believed only where nothing better is known, and only by https.
func TestAttackRelease(t *testing.T) {
	archive := func(version string) []byte { return gz(t, tarball(t, members("mod_wsgi-"+version, sample(version)))) }
	right := archive("7.0")
	sums := func(text string) string {
		return strings.ReplaceAll(text, "SUM", strings.TrimPrefix(sumOf("sha256", right), "sha256:"))
	}
	files := map[string]string{
		"/mod_wsgi-7.0/mod_wsgi-7.0.tar.gz": string(right),
		"/mod_wsgi-7.0/SHA256SUMS":          sums(strings.Repeat("0", 64) + "  other.tar.gz\nSUM *mod_wsgi-7.0.tar.gz\n"),
		"/mod_wsgi-7.1/mod_wsgi-7.1.tar.gz": string(archive("7.1")),
		"/mod_wsgi-7.1/SHA256SUMS":          sums("SUM  mod_wsgi-7.1.tar.gz\n"),
		"/mod_wsgi-7.2/mod_wsgi-7.2.tar.gz": string(archive("7.2")),
		"/mod_wsgi-7.3/mod_wsgi-7.3.tar.gz": string(archive("7.3")),
		"/mod_wsgi-7.3/SHA256SUMS":          sums("SUM  mod_wsgi-7.3.zip\n"),
		"/mod_wsgi-7.4/mod_wsgi-7.4.tar.gz": string(archive("7.4")),
		"/mod_wsgi-7.4/SHA256SUMS":          sums("SUM  mod_wsgi-7.4.tar.gz\n" + strings.Repeat("0", 64) + "  mod_wsgi-7.4.tar.gz\n"),
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := files[r.URL.Path]; ok {
			fmt.Fprint(w, text)
			return
		}
		http.NotFound(w, r)
	})
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	base, o := site(t, mux)
	o.Releases = base
	get := func(o Options, version, sum string) error {
		_, err := o.Get(t.Context(), Source{Kind: Release, At: version, Sum: sum})
		return err
	}
	if err := get(o, "7.0", ""); err != nil {
		t.Errorf("as published: %v", err)
	}
	if err := get(o, "7.2", sumOf("sha256", archive("7.2"))); err != nil {
		t.Errorf("the sum was given: %v", err)
	}
	a := newAttacks(t, "G-4")
	a.refused(t, "the sums file lies", get(o, "7.1", ""), "the archive has sha256:", hint.Refused)
	a.refused(t, "no sums file", get(o, "7.2", ""), "no checksum is known", hint.Refused)
	a.refused(t, "another file's sum", get(o, "7.3", ""), "has no checksum of mod_wsgi-7.3.tar.gz", hint.Refused)
	a.refused(t, "two sums", get(o, "7.4", ""), "two checksums", hint.Refused)
	locked := o
	locked.Lock = Lock{}.With(Origin{Form: "release:7.0", Sum: "sha256:" + strings.Repeat("1", 64), Tree: "sha256:1"})
	a.refused(t, "the lock wins over the sums file", get(locked, "7.0", ""), "not sha256:111", hint.Refused)
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	o.Releases, o.AllowHTTP = plain.URL, true
	a.refused(t, "sums by http", get(o, "7.0", ""), "would not come by https", hint.Refused)
	if err := get(o, "7.0", sumOf("sha256", right)); err != nil {
		t.Errorf("http with a checksum: %v", err)
	}
}

// G-10: what is refused leaves nothing in the cache.
func TestAttackLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.tar.gz")
	if err := os.WriteFile(archive, gz(t, tarball(t, append(members("top", sample("1.0")), members("other", sample("1.0"))...))), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Cache: filepath.Join(dir, "cache")}
	a := newAttacks(t, "G-10")
	_, _, err := o.Folder(t.Context(), Source{Kind: File, At: archive})
	a.refused(t, "two tops", err, "not everything is below one folder", hint.Failed)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// G-7: no name or password of a netrc file goes to a server, and no word of a URL
// makes the library unpack.
func TestAttackLibrary(t *testing.T) {
	archive := gz(t, tarball(t, members("top", sample("1.0"))))
	var asked []string
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if _, _, has := r.BasicAuth(); has {
			asked = append(asked, r.URL.Path+" with a password")
		}
		w.Write(archive)
	})
	base, o := site(t, mux)
	netrc := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(netrc, []byte("default login me password secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NETRC", netrc)
	for _, path := range []string{"/a.tar.gz", "/a.tar.gz?archive=zip", "/a.zip", "/a.tar.gz?checksum=md5:d41d8cd98f00b204e9800998ecf8427e"} {
		tree, err := o.Get(t.Context(), Source{Kind: HTTPS, At: base + path, Sum: sumOf("sha256", archive)})
		if path != "/a.tar.gz?checksum=md5:d41d8cd98f00b204e9800998ecf8427e" && (err != nil || tree.Version != "1.0") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("asked for %q", asked)
	}
	a := newAttacks(t, "G-7")
	for name, spec := range map[string]string{
		"a getter by name":    "s3::https://x.example/a",
		"a file as a getter":  "file::/etc/passwd",
		"a detector's form":   "github.com/someone/something",
		"a part of a tree":    "https://x.example/a.tar.gz//src",
		"hg":                  "hg::https://x.example/r",
		"a file by two words": "file:///etc",
	} {
		_, err := Parse(spec, places)
		want, code := "nothing is known of the scheme", 2
		switch {
		case strings.HasPrefix(spec, "file:") || strings.HasPrefix(spec, "github"):
			want, code = "no such file", hint.NotFound
		case strings.HasPrefix(spec, "https:"):
			want = "cannot be named with //"
		}
		a.refused(t, name, err, want, code)
	}
}
