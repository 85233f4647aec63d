package provider

import (
	"maps"
	"path"
	"strings"
	"testing"
)

const aSum = "88373c09d2d8a4b2e4b4a4c1a6f1a3b0a7b3f8b8f5e2a9d1c0b7e6f5a4d3c2b1"

// dsc is the description of a source package, signed, with lines in between.
func dsc(sums string) string {
	return "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nFormat: 3.0 (quilt)\nSource: python3.13\nBinary: python3.13, python3.13-venv,\n libpython3.13\nVersion: 1:3.13.5-2+deb13u1\n" +
		"Checksums-Sha256:\n" + sums + "Package-List:\n python3.13 deb python optional arch=any\n\n-----BEGIN PGP SIGNATURE-----\n\niQIzBAEB: x\n=abcd\n-----END PGP SIGNATURE-----\n"
}

// M-17: which archive of a source package is upstream's, and what it has to be.
func TestReadDsc(t *testing.T) {
	p, err := readDsc(dsc(" " + aSum + " 22 python3.13_3.13.5.orig.tar.xz.asc\n " + aSum + " 22664500 python3.13_3.13.5.orig.tar.xz\n " + aSum + " 1 python3.13_3.13.5-2+deb13u1.debian.tar.xz\n"))
	if err != nil || p.name != "python3.13" || p.version != "1:3.13.5-2+deb13u1" || len(p.files) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	f, err := p.original()
	if want := (sourceFile{"python3.13_3.13.5.orig.tar.xz", "sha256:" + aSum, 22664500}); err != nil || f != want {
		t.Errorf("%+v, %v; want %+v", f, err, want)
	}
	for name, sums := range map[string]string{
		"a short sum":              " abcd 22 a.tar.xz\n",
		"another word":             " " + aSum + " 22 a b\n",
		"a file elsewhere":         " " + aSum + " 22 ../a.tar.xz\n",
		"a hidden file":            " " + aSum + " 22 .a\n",
		"a size that is no number": " " + aSum + " x a.tar.xz\n",
		"a size below nothing":     " " + aSum + " -1 a.tar.xz\n",
	} {
		if p, err := readDsc(dsc(sums)); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p, err := readDsc("Hash: SHA512\n\nnothing\n"); err == nil {
		t.Errorf("no package: %+v", p)
	}
	if _, err := (sourcePackage{name: "a", version: "1-1"}).original(); err == nil {
		t.Error("a package without an archive has one")
	}
}

func TestUpstream(t *testing.T) {
	for version, want := range map[string]string{"3.13.5-2": "3.13.5", "1:2.4.66-1~deb12u1": "2.4.66", "3.14.0~rc2-1": "3.14.0~rc2", "1.0": "1.0", "1-2-3": "1-2"} {
		if got := upstream(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestReadStanzas(t *testing.T) {
	list := readStanzas("A: 1\nB:\n x\n\ty\n\n\nA: 2\nno field\n more\n")
	want := []stanza{{"a": "1", "b": "\nx\ny"}, {"a": "2"}}
	if len(list) != 2 || !maps.Equal(list[0], want[0]) || !maps.Equal(list[1], want[1]) {
		t.Errorf("%q", list)
	}
}

// No text makes a file that lies elsewhere than beside its description.
func FuzzReadDsc(f *testing.F) {
	f.Add(dsc(" " + aSum + " 22 python3.13_3.13.5.orig.tar.xz\n"))
	f.Add("Source: a\nVersion: 1-1\nChecksums-Sha256:\n " + aSum + " 1 ..\n")
	f.Add("\r\n: \n \n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readDsc(text)
		if err != nil {
			return
		}
		for _, file := range p.files {
			if file.name != path.Base(file.name) || strings.ContainsAny(file.name, "/") || file.name == ".." || file.name == "." {
				t.Errorf("%q", file.name)
			}
		}
	})
}
