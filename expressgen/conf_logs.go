package expressgen

import (
	"path/filepath"
	"strconv"
	"strings"
)

// logs are the error log and the access log.
func (g *generator) logs(c *conf) {
	levels := strings.Fields(g.o.LogLevel)
	if g.o.VerboseDebugging {
		levels = append(levels, "wsgi:trace1")
	}
	c.set("LogLevel", list(levels, c.bare)...)
	if g.o.ErrorLogFormat != "" {
		c.set("ErrorLogFormat", c.text(g.o.ErrorLogFormat))
	}
	switch {
	case !g.o.terminal():
		g.s.ErrorLog = g.logFile(g.o.ErrorLogName)
		c.set("ErrorLog", g.logTarget(c, g.s.ErrorLog))
	case g.f.Stderr:
		c.set("ErrorLog", "/dev/stderr")
	default:
		c.set("ErrorLog", `"|$exec cat 1>&9"`) // see apachectl
	}
	if g.o.AccessLog {
		g.accessLog(c)
	}
}

// accessLog is a line for each request.
func (g *generator) accessLog(c *conf) {
	c.set("LogFormat", `"%h %l %u %t \"%r\" %>s %b"`, "common")
	c.set("LogFormat", `"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\""`, "combined")
	name := word(g.o.AccessLogFormat)
	switch name {
	case "":
		name = "common"
	case "common", "combined":
	default:
		c.set("LogFormat", c.text(g.o.AccessLogFormat), "custom")
		name = "custom"
	}
	switch {
	case !g.o.terminal():
		c.set("CustomLog", g.logTarget(c, g.logFile(g.o.AccessLogName)), name)
	case g.f.Stdout:
		c.set("CustomLog", "/dev/stdout", name)
	default:
		c.set("CustomLog", `"|$exec cat 1>&8"`, name)
	}
}

// logFile is the path of a log called name.
func (g *generator) logFile(name string) string {
	switch {
	case filepath.IsAbs(name):
		return filepath.Clean(name)
	case g.o.LogDirectory != "":
		return filepath.Join(g.o.LogDirectory, name)
	}
	return filepath.Join(g.s.Root, name)
}

// logFolder adds the folder of a log, or of the pid file: what opens one makes none.
func (g *generator) logFolder(path string) {
	if dir := filepath.Dir(path); dir != g.s.Root {
		g.outside(dir, false)
	}
}

// logTarget is a log file, or the program that begins a new one when it is full.
func (g *generator) logTarget(c *conf, path string) word {
	g.logFolder(path)
	if !g.o.rotating() {
		return c.text(path)
	}
	return c.command(g.f.Rotatelogs, strings.ReplaceAll(path, "%", "%%")+".%Y-%m-%d-%H_%M_%S", strconv.Itoa(g.o.MaxLogSize)+"M")
}

// startupLog is where Apache says what it has to before the error log is open; ""
// is where it was started.
func (g *generator) startupLog() string {
	switch {
	case !g.o.StartupLog:
		return ""
	case !g.o.terminal():
		return g.logFile(g.o.StartupLogName)
	case g.f.Stderr:
		return "/dev/stderr"
	}
	return ""
}
