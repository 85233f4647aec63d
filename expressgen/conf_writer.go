package expressgen

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"modwsgi/internal/pattern"
)

// conf is an httpd.conf while it is written. A directive takes words, and a text
// of somebody's becomes a word by one of conf's quoting methods alone: what was
// not quoted does not compile.
type conf struct {
	b     bytes.Buffer
	depth int
	gap   bool // a blank line is due
	errs  []error
}

// word is one argument as it stands in the file. A constant of ours may be one as
// it is.
type word string

// text is s in quotes.
func (c *conf) text(s string) word { return c.keep(quoteHTTPD(s)) }

// path is s in quotes where Apache would take * ? [ ] for wildcards.
func (c *conf) path(s string) word { return c.keep(quotePath(s)) }

// below is the pattern of a RewriteCond that matches s and what is below it;
// notBelow matches the rest, and exactly s alone.
func (c *conf) below(s string) word    { return c.keep(quoteRewrite(s)) }
func (c *conf) notBelow(s string) word { return c.keep(quoteRewriteNot(s)) }
func (c *conf) exactly(s string) word {
	quoted, err := quoteRewrite(s)
	return c.keep(strings.Replace(quoted, `(/|$)"`, `$"`, 1), err)
}

// command is a program with its arguments for a log that is piped: Apache takes
// the quotes of the file away, and splits what is left by quotes of its own.
func (c *conf) command(args ...string) word {
	var parts []string
	for _, arg := range args {
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(arg)+`"`)
	}
	return c.text("|" + strings.Join(parts, " "))
}

// option is name="value" of a directive that takes such.
func (c *conf) option(name, value string) word { return word(name) + "=" + c.text(value) }

var bareWord = pattern.New(`^[A-Za-z0-9_.:,=@#+*?/\[\]-]+$`)

// bare is s without quotes, for what was checked to be a name, an address or a
// level.
func (c *conf) bare(s string) word {
	if !bareWord.MatchString(s) {
		c.keep("", fmt.Errorf("%q: %w", s, errBare))
	}
	return word(s)
}

var errBare = errors.New("this cannot stand in a configuration file without quotes")

func num(n int) word { return word(strconv.Itoa(n)) }

func onOff(on bool) word {
	if on {
		return "On"
	}
	return "Off"
}

// list makes words of texts.
func list(values []string, quote func(string) word) []word {
	out := make([]word, len(values))
	for i, v := range values {
		out[i] = quote(v)
	}
	return out
}

func (c *conf) keep(quoted string, err error) word {
	if err != nil {
		c.errs = append(c.errs, err)
	}
	return word(quoted)
}

// blank leaves a line free before what comes next.
func (c *conf) blank() { c.gap = c.b.Len() > 0 }

// put writes one line.
func (c *conf) put(text string) {
	if c.gap && c.depth == 0 {
		c.b.WriteByte('\n')
	}
	c.gap = false
	c.b.WriteString(strings.Repeat("    ", c.depth) + text + "\n")
}

// note is a comment of ours.
func (c *conf) note(text string) { c.put("# " + text) }

// set is a directive.
func (c *conf) set(directive string, args ...word) {
	for _, arg := range args {
		directive += " " + string(arg)
	}
	c.put(directive)
}

// long is a directive with a line for each of its further words.
func (c *conf) long(directive string, first word, rest []word) {
	text := directive + " " + string(first)
	for _, arg := range rest {
		text += " \\\n    " + strings.Repeat("    ", c.depth) + string(arg)
	}
	c.put(text)
}

// in writes a section with what body writes into it.
func (c *conf) in(section string, arg word, body func()) {
	c.put("<" + strings.TrimSuffix(section+" "+string(arg), " ") + ">")
	c.depth++
	body()
	c.depth--
	c.put("</" + section + ">")
}
