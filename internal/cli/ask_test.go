package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// yes, no, and what is neither.
func TestAsk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed string
		want  bool
		asked int
		err   error
	}{
		{"y\n", true, 1, nil},
		{" YES \r\n", true, 1, nil},
		{"\n", false, 1, nil},
		{"no\n", false, 1, nil},
		{"what\ny\n", true, 2, nil},
		{"", false, 1, ErrNoAnswer},
		{"y", false, 1, ErrNoAnswer}, // the end came before Enter
	} {
		var out strings.Builder
		got, err := Ask(t.Context(), strings.NewReader(c.typed), &out, "Well?")
		if got != c.want || !errors.Is(err, c.err) || strings.Count(out.String(), "Well? [y/N] ") != c.asked {
			t.Errorf("%q: %v, %v, %q", c.typed, got, err, out.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never, end := io.Pipe()
	defer end.Close()
	if _, err := Ask(ctx, never, io.Discard, "Well?"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
