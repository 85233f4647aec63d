// Package cli is where errors become text and an exit status, and where work
// that takes a while shows how far it is.
package cli

import (
	"fmt"
	"io"
	"strings"

	"modwsgi/internal/hint"
)

// Main prints err as tool's last words and returns the status to exit with. A
// nil err prints nothing and returns 0. The error comes first, its further
// lines (a compiler's, say) as they are; then one hint line for each advice.
func Main(tool string, err error, stderr io.Writer) int {
	if err == nil {
		return hint.OK
	}
	fmt.Fprintf(stderr, "%s: error: %s\n", tool, strings.TrimRight(err.Error(), "\n"))
	for advice := range strings.SplitSeq(hint.Of(err), "\n") {
		if advice != "" {
			fmt.Fprintf(stderr, "%s: hint: %s\n", tool, advice)
		}
	}
	return hint.Code(err)
}
