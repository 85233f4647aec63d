package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNoAnswer says that a question was left open.
var ErrNoAnswer = errors.New("there was no answer")

// Ask puts a question that is answered by yes or no, whose answer is no where there
// is just an end of line. What is neither is asked again.
func Ask(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	lines := bufio.NewReader(in)
	for {
		fmt.Fprintf(out, "%s [y/N] ", question)
		text, err := nextLine(ctx, lines)
		if err != nil {
			fmt.Fprintln(out)
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			return false, nil
		}
	}
}

// nextLine waits for a line, or for the end of ctx: a read cannot be ended.
func nextLine(ctx context.Context, from *bufio.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() {
		text, err := from.ReadString('\n')
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		if l.err != nil {
			return "", ErrNoAnswer
		}
		return l.text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
