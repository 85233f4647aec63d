package matrix

import (
	"fmt"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Mode is where the application runs.
type Mode string

const (
	Embedded Mode = "embedded" // in httpd's children
	Daemon   Mode = "daemon"   // in processes of a daemon group
)

// Modes lists both.
func Modes() []Mode { return []Mode{Embedded, Daemon} }

// Target is the module under test and the Apache and Python it is for.
type Target struct {
	Apache apxs.Info
	Python pybuild.Info
	Module string   // path of mod_wsgi.so
	Lines  []string // further directives that its installation needs: WSGIPythonHome, WSGIRuntimeDirectory
	// Foreign is another implementation of the module, run for comparison: its
	// daemon processes log to the main server's log, and what only ours
	// promises is skipped.
	Foreign bool
	// Env is added to httpd's environment.
	Env []string
	// Long has cases under load, and those about leaks, take the time that they
	// promise: minutes each.
	Long bool
}

// Python's part of a cell's name: "py3.11", "py3.13t".
func (t Target) python() string {
	a := t.Python.ABI
	name := fmt.Sprintf("py%d.%d", a.Major, a.Minor)
	if a.Free {
		name += "t"
	}
	if a.Debug {
		name += "d"
	}
	return name
}

// Site is one virtual host: a script, where it runs, and its own error log.
type Site struct {
	Host   string // ServerName and Host header; logs/HOST.log
	Script string // file to mount
	Mount  string // URL path of it; "-" mounts nothing
	Mode   Mode
	Group  string   // daemon group, in daemon mode
	Lines  []string // further directives
	// Interpreter is the application group: the main interpreter when empty.
	Interpreter string
}

// Conf is a whole server configuration as a value.
type Conf struct {
	Root   string // server root; holds everything the server writes
	Port   int
	MPM    string
	Static map[string]bool // modules compiled into httpd, "mod_so.c"
	Have   map[string]bool // files in the modules directory, "mod_mime.so"
	User   string          // "" when httpd is not started by root
	Group  string
	Target Target
	Global []string // directives of the main server, daemon groups among them
	Sites  []Site

	Threads int  // of the one child of a threaded MPM; childThreads when 0
	Quiet   bool // no access log, as when speed is measured
}

// wanted are the modules that cases use, in load order. Which of them are
// loadable, compiled in or absent differs by distribution.
var wanted = []string{
	"log_config", "unixd", "authn_core", "authz_core", "alias", "env", "mime",
	"setenvif", "dir", "headers", "deflate", "rewrite", "include",
}

// childThreads are the threads of the one child: enough for every case, few
// enough to start fast.
const childThreads = 16

// Text is the configuration file.
func (c Conf) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("ServerRoot %s", quote(c.Root))
	line("DefaultRuntimeDir run")
	line("PidFile run/httpd.pid")
	line("ServerName matrix.test")
	line("Listen 127.0.0.1:%d", c.Port)
	c.modules(line)
	if c.User != "" {
		line("User %s\nGroup %s", c.User, c.Group)
	}
	c.mpm(line)
	line("Timeout 20\nKeepAliveTimeout 5\nTypesConfig /dev/null")
	if c.Quiet {
		line("LogLevel warn\nMaxKeepAliveRequests 0")
	} else {
		line("LogLevel info")
	}
	line("ErrorLog logs/error.log")
	if !c.Quiet {
		line(`LogFormat "%%{remote}p %%s %%V \"%%r\"" matrix`)
		line("CustomLog logs/access.log matrix")
	}
	for _, l := range append(c.Target.Lines, c.Global...) {
		if !isLoadFile(l) {
			line("%s", l)
		}
	}
	line("<Directory %s>\n    Require all granted\n</Directory>", quote(filepath.Join(c.Root, "apps")))
	for _, s := range c.Sites {
		s.write(line, c.Port)
	}
	return b.String()
}

func (c Conf) modules(line func(string, ...any)) {
	names := append([]string{"mpm_" + c.MPM}, wanted...)
	for _, name := range names {
		source := "mod_" + name + ".c"
		if name == "mpm_"+c.MPM {
			source = c.MPM + ".c"
		}
		file := "mod_" + name + ".so"
		if !c.Static[source] && c.Have[file] {
			line("LoadModule %s_module %s", name, quote(filepath.Join(c.Target.Apache.ModulesDir, file)))
		}
	}
	for _, l := range c.Target.Lines { // the module needs it
		if isLoadFile(l) {
			line("%s", l)
		}
	}
	if c.Target.Module != "" {
		line("LoadModule wsgi_module %s", quote(c.Target.Module))
	}
}

func isLoadFile(line string) bool { return strings.HasPrefix(line, "LoadFile ") }

func (c Conf) mpm(line func(string, ...any)) {
	if c.MPM == "prefork" {
		line("StartServers 2\nMinSpareServers 1\nMaxSpareServers 4\nMaxRequestWorkers 8")
		return
	}
	threads := c.Threads
	if threads == 0 {
		threads = childThreads
	}
	line("StartServers 1\nServerLimit %d\nThreadLimit %[2]d\nThreadsPerChild %[2]d\nMaxRequestWorkers %[2]d", generations, threads)
	line("MinSpareThreads 1\nMaxSpareThreads %d", threads)
}

func (s Site) write(line func(string, ...any), port int) {
	line("<VirtualHost 127.0.0.1:%d>", port)
	line("    ServerName %s", s.Host)
	line("    ErrorLog %s", quote("logs/"+s.Host+".log"))
	line("    DocumentRoot %s", quote(filepath.Dir(s.Script)))
	if s.Mount != "-" {
		line("    WSGIScriptAlias %s %s", orElse(s.Mount, "/"), quote(s.Script))
	}
	if s.Mode == Daemon {
		line("    WSGIProcessGroup %s", s.Group)
	}
	line("    WSGIApplicationGroup %s", orElse(s.Interpreter, "%{GLOBAL}"))
	for _, l := range s.Lines {
		line("    %s", l)
	}
	line("</VirtualHost>")
}

// generations is how many children there may be at a time: one serves, the
// others finish what they began before a graceful restart.
const generations = 6

// quote writes one argument of a directive.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// parseCompiledIn reads `httpd -l`.
func parseCompiledIn(out string) map[string]bool {
	static := map[string]bool{}
	for l := range strings.SplitSeq(out, "\n") {
		if l = strings.TrimSpace(l); strings.HasSuffix(l, ".c") {
			static[l] = true
		}
	}
	return static
}

// reproduce is the command line that starts a kept server root again.
func reproduce(httpd, root string) string {
	return run.Line(httpd, "-f", filepath.Join(root, "httpd.conf"), "-D", "FOREGROUND")
}
