package fetch

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"modwsgi/internal/hint"
)

// attacks checks refusals, and prints them as a table when its test ends:
// `go test ./csrc/fetch -run Attack -v` shows all of them (Y-5).
type attacks struct {
	mu   sync.Mutex
	rows []string
}

func newAttacks(t *testing.T, rule string) *attacks {
	a := &attacks{}
	t.Cleanup(func() {
		var b strings.Builder
		slices.Sort(a.rows)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range a.rows {
			fmt.Fprintf(w, "%s\t%s\n", rule, row)
		}
		w.Flush()
		t.Logf("%d refusals\n%s", len(a.rows), b.String())
	})
	return a
}

// refused wants err to say want, and to end a program with that status.
func (a *attacks) refused(t *testing.T, name string, err error, want string, code int) {
	t.Helper()
	if err == nil || want == "" || !strings.Contains(err.Error(), want) || hint.Code(err) != code {
		t.Errorf("%s: got %v (status %d), want %q (%d)", name, err, hint.Code(err), want, code)
		return
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if at := strings.Index(text, want); len(text) > 100 && at > 40 {
		text = "… " + text[at:]
	}
	if len(text) > 100 {
		text = text[:97] + "…"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rows = append(a.rows, fmt.Sprintf("%s\t%d\t%s", name, code, strings.ToValidUTF8(text, "?")))
}
