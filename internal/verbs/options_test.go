package verbs

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/internal/options"
	"modwsgi/pybuild"
)

// workshop is a world whose tiny release of the original is built by the verb, as
// a person would ask for it.
type workshop struct {
	*csrctest.World
	t       *testing.T
	python  pybuild.Info
	environ []string
	flags   options.Flags
	file    string // modwsgi.toml
}

func newWorkshop(t *testing.T) *workshop {
	w := &workshop{World: csrctest.New(t), t: t}
	for name, f := range csrctest.ClassicSource() {
		w.place(filepath.Join("tree", name), f.Data)
	}
	w.Apache.Version = "2.4.99"
	w.python = w.Pythons[0]
	w.python.BasePrefix = w.Root
	w.environ = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.Root, "MODWSGI_SOURCE=" + filepath.Join(w.Root, "tree"),
		"MODWSGI_APACHE_CONFIG=" + filepath.Join(w.Root, "apache.json"), "MODWSGI_PYTHON_CONFIG=" + filepath.Join(w.Root, "python.json"), "MODWSGI_OUTPUT=json"}
	return w
}

func (w *workshop) place(name string, data []byte) {
	w.t.Helper()
	path := filepath.Join(w.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workshop) document(name string, of any) {
	w.t.Helper()
	data, err := json.Marshal(of)
	if err != nil {
		w.t.Fatal(err)
	}
	w.place(name, data)
}

// build gives what the verb printed, and the file that it made.
func (w *workshop) build() (built, csrc.Binary, error) {
	w.t.Helper()
	var b built
	w.document("apache.json", w.Apache)
	w.document("python.json", w.python)
	w.place(options.FileName, []byte(w.file))
	set, err := options.Resolve("build", w.flags, w.environ, w.Root)
	if err != nil {
		return b, csrc.Binary{}, err
	}
	var out bytes.Buffer
	j := &Job{Set: set, Dir: w.Root, R: set.Runner(), Out: &out, Err: io.Discard}
	if err := Run(w.t.Context(), j, Build(BuildRequest{})); err != nil {
		return b, csrc.Binary{}, err
	}
	if err := json.Unmarshal(out.Bytes(), &b); err != nil {
		w.t.Fatalf("%v: %s", err, &out)
	}
	binary, err := csrc.Inspect(b.Module)
	if err != nil || binary.Build == nil {
		w.t.Fatalf("%+v, %v", binary.Build, err)
	}
	return b, binary, nil
}

func ptr[T any](v T) *T { return &v }

// T-4: each option of a build has its effect, whichever of the places says it.
func TestBuildOptions(t *testing.T) {
	lib := func(w *workshop) string { return filepath.Dir(w.python.LibPython) }
	tests := []struct {
		name  string
		say   func(w *workshop)
		check func(w *workshop, b built, made csrc.Binary) bool
		want  string // of the error
		hint  string
		code  int
	}{
		{name: "nothing", say: func(*workshop) {}, check: func(w *workshop, b built, made csrc.Binary) bool {
			return made.RunPath == lib(w) && made.Build.Profile == "default" && made.Build.LibPython == w.python.LibPython && made.Build.Link == "shared" && b.Compiled == 2
		}},
		{name: "profile, file", say: func(w *workshop) { w.file, w.environ = "profile = 'distro'\n", append(w.environ, "CFLAGS=-O1") },
			check: func(w *workshop, b built, made csrc.Binary) bool {
				h, err := csrc.ReadHardening(b.Module)
				return err == nil && made.Build.Profile == "distro" && !h.Canary
			}},
		{name: "profile, unknown", say: func(w *workshop) { w.flags = options.Flags{"profile": ptr("fast")} }, want: "-profile=fast: it is default or distro or apxs", code: hint.Usage},
		{name: "profile of an apxs that is not there", say: func(w *workshop) { w.environ = append(w.environ, "MODWSGI_PROFILE=apxs") }, want: "profile apxs takes its flags from apxs", code: hint.Usage},
		{name: "builder of an apxs that is not there", say: func(w *workshop) { w.file = "builder = 'apxs'\ndefine = \"-DX=1\"\n" }, want: "apxs cannot be given", hint: "builder direct", code: hint.Refused},
		{name: "strict", say: func(w *workshop) {
			w.file, w.environ = "strict = true\n", append(w.environ, "MODWSGI_PROFILE=distro", "CFLAGS=-O1 -fno-stack-protector")
		}, want: "MW402", code: hint.Unverified},
		{name: "strict and strong", say: func(w *workshop) { w.flags = options.Flags{"strict": ptr(true)} }, check: func(*workshop, built, csrc.Binary) bool { return true }},
		{name: "rpath none", say: func(w *workshop) { w.environ = append(w.environ, "MODWSGI_RPATH=none") }, check: func(w *workshop, b built, made csrc.Binary) bool {
			return made.RunPath == "" && b.LoadFile == w.python.LibPython
		}},
		{name: "rpath exact", say: func(w *workshop) { w.flags, w.python.NeedsPath = options.Flags{"rpath": ptr("exact")}, false },
			check: func(w *workshop, _ built, made csrc.Binary) bool { return made.RunPath == lib(w) }},
		{name: "rpath without a need", say: func(w *workshop) { w.python.NeedsPath = false },
			check: func(_ *workshop, _ built, made csrc.Binary) bool { return made.RunPath == "" }},
		{name: "rpath relative", say: func(w *workshop) { w.file = "rpath = 'lib'\n" }, want: "modwsgi.toml:1: a run path is auto, exact, none, origin or an absolute folder", code: hint.Usage},
		{name: "rpath elsewhere", say: func(w *workshop) { w.flags = options.Flags{"rpath": ptr(w.Root)} }, want: "leads to no libpython3.11.so.1.0", code: hint.Usage},
		{name: "rpath origin, install_dir", say: func(w *workshop) {
			w.flags = options.Flags{"rpath": ptr("origin"), "install_dir": ptr(filepath.Join(w.Root, "deep/er"))}
		}, check: func(_ *workshop, _ built, made csrc.Binary) bool { return made.RunPath == "$ORIGIN/../../py3.11/lib" }},
		{name: "packaged", say: func(w *workshop) { w.file = "packaged = true\nrpath = \"none\"\n" }, check: func(_ *workshop, _ built, made csrc.Binary) bool {
			return made.Build.LibPython == "" && made.Build.SONAME == "libpython3.11.so.1.0"
		}},
		{name: "packaged with a run path", say: func(w *workshop) { w.flags = options.Flags{"packaged": ptr(true)} }, want: "a package may not carry the run path", code: hint.Refused},
		{name: "define", say: func(w *workshop) {
			w.environ = append(w.environ, `MODWSGI_DEFINE=-DBROKEN='"a b"' -UY`)
			w.place("tree/src/server/wsgi_other.c", []byte("#ifdef BROKEN\nint n = sizeof BROKEN == 4 ? nosuch : nosuch;\n#endif\n"))
		}, want: "nosuch", code: hint.Failed},
		{name: "define, no definition", say: func(w *workshop) { w.file = "define = '-O3'\n" }, want: `modwsgi.toml:1: "-O3" is no definition`, code: hint.Usage},
		{name: "define, open quote", say: func(w *workshop) { w.file = "define = \"-DX='\"\n" }, want: "modwsgi.toml:1: ", code: hint.Usage},
		{name: "static is asked for", say: func(w *workshop) { w.python = w.OnlyArchive(w.python) }, want: "it has no shared library to link with", hint: "MODWSGI_ALLOW_STATIC=1", code: hint.NotFound},
		{name: "allow_static", say: func(w *workshop) {
			w.python = w.OnlyArchive(w.python)
			w.environ = append(w.environ, "MODWSGI_ALLOW_STATIC=yes")
		},
			check: func(w *workshop, b built, made csrc.Binary) bool {
				return made.Build.Link == "static" && len(b.Warnings) > 0 && !slices.Contains(made.Needed, w.python.SONAME)
			}},
		{name: "allow_static with a shared one", say: func(w *workshop) {
			w.python.Archive, w.flags = "/nowhere/libpython3.11.a", options.Flags{"allow_static": ptr(true)}
		}, check: func(_ *workshop, _ built, made csrc.Binary) bool { return made.Build.Link == "shared" }},
		{name: "cache", say: func(w *workshop) { w.file = "cache = 'kept here'\n" }, check: func(w *workshop, b built, _ csrc.Binary) bool {
			objects, _ := filepath.Glob(filepath.Join(w.Root, "kept here/objects/*"))
			return len(objects) > 0 && b.Reused == 0
		}},
		{name: "no place for a cache", say: func(w *workshop) { w.place(".cache", nil) }, check: func(_ *workshop, b built, _ csrc.Binary) bool { return b.Compiled == 2 }},
		{name: "a cache that is none", say: func(w *workshop) {
			w.place("c", nil)
			w.flags = options.Flags{"cache": ptr(filepath.Join(w.Root, "c"))}
		}, want: "/c", hint: "MODWSGI_CACHE=", code: hint.Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			tt.say(w)
			b, made, err := w.build()
			switch {
			case tt.check == nil:
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(hint.Of(err), tt.hint) || hint.Code(err) != tt.code {
					t.Errorf("%v\nhint %q, status %d", err, hint.Of(err), hint.Code(err))
				}
			case err != nil:
				t.Error(err)
			case !tt.check(w, b, made):
				t.Errorf("%+v\n%+v\n%+v", b, made, made.Build)
			}
		})
	}
}

// The table's choices are those that the packages know.
func TestChoices(t *testing.T) {
	for _, o := range options.Table() {
		for _, v := range o.Values {
			var err error
			switch o.Name {
			case "profile":
				_, err = csrc.ParseProfile(v)
			case "builder":
				_, err = csrc.ParseBuilder(v)
			}
			if err != nil {
				t.Errorf("%s=%s: %v", o.Name, v, err)
			}
		}
	}
}
