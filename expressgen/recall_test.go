package expressgen

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// TestDiscoverRecalls: what was kept of this machine is what is found here, and a
// start that has it runs none of Apache's programs.
func TestDiscoverRecalls(t *testing.T) {
	if _, err := exec.LookPath("apxs"); err != nil {
		t.Skip("there is no Apache here to ask")
	}
	o := base()
	o.WorkingDirectory, o.SetupOnly = "/", true
	if python := "/usr/bin/python3"; os.Geteuid() == 0 && exists(python) {
		o.PythonExecutable, o.User = python, "#65534"
	}
	cache := filepath.Join(t.TempDir(), "modwsgi")
	discover := func() (Discovery, string) {
		t.Helper()
		var ran strings.Builder
		found, err := Discover(t.Context(), &run.Runner{Log: &ran}, &o, cache)
		if err != nil {
			t.Fatal(err)
		}
		return found, ran.String()
	}
	first, ran := discover()
	if !strings.Contains(ran, "apxs") {
		t.Fatalf("apxs was not run, but %q", ran)
	}
	second, ran := discover()
	if !reflect.DeepEqual(first, second) {
		t.Errorf("recalled:\n%+v\nfound:\n%+v", second, first)
	}
	if strings.Contains(ran, "apxs") || strings.Contains(ran, first.Apache.Httpd) || exists("/usr/lib/locale") && strings.Contains(ran, "locale -a") {
		t.Errorf("a start that remembers ran %q", ran)
	}
	t.Setenv("LOCPATH", t.TempDir()) // where there are none
	if _, ran = discover(); !strings.Contains(ran, "locale -a") {
		if _, err := exec.LookPath("locale"); err == nil {
			t.Error("locales that are elsewhere were recalled")
		}
	}
}
