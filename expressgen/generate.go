package expressgen

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"modwsgi/internal/hint"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"py": quotePython,
	"sh": quoteShell,
}).ParseFS(templateFiles, "templates/*.tmpl"))

// Generate makes the server root of o on the machine f describes: every file,
// in memory. Nothing is read or written, but the files of f.Runtime. The paths
// of o are absolute. Its errors end a program with hint.Usage.
func Generate(o Options, f Facts) (Server, error) {
	g := &generator{o: &o, f: &f}
	g.s = Server{
		Root:  ServerRoot(&o, &f),
		Named: o.ServerRoot != "",
		Super: f.UID == 0,
		Host:  o.Host,
		Port:  o.Port,
	}
	g.entry()
	g.configuration()
	g.handlers()
	g.control()
	g.runtime()
	g.record()
	if len(g.errs) > 0 {
		return Server{}, hint.Exit(errors.Join(g.errs...), hint.Usage)
	}
	g.warn()
	g.s.Banner = g.banner()
	return g.s, nil
}

// ServerRoot is the folder that o's server has on the machine f describes.
func ServerRoot(o *Options, f *Facts) string {
	if o.ServerRoot != "" {
		return o.ServerRoot
	}
	return filepath.Join(f.TmpDir, fmt.Sprintf("mod_wsgi-%s:%d:%d", o.hostname(), o.Port, f.UID))
}

// generator is one run of Generate.
type generator struct {
	o    *Options
	f    *Facts
	s    Server
	errs []error

	kind       string // of the application: script, module or static
	entryPoint string
	handler    string // path of handler.wsgi; "" without an application
}

func (g *generator) fail(format string, args ...any) {
	g.errs = append(g.errs, fmt.Errorf(format, args...))
}

// file adds a file that is private to the user that runs the command, or, when
// that is root, readable by the one that requests run as if shared is set.
func (g *generator) file(path string, data []byte, shared bool) *File {
	mode := fs.FileMode(0o600)
	if shared && g.s.Super {
		mode = 0o644
	}
	g.s.Files = append(g.s.Files, File{Path: path, Mode: mode, Data: data})
	return &g.s.Files[len(g.s.Files)-1]
}

func (g *generator) folder(path string) *File {
	mode := fs.ModeDir | 0o700
	if g.s.Super {
		mode = fs.ModeDir | 0o755
	}
	g.s.Files = append(g.s.Files, File{Path: path, Mode: mode})
	return &g.s.Files[len(g.s.Files)-1]
}

// fill runs the template name on data.
func (g *generator) fill(name string, data any) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		g.errs = append(g.errs, fmt.Errorf("generating %s: %w", strings.TrimSuffix(name, ".tmpl"), err))
	}
	return b.Bytes()
}

// entry decides what is served. Without an argument it is the welcome page.
func (g *generator) entry() {
	g.kind, g.entryPoint = g.o.ApplicationType, g.o.EntryPoint
	if g.kind != "static" && g.entryPoint == "" {
		g.kind, g.entryPoint = "script", g.s.Path("default.wsgi")
		g.o.CallableObject = "application"
		g.file("default.wsgi", g.fill("default.wsgi.tmpl", g.f), true)
	}
	if g.kind != "static" {
		g.handler = g.s.Path("handler.wsgi")
	}
}

// documentRoot is the folder of static files: of a static server its argument,
// or where the command was run.
func (g *generator) documentRoot() string {
	switch {
	case g.o.DocumentRoot != "":
		return g.o.DocumentRoot
	case g.kind == "static" && g.entryPoint != "":
		return g.entryPoint
	case g.kind == "static":
		return g.o.WorkingDirectory
	}
	return g.s.Path("htdocs")
}

// groupName is the name of the daemon process group.
func (g *generator) groupName() string {
	if g.o.ProcessGroup != "" {
		return g.o.ProcessGroup
	}
	return fmt.Sprintf("%s:%d", g.o.hostname(), g.o.Port)
}

// pathAsModule is whether the working directory must be put into sys.path by
// the handler: in Apache's own processes there is no home= to do it, and a
// folder with a colon in its name is no part of a search path.
func (g *generator) pathAsModule() bool {
	return g.o.EmbeddedMode && strings.Contains(g.o.WorkingDirectory, ":")
}

func (g *generator) handlers() {
	if g.handler == "" {
		return
	}
	environ := Pairs{
		{"MOD_WSGI_EXPRESS", "true"},
		{"MOD_WSGI_SERVER_NAME", g.o.hostname()},
		{"MOD_WSGI_SERVER_ALIASES", ""},
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
		"Reloading":      g.o.reloading(),
	}), true)
}

// control adds the control script, what it reads, and the empty folders.
func (g *generator) control() {
	name := ""
	if slices.Contains([]string{"bash", "zsh", "ksh93"}, filepath.Base(g.f.Shell)) {
		name = filepath.Base(g.f.Httpd) + " (mod_wsgi-express)"
	}
	ctl := g.file("apachectl", g.fill("apachectl.tmpl", map[string]any{
		"Version":          g.f.Version,
		"Shell":            g.f.Shell,
		"Root":             g.s.Root,
		"ModulesDir":       g.f.ModulesDir,
		"WorkingDirectory": g.o.WorkingDirectory,
		"Hostname":         g.o.hostname(),
		"PortText":         strconv.Itoa(g.o.Port),
		"Locale":           g.f.Locale,
		"User":             g.f.User,
		"Group":            g.f.Group,
		"Httpd":            g.f.Httpd,
		"ProcessName":      name,
		"Defines":          g.defines(),
		"Terminal":         g.o.terminal(),
		"Streams":          g.o.terminal() && !g.f.Stderr,
	}), false)
	ctl.Mode = 0o700
	if g.s.Super {
		ctl.Mode = 0o755
	}
	if g.o.EnvvarsScript != "" {
		g.file("envvars", []byte(". "+quoteShell(g.o.EnvvarsScript)+"\n"), true)
	} else {
		g.file("envvars", nil, true).Kept = true
	}
	if g.o.RewriteRules == "" {
		g.file("rewrite.conf", nil, false).Kept = true
	}
	g.folder("htdocs").Kept = true
}

// runtime adds the copy of the Python package that handler.wsgi imports. It has
// a name of its own, so that it does not matter what mod_wsgi means there.
func (g *generator) runtime() {
	g.folder("runtime")
	err := fs.WalkDir(g.f.Runtime, "mod_wsgi", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := "runtime/_mwe_runtime" + strings.TrimPrefix(path, "mod_wsgi")
		if d.IsDir() {
			g.folder(to)
			return nil
		}
		data, err := fs.ReadFile(g.f.Runtime, path)
		g.file(to, data, true)
		return err
	})
	if err != nil {
		g.fail("reading the Python runtime: %w", err)
	}
}

// record adds express.json: what this server was generated from. Values of
// --setenv may be secrets and are masked.
func (g *generator) record() {
	o := *g.o
	o.SetEnv = slices.Clone(o.SetEnv)
	for i := range o.SetEnv {
		o.SetEnv[i].Value = "***"
	}
	data, err := json.MarshalIndent(map[string]any{
		"version": g.f.Version,
		"httpd":   g.f.Httpd,
		"module":  g.f.Module,
		"python":  g.f.PythonHome,
		"options": o,
	}, "", "  ")
	if err != nil {
		g.fail("recording the options: %w", err)
	}
	g.file("express.json", append(data, '\n'), false)
}

// warn adds what is allowed and probably not meant.
func (g *generator) warn() {
	add := func(format string, args ...any) {
		g.s.Warnings = append(g.s.Warnings, fmt.Sprintf(format, args...))
	}
	for _, f := range []struct{ option, path string }{
		{"entry-point", g.entryPoint},
		{"rewrite-rules", g.o.RewriteRules},
		{"envvars-script", g.o.EnvvarsScript},
	} {
		if g.f.Missing[f.path] {
			add("--%s %s: there is no such file", f.option, f.path)
		}
	}
	for _, path := range g.o.IncludeFile {
		if g.f.Missing[path] {
			add("--include-file %s: there is no such file, Apache will not start", path)
		}
	}
	for _, a := range g.o.URLAlias {
		if strings.HasSuffix(a.Key, "/") != strings.HasSuffix(a.Value, "/") && a.Key != "/" && !g.f.PlainFiles[a.Value] {
			add("--url-alias %s %s: either both or neither should end in /", a.Key, a.Value)
		}
	}
	if g.f.NoLocale {
		add("the locale %s is not installed here", g.f.Locale)
	}
	if g.o.EmbeddedMode && g.o.Threads < 3 && slices.Equal(g.o.ServerMPM, []string{"event"}) {
		add("the event MPM needs at least three threads in embedded mode")
	}
}

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
		{"Server URL", g.url()},
		{"Server Root", g.s.Root},
		{"Server Conf", g.s.Path("httpd.conf")},
		{"Error Log File", fmt.Sprintf("%s (%s)", log, g.o.LogLevel)},
	}
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
		if g.o.StartupTimeout != 0 {
			lines = append(lines, Line{"Startup Timeout", fmt.Sprintf("%d (seconds)", g.o.StartupTimeout)})
		}
		lines = append(lines,
			Line{"Queue Timeout", fmt.Sprintf("%d (seconds)", g.o.QueueTimeout)},
			Line{"Server Capacity", fmt.Sprintf("%d (event/worker), %d (prefork)", c.Threads.MaxRequestWorkers, c.Prefork.MaxRequestWorkers)})
	}
	return append(lines,
		Line{"Server Backlog", fmt.Sprintf("%d (connections)", g.o.ServerBacklog)},
		Line{"Locale Setting", g.f.Locale})
}

func (g *generator) url() string {
	host := g.o.hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if g.o.Port != 80 {
		host += ":" + strconv.Itoa(g.o.Port)
	}
	return "http://" + host + "/"
}

func (g *generator) rewriteRules() string {
	if g.o.RewriteRules != "" {
		return g.o.RewriteRules
	}
	return g.s.Path("rewrite.conf")
}

// listen is the argument of Listen.
func (g *generator) listen() string {
	if g.o.Host == "" {
		return strconv.Itoa(g.o.Port)
	}
	return net.JoinHostPort(g.o.Host, strconv.Itoa(g.o.Port))
}
