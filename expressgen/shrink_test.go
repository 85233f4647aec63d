package expressgen

import (
	"runtime/debug"
	"testing"
)

// The launcher that stays in front of a server on a terminal collects its garbage
// again, which start-server puts off.
func TestShrink(t *testing.T) {
	before := debug.SetGCPercent(800)
	defer debug.SetGCPercent(before)
	shrink()
	if got := debug.SetGCPercent(800); got != 100 {
		t.Errorf("the collector comes at %d %%", got)
	}
}
