package expressgen

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/template"

	"modwsgi/internal/hint"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

// templates are parsed when the first is wanted: most commands generate nothing.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"py":   quotePython,
		"sh":   quoteShell,
		"unit": quoteUnit,
	}).ParseFS(templateFiles, "templates/*.tmpl"))
})

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
		UID:   f.RunUID,
		GID:   f.RunGID,
	}
	if o.https() {
		g.s.HTTPS = *o.HTTPSPort
	}
	if o.EnableTelemetry {
		g.s.Telemetry = o.TelemetryUIPort
	}
	g.s.PidFile, g.s.Debug = g.s.Path("httpd.pid"), o.debugging()
	if o.PidFile != "" {
		g.s.PidFile = o.PidFile
		g.logFolder(o.PidFile)
	}
	g.entry()
	g.sockets()
	g.configuration()
	g.handlers()
	g.resourceTable()
	g.telemetryService()
	g.control()
	g.unit()
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
	welcome    bool   // there is no application but the welcome page
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

// outside adds a folder that may be anywhere. One that holds what an application
// makes is nobody else's.
func (g *generator) outside(path string, owned bool) {
	mode := fs.FileMode(0o755)
	if owned {
		mode = 0o700
	}
	g.s.Folders = append(g.s.Folders, Folder{Path: path, Mode: mode, Owned: owned})
}

func dirMode(mode fs.FileMode) fs.FileMode { return fs.ModeDir | mode }

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
	text, err := fill(name, data)
	if err != nil {
		g.errs = append(g.errs, err)
	}
	return text
}

func fill(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("generating %s: %w", strings.TrimSuffix(name, ".tmpl"), err)
	}
	return b.Bytes(), nil
}

// entry decides what is served. Without an argument it is the welcome page.
func (g *generator) entry() {
	g.kind, g.entryPoint = g.o.ApplicationType, g.o.EntryPoint
	if g.kind != "static" && g.entryPoint == "" {
		g.kind, g.entryPoint = "script", g.s.Path("default.wsgi")
		g.o.CallableObject, g.welcome = "application", true
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

// record adds express.json: what this server was generated from. Values of
// --setenv may be secrets and are masked.
func (g *generator) record() {
	given := map[string]any{}
	for f, v := range fields(g.o) {
		if isSet(f, v) {
			given[FlagName(f)] = v.Interface()
		}
	}
	if len(g.o.SetEnv) > 0 {
		masked := slices.Clone(g.o.SetEnv)
		for i := range masked {
			masked[i].Value = "***"
		}
		given["setenv"] = masked
	}
	data, err := json.MarshalIndent(map[string]any{
		"version": g.f.Version,
		"httpd":   g.f.Httpd,
		"module":  g.f.Module,
		"python":  g.f.PythonHome,
		"options": given,
	}, "", "  ")
	if err != nil {
		g.fail("recording the options: %w", err)
	}
	g.file("express.json", append(data, '\n'), false)
}

func (g *generator) rewriteRules() string {
	if g.o.RewriteRules != "" {
		return g.o.RewriteRules
	}
	return g.s.Path("rewrite.conf")
}
