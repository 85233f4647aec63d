package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/csrc/layouts"
	"modwsgi/installer"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// originals are the releases of the original that must build, load and answer: as
// Debian's source package has them where it does, and as the Python package index.
var originals = []struct {
	version string
	sources []string // of which DEBIAN is MODWSGI_MATRIX_DEBIAN
}{
	{"6.0.5", []string{"pypi:6.0.5"}},
	{"5.0.2", []string{"DEBIAN/pool/main/m/mod-wsgi/mod-wsgi_5.0.2.orig.tar.gz", "pypi:5.0.2"}},
	{"4.9.4", []string{"DEBIAN/pool/main/m/mod-wsgi/mod-wsgi_4.9.4.orig.tar.gz", "pypi:4.9.4"}},
}

// TestOriginals fetches those releases in every form, builds each for each Python
// of MODWSGI_MATRIX_PYTHONS (else the one of all tests), and proves each in both
// modes. A Python that a release was not made for is refused before anything is
// compiled. It needs the network: MODWSGI_MATRIX_ORIGINALS=1; and for Debian's
// archives the URL of a mirror: MODWSGI_MATRIX_DEBIAN.
func TestOriginals(t *testing.T) {
	if os.Getenv("MODWSGI_MATRIX_ORIGINALS") == "" {
		t.Skip("it downloads releases of the original and builds them, which takes minutes: MODWSGI_MATRIX_ORIGINALS=1")
	}
	r := accepting()
	target := theTarget(t, r)
	pythons := []pybuild.Candidate{{Executable: target.Python.Executable, Usable: true, Info: &target.Python}}
	if os.Getenv("MODWSGI_MATRIX_PYTHONS") != "" {
		pythons = everyPython(t.Context(), r)
	}
	dir := proofFolder(t)
	table := newProofTable("release\tsource\tPython")
	defer func() { table.log(t) }()
	for _, o := range originals {
		var tried []string
		came := 0
		for _, spec := range o.sources {
			spec, debian := strings.CutPrefix(spec, "DEBIAN")
			if mirror := os.Getenv("MODWSGI_MATRIX_DEBIAN"); debian && mirror == "" {
				table.not(o.version+"\thttps\t-", "not fetched: MODWSGI_MATRIX_DEBIAN names no mirror")
				continue
			} else if debian {
				spec = strings.TrimSuffix(mirror, "/") + spec
			}
			form, _, _ := strings.Cut(spec, ":")
			folder, origin, err := fetch.Open(t.Context(), r, "modwsgi/"+csrc.Version(), spec)
			if err != nil {
				table.not(fmt.Sprintf("%s\t%s\t-", o.version, form), "not fetched: "+err.Error())
				tried = append(tried, err.Error())
				continue
			}
			came++
			if origin.Version != o.version || origin.Unverified { // G-3, G-5
				t.Errorf("%s: %+v", spec, origin)
			}
			for i, c := range pythons {
				name := fmt.Sprintf("%s\t%s\t%s", o.version, form, c.Info.ABI.ID())
				t.Run(strings.ReplaceAll(name, "\t", " "), func(t *testing.T) {
					if !c.Usable {
						t.Skip(c.Why)
					}
					proveOriginal(t, r, table, name, folder, target, *c.Info, filepath.Join(dir, fmt.Sprint(o.version, form, i)))
				})
			}
		}
		if came == 0 {
			t.Errorf("mod_wsgi %s could not be fetched in any form:\n%s", o.version, strings.Join(tried, "\n"))
		}
	}
}

// proveOriginal builds and proves one release for one Python.
func proveOriginal(t *testing.T, r *run.Runner, table *proofTable, name, folder string, target Target, python pybuild.Info, dir string) {
	source, err := csrc.OpenSource(folder)
	if err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{}
	r = r.With()
	r.Log = log
	began := time.Now()
	o := csrc.Options{Apache: &target.Apache, Python: []pybuild.Info{python}, Source: source, Dir: dir,
		Cache: filepath.Join(filepath.Dir(dir), "cache")} // forms of one release have the same C files
	built, err := csrc.Build(t.Context(), r, o)
	version, _, _ := strings.Cut(name, "\t")
	outside := layouts.Classic().Check(version, layouts.Python{Major: python.ABI.Major, Minor: python.ABI.Minor})
	switch {
	case outside != nil: // G-3
		if err == nil || err.Error() != outside.Error() || hint.Code(err) != hint.Refused || strings.Contains(log.String(), " -c ") {
			t.Errorf("%v, want %v, before anything is compiled:\n%s", err, outside, log)
		}
		table.not(name, "refused: "+outside.Error()+"; "+hint.Of(outside))
		return
	case err != nil:
		table.not(name, "not built: "+err.Error())
		t.Fatal(err)
	}
	took := time.Since(began)
	s, err := Subject(r, built, target.Apache, python)
	if err != nil {
		t.Fatal(err)
	}
	p := installer.Prove(t.Context(), r, s)
	table.add(name, took, p)
	wantProved(t, p)
	if p.Tree != "classic" || p.Version != version {
		t.Errorf("%+v", p)
	}
	// V-9: Apache accepts any home; only a request tells.
	if p := wantHomeRefused(t, r, s); level(p, installer.Load).Status != installer.Passed || level(p, installer.Running).Status != installer.Failed {
		t.Errorf("with a home that is none: %+v", p.Levels)
	}
	if python.NeedsPath {
		proveWithLoadFile(t, r, o)
	}
}

// proveWithLoadFile links the module without a run path, so that a line of Apache's
// configuration has to bring its library.
func proveWithLoadFile(t *testing.T, r *run.Runner, o csrc.Options) {
	t.Helper()
	o.RunPath = csrc.RunPathNone
	built, err := csrc.Build(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Subject(r, built, *o.Apache, o.Python[0])
	if err != nil || !strings.HasPrefix(s.Lines[0], "LoadFile ") || built.Compiled != 0 {
		t.Fatalf("%v, %q, %d files compiled", err, s.Lines, built.Compiled)
	}
	wantProved(t, installer.Prove(t.Context(), r, s))
	s.Lines, s.LoadFile = s.Lines[1:], ""
	if p := installer.Prove(t.Context(), r, s); level(p, installer.Static).Status != installer.Failed || level(p, installer.Load).Status != installer.Failed {
		t.Errorf("without its library: %+v", p.Levels)
	}
}
