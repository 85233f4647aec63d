package expressgen

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is a LoadModule line that Apache skips where the module, or another
// that would do as well, is there already: distributions compile different ones
// in, and loading such a one again is fatal.
type module struct {
	Name, File string
	Unless     []string
}

// always are the modules every server needs.
var always = []string{
	"unixd", "authn_core", "authz_core", "authz_host", "mime", "rewrite", "alias", "dir", "env", "headers", "filter", "reqtimeout",
}

// alias is one --url-alias: a folder, or with File set one file in it.
type alias struct{ URL, Target, Folder, File string }

// mpm is the MPM that is loaded and its settings.
type mpm struct {
	Name     string
	Settings []Line
}

// configuration adds httpd.conf.
func (g *generator) configuration() {
	root := g.documentRoot()
	serverName := g.o.hostname()
	if strings.Contains(serverName, ":") {
		serverName = "localhost" // Apache takes no IPv6 address here, with brackets or without
	}
	group := g.groupName()
	if g.o.EmbeddedMode {
		group = "%{GLOBAL}"
	}
	daemon := g.o.Daemon() && g.handler != ""
	g.file("httpd.conf", g.fill("httpd.conf.tmpl", map[string]any{
		"Version":          g.f.Version,
		"ServerName":       serverName,
		"Root":             g.s.Root,
		"Listen":           g.listen(),
		"Modules":          g.modules(),
		"Module":           g.f.Module,
		"MimeTypes":        g.f.MimeTypes,
		"SocketTimeout":    g.o.SocketTimeout,
		"ServerBacklog":    g.o.ServerBacklog,
		"LimitRequestBody": g.o.LimitRequestBody,
		"ReadTimeout":      readTimeout(g.o),
		"PythonHome":       g.f.PythonHome,
		"CallableObject":   g.o.CallableObject,
		"Reloading":        g.o.reloading(),
		"PythonPath":       g.embeddedPath(),
		"Daemon":           daemon,
		"Restrict":         g.o.Daemon() || g.handler == "",
		"GroupName":        g.groupName(),
		"DaemonOptions":    g.daemonOptions(),
		"KeepAliveTimeout": g.o.KeepAliveTimeout,
		"LogLevel":         strings.Join(strings.Fields(g.o.LogLevel), " "),
		"ErrorLog":         g.errorLog(),
		"MPM":              g.tuning(),
		"DocumentRoot":     root,
		"DirectoryIndex":   strings.Fields(g.o.DirectoryIndex),
		"RewriteRules":     g.rewriteRules(),
		"MountPoint":       g.o.MountPoint,
		"MountExact":       mountExact(g.o.MountPoint),
		"Handler":          g.handler,
		"HandlerGroup":     group,
		"ApplicationGroup": g.o.ApplicationGroup,
		"Preload":          daemon && g.preload(),
		"Aliases":          g.aliases(),
		"AliasesInside":    g.aliasesInside(root),
		"SetEnv":           g.o.SetEnv,
		"PassEnv":          g.o.PassEnv,
		"Includes":         g.o.IncludeFile,
	}), false)
}

// mountExact is the pattern for the mount point alone. What a regular
// expression would not take literally is refused by Check, but for dots and the
// like.
func mountExact(path string) string {
	quoted, _ := quoteRewrite(path)
	return strings.Replace(quoted, `(/|$)"`, `$"`, 1)
}

// preload is whether the application is loaded before the first request: not
// where the interpreter is chosen request by request.
func (g *generator) preload() bool {
	if g.handler == "" {
		return false
	}
	return g.o.ApplicationGroup == "%{GLOBAL}" || !strings.Contains(g.o.ApplicationGroup, "%{")
}

// modules are the LoadModule lines, the MPM first.
func (g *generator) modules() []module {
	var out []module
	if name := g.mpm(); name != "" && !g.f.Static[name+".c"] {
		out = append(out, module{
			Name: "mpm_" + name + "_module", File: "mod_mpm_" + name + ".so",
			Unless: []string{"mpm_event_module", "mpm_worker_module", "mpm_prefork_module"},
		})
	}
	names := always
	if g.f.Modules["mod_access_compat.so"] {
		names = slices.Insert(slices.Clone(names), 0, "access_compat") // .htaccess files of old
	}
	for _, name := range names {
		file := "mod_" + name + ".so"
		if g.f.Static["mod_"+name+".c"] {
			continue
		}
		if !g.f.Modules[file] {
			g.fail("%s/%s: this Apache has no such module, and every server needs it", g.f.ModulesDir, file)
		}
		out = append(out, module{Name: name + "_module", File: file, Unless: []string{name + "_module"}})
	}
	return out
}

// candidates are the MPMs that this Apache can load and the options allow, in
// order of preference. In embedded mode event comes last: with less than three
// threads in a child it does not serve well.
func (g *generator) candidates() []string {
	var out []string
	for _, name := range mpms {
		switch {
		case !g.f.Modules["mod_mpm_"+name+".so"] && !g.f.Static[name+".c"]:
		case len(g.o.ServerMPM) > 0 && !slices.Contains(g.o.ServerMPM, name):
		default:
			out = append(out, name)
		}
	}
	if g.o.EmbeddedMode && len(g.o.ServerMPM) == 0 && len(out) > 1 {
		out = slices.DeleteFunc(out, func(name string) bool { return name == "event" })
	}
	return out
}

// mpm is the MPM to use; none is an error that names the option.
func (g *generator) mpm() string {
	if list := g.candidates(); len(list) > 0 {
		return list[0]
	}
	if len(g.o.ServerMPM) > 0 {
		g.fail("--server-mpm %s: this Apache has no such MPM in %s", strings.Join(g.o.ServerMPM, " "), g.f.ModulesDir)
	} else {
		g.fail("%s: this Apache has neither of the MPMs event, worker and prefork there", g.f.ModulesDir)
	}
	return ""
}

// tuning is the section of the MPM that is used.
func (g *generator) tuning() *mpm {
	list := g.candidates()
	if len(list) == 0 {
		return nil // reported by modules
	}
	name := list[0]
	c := capacity(g.o)
	recycle := 0
	if g.o.EmbeddedMode {
		recycle = g.o.MaximumRequests
	}
	keep := 500
	if g.o.EmbeddedMode {
		keep = 100
	}
	var out []Line
	add := func(label string, n int) { out = append(out, Line{label, strconv.Itoa(n)}) }
	if name == "prefork" {
		p := c.Prefork
		add("ServerLimit", p.ServerLimit)
		add("StartServers", p.StartServers)
		add("MaxRequestWorkers", p.MaxRequestWorkers)
		add("MinSpareServers", p.MinSpareServers)
		add("MaxSpareServers", p.MaxSpareServers)
	} else {
		t := c.Threads
		add("ServerLimit", t.ServerLimit)
		add("ThreadLimit", t.ThreadsPerChild)
		add("StartServers", t.StartServers)
		add("MaxRequestWorkers", t.MaxRequestWorkers)
		add("MinSpareThreads", t.MinSpareThreads)
		add("MaxSpareThreads", t.MaxSpareThreads)
		add("ThreadsPerChild", t.ThreadsPerChild)
		// Small stacks only where no Python can come to run in the child.
		if g.o.Daemon() && len(g.o.IncludeFile) == 0 {
			add("ThreadStackSize", 262144)
		}
	}
	if name == "event" {
		keep = 0
	}
	add("MaxConnectionsPerChild", recycle)
	add("MaxKeepAliveRequests", keep)
	g.limits(c)
	return &mpm{Name: name, Settings: out}
}

// limits reports capacities beyond what Apache is built for.
func (g *generator) limits(c Capacity) {
	const most = 20000
	if c.Prefork.ServerLimit > most || c.Threads.ServerLimit > most || c.Threads.ThreadsPerChild > most {
		g.fail("--processes %d --threads %d: Apache serves at most %d clients at once", g.o.processes(), g.o.Threads, most)
	}
}

// daemonOptions are those of the application's process group.
func (g *generator) daemonOptions() []Line {
	title := fmt.Sprintf("(wsgi:%s:%d:%d)", g.o.hostname(), g.o.Port, g.f.UID)
	if g.o.ProcessGroup != "" {
		title = "(wsgi:" + g.o.ProcessGroup + ")"
	}
	out := []Line{{"display-name", title}, {"home", g.o.WorkingDirectory}}
	if g.o.Processes != nil { // given, even as 1, it means several processes to the application
		out = append(out, Line{"processes", strconv.Itoa(*g.o.Processes)})
	}
	add := func(label string, n int) { out = append(out, Line{label, strconv.Itoa(n)}) }
	add("threads", g.o.Threads)
	add("maximum-requests", g.o.MaximumRequests)
	if len(g.o.PythonPath) > 0 {
		out = append(out, Line{"python-path", strings.Join(g.o.PythonPath, ":")})
	}
	out = append(out, Line{"lang", g.f.Locale}, Line{"locale", g.f.Locale})
	add("queue-timeout", g.o.QueueTimeout)
	add("socket-timeout", g.o.SocketTimeout)
	add("connect-timeout", g.o.ConnectTimeout)
	add("request-timeout", g.o.RequestTimeout)
	add("inactivity-timeout", g.o.InactivityTimeout)
	add("startup-timeout", g.o.StartupTimeout)
	add("graceful-timeout", g.o.GracefulTimeout)
	add("restart-interval", g.o.RestartInterval)
	add("shutdown-timeout", g.o.ShutdownTimeout)
	return out
}

// embeddedPath is the value of WSGIPythonPath: in a daemon the group's options
// say the same.
func (g *generator) embeddedPath() string {
	if !g.o.EmbeddedMode {
		return ""
	}
	list := g.o.PythonPath
	if !g.pathAsModule() {
		list = append([]string{g.o.WorkingDirectory}, list...)
	}
	return strings.Join(list, ":")
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

// aliases are the --url-alias options, longer URL paths before their own
// beginnings: Apache takes the first that fits.
func (g *generator) aliases() []alias {
	list := slices.Clone(g.o.URLAlias)
	slices.SortStableFunc(list, func(a, b Pair) int {
		return -cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
	})
	var out []alias
	for _, p := range list {
		a := alias{URL: p.Key, Target: p.Value, Folder: p.Value}
		if g.f.PlainFiles[p.Value] {
			a.Folder, a.File = filepath.Split(p.Value)
		}
		out = append(out, a)
	}
	return out
}

// aliasesInside are the URL paths of aliases that lead below the document root,
// where the rule that calls the application holds too: what is missing under an
// alias is missing.
func (g *generator) aliasesInside(root string) []string {
	var out []string
	for _, a := range g.o.URLAlias {
		if strings.HasPrefix(a.Value, strings.TrimSuffix(root, "/")+"/") {
			if url := strings.TrimRight(a.Key, "/"); url != "" {
				out = append(out, url)
			}
		}
	}
	return out
}

// readTimeout is the argument of RequestReadTimeout. 0 really switches a part
// off; leaving it out would leave Apache's own limit.
func readTimeout(o *Options) string {
	part := func(name string, base, most, rate int) string {
		text := fmt.Sprintf("%s=%d", name, base)
		if base == 0 {
			return text
		}
		if most != 0 {
			text += fmt.Sprintf("-%d", most)
		}
		if rate != 0 {
			text += fmt.Sprintf(",MinRate=%d", rate)
		}
		return text
	}
	return part("header", o.HeaderTimeout, o.HeaderMaxTimeout, o.HeaderMinRate) + " " +
		part("body", o.BodyTimeout, o.BodyMaxTimeout, o.BodyMinRate)
}

// defines are the names passed to httpd with -D. httpd.conf does not need them;
// files that people include test for them.
func (g *generator) defines() []string {
	var out []string
	for _, d := range []struct {
		name string
		set  bool
	}{
		{"EMBEDDED_MODE", g.o.EmbeddedMode},
		{"MOD_WSGI_IMPORT_HANDLER_SCRIPT", g.preload()},
		{"MOD_WSGI_STATIC_ONLY", g.kind == "static"},
		{"MOD_WSGI_DIRECTORY_INDEX", g.o.DirectoryIndex != ""},
		{"MOD_WSGI_KEEP_ALIVE", g.o.KeepAliveTimeout != 0},
		{"MOD_WSGI_MULTIPROCESS", g.o.Processes != nil},
		{"MOD_WSGI_WITH_LISTENER_HOST", g.o.Host != ""},
		{"MOD_WSGI_WITH_PYTHON_PATH", len(g.o.PythonPath) > 0},
		{"MOD_WSGI_DISABLE_RELOADING", !g.o.reloading()},
	} {
		if d.set {
			out = append(out, d.name)
		}
	}
	if list := g.candidates(); len(list) > 0 {
		out = append(out, "MOD_WSGI_MPM_ENABLE_"+strings.ToUpper(list[0])+"_MODULE")
		for _, name := range list {
			out = append(out, "MOD_WSGI_MPM_EXISTS_"+strings.ToUpper(name)+"_MODULE")
		}
	}
	return out
}
