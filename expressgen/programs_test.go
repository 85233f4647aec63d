package expressgen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A139: a module is older by the names in it, wherever they lie.
func TestIsOlder(t *testing.T) {
	const always, newer = "WSGIScriptAlias", "WSGITelemetryService"
	dir := t.TempDir()
	for _, at := range []int{0, 1, 65516, 65520, 65525, 65530, 65536, 131052, 131060, 1 << 20} {
		pad := strings.Repeat("x", at)
		for text, want := range map[string]bool{
			pad: false, pad + always: true, pad + newer: false, always + pad + newer + pad: false, newer + pad + always: false, pad + always + pad: true,
		} {
			path := filepath.Join(dir, "module.so")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := isOlder(path); got != want {
				t.Errorf("%d bytes, names %q: older is %v", len(text), strings.ReplaceAll(text, "x", ""), got)
			}
		}
	}
	if isOlder(dir) || isOlder(filepath.Join(dir, "none")) {
		t.Error("what cannot be read is older")
	}
}
