package expressgen

import (
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

// mpm is the MPM that is loaded and its settings.
type mpm struct {
	Name     string
	Settings []Line
}

func (g *generator) loadModules(c *conf) {
	for _, m := range g.modules() {
		load := func() { c.set("LoadModule", word(m.Name), word(`"${MOD_WSGI_MODULES_DIRECTORY}/`+m.File+`"`)) }
		for _, other := range m.Unless {
			inner := load
			load = func() { c.in("IfModule", word("!"+other), inner) }
		}
		load()
	}
	c.set("LoadModule", "wsgi_module", c.text(g.f.Module))
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
	for _, n := range g.needed() {
		file := "mod_" + n.module + ".so"
		switch {
		case g.f.Static["mod_"+n.module+".c"]:
			continue
		case g.f.Modules[file]:
		case n.option == "":
			g.fail("%s/%s: this Apache has no such module, and every server needs it", g.f.ModulesDir, file)
		default:
			g.fail("--%s: this Apache has no %s in %s", n.option, file, g.f.ModulesDir)
		}
		out = append(out, module{Name: n.module + "_module", File: file, Unless: []string{n.module + "_module"}})
	}
	return out
}

// need is a module, and the option that needs it; "" is every server.
type need struct{ module, option string }

// needed are the modules besides the MPM.
func (g *generator) needed() []need {
	var out []need
	if g.f.Modules["mod_access_compat.so"] {
		out = append(out, need{"access_compat", ""}) // .htaccess files of old
	}
	for _, name := range always {
		out = append(out, need{name, ""})
	}
	for _, n := range []struct {
		wanted bool
		need
	}{
		{g.o.HTTP2, need{"http2", "http2"}},
		{g.o.https(), need{"ssl", "https-port"}},
		{g.proxied("https", "wss") && !g.o.https(), need{"ssl", "proxy-mount-point"}},
		{g.proxying(), need{"proxy", "proxy-mount-point"}},
		{g.proxying(), need{"proxy_http", "proxy-mount-point"}},
		{g.proxied("ws", "wss"), need{"proxy_wstunnel", "proxy-mount-point"}},
		{g.o.DirectoryListing, need{"autoindex", "directory-listing"}},
		{g.o.CompressResponses, need{"deflate", "compress-responses"}},
		{g.o.WithCGI, need{g.cgi(), "with-cgi"}},
		{g.o.AuthUserScript != "" && g.o.AuthType == "Basic", need{"auth_basic", "auth-user-script"}},
		{g.o.AuthUserScript != "" && g.o.AuthType == "Digest", need{"auth_digest", "auth-user-script"}},
		{g.o.AuthUserScript != "", need{"authz_user", "auth-user-script"}},
		{g.o.AccessLog, need{"log_config", "access-log"}},
		{g.metrics(), need{"status", "server-metrics"}},
		{!g.metrics() && g.o.ServerStatus, need{"status", "server-status"}},
	} {
		if n.wanted {
			out = append(out, n.need)
		}
	}
	return out
}

// cgi is the module that runs programs: the one for MPMs with threads if there is
// one.
func (g *generator) cgi() string {
	if g.f.Modules["mod_cgid.so"] || g.f.Static["mod_cgid.c"] || !g.f.Modules["mod_cgi.so"] {
		return "cgid"
	}
	return "cgi"
}

// candidates are the MPMs that this Apache can load and the options allow, in
// order of preference. In embedded mode event comes last: with less than three
// threads in a child it does not serve well.
func (g *generator) candidates() []string {
	var out []string
	for _, name := range mpms {
		switch {
		case !g.f.Modules["mod_mpm_"+name+".so"] && !g.f.Static[name+".c"]:
		case g.o.debugging():
			out = append(out, name)
		case len(g.o.ServerMPM) > 0 && !slices.Contains(g.o.ServerMPM, name):
		default:
			out = append(out, name)
		}
	}
	if (g.o.debugging() || g.o.EmbeddedMode && len(g.o.ServerMPM) == 0) && len(out) > 1 {
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
	if g.o.EmbeddedMode && !g.o.debugging() {
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
		if g.o.Daemon() && len(g.o.IncludeFile) == 0 && !(g.guarded() && g.f.Older) {
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

// workers are the settings of the MPM.
func (g *generator) workers(c *conf) {
	m := g.tuning()
	if m == nil {
		return
	}
	c.in("IfModule", word("mpm_"+m.Name+"_module"), func() {
		for _, l := range m.Settings {
			c.set(l.Label, word(l.Value))
		}
	})
}
