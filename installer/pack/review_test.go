package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc/fetch"
	"modwsgi/internal/hint"
)

// published writes packages of some formats with all that lies beside them.
func (x packed) published(t *testing.T, b Build, formats ...string) string {
	t.Helper()
	all := map[string][]byte{}
	for _, format := range formats {
		maps.Copy(all, made(t, format, b, x.o))
	}
	dir := kept(t, all)
	resum(t, dir)
	return dir
}

// resum makes the sums of a folder those of what is in it.
func resum(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if e.Name() == SumsFile {
			continue
		}
		sum, err := readFileSum(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(sum + "  " + e.Name() + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, SumsFile), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// B-3: everything in a folder is read again, and each fault is named; also those of
// somebody who made the sums true again.
func (x packed) testReview(t *testing.T) {
	t.Parallel()
	b := x.b
	b.Origin = fetch.Origin{Form: "pypi:6.0.5", Sum: "sha256:" + strings.Repeat("1", 64)}
	lock := fetch.Lock{}.With(fetch.Origin{Form: "pypi:6.0.5", Tree: "sha256:1", Sum: "sha256:" + strings.Repeat("1", 64)})
	first := func(dir, pattern string) string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: %q, %v", pattern, list, err)
		}
		return list[0]
	}
	replace := func(pattern, old, new string) func(dir string) error {
		return func(dir string) error {
			path := first(dir, pattern)
			data, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(data, []byte(old)) {
				return errors.Join(errors.New("no "+old+" in "+path), err)
			}
			return os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(new), 1), 0o644)
		}
	}
	remove := func(pattern string) func(dir string) error {
		return func(dir string) error { return os.Remove(first(dir, pattern)) }
	}
	archive := func(dir string) error {
		path := first(dir, "*.tar.gz")
		z, err := os.ReadFile(first(dir, "*.tar.zst"))
		return errors.Join(err, os.WriteFile(path, z[:len(z)-4], 0o644))
	}
	for _, c := range []struct {
		name   string
		format string
		do     func(dir string) error
		resum  bool
		want   []string
	}{
		{"nothing", "deb", func(string) error { return nil }, false, nil},
		{"nothing", "tar", func(string) error { return nil }, false, nil},
		{"nothing", "wheel", func(string) error { return nil }, false, nil},
		{"two faults", "deb", func(dir string) error {
			return errors.Join(replace("*-py311_*.deb", "!<arch>", "?<arch>")(dir), remove("*-py313t_*.deb.cdx.json")(dir))
		}, false, []string{"-py311_", "has another sum", "-py313t_", "no such file"}},
		{"a package that nobody made", "deb", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "other_1_amd64.deb"), []byte("x"), 0o644)
		}, false, []string{"other_1_amd64.deb is not in SHA256SUMS"}},
		{"the same, with a sum", "deb", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "other_1_amd64.deb"), []byte("x"), 0o644)
		}, true, []string{"other_1_amd64.deb: it has no bill of materials", "other_1_amd64.deb: no statement is about it"}},
		{"a changed package, with its sum", "deb", replace("*-py311_*.deb", "!<arch>", "?<arch>"), true, []string{"cdx.json is about another", "intoto.json is about another"}},
		{"a changed bill, with its sum", "deb", replace("*-py311_*.deb.cdx.json", "gcc 12.2.0", "gcc 99.9.9"), true, []string{".cdx.json: its serial number is of other contents"}},
		{"a statement of another kind", "deb", replace("*.intoto.json", "slsa.dev/provenance/v1", "example.com/v1"), true, []string{"it is no statement"}},
		{"another source", "deb", replace("*.intoto.json", strings.Repeat("1", 64), strings.Repeat("2", 64)), true, []string{"another pypi:6.0.5 than modwsgi.lock has"}},
		{"a changed archive, with its sum", "tar", archive, true, []string{".tar.gz.cdx.json is about another", ".tar.gz: "}},
		{"no sums", "deb", func(dir string) error { return os.Remove(filepath.Join(dir, SumsFile)) }, false, nil},
	} {
		dir := x.published(t, b, c.format)
		if err := c.do(dir); err != nil {
			t.Fatal(err)
		}
		if c.resum {
			resum(t, dir)
		}
		r, err := ReviewFolder(dir, lock)
		if c.name == "no sums" {
			if hint.Code(err) != hint.NotFound {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		err = r.Err()
		if (err == nil) != (c.want == nil) || err != nil && hint.Code(err) != hint.Unverified || r.Locked != 1 {
			t.Errorf("%s of %s: %v, %d locked", c.name, c.format, err, r.Locked)
		}
		for _, want := range c.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in %v", c.name, want, err)
			}
		}
		var out strings.Builder
		if err := r.Print(&out); err != nil || !strings.Contains(out.String(), " 1 statements, 1 sources of modwsgi.lock") {
			t.Errorf("%s, %v", out.String(), err)
		}
	}
}

// B-2: the archive that a release of the original came in, its patches, its C
// sources and the server it was built for are in the statement by their digests;
// paths of this machine are not.
func (x packed) testOriginStated(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	httpd := filepath.Join(t.TempDir(), "httpd")
	if err := os.WriteFile(httpd, []byte("server"), 0o755); err != nil {
		t.Fatal(err)
	}
	serverSum, err := readFileSum(httpd)
	if err != nil {
		t.Fatal(err)
	}
	half := x.b.Layout.Halves[0]
	base := Build{Machine: "amd64", Apache: "2.4.65", Httpd: httpd, Classic: &Classic{Module: half.Embed, Version: "6.0.5", Source: x.b.Layout.Apache.Source, Python: half.Info}}
	for _, c := range []struct {
		origin fetch.Origin
		want   resource
	}{
		{fetch.Origin{Form: "pypi:6.0.5", URL: "http://127.0.0.1/mirror/x.tar.gz", Sum: "sha256:" + sum}, resource{Name: "source archive", Digest: digest{"sha256": sum}, Annotations: map[string]string{formAnnotation: "pypi:6.0.5"}}},
		{fetch.Origin{Form: "https://example.com/x.tar.gz", URL: "https://example.com/x.tar.gz", Sum: "sha512:" + sum}, resource{Name: "source archive", URI: "https://example.com/x.tar.gz", Digest: digest{"sha512": sum}, Annotations: map[string]string{formAnnotation: "https://example.com/x.tar.gz"}}},
		{fetch.Origin{Form: "file:/home/somebody/x.tar.gz", Sum: "sha256:" + sum}, resource{Name: "source archive", Digest: digest{"sha256": sum}}},
		{fetch.Origin{Form: "git::file:///home/somebody/x?ref=1", URL: "file:///home/somebody/x", Commit: sum[:40]}, resource{Name: "source repository", Digest: digest{"gitCommit": sum[:40]}}},
		{fetch.Origin{Form: "git::https://example.com/x?ref=1", URL: "https://example.com/x", Commit: sum[:40]}, resource{Name: "source repository", Digest: digest{"gitCommit": sum[:40]}, Annotations: map[string]string{formAnnotation: "git::https://example.com/x?ref=1"}}},
		{fetch.Origin{Form: "dir:/home/somebody/x"}, resource{}},
	} {
		b := base
		b.Origin = c.origin
		b.Origin.Patches = []fetch.Patch{{Name: "deep/fix.patch", Sum: "sha256:" + sum}}
		m, err := b.provenance("deb", Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(m.Data); strings.Contains(text, "somebody") || strings.Contains(text, filepath.Dir(httpd)) || strings.Contains(text, "127.0.0.1") {
			t.Errorf("a path or a mirror of this machine: %s", text)
		}
		var s statement
		if err := json.Unmarshal(m.Data, &s); err != nil {
			t.Fatal(err)
		}
		got := s.Predicate.BuildDefinition.ResolvedDependencies
		has := func(want resource) bool {
			return slices.ContainsFunc(got, func(r resource) bool {
				return r.Name == want.Name && r.URI == want.URI && maps.Equal(r.Digest, want.Digest) && maps.Equal(r.Annotations, want.Annotations)
			})
		}
		n := 5
		if c.want.Name == "" {
			n--
		}
		if len(got) != n || c.want.Name != "" && !has(c.want) || !has(resource{Name: "httpd", Digest: digest{"sha256": serverSum}}) || !has(resource{Name: "patch fix.patch", Digest: digest{"sha256": sum}}) || got[0].Name != "C sources" || got[n-1].Name != half.Info.SONAME {
			t.Errorf("%s: %+v", c.origin.Form, got)
		}
	}
}
