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
				"defines": defines(&p), "libraries": paths(libraryPaths(&p, p.BaseExecutable, "", nil)),
			}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "golden", name+".json"), append(got, '\n'))
		})
	}
}

// paths are the files that may be the library.
func paths(list []Library) []string {
	var out []string
	for _, l := range list {
		out = append(out, l.Path)
	}
	return out
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
	f.Add(`<m>{"implementation":"cpython","version_info":[3,12,1],"mapped":["/lib/libpython3.12.a"],"vars":{"LIBDIR":"/lib","INSTSONAME":"libpython3.12.so.1.0.a"}}<m>`)
	f.Fuzz(func(t *testing.T, out string) {
		p, err := readProbe(out, "<m>")
		if err != nil {
			return
		}
		relocate(&p)
		_, _ = abiOf(&p)
		defines(&p)
		for _, path := range paths(libraryPaths(&p, p.BaseExecutable, "", nil)) {
			if strings.HasSuffix(path, ".a") && p.text("PYTHONFRAMEWORK") == "" {
				t.Errorf("a static library among the shared: %q", path)
			}
		}
		fitsName("libpython3.12.so.1.0", &p)
	})
}

// P-9: an installation that was moved names the folder it was built for, in one
// of several places; what exists is believed.
func TestRelocate(t *testing.T) {
	here := t.TempDir()
	for _, c := range []struct {
		name, was, says string
		moved           bool
	}{
		{"installed_base", "/install", "installed_base", true},
		{"prefix", "/gone/x64", "prefix", true},
		{"exec_prefix", "/gone/x64", "exec_prefix", true},
		{"what configure was told", "/gone/x64", "CONFIG_ARGS", true},
		{"LIBDIR alone", "/gone/x64", "", true},
		{"a folder that is there", here, "prefix", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := recorded(t, "pyenv-3.12.1")
			p.BasePrefix = "/opt/it moved"
			for _, name := range []string{"installed_base", "prefix", "exec_prefix", "CONFIG_ARGS"} {
				p.Vars[name] = ""
			}
			if c.says == "CONFIG_ARGS" {
				p.Vars[c.says] = setting("'--prefix=" + c.was + "'")
			} else if c.says != "" {
				p.Vars[c.says] = setting(c.was)
			}
			p.Vars["LIBDIR"], p.Vars["LIBPL"], p.Paths["include"] = setting(c.was+"/lib"), setting(c.was+"ed/lib"), c.was+"/include/python3.12"
			relocate(&p)
			to := c.was
			if c.moved {
				to = p.BasePrefix
			}
			if p.text("LIBDIR") != to+"/lib" || p.text("LIBPL") != c.was+"ed/lib" || p.Paths["include"] != to+"/include/python3.12" {
				t.Errorf("LIBDIR %q, LIBPL %q, include %q", p.text("LIBDIR"), p.text("LIBPL"), p.Paths["include"])
			}
		})
	}
}
