package plan

import (
	"strings"
	"testing"
)

// M-7: the table names each cell and why it is not run, and counts.
func TestTable(t *testing.T) {
	p := planOf(t, "[axes]\nmode = [\"daemon\"]\n[[require]]\npython = \"3.14\"\nmpm = \"event\"\n[[xfail]]\npython = \"3.9\"\nreason = \"it hangs\"\nissue = \"#12\"", "py3.9/event", "py3.11", "py3.14")
	var b strings.Builder
	if err := p.Table(&b); err != nil {
		t.Fatal(err)
	}
	want := `py3.11/event/daemon
py3.11/worker/daemon
py3.11/prefork/daemon
py3.9/event/daemon     xfail: it hangs (#12)
py3.14/event/daemon    skip: interpreter missing, required

5 cells, 1 skipped (interpreter missing 1), 1 xfail, 1 required; 3 builds
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}
