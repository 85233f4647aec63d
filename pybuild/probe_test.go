package pybuild

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recorded reads the probe answer testdata/probe/name.json.
func recorded(t testing.TB, name string) probe {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "probe", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := readProbe("noise "+"<m>"+string(data)+"<m>", "<m>")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is concluded from the recorded answers of real interpreters, without a
// look at any file.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/probe/*.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("recorded answers: %v, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			p := recorded(t, name)
			abi, err := abiOf(&p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(map[string]any{
				"abi": abi, "id": abi.ID(), "folder": abi.Folder(), "version": p.version(),
				"defines": defines(&p), "libraries": libraryPaths(&p, p.BaseExecutable, ""),
			}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "golden", name+".json"), append(got, '\n'))
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it anew); got\n%s", path, got)
	}
}

func TestReadProbe(t *testing.T) {
	const good = `{"implementation":"cpython","version_info":[3,12,1],"vars":{"A":1,"B":null,"C":"x y","D":true}}`
	p, err := readProbe("noise\n<m>"+good+"<m>\nmore noise", "<m>")
	if err != nil || p.version() != "3.12.1" {
		t.Fatalf("%+v, %v", p, err)
	}
	for name, want := range map[string]string{"A": "1", "B": "", "C": "x y", "D": "1", "E": ""} {
		if got := p.text(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for name, out := range map[string]string{
		"nothing":         "",
		"no end":          "<m>" + good,
		"no object":       "<m><m>",
		"broken":          `<m>{"version_info":[3<m>`,
		"no version":      `<m>{"implementation":"cpython"}<m>`,
		"no name":         `<m>{"version_info":[3,12,1]}<m>`,
		"absurd version":  `<m>{"implementation":"cpython","version_info":[3,-1,1]}<m>`,
		"absurd variable": `<m>{"implementation":"cpython","version_info":[3,12,1],"vars":{"A":[]}}<m>`,
	} {
		if _, err := readProbe(out, "<m>"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzReadProbe(f *testing.F) {
	for _, name := range []string{"debian12-3.11", "pyenv-3.13.0"} {
		data, err := os.ReadFile("testdata/probe/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add("<m>" + string(data) + "<m>")
	}
	f.Add(`<m>{"implementation":"cpython","version_info":[3,12,1],"vars":{"SOABI":"-","INSTSONAME":"/"}}<m>`)
	f.Fuzz(func(t *testing.T, out string) {
		p, err := readProbe(out, "<m>")
		if err != nil {
			return
		}
		relocate(&p)
		_, _ = abiOf(&p)
		defines(&p)
		for _, path := range libraryPaths(&p, p.BaseExecutable, "") {
			if strings.HasSuffix(path, ".a") && len(p.Mapped) == 0 {
				t.Errorf("a static library among the shared: %q", path)
			}
		}
		fitsName("libpython3.12.so.1.0", &p)
	})
}

// Builds are told apart by all of their marks, and refused when these disagree.
func TestABIMarks(t *testing.T) {
	edit := func(sys, abi, ld, soabi string, gil, debug setting) probe {
		p := recorded(t, "pyenv-3.13.0")
		p.ABIFlags = sys
		for name, value := range map[string]setting{
			"ABIFLAGS": setting(abi), "LDVERSION": setting(ld), "SOABI": setting(soabi), "Py_GIL_DISABLED": gil, "Py_DEBUG": debug,
		} {
			p.Vars[name] = value
		}
		return p
	}
	tests := []struct {
		name string
		p    probe
		want string // the folder; "" for an error
	}{
		{"plain", edit("", "", "3.13", "cpython-313-x86_64-linux-gnu", "0", "0"), "cpython-313-x86_64-linux-gnu"},
		{"free-threaded", edit("t", "t", "3.13t", "cpython-313t-x86_64-linux-gnu", "1", "0"), "cpython-313t-x86_64-linux-gnu"},
		{"debug", edit("d", "d", "3.13d", "cpython-313d-x86_64-linux-gnu", "0", "1"), "cpython-313d-x86_64-linux-gnu"},
		{"both", edit("td", "td", "3.13td", "cpython-313td-x86_64-linux-gnu", "1", "1"), "cpython-313td-x86_64-linux-gnu"},
		{"no SOABI", edit("t", "t", "3.13t", "", "1", "0"), "cpython-313t-x86_64-linux-gnu"},
		{"musl", edit("", "", "3.13", "cpython-313-x86_64-linux-musl", "", ""), "cpython-313-x86_64-linux-musl"},
		{"flag without variable", edit("t", "t", "3.13t", "cpython-313t-x86_64-linux-gnu", "0", "0"), ""},
		{"variable without flag", edit("", "", "3.13", "cpython-313-x86_64-linux-gnu", "1", "0"), ""},
		{"LDVERSION of another", edit("", "", "3.13t", "cpython-313-x86_64-linux-gnu", "0", "0"), ""},
		{"SOABI of another", edit("d", "d", "3.13d", "cpython-313-x86_64-linux-gnu", "0", "1"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			abi, err := abiOf(&tt.p)
			if (err != nil) != (tt.want == "") || err == nil && abi.Folder() != tt.want {
				t.Errorf("abiOf = %s, %v; want %q", abi.Folder(), err, tt.want)
			}
			if strings.Contains(tt.want, "musl") && abi.Libc != "musl" {
				t.Errorf("libc = %s", abi.Libc)
			}
		})
	}
}

// An installation that was moved names the folder it was built for (P-9).
func TestRelocate(t *testing.T) {
	p := recorded(t, "pyenv-3.12.1")
	p.BasePrefix = "/opt/it moved"
	p.Vars["installed_base"] = "/install"
	p.Vars["LIBDIR"] = "/install/lib"
	p.Vars["LIBPL"] = "/installed/lib"
	p.Paths["include"] = "/install/include/python3.12"
	relocate(&p)
	if p.text("LIBDIR") != "/opt/it moved/lib" || p.text("LIBPL") != "/installed/lib" || p.Paths["include"] != "/opt/it moved/include/python3.12" {
		t.Errorf("LIBDIR %q, LIBPL %q, include %q", p.text("LIBDIR"), p.text("LIBPL"), p.Paths["include"])
	}
}
