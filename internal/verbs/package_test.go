package verbs

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
)

// pack packs the workshop's release of the original.
func (w *workshop) pack(format string, flags options.Flags, environ ...string) (packages, error) {
	w.t.Helper()
	w.document("apache.json", w.Apache)
	w.document("python.json", w.python)
	set, err := options.Resolve("package", flags, append(slices.Clone(w.environ), environ...), w.Root)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	j := &Job{Set: set, Dir: w.Root, R: set.Runner(), Out: &out, Err: io.Discard}
	if err := Package(PackageRequest{Format: format})(w.t.Context(), j); err != nil {
		return packages{}, err
	}
	var p packages
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		w.t.Fatal(err)
	}
	return p, nil
}

// T-4, Q-10, H-3: what the options of packages do, as a person sees it.
func TestPackageOptions(t *testing.T) {
	w := newWorkshop(t)
	if _, err := w.pack("deb", options.Flags{"allow_untested": ptr(true)}); hint.Code(err) != hint.Refused {
		t.Errorf("a run path into a Python of no package: %v", err)
	}
	w.python.NeedsPath = false
	p, err := w.pack("deb", options.Flags{"revision": ptr("2~test1"), "maintainer": ptr("Some Body <body@debian.org>"), "allow_untested": ptr(true),
		"sign": ptr(`sh -c 'echo signed > "$0.sig"'`)})
	if err != nil {
		t.Fatal(err)
	}
	if p.Folder != filepath.Join(w.Root, "dist") || len(p.Files) != 5 || !strings.HasSuffix(p.Files[0].Name, "-2~test1_amd64.deb") {
		t.Fatalf("%+v", p)
	}
	sums, err := os.ReadFile(filepath.Join(p.Folder, "SHA256SUMS"))
	if err != nil || strings.Count(string(sums), "\n") != len(p.Files) {
		t.Errorf("%s, %v", sums, err)
	}
	for _, f := range p.Files {
		if !strings.Contains(string(sums), f.SHA256+"  "+f.Name+"\n") {
			t.Errorf("no sum of %s", f.Name)
		}
		if _, err := os.Stat(filepath.Join(p.Folder, f.Name+".sig")); (err == nil) != strings.HasSuffix(f.Name, ".deb") {
			t.Errorf("signature of %s: %v", f.Name, err)
		}
	}
	other, err := w.pack("deb", options.Flags{"dist": ptr(filepath.Join(w.Root, "an other")), "allow_untested": ptr(true)}, "SOURCE_DATE_EPOCH=1700000000")
	if err != nil || other.Folder != filepath.Join(w.Root, "an other") || other.Files[0].SHA256 == p.Files[0].SHA256 {
		t.Errorf("%+v, %v", other, err)
	}
	for what, c := range map[string]struct {
		format string
		flags  options.Flags
		env    string
		code   int
	}{
		"an unknown format":        {"zip", nil, "", hint.Usage},
		"a revision that is none":  {"deb", options.Flags{"revision": ptr("one")}, "", hint.Usage},
		"a time that is none":      {"deb", nil, "SOURCE_DATE_EPOCH=now", hint.Usage},
		"a wheel of the original":  {"wheel", nil, "", hint.Usage},
		"a signer that fails":      {"deb", options.Flags{"sign": ptr("false")}, "", hint.Failed},
		"a command that is no one": {"deb", options.Flags{"sign": ptr("'")}, "", hint.Usage},
	} {
		flags := options.Flags{"allow_untested": ptr(true)}
		for name, value := range c.flags {
			flags[name] = value
		}
		var env []string
		if c.env != "" {
			env = []string{c.env}
		}
		if _, err := w.pack(c.format, flags, env...); hint.Code(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
}
