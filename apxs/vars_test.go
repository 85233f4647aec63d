package apxs

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// the file as apxs reads it, its references expanded, cycles and unknown ones kept.
func TestVars(t *testing.T) {
	v := ParseVars(strings.Join([]string{
		"prefix = /opt/my apache",
		"exec_prefix = ${prefix}/exec",
		"  libexecdir=$(exec_prefix)/modules  ",
		"empty =",
		"flags = -DX=\"a=b\" -I$(prefix)/include",
		"origin = -Wl,-rpath,$ORIGIN/../lib $$ $",
		"twice = one",
		"twice = two",
		"loop = a ${pool}",
		"pool = b $(loop)",
		"self = x$(self)y",
		"lost = ${nowhere}/x ${prefix",
		"# comment = no",
		"not a name = no",
		"no assignment",
		"crlf = value\r",
	}, "\n"))
	tests := []struct {
		name, want string
		unknown    []string
		ok         bool
	}{
		{"prefix", "/opt/my apache", nil, true},
		{"libexecdir", "/opt/my apache/exec/modules", nil, true},
		{"empty", "", nil, true},
		{"flags", `-DX="a=b" -I/opt/my apache/include`, nil, true},
		{"origin", "-Wl,-rpath,$ORIGIN/../lib $$ $", nil, true},
		{"twice", "two", nil, true},
		{"loop", "a b $(loop)", []string{"loop"}, true},
		{"self", "x$(self)y", []string{"self"}, true},
		{"lost", "${nowhere}/x ${prefix", []string{"nowhere"}, true},
		{"crlf", "value", nil, true},
		{"comment", "", nil, false},
		{"not a name", "", nil, false},
		{"absent", "", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, unknown, ok := v.Get(tt.name)
			if got != tt.want || ok != tt.ok || !reflect.DeepEqual(unknown, tt.unknown) {
				t.Errorf("Get = %q, %q, %v; want %q, %q, %v", got, unknown, ok, tt.want, tt.unknown, tt.ok)
			}
		})
	}
}

// References that double one another must not fill the memory.
func TestVarsBounded(t *testing.T) {
	v := Vars{"a0": strings.Repeat("x", 100)}
	for i := range 40 {
		from, to := "a"+string(rune('0'+i)), "a"+string(rune('0'+i+1))
		if !isName(to) {
			from, to = "b"+strings.Repeat("_", i), "b"+strings.Repeat("_", i+1)
		}
		v[to] = "$(" + from + ")$(" + from + ")"
	}
	for name := range v {
		if got, _, _ := v.Get(name); len(got) > 2*maxExpanded {
			t.Errorf("%s has %d bytes", name, len(got))
		}
	}
}

// Perl's apxs is the original: on the folders of this machine's Apache both
// must agree.
func TestVarsAsApxs(t *testing.T) {
	path, err := exec.LookPath("apxs")
	if err != nil {
		t.Skip("no apxs to compare with")
	}
	path = realPath(path)
	ask := func(name string) string {
		out, err := exec.Command(path, "-q", name).Output()
		if err != nil {
			t.Fatalf("%s -q %s: %v", path, name, err)
		}
		return strings.TrimSpace(string(out))
	}
	data, err := os.ReadFile(ask("installbuilddir") + "/config_vars.mk")
	if err != nil {
		t.Fatal(err)
	}
	v := ParseVars(string(data))
	names := []string{"prefix", "exec_prefix", "bindir", "sbindir", "libexecdir", "includedir", "sysconfdir", "datadir",
		"installbuilddir", "runtimedir", "logfiledir", "exp_includedir", "exp_libexecdir", "progname", "CC", "EXTRA_CPPFLAGS", "APR_CONFIG"}
	for _, name := range names {
		want := ask(name)
		if got, unknown, ok := v.Get(name); !ok || got != want || unknown != nil {
			t.Errorf("%s = %q (%q), apxs says %q", name, got, unknown, want)
		}
	}
}

// Y-4
func FuzzVars(f *testing.F) {
	if data, err := os.ReadFile("testdata/debian12/config_vars.mk"); err == nil {
		f.Add(string(data))
	}
	files, _ := filepath.Glob("testdata/systems/*.txtar") // without them the rest are seeds
	for _, file := range files {
		if archive, err := txtar.ParseFile(file); err == nil {
			for _, each := range archive.Files {
				if filepath.Base(each.Name) == "config_vars.mk" {
					f.Add(string(each.Data))
				}
			}
		}
	}
	for _, s := range []string{"a = $(b)\nb = $(a)", "a = $(a)$(a)", "a=${b}$(b}${b)$", "a = $()${}", "=\n==\n\x00=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		v := ParseVars(text)
		for name := range v {
			value, unknown, ok := v.Get(name)
			if !ok {
				t.Errorf("%q is lost", name)
			}
			if len(value) > len(text)+4*maxExpanded {
				t.Errorf("%q grew to %d bytes", name, len(value))
			}
			if !strings.Contains(v[name], "$") && (value != v[name] || unknown != nil) {
				t.Errorf("%q changed: %q, %q", name, value, unknown)
			}
		}
	})
}
