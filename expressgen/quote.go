package expressgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"modwsgi/internal/pattern"
)

// errUnsafe says that a value cannot be written into a configuration file.
var errUnsafe = errors.New("control characters cannot be written into a configuration file")

// quoteHTTPD makes s one word of an httpd.conf that defines EXPRESS_DOLLAR.
// Apache replaces ${NAME} on the raw line, inside quotes too, and has no escape
// for it; what a replacement gives is not looked at again.
func quoteHTTPD(s string) (string, error) {
	if strings.ContainsFunc(s, isControl) {
		return "", fmt.Errorf("%q: %w", s, errUnsafe)
	}
	s = strings.ReplaceAll(s, `\`, `\\`)
	s = strings.ReplaceAll(s, `"`, `\"`)
	s = strings.ReplaceAll(s, "${", "${EXPRESS_DOLLAR}{")
	return `"` + s + `"`, nil
}

// quotePath is quoteHTTPD for places where Apache takes * ? [ ] for wildcards.
func quotePath(s string) (string, error) {
	if strings.ContainsAny(s, "*?[]") {
		return "", fmt.Errorf("%s: the characters * ? [ ] cannot be used in a path of a section", s)
	}
	return quoteHTTPD(s)
}

// quoteRewrite makes the word of a RewriteCond that matches s, by itself or
// with something below it. mod_rewrite splits its lines by rules of its own: a
// quote ends the word whatever stands before it, and no backslash is taken away.
func quoteRewrite(s string) (string, error) {
	if strings.ContainsFunc(s, isControl) {
		return "", fmt.Errorf("%q: %w", s, errUnsafe)
	}
	return `"^` + strings.ReplaceAll(regexp.QuoteMeta(s), `"`, `\x22`) + `(/|$)"`, nil
}

// quoteRewriteNot matches what quoteRewrite does not. The mark belongs inside:
// a word that does not begin with a quote is not in quotes.
func quoteRewriteNot(s string) (string, error) {
	quoted, err := quoteRewrite(s)
	return strings.Replace(quoted, `"`, `"!`, 1), err
}

// quotePython makes a literal that no content can end early. Bytes that are no
// text become what Python itself makes of such a file name.
func quotePython(s string) string {
	if !utf8.ValidString(s) {
		var b strings.Builder
		b.WriteString("os.fsdecode(b'")
		for i := range len(s) {
			writePython(&b, rune(s[i]))
		}
		b.WriteString("')")
		return b.String()
	}
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		writePython(&b, r)
	}
	b.WriteByte('\'')
	return b.String()
}

func writePython(b *strings.Builder, r rune) {
	switch {
	case r == '\'' || r == '\\':
		b.WriteByte('\\')
		b.WriteRune(r)
	case r >= 0x20 && r < 0x7f:
		b.WriteRune(r)
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// quoteShell makes s one word of a shell script. Always in quotes: what reads
// the script sees at a glance that a value ends where it ends.
func quoteShell(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// quoteWords makes list the argument of an instruction of a Dockerfile in its exec
// form, one word to a line: no shell reads it, and builders refuse lines of 64 KiB.
// They replace no variables in it, but this command does, in what it is given:
// two dollar signs there are one.
func quoteWords(list []string) (string, error) {
	var lines []string
	for _, word := range list {
		if strings.ContainsFunc(word, isControl) || !utf8.ValidString(word) {
			return "", fmt.Errorf("%q: %w", word, errUnsafe)
		}
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(word); err != nil {
			return "", err
		}
		lines = append(lines, strings.TrimSuffix(b.String(), "\n"))
	}
	return "[" + strings.Join(lines, ", \\\n     ") + "]", nil
}

var variable = pattern.New(`\$([A-Za-z_]|\{[A-Za-z_][A-Za-z0-9_]*\})`)

// literal makes s an argument of this command that is read back as s.
func literal(s string) string { return variable.ReplaceAllString(s, "$$$$$1") }

// quoteUnit makes s one word of a command line in a unit of systemd, which has
// escapes as C does, specifiers and variables.
func quoteUnit(s string) (string, error) {
	if strings.ContainsFunc(s, isControl) {
		return "", fmt.Errorf("%q: %w", s, errUnsafe)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(s) + `"`, nil
}
