package check

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ARCHITECTURE.md names every package, and none imports one that does not stand
// on a line above its own.
func TestLayers(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(data), "## Who calls whom in Go\n\n```\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		t.Fatal("there is no picture of who calls whom")
	}
	line := map[string]int{}
	column := regexp.MustCompile(`  +`)
	for n, text := range strings.Split(strings.TrimSpace(block), "\n") {
		for name := range strings.FieldsSeq(column.Split(text, 2)[0]) {
			line[name] = n + 1
		}
	}
	c := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	c.Dir = filepath.Join("..", "..")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen, there := 0, map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, "modwsgi/")
		if line[name] == 0 {
			t.Errorf("ARCHITECTURE.md does not name %s", name)
			continue
		}
		for _, other := range p.Imports {
			if other, ours := strings.CutPrefix(other, "modwsgi/"); ours && line[other] >= line[name] {
				t.Errorf("%s imports %s, which stands on its own line or below", name, other)
			}
		}
		there[name] = true
	}
	for name := range line {
		if !there[name] {
			t.Errorf("ARCHITECTURE.md names %s, which is no package", name)
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages were looked at", seen)
	}
}
