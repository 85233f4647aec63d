package doctor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// healthy is a machine on which everything is right: two Pythons, one of them
// without the GIL, and a group for each.
func healthy() Machine {
	line := func(name string, args ...string) apxs.Directive {
		return apxs.Directive{Name: name, Args: args, File: "/etc/apache2/x.conf", Line: 3}
	}
	load := line("LoadModule", "wsgi_module", "/usr/lib/apache2/modules/mod_wsgi.so")
	return Machine{
		System: distro.System{Family: distro.Debian},
		Apache: &apxs.Info{MMN: apxs.MMN{Cookie: "AP24", Major: 20120211}},
		User:   "www-data",
		Scan:   &apxs.Scan{Directives: []apxs.Directive{load, line("WSGIDaemonProcess", "a"), line("WSGIFreeThreading", "On")}},
		MPMs:   []apxs.Directive{line("LoadModule", "mpm_event_module", "mod_mpm_event.so")},
		Modules: []LoadedModule{{
			Directive: load, Path: load.Args[1],
			Record: &csrc.ApacheInfo{Interface: 3},
			Binary: &csrc.Binary{Exports: []string{"wsgi_module"}, Module: &csrc.ModuleMagic{Major: 20120211, Cookie: "AP24"}},
			Halves: []Half{{Folder: "cpython-311-x86_64-linux-gnu", Version: "3.11.2"}, {Folder: "cpython-313t-x86_64-linux-gnu", Version: "3.13.1"}},
		}},
		Homes: []Home{{Directive: line("WSGIPythonHome", "/srv/venv"), Path: "/srv/venv", Version: "3.11"}},
	}
}

// Each broken set-up gives its one code, and the healthy one none.
func TestDiagnose(t *testing.T) {
	another := func(m *Machine) LoadedModule {
		l := m.Modules[0]
		l.Directive.Line, l.Path = 9, "/opt/mod_wsgi.so"
		return l
	}
	for name, c := range map[string]struct {
		breakIt func(m *Machine)
		want    string // code, "" for healthy
	}{
		"healthy":            {func(*Machine) {}, ""},
		"nothing known":      {func(m *Machine) { *m = Machine{} }, ""},
		"no apxs":            {func(m *Machine) { m.ApacheProblem = &Problem{Text: "there is no apxs in PATH"} }, "MW101"},
		"no perl":            {func(m *Machine) { m.ApacheProblem = &Problem{Text: "asking apxs: /usr/bin/env: perl: not found"} }, "MW116"},
		"no apr-config":      {func(m *Machine) { m.ApacheProblem = &Problem{Text: "apr-1-config: not found"} }, "MW102"},
		"no httpd.h":         {func(m *Machine) { m.ApacheProblem = &Problem{Text: "httpd.h: No such file or directory"} }, "MW103"},
		"two installations":  {func(m *Machine) { m.ApacheProblem = &Problem{Text: apxs.ErrPairing.Error()} }, "MW115"},
		"headers of another": {func(m *Machine) { m.ApacheProblem = &Problem{Text: apxs.ErrHeaders.Error()} }, "MW204"},
		"no threads":         {func(m *Machine) { m.ApacheProblem = &Problem{Text: "the APR of this Apache was built without threads"} }, "MW118"},
		"no Python.h": {func(m *Machine) {
			m.PythonProblem = &Problem{Text: "its C headers are missing: no Python.h in /usr/include"}
		}, "MW104"},
		"static Python":        {func(m *Machine) { m.PythonProblem = &Problem{Text: "it has no shared library to link with"} }, "MW107"},
		"not loaded":           {func(m *Machine) { m.Modules = nil }, "MW214"},
		"not loaded, not used": {func(m *Machine) { m.Modules, m.Scan.Directives = nil, nil }, ""},
		"used if loaded":       {func(m *Machine) { m.Modules = nil; within(m.Scan.Directives, "<IfModule wsgi_module>") }, ""},
		"loaded twice":         {func(m *Machine) { m.Modules = append(m.Modules, another(m)) }, "MW208"},
		"loaded if not loaded": {func(m *Machine) {
			l := another(m)
			l.Directive.Within = []string{"<IfModule !wsgi_module>"}
			m.Modules = append(m.Modules, l)
		}, ""},
		"file gone": {func(m *Machine) {
			m.Modules[0] = LoadedModule{Directive: m.Modules[0].Directive, Path: "/gone", Missing: true}
		}, "MW215"},
		"no ELF": {func(m *Machine) {
			m.Modules[0] = LoadedModule{Directive: m.Modules[0].Directive, Path: "/x", Problem: "bad magic number"}
		}, "MW205"},
		"record hidden": {func(m *Machine) { m.Modules[0].Binary.Exports = nil }, "MW207"},
		"other Apache":  {func(m *Machine) { m.Modules[0].Binary.Module.Major = 20051115 }, "MW204"},
		"other cookie":  {func(m *Machine) { m.Modules[0].Binary.Module.Cookie = "AP22" }, "MW204"},
		"relocations in code": {func(m *Machine) {
			m.Modules[0].Hardening = &csrc.Hardening{RELRO: "full", StackNX: true, Canary: true, TextRel: true}
		}, "MW402"},
		"run path below tmp":      {func(m *Machine) { m.Modules[0].Binary.RunPath = "/tmp/x/lib" }, "MW401"},
		"run path of a build":     {func(m *Machine) { m.Modules[0].Binary.RPath = "/home/me/build/lib" }, "MW401"},
		"run path of a Python":    {func(m *Machine) { m.Modules[0].Binary.RunPath = "/opt/python/lib" }, ""},
		"no half":                 {func(m *Machine) { m.Modules[0].Halves = nil; m.Scan.Directives = m.Scan.Directives[:2] }, "MW403"},
		"library of a half gone":  {func(m *Machine) { m.Modules[0].Halves[0].Lost = "/opt/libpython3.11.so.1.0" }, "MW201"},
		"home missing":            {func(m *Machine) { m.Homes[0].Missing = true }, "MW302"},
		"home closed":             {func(m *Machine) { m.Homes[0].Closed = "/root" }, "MW302"},
		"home a file":             {func(m *Machine) { m.Homes[0].NoFolder = true }, "MW303"},
		"home of another Python":  {func(m *Machine) { m.Homes[0].Version = "3.12" }, "MW304"},
		"home without its Python": {func(m *Machine) { m.Homes[0].Orphaned = "/opt/old/bin" }, "MW305"},
		"home of the second half": {func(m *Machine) { m.Homes[0].Version = "3.13" }, ""},
		"home, halves not known": {func(m *Machine) {
			m.Homes[0].Version = "3.8"
			m.Modules[0].Classic, m.Modules[0].Halves = true, nil
			m.Scan.Directives = m.Scan.Directives[:2]
		}, ""},
		"two MPMs": {func(m *Machine) {
			m.MPMs = append(m.MPMs, apxs.Directive{Name: "LoadModule", Args: []string{"mpm_prefork_module", "x"}})
		}, "MW213"},
		"one of two MPMs": {func(m *Machine) {
			m.MPMs = append(m.MPMs, apxs.Directive{Args: []string{"mpm_prefork_module", "x"}, Within: []string{"<IfDefine P>"}})
		}, ""},
		"MPM compiled in":         {func(m *Machine) { m.MPMs = nil }, ""},
		"free threading, no half": {func(m *Machine) { m.Modules[0].Halves = m.Modules[0].Halves[:1] }, "MW310"},
		"free threading off": {func(m *Machine) {
			m.Modules[0].Halves = m.Modules[0].Halves[:1]
			m.Scan.Directives[2].Args = []string{"Off"}
		}, ""},
		"debug build is not free":  {func(m *Machine) { m.Modules[0].Halves[1].Folder = "cpython-313d-x86_64-linux-gnu" }, "MW310"},
		"no configuration to read": {func(m *Machine) { m.Scan = nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := healthy()
			c.breakIt(&m)
			results := Diagnose(m)
			var codes []string
			for _, r := range results {
				if r.Level != Info {
					codes = append(codes, r.Code)
				}
				if r.Saw == "" || r.Why == "" || len(r.Fix) == 0 || rank[r.Level] == 0 && r.Level != Error {
					t.Errorf("it cannot be acted upon: %+v", r)
				}
			}
			if got := strings.Join(codes, " "); got != c.want {
				t.Errorf("got %q, want %q: %+v", got, c.want, results)
			}
			bad := slices.ContainsFunc(results, func(r Result) bool { return r.Level == Error })
			if err := Unhealthy(results); (err != nil) != bad || bad && hint.Code(err) != hint.Unhealthy {
				t.Errorf("status %d", hint.Code(err))
			}
		})
	}
}

func within(list []apxs.Directive, section string) {
	for i := range list {
		list[i].Within = []string{section}
	}
}

// The worst stands first.
func TestDiagnoseOrder(t *testing.T) {
	m := healthy()
	m.Modules[0].Binary.RunPath = "/tmp/x"
	m.Homes[0].Missing = true
	m.MPMs = append(m.MPMs, m.MPMs[0])
	var codes []string
	for _, r := range Diagnose(m) {
		codes = append(codes, r.Code)
	}
	if want := []string{"MW213", "MW302", "MW401"}; !slices.Equal(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
}

// Homes are read from the disk.
func TestReadHome(t *testing.T) {
	dir := t.TempDir()
	err := fsx.WriteTree(dir, []fsx.File{
		{Path: "venv/pyvenv.cfg", Data: []byte("home = /no/such/bin\nversion = 3.12.4\n")},
		{Path: "venv/bin/python", Mode: 0o755},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := apxs.Directive{Name: "WSGIPythonHome"}
	if h := readHome(d, filepath.Join(dir, "venv")); h.Version != "3.12" || h.Orphaned != "/no/such/bin" || h.Missing || h.NoFolder {
		t.Errorf("%+v", h)
	}
	if h := readHome(d, filepath.Join(dir, "venv/bin/python")); !h.NoFolder {
		t.Errorf("%+v", h)
	}
	if h := readHome(d, filepath.Join(dir, "none")); !h.Missing {
		t.Errorf("%+v", h)
	}
	if os.Geteuid() == 0 {
		if err := os.Chmod(filepath.Join(dir, "venv"), 0o700); err != nil {
			t.Fatal(err)
		}
		if h := readHome(d, filepath.Join(dir, "venv")); h.Closed == "" {
			t.Errorf("%+v", h)
		}
	}
}

// The whole way on this machine: whatever it finds can be printed and acted upon.
func TestExamineHere(t *testing.T) {
	m, err := Examine(context.Background(), &run.Runner{}, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(m); err != nil {
		t.Error(err)
	}
	for _, r := range Diagnose(m) {
		if r.Code == "" || r.Saw == "" || len(r.Fix) == 0 {
			t.Errorf("%+v", r)
		}
	}
}
