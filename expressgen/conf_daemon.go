package expressgen

import (
	"fmt"
	"strconv"
	"strings"
)

// python are the settings of Python, and the process group of the application.
func (g *generator) python(c *conf) {
	c.set("WSGIPythonHome", c.text(g.f.PythonHome))
	c.set("WSGISocketPrefix", c.text(g.socketFolder()+"/wsgi"))
	c.set("WSGISocketRotation", "Off")
	if g.o.WithCGI && g.cgi() == "cgid" {
		c.in("IfModule", "cgid_module", func() { c.set("ScriptSock", c.text(g.socketFolder()+"/cgisock")) })
	}
	c.set("WSGICallableObject", c.text(g.o.CallableObject))
	c.set("WSGIPassAuthorization", "On")
	c.set("WSGIMapHEADToGET", word(g.o.MapHeadToGet))
	c.set("WSGIDestroyInterpreter", onOff(!g.o.OrphanInterpreter))
	c.set("WSGIServerMetrics", onOff(g.metrics()))
	if g.metrics() || g.o.ServerStatus {
		c.set("ExtendedStatus", "On")
	}
	for _, spec := range g.o.PythonWarnings {
		c.set("WSGIPythonWarnings", c.text(spec))
	}
	if g.o.SwitchInterval != nil {
		g.capable("switch-interval", "WSGISwitchInterval")
		c.set("WSGISwitchInterval", word(decimal(*g.o.SwitchInterval)))
	}
	if g.o.FreeThreading {
		g.capable("free-threading", "WSGIFreeThreading")
		if !g.f.FreeThreaded {
			g.fail("--free-threading: the Python at %s was not built for it", g.f.PythonHome)
		}
		c.set("WSGIFreeThreading", "On")
	}
	if g.o.debugging() {
		c.set("WSGIRestrictStdin", "Off")
	}
	if g.o.VerboseDebugging {
		c.set("WSGIVerboseDebugging", "On")
	}
	if !g.o.reloading() {
		c.set("WSGIScriptReloading", "Off")
	}
	if path := g.embeddedPath(); path != "" {
		c.set("WSGIPythonPath", c.text(path))
	}
	if !g.o.Daemon() {
		c.set("WSGIPythonEggs", c.text(g.eggs()))
	}
	if g.o.Daemon() || g.handler == "" && len(g.o.AddHandler) == 0 && !g.guarded() {
		c.set("WSGIRestrictEmbedded", "On")
	}
	if g.daemon() {
		var options []word
		for _, l := range g.daemonOptions() {
			options = append(options, c.option(l.Label, l.Value))
		}
		c.long("WSGIDaemonProcess", c.text(g.groupName()), options)
	}
}

// daemon is whether the application has a process group.
func (g *generator) daemon() bool {
	return g.o.Daemon() && (g.handler != "" || len(g.o.AddHandler) > 0 || g.guarded())
}

// metrics is whether the application may read Apache's numbers.
func (g *generator) metrics() bool { return g.o.ServerMetrics || g.o.WithNewRelicPlatform }

// socketFolder is where sockets are.
func (g *generator) socketFolder() string {
	if g.o.SocketPrefix != "" {
		return g.o.SocketPrefix
	}
	return g.s.Root
}

// sockets reports a folder whose name leaves no room for them.
func (g *generator) sockets() {
	if !g.f.Older && !g.o.EnableTelemetry && !(g.o.WithCGI && g.cgi() == "cgid") {
		return // there are none
	}
	const room = 30 // for the name of one
	if dir := g.socketFolder(); len(dir)+room > socketMost {
		g.fail("%s: the path is too long for sockets, by %d bytes: name a folder for them with --socket-prefix", dir, len(dir)+room-socketMost)
	}
}

// eggs is the folder that eggs are unpacked into.
func (g *generator) eggs() string {
	if g.o.PythonEggs != "" {
		return g.o.PythonEggs
	}
	return g.s.Path("python-eggs")
}

// preload is whether the application is loaded before the first request: not
// where the interpreter is chosen request by request.
func (g *generator) preload() bool {
	if g.handler == "" {
		return false
	}
	return g.o.ApplicationGroup == "%{GLOBAL}" || !strings.Contains(g.o.ApplicationGroup, "%{")
}

// displayName is what ps shows of the application's processes.
func (g *generator) displayName() string {
	if g.o.ProcessGroup != "" {
		return "(wsgi:" + g.o.ProcessGroup + ")"
	}
	return fmt.Sprintf("(wsgi:%s:%d:%d)", g.o.hostname(), g.o.Port, g.f.UID)
}

// daemonOptions are those of the application's process group.
func (g *generator) daemonOptions() []Line {
	out := []Line{{"display-name", g.displayName()}, {"home", g.o.WorkingDirectory}}
	if g.o.Processes != nil { // given, even as 1, it means several processes to the application
		out = append(out, Line{"processes", strconv.Itoa(*g.o.Processes)})
	}
	add := func(label string, n int) { out = append(out, Line{label, strconv.Itoa(n)}) }
	add("threads", g.o.Threads)
	add("maximum-requests", g.o.MaximumRequests)
	if len(g.o.PythonPath) > 0 {
		out = append(out, Line{"python-path", strings.Join(g.o.PythonPath, ":")})
	}
	out = append(out, Line{"python-eggs", g.eggs()}, Line{"lang", g.f.Locale}, Line{"locale", g.f.Locale})
	add("listen-backlog", g.o.DaemonBacklog)
	add("queue-timeout", g.o.QueueTimeout)
	add("socket-timeout", g.o.SocketTimeout)
	add("connect-timeout", g.o.ConnectTimeout)
	add("request-timeout", g.o.RequestTimeout)
	g.newer(&out, "interrupt-timeout", g.o.InterruptTimeout, 0)
	add("inactivity-timeout", g.o.InactivityTimeout)
	add("startup-timeout", g.o.StartupTimeout)
	add("deadlock-timeout", g.o.DeadlockTimeout)
	add("graceful-timeout", g.o.GracefulTimeout)
	add("eviction-timeout", g.o.EvictionTimeout)
	add("restart-interval", g.o.RestartInterval)
	add("cpu-time-limit", g.o.CPUTimeLimit)
	add("shutdown-timeout", g.o.ShutdownTimeout)
	add("send-buffer-size", g.o.SendBufferSize)
	add("receive-buffer-size", g.o.ReceiveBufferSize)
	add("header-buffer-size", g.o.HeaderBufferSize)
	add("response-buffer-size", g.o.ResponseBufferSize)
	add("response-socket-timeout", g.o.ResponseSocketTimeout)
	g.newer(&out, "response-flush-delay", g.o.ResponseFlushDelay, 5)
	out = append(out, Line{"server-metrics", string(onOff(g.metrics()))})
	if g.o.SwitchInterval != nil {
		out = append(out, Line{"switch-interval", decimal(*g.o.SwitchInterval)})
	}
	return out
}

// embeddedPath is the value of WSGIPythonPath: in a daemon the group's options
// say the same.
func (g *generator) embeddedPath() string {
	if g.o.Daemon() {
		return ""
	}
	list := g.o.PythonPath
	if !g.pathAsModule() {
		list = append([]string{g.o.WorkingDirectory}, list...)
	}
	return strings.Join(list, ":")
}

// newer adds an option that older modules do not know, unless it says what holds
// anyway.
func (g *generator) newer(out *[]Line, name string, n, usual int) {
	if n == usual {
		return
	}
	if g.f.Older {
		g.fail("--%s %d: the module %s is too old for it", name, n, g.f.Module)
	}
	*out = append(*out, Line{name, strconv.Itoa(n)})
}
