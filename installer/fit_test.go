package installer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// what was built elsewhere and does not fit is refused in one sentence that
// says what it is for and what is here.
func TestFitsHere(t *testing.T) {
	t.Parallel()
	b := sharedBuild(t)
	here, l := b.Pythons[0], b.from
	classic := Layout{Original: &Original{Python: l.Halves[0].Info}}
	otherMachine := filepath.Join(t.TempDir(), "mod_wsgi.so")
	data, err := os.ReadFile(l.Module)
	if err != nil {
		t.Fatal(err)
	}
	data[18], data[19] = 0x15, 0 // PPC64
	text := filepath.Join(t.TempDir(), "text")
	for name, data := range map[string][]byte{otherMachine: data, text: []byte("no program")} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	newer, moved, updated := *b.Apache, l, here
	newer.Version, newer.MMN.Major = "2.6.0", 20300101
	moved.Halves = []Half{l.Halves[0]}
	moved.Halves[0].Info.LibPython = "/gone/libpython3.11.so.1.0"
	updated.SONAME = "libpython3.11.so.2.0"
	unknown := *b.Apache
	unknown.Httpd = ""
	static := moved
	static.Halves = []Half{moved.Halves[0]}
	static.Halves[0].Info.Static = true
	fits := func(l Layout, py pybuild.Info) error { return l.FitsPython(py) }
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"this machine", FitsMachine(l.Module, *b.Apache), ""},
		{"this machine, no server", FitsMachine(l.Module, unknown), ""},
		{"another machine", FitsMachine(otherMachine, *b.Apache), "it is for another machine: ELFCLASS64 EM_PPC64, this is ELFCLASS64 EM_"},
		{"no program", FitsMachine(text, *b.Apache), "is no program"},
		{"this Apache", l.FitsApache(*b.Apache), ""},
		{"a newer Apache", l.FitsApache(newer), "it is for the module interface AP24 20120211 of Apache"},
		{"this Python", fits(l, here), ""},
		{"another ABI", fits(moved, b.Pythons[1]), "it is for [cpython-311-x86_64-linux-gnu], not for Python 3.13.0 (cpython-313t"},
		{"another library", fits(l, updated), "it needs libpython3.11.so.1.0, Python 3.11.0 here has libpython3.11.so.2.0"},
		{"no library", fits(moved, here), "it needs libpython3.11.so.1.0 as /gone/libpython3.11.so.1.0, which is not here"},
		{"a library in it", fits(static, here), ""},
		{"the original, library elsewhere", fits(Layout{Original: &Original{Python: moved.Halves[0].Info}}, here), ""},
		{"the original, another ABI", fits(classic, b.Pythons[1]), "not for Python 3.13.0"},
	} {
		if c.want == "" && c.err == nil {
			continue
		}
		if c.want == "" || c.err == nil || !strings.Contains(c.err.Error(), c.want) || hint.Code(c.err) != hint.Refused || !strings.Contains(hint.Of(c.err), "mod_wsgi-express install") {
			t.Errorf("%s: %v (%s), want %q", c.name, c.err, hint.Of(c.err), c.want)
		}
	}
}
