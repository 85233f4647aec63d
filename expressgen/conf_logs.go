package expressgen

import (
	"path/filepath"
	"strings"
)

func (g *generator) logs(c *conf) {
	levels := strings.Fields(g.o.LogLevel)
	if g.o.VerboseDebugging {
		levels = append(levels, "wsgi:trace1")
	}
	c.set("LogLevel", list(levels, c.bare)...)
	c.set("ErrorLog", c.text(g.errorLog()))
}

// errorLog is the argument of ErrorLog.
func (g *generator) errorLog() string {
	if g.o.terminal() {
		if g.f.Stderr {
			return "/dev/stderr"
		}
		return "|$exec cat 1>&9" // see apachectl
	}
	dir := g.s.Root
	if g.o.LogDirectory != "" {
		dir = g.o.LogDirectory
	}
	g.s.ErrorLog = filepath.Join(dir, "error_log")
	return g.s.ErrorLog
}
