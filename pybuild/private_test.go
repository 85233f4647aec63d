package pybuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClosedFolder(t *testing.T) {
	top := t.TempDir()
	prefix := filepath.Join(top, "closed one", "python")
	if err := os.MkdirAll(prefix, 0o755); err != nil {
		t.Fatal(err)
	}
	// The test's own temporary folder may be closed: only what is below counts.
	if err := closedFolder(top, prefix); err != nil {
		t.Errorf("an open folder is refused: %v", err)
	}
	if err := os.Chmod(filepath.Dir(prefix), 0o700); err != nil {
		t.Fatal(err)
	}
	err := closedFolder(top, prefix)
	if err == nil || !strings.Contains(err.Error(), filepath.Dir(prefix)+" (mode 0700)") {
		t.Errorf("the closed folder is not named: %v", err)
	}
}
