package expressgen

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// telemetryName is the service that --enable-telemetry runs.
const telemetryName = "telemetry"

// telemetry is where numbers of requests are sent to.
func (g *generator) telemetry(c *conf) {
	to := g.o.TelemetryService
	if g.o.EnableTelemetry {
		to = "unix:" + g.telemetrySocket()
	}
	if to == "" {
		return
	}
	g.capable("telemetry-service", "WSGITelemetryService")
	c.set("WSGITelemetryService", c.text(to), word("interval="+decimal(g.o.TelemetryInterval)))
	if g.o.SlowRequests != nil {
		c.set("WSGISlowRequests", word(decimal(*g.o.SlowRequests)))
	}
	for _, words := range g.o.TelemetryOptions {
		c.set("WSGITelemetryOptions", list(telemetryWords.FindAllString(words, -1), c.bare)...)
	}
}

// telemetrySocket is where the service listens. Of root the server root is no
// place for a service that runs as somebody else. A folder for sockets may be that
// of several servers, and has one for each.
func (g *generator) telemetrySocket() string {
	switch {
	case g.o.SocketPrefix != "":
		return fmt.Sprintf("%s/telemetry-%d/sock", g.o.SocketPrefix, g.o.Port)
	case g.s.Super:
		return g.s.Path("run/telemetry.sock")
	}
	return g.s.Path("telemetry.sock")
}

// telemetryService adds the script of the service. It becomes this very program.
func (g *generator) telemetryService() {
	if !g.o.EnableTelemetry {
		return
	}
	switch {
	case g.o.SocketPrefix != "":
		g.outside(filepath.Dir(g.telemetrySocket()), true)
		g.s.Folders[len(g.s.Folders)-1].Private = true // anybody can guess its name
	case g.s.Super:
		run := g.folder("run")
		run.Mode, run.Kept, run.Owned = dirMode(0o700), true, true
	}
	g.file("telemetry-service.py", g.fill("telemetry-service.py.tmpl", map[string]any{
		"Version": g.f.Version, "Program": g.f.Program, "Listen": "unix:" + g.telemetrySocket(), "Port": strconv.Itoa(g.o.TelemetryUIPort),
	}), true)
}

// decimal is x as directives take it: without an exponent.
func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// capable reports an option whose directive the module does not know.
func (g *generator) capable(option, directive string) {
	if g.f.Older {
		g.errs = append(g.errs, fmt.Errorf("--%s: the module %s is too old to know %s", option, g.f.Module, directive))
	}
}
