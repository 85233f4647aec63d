package expressgen

import (
	"fmt"
)

// banner is what is printed before the server starts.
func (g *generator) banner() []Line {
	c := capacity(g.o)
	processes, threads := g.o.processes(), g.o.Threads
	if g.o.debugging() {
		processes, threads = 1, 1
	}
	plural := "es"
	if processes == 1 {
		plural = ""
	}
	log := g.s.ErrorLog
	if log == "" {
		log = "/dev/stderr"
	}
	mode := "daemon"
	switch {
	case g.o.debugging():
		mode = "debug"
	case g.o.EmbeddedMode:
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
	lines = append(lines, g.outputs()...)
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
		Line{"Request Capacity", fmt.Sprintf("%d (%d process%s * %d threads)", c.Clients, processes, plural, threads)})
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

// outputs are the further files that the server writes.
func (g *generator) outputs() []Line {
	var out []Line
	if g.o.AccessLog {
		path := "/dev/stdout"
		if !g.o.terminal() {
			path = g.logFile(g.o.AccessLogName)
		}
		out = append(out, Line{"Access Log File", path})
	}
	if path := g.startupLog(); path != "" {
		out = append(out, Line{"Startup Log File", path})
	}
	for i, d := range g.debugTools() {
		if d.on {
			label := []string{"Coverage Output", "Profiler Output", "Recorder Output"}[i]
			path := d.path(&g.s)
			if i == 0 {
				path += "/index.html"
			}
			out = append(out, Line{label, path})
		}
	}
	if g.o.EnableTelemetry {
		out = append(out, Line{"Telemetry", fmt.Sprintf("http://127.0.0.1:%d/", g.o.TelemetryUIPort)})
	}
	return out
}
