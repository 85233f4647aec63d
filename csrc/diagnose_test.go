package csrc

import (
	"strings"
	"testing"
)

func TestFirstDiagnostic(t *testing.T) {
	long := strings.Repeat("x.c:1:1: warning: w\n", 100) + "In file included from a.h:1,\n                 from x.c:1:\nx.c:3:1: error: E\n   3 | x\n" + strings.Repeat("x.c:4:1: error: F\n", 100)
	for _, c := range []struct{ name, text, first string }{
		{"short", "a\nb\n", "a"},
		{"long", long, "In file included from a.h:1,"},
		{"long without an error", strings.Repeat("w\n", 100), "w"},
	} {
		got := firstDiagnostic(c.text)
		if !strings.HasPrefix(got, c.first+"\n") || strings.Count(got, "\n") > saidLines {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
