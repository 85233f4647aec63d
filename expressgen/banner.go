package expressgen

import (
	"fmt"
)

// banner is what is printed before the server starts.
func (g *generator) banner() []Line {
	c := capacity(g.o)
	plural := "es"
	if g.o.processes() == 1 {
		plural = ""
	}
	log := g.s.ErrorLog
	if log == "" {
		log = "/dev/stderr"
	}
	mode := "daemon"
	if g.o.EmbeddedMode {
		mode = "embedded"
	}
	lines := []Line{
		{"Server URL", g.url(g.o.siteName(), false) + "/"},
	}
	if g.o.https() {
		lines = append(lines, Line{"Server URL (HTTPS)", g.url(g.o.siteName(), true) + "/"})
	}
	if g.o.ServerStatus {
		lines = append(lines, Line{"Server Status", g.url(g.o.siteName(), false) + "/server-status"})
	}
	lines = append(lines,
		Line{"Server Root", g.s.Root},
		Line{"Server Conf", g.s.Path("httpd.conf")},
		Line{"Error Log File", fmt.Sprintf("%s (%s)", log, g.o.LogLevel)})
	if path := g.rewriteRules(); g.o.RewriteRules != "" || g.o.SetupOnly {
		lines = append(lines, Line{"Rewrite Rules", path})
	}
	switch {
	case g.o.EnvvarsScript != "":
		lines = append(lines, Line{"Environ Variables", g.o.EnvvarsScript})
	case g.o.SetupOnly:
		lines = append(lines, Line{"Environ Variables", g.s.Path("envvars")})
	}
	if g.o.SetupOnly {
		lines = append(lines, Line{"Control Script", g.s.Path("apachectl")})
	}
	lines = append(lines, Line{"Operating Mode", mode},
		Line{"Request Capacity", fmt.Sprintf("%d (%d process%s * %d threads)", c.Clients, g.o.processes(), plural, g.o.Threads)})
	if g.o.Daemon() {
		lines = append(lines, Line{"Request Timeout", fmt.Sprintf("%d (seconds)", g.o.RequestTimeout)})
		if g.o.InterruptTimeout != 0 {
			lines = append(lines, Line{"Interrupt Timeout", fmt.Sprintf("%d (seconds)", g.o.InterruptTimeout)})
		}
		if g.o.StartupTimeout != 0 {
			lines = append(lines, Line{"Startup Timeout", fmt.Sprintf("%d (seconds)", g.o.StartupTimeout)})
		}
		lines = append(lines,
			Line{"Queue Backlog", fmt.Sprintf("%d (connections)", g.o.DaemonBacklog)},
			Line{"Queue Timeout", fmt.Sprintf("%d (seconds)", g.o.QueueTimeout)},
			Line{"Server Capacity", fmt.Sprintf("%d (event/worker), %d (prefork)", c.Threads.MaxRequestWorkers, c.Prefork.MaxRequestWorkers)})
	}
	return append(lines,
		Line{"Server Backlog", fmt.Sprintf("%d (connections)", g.o.ServerBacklog)},
		Line{"Locale Setting", g.f.Locale})
}
