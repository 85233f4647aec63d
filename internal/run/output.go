package run

import "strings"

// bounded keeps the first 8 MiB written to it and swallows the rest, so that a
// program that never stops talking is not stopped by us in mid-write.
type bounded struct {
	buf  []byte
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n := len(p)
	if room := maxOutput - len(b.buf); n > room {
		p = p[:room]
		b.over = true
	}
	b.buf = append(b.buf, p...)
	return n, nil
}

func (b *bounded) String() string { return string(b.buf) }

// tailLines is how much of standard error an Error quotes. A compiler's whole
// complaint fits; who wants more has the Result.
const tailLines = 40

// tail returns the last lines of s.
func tail(s string) string {
	s = strings.TrimRight(s, " \t\r\n")
	lines := strings.Split(s, "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return strings.Join(lines, "\n")
}
