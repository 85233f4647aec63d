package expressgen

import (
	"strings"
)

// pathAsModule is whether the working directory must be put into sys.path by
// the handler: in Apache's own processes there is no home= to do it, and a
// folder with a colon in its name is no part of a search path.
func (g *generator) pathAsModule() bool {
	return !g.o.Daemon() && strings.Contains(g.o.WorkingDirectory, ":")
}

func (g *generator) handlers() {
	if g.handler == "" {
		return
	}
	environ := Pairs{
		{"MOD_WSGI_EXPRESS", "true"},
		{"MOD_WSGI_SERVER_NAME", g.o.siteName()},
		{"MOD_WSGI_SERVER_ALIASES", strings.Join(g.o.ServerAlias, " ")},
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"DEBUG_MODE", g.o.debugging()},
		{"RELOADER_ENABLED", g.o.monitoring()},
		{"DEBUGGER_ENABLED", g.o.EnableDebugger},
		{"COVERAGE_ENABLED", g.o.EnableCoverage},
		{"PROFILER_ENABLED", g.o.EnableProfiler},
		{"RECORDER_ENABLED", g.o.EnableRecorder},
		{"GDB_ENABLED", g.o.EnableGDB},
	} {
		if flag.set {
			environ = append(environ, Pair{"MOD_WSGI_" + flag.name, "true"})
		}
	}
	var sysPath []string
	if g.pathAsModule() {
		sysPath = []string{g.o.WorkingDirectory}
	}
	g.file("handler.wsgi", g.fill("handler.wsgi.tmpl", map[string]any{
		"Version":        g.f.Version,
		"Runtime":        g.s.Path("runtime"),
		"Environ":        environ,
		"SysPath":        sysPath,
		"Kind":           g.kind,
		"EntryPoint":     g.entryPoint,
		"CallableObject": g.o.CallableObject,
		"MountPoint":     g.o.MountPoint,
		"Tools":          g.tools(),
		"Reloading":      g.o.reloading(),
	}), true)
}

// argument is a keyword argument of Handler, its value as Python writes it.
type argument struct{ Name, Value string }

// tools are what the handler has besides the application. What is not asked for
// is not imported.
func (g *generator) tools() []argument {
	var out []argument
	flag := func(on bool, name string) {
		if on {
			out = append(out, argument{name, "True"})
		}
	}
	text := func(name, value string) {
		if value != "" {
			out = append(out, argument{name, quotePython(value)})
		}
	}
	flag(g.o.debugging(), "debug")
	flag(g.o.monitoring(), "monitor")
	flag(g.o.EnableDebugger, "debugger")
	flag(g.o.DebuggerStartup, "debugger_startup")
	for _, d := range g.debugTools() {
		if d.on {
			text(d.argument, d.path(&g.s))
		}
	}
	flag(g.o.newRelic(), "newrelic")
	text("newrelic_config", g.o.NewRelicConfigFile)
	text("newrelic_environment", g.o.NewRelicEnvironment)
	return out
}

// resourceTable adds the script that finds the handler of a file.
func (g *generator) resourceTable() {
	if len(g.o.AddHandler) == 0 {
		return
	}
	var table Pairs
	for _, p := range g.o.AddHandler {
		table = append(table, Pair{extension(p.Key), p.Value})
	}
	g.file("resource.wsgi", g.fill("resource.wsgi.tmpl", map[string]any{
		"Version": g.f.Version, "Runtime": g.s.Path("runtime"), "Table": table, "Reloading": g.o.reloading(),
	}), true)
}
