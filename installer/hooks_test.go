package installer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// I-9: each hook runs the check, lets the change happen all the same, and apt reads
// its own.
func TestHooks(t *testing.T) {
	const program = "/opt/with space/mod_wsgi-express"
	for _, manager := range Hooks() {
		h, err := Hook(manager, program)
		if err != nil || !filepath.IsAbs(h.Path) || !strings.Contains(h.Text, "'"+program+"' check || true") {
			t.Errorf("%s: %+v, %v", manager, h, err)
		}
		if manager != "apt" {
			continue
		}
		if _, err := exec.LookPath("apt-config"); err != nil {
			t.Log("there is no apt that reads it")
			continue
		}
		file := filepath.Join(t.TempDir(), "hook")
		if err := os.WriteFile(file, []byte(h.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("apt-config", "-c", file, "dump", "DPkg::Post-Invoke").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "DPkg::Post-Invoke:: \"'"+program+"' check || true\";") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	for _, c := range [][2]string{{"yum", program}, {"apt", "/a\"b"}, {"apt", "/a\nb"}} {
		if _, err := Hook(c[0], c[1]); err == nil {
			t.Errorf("%q: no error", c)
		}
	}
}
