package pack

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"modwsgi/installer"
)

// what tar unpacks is a module that can be used from there, with sums that
// sha256sum finds right, and installed from there.
func (x packed) testTar(t *testing.T) {
	t.Parallel()
	all := made(t, "tar", x.b, x.o)
	top := "mod_wsgi-" + x.b.Layout.Apache.Version + "-cpython311-apache2.4.65-linux-amd64"
	dir := kept(t, all)
	unpacked := map[string]string{}
	for _, form := range []string{"gz", "zst"} {
		name := top + ".tar." + form
		if all[name] == nil {
			t.Fatalf("there is no %s: %q", name, slices.Sorted(maps.Keys(all)))
		}
		if form == "zst" {
			tool(t, "zstd")
		}
		place := t.TempDir()
		ask(t, tool(t, "tar"), "-xf", filepath.Join(dir, name), "-C", place)
		l, err := installer.Locate(filepath.Join(place, top))
		if err != nil || len(l.Halves) != 1 || l.Default != l.Halves[0].ABI {
			t.Fatalf("%+v, %v", l, err)
		}
		modules := t.TempDir()
		if _, err := installer.Install(t.Context(), l, modules, installer.Options{State: t.TempDir()}); err != nil {
			t.Error(err)
		}
		list := ask(t, "find", l.Dir, "-name", "*.[ch]")
		if list != "" {
			t.Errorf("C sources are in it: %s", list)
		}
		sums, err := os.ReadFile(filepath.Join(l.Dir, SumsFile))
		if err != nil || !bytes.Contains(sums, []byte("  mod_wsgi/wsgi-supervisor\n")) {
			t.Errorf("%s, %v", sums, err)
		}
		ask(t, tool(t, "sh"), "-c", `cd "$1" && sha256sum --quiet -c SHA256SUMS`, "sh", l.Dir)
		unpacked[form] = ask(t, "sh", "-c", `cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum`, "sh", l.Dir)
	}
	if unpacked["gz"] != unpacked["zst"] {
		t.Error("the two forms hold different files")
	}
}

// B-1: the bill of each package names it by its hash, what it is for and what made
// it, with licences, and nothing of this machine.
func (x packed) testBills(t *testing.T) {
	t.Parallel()
	all := made(t, "deb", x.b, x.o)
	sums := map[string]string{}
	for name, data := range all {
		for _, s := range Sums([]Made{{name, data}}) {
			sums[name] = s.SHA256
		}
	}
	bills := ending(maps.Clone(all), ".cdx.json")
	if len(bills) != 6 {
		t.Fatalf("%d bills", len(bills))
	}
	serials := map[string]bool{}
	for name, data := range bills {
		bom := new(cdx.BOM)
		if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
			t.Fatal(err)
		}
		of := strings.TrimSuffix(name, ".cdx.json")
		main := bom.Metadata.Component
		if bom.SpecVersion != cdx.SpecVersion1_6 || main.Name != of || (*main.Hashes)[0].Value != sums[of] {
			t.Errorf("%s: %v %s", name, bom.SpecVersion, main.Name)
		}
		if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(bom.SerialNumber) || serials[bom.SerialNumber] {
			t.Errorf("%s: serial number %s", name, bom.SerialNumber)
		}
		serials[bom.SerialNumber] = true
		var names []string
		for _, c := range *bom.Components {
			names = append(names, c.Name)
			if c.Licenses == nil || c.PackageURL == "" {
				t.Errorf("%s: %s has no licence or no address", name, c.Name)
			}
		}
		if !slices.Equal(names, []string{"modwsgi", "Apache HTTP Server", "CPython", "CPython"}) {
			t.Errorf("%s: components %q", name, names)
		}
		if bytes.Contains(data, []byte(x.Root)) {
			t.Errorf("%s names a folder of this machine", name)
		}
	}
	if known := noticed(); known["github.com/goreleaser/nfpm/v2"] != "MIT" || known["golang.org/x/sys"] != "BSD-3-Clause" || len(known) < 25 {
		t.Errorf("licences of %d modules", len(known))
	}
}

// B-1: the bills satisfy the published schema, which is not among our files.
func (x packed) testSchema(t *testing.T) {
	t.Parallel()
	python := os.Getenv("MODWSGI_CYCLONEDX_PYTHON")
	if python == "" {
		t.Skip("MODWSGI_CYCLONEDX_PYTHON names no Python with cyclonedx-python-lib[json-validation]")
	}
	const validate = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = [e for f in sys.argv[1:] for e in [JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(f).read())] if e]
sys.exit("%s" % wrong if wrong else 0)`
	for _, format := range []string{"deb", "wheel"} {
		dir := kept(t, ending(made(t, format, x.b, x.o), ".cdx.json"))
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%q, %v", files, err)
		}
		ask(t, python, append([]string{"-c", validate}, files...)...)
	}
}

// B-2: the statement names every package by its hash and everything that went in.
func (x packed) testStatement(t *testing.T) {
	t.Parallel()
	all := made(t, "apk", x.b, x.o)
	name := "mod_wsgi-" + x.b.Layout.Apache.Version + "-py311+py313t-amd64.apk.intoto.json"
	var s statement
	d := json.NewDecoder(bytes.NewReader(all[name]))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	packages := ending(maps.Clone(all), ".apk")
	for _, r := range s.Subject {
		if data, ok := packages[r.Name]; !ok || Sums([]Made{{r.Name, data}})[0].SHA256 != r.Digest["sha256"] {
			t.Errorf("the subject %+v is no package", r)
		}
	}
	p := s.Predicate.BuildDefinition
	if len(s.Subject) != len(packages) || s.Type != statementType || s.PredicateType != predicateType || p.ExternalParameters.Format != "apk" || len(p.ExternalParameters.ABI) != 2 {
		t.Errorf("%+v", s)
	}
	if e := p.ExternalParameters; e.Maintainer != contact || e.Revision != "1" || e.Family != "alpine" || e.Compress != "" || e.Key != "" {
		t.Errorf("what was chosen: %+v", e)
	}
	for _, r := range p.ResolvedDependencies {
		if len(r.Digest["sha256"])+len(r.Digest["dirHash1"]) != 64 {
			t.Errorf("no hash of %+v", r)
		}
	}
	if len(p.ResolvedDependencies) != 3 {
		t.Errorf("%+v", p.ResolvedDependencies)
	}
}

// B-3: the sums of a folder keep what is still there and what it was, and no more.
func TestSumsOf(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.deb", "b.deb", "c.deb"} {
		write(name, name)
	}
	add := func(names ...string) string {
		var made []Made
		for _, name := range names {
			made = append(made, Made{name, []byte(name)})
		}
		text, err := SumsOf(dir, Sums(made))
		if err != nil {
			t.Fatal(err)
		}
		write(SumsFile, string(text))
		return string(text)
	}
	if text := add("b.deb", "a.deb"); strings.Count(text, "\n") != 2 || !strings.HasSuffix(text, "  b.deb\n") {
		t.Error(text)
	}
	write("a.deb", "changed")
	if text := add("c.deb"); strings.Contains(text, "a.deb") || !strings.Contains(text, "b.deb") || !strings.Contains(text, "c.deb") {
		t.Error(text)
	}
	for _, about := range []string{"c.deb", "gone.deb"} { // one that is true, one of a file that is gone
		name := about + ".intoto.json"
		text := `{"subject":[{"name":"` + about + `","digest":{"sha256":"` + Sums([]Made{{"", []byte(about)}})[0].SHA256 + `"}}]}`
		write(name, text)
		if text, err := SumsOf(dir, Sums([]Made{{name, []byte(text)}})); err != nil {
			t.Error(err)
		} else {
			write(SumsFile, string(text))
		}
	}
	if text := add("b.deb"); !strings.Contains(text, "c.deb.intoto.json") || strings.Contains(text, "gone") {
		t.Error(text)
	}
	write(SumsFile, "nonsense\n")
	if _, err := SumsOf(dir, nil); err == nil {
		t.Error("nonsense is read")
	}
}

// Y-4: what is read of sums is what it was written as.
func FuzzReadSums(f *testing.F) {
	line := strings.Repeat("0", 64) + "  a b\n"
	for _, seed := range []string{line, line + line, "x", line[:64] + " *a\n", line[:66] + "../a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readSums(text)
		for name, sum := range list {
			if err == nil && !strings.Contains(text, sum+"  "+name) || strings.Contains(name, "/") {
				t.Errorf("%q: %q %q", text, name, sum)
			}
		}
	})
}
