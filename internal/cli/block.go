package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Live tells whether what is written to w may be written over: a person looks at
// a terminal that can, and no CI service keeps what it gets.
func Live(w io.Writer) bool {
	return Terminal(w) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
}

// columns is how long a line may be that is to be written over: one that wraps
// could not be. Few terminals are narrower.
const columns = 79

// fit is the beginning of a line that does not wrap.
func fit(line string) string {
	if r := []rune(line); len(r) > columns {
		return string(r[:columns])
	}
	return line
}

// Block is some lines at the end of a terminal that are written over by the next
// ones. The zero Block is empty.
type Block struct{ lines int }

// Draw writes text where the block was, to stay, and the block anew below it. It
// is one write, so that nothing flickers.
func (b *Block) Draw(w io.Writer, text string, lines ...string) error {
	var out strings.Builder
	if b.lines > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\r\x1b[J", b.lines)
	}
	out.WriteString(text)
	for _, line := range lines {
		out.WriteString(fit(line) + "\n")
	}
	b.lines = len(lines)
	_, err := io.WriteString(w, out.String())
	return err
}

// Ok and Fail are the words at the beginning of a line that says how something
// ended, with colours if there are some.
func Ok(colour bool) string   { return mark("ok  ", green, colour) }
func Fail(colour bool) string { return mark("FAIL", red, colour) }

func mark(word, code string, colour bool) string {
	if colour {
		return paint(word, code)
	}
	return word
}
