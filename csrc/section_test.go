package csrc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// C-11: the note survives the compiler, whatever is in its text, and stays
// within its bound.
func TestNoteSource(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	want := BuildNote{Toolchain: "1", Target: "x.so", Source: "??/ \"q\" \\ é \x01", LibPython: "/a b/lib\nx", Profile: ProfileDefault, Link: "shared"}
	text, err := want.text()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source, out := filepath.Join(dir, "n.c"), filepath.Join(dir, "n.so")
	if err := os.WriteFile(source, []byte(noteSource(text, "linux")), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(cc, "-trigraphs", "-Wall", "-Werror", "-shared", "-fPIC", "-O2", "-o", out, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	b, err := Inspect(out)
	if err != nil || b.Build == nil || *b.Build != want {
		t.Errorf("%+v, %v", b.Build, err)
	}
	if !strings.Contains(noteSource("{}", "darwin"), `section("__TEXT,__modwsgi")`) {
		t.Error("no section of macOS")
	}

	want.LibPython = "/" + strings.Repeat("x", maxSection)
	if text, err := want.text(); err != nil || len(text) >= maxSection || strings.Contains(text, "libpython") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	want.Version = strings.Repeat("9", maxSection)
	if _, err := want.text(); err == nil {
		t.Error("a note without a bound was written")
	}
}

// What each target says of itself: only what it is made of, and in a package no
// path (C-11).
func TestNotes(t *testing.T) {
	f := planFacts()
	f.Apache.Version, f.Sums = "2.4.65", map[string]string{"mod_wsgi.so": "aa"}
	f.Python[0].HexVersion = 0x030b02f0
	notes := func() map[string]BuildNote {
		p, err := NewPlan(fewTargets(), f)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]BuildNote{}
		for _, l := range p.Links {
			_, rest, _ := strings.Cut(l.Note.Text, "=\n    ")
			var text string
			if err := json.Unmarshal([]byte(strings.TrimSuffix(rest, ";\n")), &text); err != nil {
				t.Fatal(err)
			}
			m[l.Output] = *parseNote([]byte(text + "\x00"))
		}
		return m
	}
	all := notes()
	module, host := all["mod_wsgi.so"], all["mod_wsgi/cpython-311-x86_64-linux-gnu/wsgi-host"]
	if module.MMN != "20120211.124" || module.Apache != "2.4.65" || module.Source != "aa" || module.ABI != "" || module.Link != "none" {
		t.Errorf("%+v", module)
	}
	if host.ABI != "cpython-311-x86_64-linux-gnu" || host.HexVersion != 0x030b02f0 || host.SONAME != "libpython3.11.so.1.0" || host.LibPython != "/usr/lib/libpython3.11.so.1.0" || host.MMN != "" || host.Link != "shared" {
		t.Errorf("%+v", host)
	}
	f.Package = true
	if n := notes()["mod_wsgi/cpython-311-x86_64-linux-gnu/wsgi-host"]; n.LibPython != "" || n.SONAME == "" {
		t.Errorf("in a package: %+v", n)
	}
	f.Defines = []string{"-DX"}
	if n := notes()["mod_wsgi.so"]; n.Flags == module.Flags {
		t.Error("other flags have the same hash")
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add([]byte(`{"target":"mod_wsgi.so"}` + "\x00junk"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := parseNote(data)
		if n == nil {
			return
		}
		again, err := json.Marshal(n)
		if err != nil || n.Target == "" {
			t.Fatalf("%+v, %v", n, err)
		}
		if back := parseNote(again); back == nil || *back != *n {
			t.Fatalf("%+v became %+v", n, back)
		}
	})
}
