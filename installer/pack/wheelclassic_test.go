package pack

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
)

// original is a release of the original for the first Python, whose tree is the
// module alone.
func (x packed) original(t *testing.T) Build {
	t.Helper()
	half := x.b.Layout.Halves[0]
	module := filepath.Join(t.TempDir(), "mod_wsgi.so")
	data, err := os.ReadFile(half.Embed)
	if err == nil {
		err = os.WriteFile(module, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return Build{Machine: "amd64", Apache: "2.4.65", Classic: &Classic{Module: module, Version: "6.0.5rc1", Python: csrc.BuildInfo{
		ABI: half.ABI, Python: "3.11.2", SONAME: "libpython3.11.so.1.0", Prefix: "/opt/py"}, Home: "/opt/py", MMN: 20120211, LoadFile: "/opt/py/lib/libpython3.11.so.1.0",
		Tree: csrctest.ClassicSource(), Server: Server{Httpd: `/opt/a "b"\c/sbin/httpd`, Rotatelogs: "/opt/bin/rotatelogs", ProgramsDir: "/opt/bin", ModulesDir: "/opt/modules"}}}
}

// unzipped are the files of a wheel, in their order.
func unzipped(t *testing.T, data []byte) (list []wheelFile) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		data, err := readZipped(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, wheelFile{f.Name, f.Mode(), data})
	}
	return list
}

// a wheel of the original has the Python files of its tree as they are, the
// module under the name that they look for, what they ask of Apache, and its
// command.
func (x packed) testOriginalWheel(t *testing.T) {
	t.Parallel()
	const info = "mod_wsgi-6.0.5rc1.dist-info/"
	b := x.original(t)
	if _, err := Make(t.Context(), "wheel", b, x.o); hint.Code(err) != hint.Usage {
		t.Errorf("a tree without a Python package: %v", err)
	}
	old := fstest.MapFS{
		"src/__init__.py": {Data: []byte("a = 1\r\n")}, "src/server/__init__.py": {}, "src/server/management/commands/x.py": {}, "src/server/x.pyc": {}, "setup.py": {}, "tests/a.py": {},
		"images/__init__.py": {}, "images/a b.jpg": {Data: []byte{0xff, 0xd8}}, "docs/_build/html/__init__.py": {}, "docs/a.rst": {},
	}
	maps.Copy(old, csrctest.ClassicSource())
	newer := maps.Clone(old)
	newer["src/express/__init__.py"] = &fstest.MapFile{}
	delete(newer, "docs/_build/html/__init__.py")
	for _, c := range []struct {
		what, entry string
		tree        fs.FS
		files       []string
	}{
		{"before 6.0", "mod_wsgi.server:main", old, []string{"mod_wsgi/docs/__init__.py", "mod_wsgi/server/apxs_config.py"}},
		{"6.0", "mod_wsgi.express.cli:main", newer, []string{"mod_wsgi/express/__init__.py", "mod_wsgi/express/apxs_config.py"}},
	} {
		b.Classic.Tree = c.tree
		wheels := ending(made(t, "wheel", b, x.o), ".whl")
		list := unzipped(t, wheels["mod_wsgi-6.0.5rc1-1mmn20120211-cp311-cp311-linux_x86_64.whl"])
		got := map[string]string{}
		for _, f := range list {
			got[f.path] = string(f.data)
		}
		want := append(c.files, "mod_wsgi/__init__.py", "mod_wsgi/images/__init__.py", "mod_wsgi/images/a b.jpg", "mod_wsgi/server/__init__.py",
			"mod_wsgi/server/management/commands/x.py", "mod_wsgi/server/mod_wsgi-py311.cpython-311-x86_64-linux-gnu.so",
			info+"METADATA", info+"RECORD", info+"WHEEL", info+"entry_points.txt", info+"licenses/LICENSE", info+"sboms/mod_wsgi.cdx.json")
		if slices.Sort(want); !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
			t.Errorf("%s: %q", c.what, slices.Sorted(maps.Keys(got)))
		}
		if got["mod_wsgi/__init__.py"] != "a = 1\r\n" || got["mod_wsgi/images/a b.jpg"] != "\xff\xd8" {
			t.Errorf("%s: files are not as they were", c.what)
		}
		if text := got[info+"entry_points.txt"]; text != "[console_scripts]\nmod_wsgi-express = "+c.entry+"\n" {
			t.Errorf("%s: %s", c.what, text)
		}
		if text := got[info+"METADATA"]; !strings.Contains(text, "\nAuthor: Graham Dumpleton\n") || !strings.Contains(text, "\nRequires-Python: ==3.11.*\n") {
			t.Errorf("%s: %s", c.what, text)
		}
	}
}

// Python reads of Apache what is known of it, whatever is in the paths.
func (x packed) testServer(t *testing.T) {
	t.Parallel()
	w := &wheel{b: x.original(t)}
	if err := w.addServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	const script = `import json, sys
names = {}
exec(sys.argv[1], names)
del names["__builtins__"]
print(json.dumps(names))`
	var got map[string]any
	if err := json.Unmarshal([]byte(ask(t, python, "-c", script, string(w.files[0].data))), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"WITH_HTTPD_PACKAGE": false, "BINDIR": "/opt/bin", "SBINDIR": `/opt/a "b"\c/sbin`, "LIBEXECDIR": "/opt/modules", "SHLIBPATH": "", "SHLIBPATH_VAR": "LD_LIBRARY_PATH",
		"MPM_NAME": "", "PROGNAME": "httpd", "HTTPD": `/opt/a "b"\c/sbin/httpd`, "ROTATELOGS": "/opt/bin/rotatelogs",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// the platform is that of the Python, in the words of tags.
func TestPlatformTag(t *testing.T) {
	for _, c := range []struct{ abi, machine, want string }{
		{"cpython-313t-x86_64-linux-gnu", "arm64", "linux_x86_64"},
		{"cpython-311-aarch64-linux-gnu", "amd64", "linux_aarch64"},
		{"cpython-312-x86_64-linux-musl", "amd64", "linux_x86_64"},
		{"cpython-311-i386-linux-gnu", "386", "linux_i686"},
		{"cpython-311-arm-linux-gnueabihf", "arm", "linux_armv7l"},
		{"cpython-311-powerpc64le-linux-gnu", "ppc64le", "linux_ppc64le"},
		{"cpython-311", "amd64", "linux_x86_64"},
		{"cpython-313-darwin", "arm64", "macosx_11_0_arm64"},
		{"cpython-313-darwin", "amd64", "macosx_10_9_x86_64"},
	} {
		if got := platformTag(c.abi, c.machine); got != c.want {
			t.Errorf("%s on %s: %s, not %s", c.abi, c.machine, got, c.want)
		}
	}
}
