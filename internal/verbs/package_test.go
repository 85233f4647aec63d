package verbs

import (
	"bytes"
	"encoding/json"
	"errors"
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
		"nobody's address":         {"deb", options.Flags{"maintainer": ptr("Some Body")}, "", hint.Usage},
		"systems without it":       {"deb", options.Flags{"family": ptr("suse")}, "", hint.Usage},
		"a key that is none":       {"apk", options.Flags{"apk_key": ptr(filepath.Join(w.Root, "apache.json"))}, "", hint.Failed},
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

// who makes packages is whom the tools of their format would take.
func TestMaintainer(t *testing.T) {
	home, bin := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(home, ".abuild/abuild.conf"): "# PACKAGER=\"Not Me <not@me>\"\nPACKAGER=\"Al Pine <al@pine>\"\n",
		filepath.Join(home, ".makepkg.conf"):       "PACKAGER='Ar Ch <ar@ch>'\nPACKAGER=\"\n",
		filepath.Join(bin, "rpm"):                  "#!/bin/sh\n[ \"$*\" = '--eval %packager' ] && echo \"${RPM:-%packager}\"\n",
		filepath.Join(bin, "git"):                  "#!/bin/sh\ncase $2 in user.name) echo Git User;; user.email) echo \"$GIT\";; esac\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		format string
		env    []string
		want   string
	}{
		{"deb", []string{"DEBFULLNAME=De Bian", "DEBEMAIL=de@bian", "NAME=x", "EMAIL=y@z"}, "De Bian <de@bian>"},
		{"deb", []string{"DEBEMAIL=De Bian <de@bian>"}, "De Bian <de@bian>"},
		{"deb", []string{"NAME=De", "EMAIL=de@bian"}, "De <de@bian>"},
		{"deb", []string{"DEBEMAIL=de@bian", "GIT=git@user"}, "Git User <git@user>"}, // an address is not enough
		{"deb", []string{"PACKAGER=Pa <c@k>"}, nobody},
		{"rpm", []string{"RPM=Fe Dora <fe@dora>", "GIT=git@user"}, "Fe Dora <fe@dora>"},
		{"rpm", []string{"GIT=git@user"}, "Git User <git@user>"},
		{"rpm", nil, nobody},
		{"apk", []string{"PACKAGER=Pa <c@k>"}, "Pa <c@k>"},
		{"apk", nil, nobody},
		{"apk", []string{"HOME=" + home}, "Al Pine <al@pine>"},
		{"arch", []string{"HOME=" + home}, "Ar Ch <ar@ch>"},
		{"arch", []string{"HOME=" + home, "MODWSGI_MAINTAINER=It Is <me@here>"}, "It Is <me@here>"},
		{"tar", []string{"GIT=git@user"}, nobody},
	} {
		set, err := options.Resolve("package", nil, append([]string{"PATH=" + bin}, c.env...), home)
		if err != nil {
			t.Fatal(err)
		}
		p := &packing{Job: &Job{Set: set, Dir: home, R: set.Runner(), Out: io.Discard, Err: io.Discard}}
		if got := p.maintainer(t.Context(), c.format); got != c.want || p.checkMaintainer() != nil {
			t.Errorf("%s, %q: %s, want %s", c.format, c.env, got, c.want)
		}
	}
}
