package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadReports(t *testing.T) {
	dir := t.TempDir()
	if text, err := readReports(dir); text != "" || err != nil {
		t.Errorf("without reports: %q, %v", text, err)
	}
	const said = "ERROR: AddressSanitizer: heap-use-after-free"
	if err := os.WriteFile(filepath.Join(dir, "report.12"), []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := readReports(dir); !strings.Contains(text, said) || err != nil {
		t.Errorf("with a report: %q, %v", text, err)
	}
	if _, err := readReports(filepath.Join(dir, "gone")); err == nil {
		t.Error("a folder that is not there has no reports")
	}
}
