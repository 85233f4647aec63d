package pack

import (
	"path/filepath"
	"strings"
	"testing"
)

// lintian names no errors, of what can be said of a build that is not real.
func (x packed) testLintian(t *testing.T) {
	t.Parallel()
	lintian := tool(t, "lintian")
	debs := ending(made(t, "deb", x.b, x.o), ".deb")
	dir := kept(t, debs)
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(files) != 6 {
		t.Fatalf("%q, %v", files, err)
	}
	out := ask(t, lintian, append([]string{"--allow-root", "--fail-on", "none"}, files...)...)
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "E: ") {
			t.Error(line)
		}
	}
}
