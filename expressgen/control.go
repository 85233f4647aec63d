package expressgen

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// control adds the control script, what it reads, and the empty folders.
func (g *generator) control() {
	if strings.ContainsFunc(g.f.Shell, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		g.fail("--shell-executable %s: a path with spaces cannot be named at the top of a script", printable(g.f.Shell))
	}
	httpsPort := ""
	if g.o.https() {
		httpsPort = strconv.Itoa(*g.o.HTTPSPort)
	}
	gdb := ""
	if g.o.EnableGDB {
		gdb = g.f.GDB
	}
	ctl := g.file("apachectl", g.fill("apachectl.tmpl", map[string]any{
		"Version":          g.f.Version,
		"Shell":            g.f.Shell,
		"Root":             g.s.Root,
		"ModulesDir":       g.f.ModulesDir,
		"WorkingDirectory": g.o.WorkingDirectory,
		"Hostname":         g.o.hostname(),
		"PortText":         strconv.Itoa(g.o.Port),
		"HTTPSPort":        httpsPort,
		"Locale":           g.f.Locale,
		"User":             g.f.User,
		"NotRoot":          g.f.RunUID != 0,
		"Group":            g.f.Group,
		"Httpd":            g.f.Httpd,
		"ProcessName":      g.processName(),
		"Defines":          g.defines(),
		"StartupLog":       g.startupLog(),
		"Terminal":         g.o.terminal(),
		"Stderr":           g.o.terminal() && !g.f.Stderr,
		"Stdout":           g.o.terminal() && g.o.AccessLog && !g.f.Stdout,
		"GDB":              gdb,
		"Status":           g.o.ServerStatus,
		"StatusURL":        g.url(g.o.hostname(), false) + "/server-status",
		"Python":           g.f.Python,
	}), false)
	ctl.Mode = 0o700
	if g.s.Super {
		ctl.Mode = 0o755
	}
	if path := g.startupLog(); path != "" && !g.o.terminal() {
		g.logFolder(path)
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
	if g.o.PythonEggs == "" {
		eggs := g.folder("python-eggs")
		eggs.Kept, eggs.Owned = true, true
	} else {
		g.outside(g.o.PythonEggs, true)
	}
	if g.o.DocumentRoot != "" {
		g.outside(g.o.DocumentRoot, false)
	}
	g.debugFolders()
}

// processName is what Apache's processes are called, where the shell can say so.
// Daemon processes of older modules have as much room as this has.
func (g *generator) processName() string {
	if !slices.Contains([]string{"bash", "zsh", "ksh", "ksh93"}, filepath.Base(g.f.Shell)) {
		return ""
	}
	name := g.o.ProcessName
	if name == "" {
		name = filepath.Base(g.f.Httpd) + " (mod_wsgi-express)"
	}
	if g.f.Older {
		name = fmt.Sprintf("%-*s", len(g.displayName()), name)
	}
	return name
}

// debugTool is a tool of debug mode that leaves files in a folder.
type debugTool struct {
	on             bool
	name, argument string
	folder, usual  string
}

func (g *generator) debugTools() []debugTool {
	return []debugTool{
		{g.o.EnableCoverage, "COVERAGE", "coverage", g.o.CoverageDirectory, "htmlcov"},
		{g.o.EnableProfiler, "PROFILER", "profiler", g.o.ProfilerDirectory, "pstats"},
		{g.o.EnableRecorder, "RECORDER", "recorder", g.o.RecorderDirectory, "archive"},
	}
}

// path is where a tool leaves its files.
func (d debugTool) path(s *Server) string {
	if d.folder != "" {
		return d.folder
	}
	return s.Path(d.usual)
}

// debugFolders adds the folders of the tools: what is in them is the
// application's, passwords and all.
func (g *generator) debugFolders() {
	for _, d := range g.debugTools() {
		switch {
		case !d.on:
		case d.folder != "":
			g.outside(d.folder, true)
		default:
			dir := g.folder(d.usual)
			dir.Mode, dir.Kept, dir.Owned = dirMode(0o700), true, true
		}
	}
}
