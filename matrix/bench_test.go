package matrix

import (
	"os"
	"testing"

	"modwsgi/internal/run"
)

// TestBench prints the table of the benchmark. Times are no test: it runs only
// when MODWSGI_MATRIX_BENCH names the peer module to compare with.
func TestBench(t *testing.T) {
	peer := os.Getenv("MODWSGI_MATRIX_BENCH")
	if peer == "" {
		t.Skip("times are no test: set MODWSGI_MATRIX_BENCH to the path of a peer's mod_wsgi.so")
	}
	r := &run.Runner{}
	b, err := RunBench(t.Context(), r, BenchOptions{Target: theTarget(t, r), Peer: peer, UWSGI: "uwsgi", Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Print(t.Output()); err != nil {
		t.Fatal(err)
	}
	if len(b.Lines) == 0 {
		t.Error("nothing was measured")
	}
}
