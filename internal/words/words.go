// Package words splits and quotes text as a POSIX shell does, without one.
//
// Compiler flags come as one string from apxs and Python; splitting them at
// blanks breaks every path with a space in it. Nothing is expanded here: $,
// `, *, ~, # and ; mean themselves, so that $ORIGIN survives and no value can
// run a command.
package words

import (
	"errors"
	"strings"
)

// Errors of Split.
var (
	ErrQuote     = errors.New("a quote is not closed")
	ErrBackslash = errors.New("the text ends in a backslash")
)

// Split gives the words of s by the quoting rules of POSIX (2.2): single quotes
// keep everything; within double quotes a backslash escapes only $, `, ", \ and
// newline; elsewhere it escapes any character; escaped newlines vanish.
func Split(s string) ([]string, error) {
	var (
		out  []string
		word strings.Builder
		in   bool // in a word, which may be empty: ''
	)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n':
			if in {
				out = append(out, word.String())
				word.Reset()
				in = false
			}
		case '\'':
			n := strings.IndexByte(s[i+1:], '\'')
			if n < 0 {
				return nil, ErrQuote
			}
			word.WriteString(s[i+1 : i+1+n])
			i += n + 1
			in = true
		case '"':
			n, err := doubleQuoted(s[i+1:], &word)
			if err != nil {
				return nil, err
			}
			i += n
			in = true
		case '\\':
			i++
			if i == len(s) {
				return nil, ErrBackslash
			}
			if s[i] == '\n' {
				continue // a continued line, not a character of a word
			}
			word.WriteByte(s[i])
			in = true
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, word.String())
	}
	return out, nil
}

// doubleQuoted appends to word what s holds up to the closing quote and returns
// how many bytes that took, the quote among them.
func doubleQuoted(s string, word *strings.Builder) (int, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\' && i+1 < len(s) && s[i+1] == '\n':
			i++
		case c == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\", s[i+1]) >= 0:
			i++
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, ErrQuote
}

// Quote makes s one word of a shell command: unchanged where that is safe, else
// in single quotes.
func Quote(s string) string {
	if s == "" {
		return "''"
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func plain(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		strings.ContainsRune("@%+=:,./_-", r)
}

// Join makes one command line of words: Split gives them back, and so does a
// shell.
func Join(list []string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}
