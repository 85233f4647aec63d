package provider

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// M-17: a Python made of its sources is found like any other, by its version.
func TestRealPython(t *testing.T) {
	r, store, versions := realStore(t, "MODWSGI_MATRIX_MAKE_PYTHONS")
	m := Maker{R: r, Store: store, Mirror: Mirror{R: r}, Nice: 19, Log: func(line string) { t.Log(line) }}
	for _, version := range versions {
		began := time.Now()
		dir, stamp, err := m.Python(t.Context(), version, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s, made in %.0f s of %s, %s; %.1f s now", version, dir, stamp.Seconds, stamp.From, stamp.Sum, time.Since(began).Seconds())
		r := &run.Runner{Env: []string{"PATH=/usr/bin:/bin", "MODWSGI_CACHE=" + store.Dir}}
		info, err := pybuild.Find(t.Context(), r, dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s %s %s %s", info.Executable, info.Version, info.ABI.ID(), info.LibPython)
		if free := strings.HasSuffix(version, "t"); info.ABI.Free != free || !strings.HasPrefix(info.LibPython, dir) {
			t.Errorf("%+v", info)
		}
		found := false
		for _, c := range pybuild.Candidates(t.Context(), r) {
			found = found || strings.HasPrefix(c.Executable, dir) && c.Usable && c.Source == "cache"
		}
		if !found {
			t.Errorf("%s is not among the candidates", dir)
		}
	}
}

// M-16: a release of httpd made of its sources is found like any other, and has
// every MPM.
func TestRealPrefix(t *testing.T) {
	r, store, versions := realStore(t, "MODWSGI_MATRIX_MAKE_APACHES")
	program := theProgram(t)
	p := &Prefix{Maker: Maker{R: r, Store: store, Mirror: Mirror{R: r}, Nice: 19, Log: func(line string) { t.Log(line) }}}
	for _, version := range versions {
		m, err := p.Machine(t.Context(), version)
		if err != nil {
			t.Fatal(err)
		}
		stamp := m.Stamp()
		t.Logf("%s: made in %.0f s of %s, %s", m.ID(), stamp.Seconds, stamp.From, stamp.Sum)
		offer, err := Offered(t.Context(), m, program)
		if err != nil || len(offer.Apaches) == 0 || offer.Apaches[0].Info == nil {
			t.Fatalf("%+v, %v", offer, err)
		}
		a := offer.Apaches[0]
		t.Logf("%s %s %s", a.Apxs, a.Info.Version, a.Info.MPM)
		found := false
		for _, c := range apxs.Candidates(t.Context(), &run.Runner{Env: []string{"PATH=/usr/bin:/bin", "MODWSGI_CACHE=" + store.Dir}}) {
			found = found || c.Usable && strings.HasPrefix(c.Apxs, filepath.Join(store.Dir, apachesRoom))
		}
		if !found || !strings.HasPrefix(a.Apxs, store.Dir) {
			t.Errorf("it was not found: %+v", offer.Apaches)
		}
		dir := t.TempDir()
		res, err := m.Run(t.Context(), Command{Program: program, Args: []string{"verify"}, Dir: dir, Write: []string{dir}, Env: []string{"MODWSGI_CACHE=" + dir}, Timeout: 5 * time.Minute})
		t.Logf("%s%s", res.Stdout, res.Stderr)
		if err != nil {
			t.Error(err)
		}
	}
}
