package verbs

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
)

// look is what inspect says of a file.
func look(t *testing.T, file string, environ ...string) (string, error) {
	t.Helper()
	set, err := options.Resolve("inspect", nil, environ, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = inspect(&Job{Set: set, R: set.Runner(), Out: &out}, file)
	return out.String(), err
}

// C-11: what a file says of its own making is read from the file alone; and from
// one that says nothing, or something nasty, no more than that.
func TestInspectBuild(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	b, _, err := w.build()
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "alone.so")
	if err := os.Rename(b.Module, moved); err != nil {
		t.Fatal(err)
	}
	text, err := look(t, moved)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{`target +mod_wsgi.so of mod_wsgi 9\.8\.7`, `for Apache +2\.4\.99, interface 20120211\.124`, `for Python +3\.11\.0, cpython-311-x86_64-linux-gnu, hexversion 0x030b00f0`,
		`libpython +shared libpython3\.11\.so\.1\.0 ` + regexp.QuoteMeta(w.python.LibPython), `profile +default`, `sources +[0-9a-f]{64}`, `flags +[0-9a-f]{16}`} {
		if !regexp.MustCompile(`(?m)^` + row + `$`).MatchString(text) {
			t.Errorf("no %s in\n%s", row, text)
		}
	}
	document, err := look(t, moved, "MODWSGI_OUTPUT=json")
	var i inspection
	if err != nil || json.Unmarshal([]byte(document), &i) != nil || i.Schema != 1 || i.Build == nil || i.Build.HexVersion != 0x030b00f0 || i.Build.Apache != "2.4.99" {
		t.Errorf("%v: %s", err, document)
	}

	source := filepath.Join(t.TempDir(), "x.c")
	for name, c := range map[string]struct{ code, want, wantNot string }{
		"silent": {"int x;", "built        by others", "\x1b"},
		"nasty": {`int x; __attribute__((used, section(".modwsgi.build"))) static const char n[] = "{\"target\":\"\\u001b[2J\\n\"}";`,
			"target       \uFFFD[2J\uFFFD of mod_wsgi", "\x1b"},
	} {
		file := filepath.Join(t.TempDir(), name+".so")
		if err := os.WriteFile(source, []byte(c.code), 0o644); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.Command("cc", "-shared", "-fPIC", "-o", file, source).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if text, err := look(t, file); err != nil || !strings.Contains(text, c.want) || strings.Contains(text, c.wantNot) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	// H-2: what is weak fails only who asks for more.
	w.environ = append(w.environ, "MODWSGI_PROFILE=distro", "CFLAGS=-O1 -fno-stack-protector")
	if b, _, err = w.build(); err != nil {
		t.Fatal(err)
	}
	if text, err := look(t, b.Module); err != nil || !strings.Contains(text, "weak         ") {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := look(t, b.Module, "MODWSGI_STRICT=1"); hint.Code(err) != hint.Unverified {
		t.Error(err)
	}
}
