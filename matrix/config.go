package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Refusal is a configuration that `httpd -t` must refuse (or accept), with
// what it must say.
type Refusal struct {
	Name    string
	Lines   []string                                     // of the main server
	Wants   []string                                     // regular expressions on what httpd says
	Accept  bool                                         // it is fine, after all
	Prepare func(root string, python pybuild.Info) error // files of it, for the Python under test
	Root    bool                                         // only where httpd changes its user
	Covers  string                                       // as of [Case]
}

// Refusals are the configurations that must not start, each with the directive
// or option at fault named.
func Refusals() []Refusal {
	option := func(name, text string, wants ...string) Refusal {
		return Refusal{Name: name, Lines: []string{"WSGIDaemonProcess d " + text}, Wants: append(wants, "WSGIDaemonProcess")}
	}
	covers := func(ids string, c Refusal) Refusal {
		c.Covers = ids
		return c
	}
	line := func(name, text string, wants ...string) Refusal {
		return Refusal{Name: name, Lines: []string{text}, Wants: wants}
	}
	fine := func(name string, lines ...string) Refusal {
		return Refusal{Name: name, Lines: lines, Accept: true, Wants: []string{"Syntax OK"}}
	}
	cases := []Refusal{
		fine("empty"),
		covers("CF01", fine("ifmodule", "<IfModule mod_wsgi.c>", "<IfModule wsgi_module>", "Define SEEN", "</IfModule>", "</IfModule>", "<IfDefine !SEEN>", "Nonsense", "</IfDefine>")),
		fine("daemon", "WSGIDaemonProcess d threads=3 processes=2 umask=0022 display-name=%{GROUP} request-timeout=60 queue-timeout=45"),
		fine("socket-prefix", "WSGISocketPrefix run/wsgi"),
		{Name: "runtime-without-half", Lines: []string{`WSGIRuntimeDirectory "@ROOT@/run"`, "WSGIDaemonProcess d"}, Wants: []string{`WSGIM0300: WSGIRuntimeDirectory /.*/run holds no wsgi-supervisor`}},
		covers("CF20", line("telemetry-udp", "WSGITelemetryService udp:1.2.3.4:1", "WSGITelemetryService: 'udp:1.2.3.4:1' is not understood; it takes unix:/")),
		covers("CF20", line("telemetry-often", "WSGITelemetryService unix:/run/t interval=0.1", "WSGITelemetryService: interval=0.1 is not understood; it takes seconds, 0.5 or more")),
		line("telemetry-relative", "WSGITelemetryService unix:t.sock", "WSGITelemetryService: 'unix:t.sock' is not understood"),
		line("telemetry-option", "WSGITelemetryService unix:/run/t every=1", "WSGITelemetryService: invalid option 'every=1'"),
		line("telemetry-long", fmt.Sprintf("WSGITelemetryService unix:/%0120d", 0), "has 121 characters; a socket can have 107"),
		line("slow-text", "WSGISlowRequests often", "WSGISlowRequests: 'often' is not understood; it takes seconds, 0 is off"),
		line("slow-negative", "WSGISlowRequests -1", "WSGISlowRequests: '-1' is not understood"),
		covers("CF21", line("telemetry-mixed", "WSGITelemetryOptions +CaptureUserAgent All", "WSGITelemetryOptions: 'All' cannot be mixed")),
		covers("CF21", line("telemetry-plus", "WSGITelemetryOptions +", `WSGITelemetryOptions: '\+' is not understood; it takes None, All, or CaptureUserAgent`)),
		covers("CF21", line("telemetry-bogus", "WSGITelemetryOptions Bogus", "WSGITelemetryOptions: 'Bogus' is not understood")),
		line("telemetry-none", "WSGITelemetryOptions", "WSGITelemetryOptions needs an argument"),
		line("log-format", "WSGILogFormat xml", "WSGILogFormat: 'xml' is not understood; use text or json"),
		fine("telemetry", "WSGITelemetryService unix:/run/t.sock interval=0.5", "WSGISlowRequests 0.25", "WSGITelemetryOptions +captureuseragent", "WSGITelemetryOptions -CaptureUserAgent", "WSGILogFormat JSON"),
		covers("CF09", option("threads-negative", "threads=-1", "threads")),
		fine("memory-share", "WSGIDaemonProcess d processes=3 memory-soft-limit=70%"),
		option("memory-share-none", "memory-soft-limit=0%", "option 'memory-soft-limit' has value '0%', which is out of range", "1% to 100%"),
		option("memory-share-much", "memory-soft-limit=170%", "option 'memory-soft-limit' has value '170%', which is out of range"),
		option("memory-share-text", "memory-soft-limit=70p", "memory-soft-limit"),
		option("threads-text", "threads=many", "threads"),
		option("threads-trailing", "threads=5x", "threads"),
		covers("CF09", option("processes-zero", "processes=0", "processes")),
		covers("CF09", option("umask-nine", "umask=9", "umask")),
		covers("CF09", option("home-relative", "home=rel", "home")),
		covers("CF09", option("option-unknown", "thread=5", `thread\b`, `threads`)),
		covers("CF09", option("send-buffer-small", "send-buffer-size=100", "option 'send-buffer-size' has value '100', which is out of range")),
		covers("CF09", option("header-buffer-small", "header-buffer-size=100", "option 'header-buffer-size' has value '100', which is out of range")),
		covers("CF09", option("response-buffer-small", "response-buffer-size=1000", "option 'response-buffer-size' has value '1000', which is out of range")),
		covers("CF09", option("switch-interval-zero", "switch-interval=0", "option 'switch-interval' has value '0', which is out of range")),
		covers("CF10", option("two-owners", "script-user=nobody script-group=nogroup", "script-user", "script-group")),
		option("option-without-value", "threads=", "threads"),
		option("word-without-option", "threads", "threads"),
		covers("CF11", option("user-root", "user=root", "user")),
		option("user-zero", "user=#0", "user"),
		line("name-missing", "WSGIDaemonProcess", "WSGIDaemonProcess"),
		covers("CF05", line("alias-short", "WSGIScriptAlias /x", "WSGIScriptAlias needs a URL path and a script")),
		line("alias-relative", "WSGIScriptAlias x /f.wsgi", "WSGIScriptAlias: the URL path 'x'", "start with /"),
		covers("CF06", line("alias-option", "WSGIScriptAlias / /f.wsgi bogus=1", "WSGIScriptAlias: invalid option bogus=1", "options are process-group, application-group, callable-object, pass-authorization")),
		covers("CF06", line("alias-empty", "WSGIScriptAlias / /f.wsgi process-group=", "WSGIScriptAlias: option process-group= has no value")),
		line("alias-empty-quoted", `WSGIScriptAlias / /f.wsgi application-group=""`, "WSGIScriptAlias: option application-group= has no value"),
		line("alias-space", "WSGIScriptAlias / /f.wsgi process-group = x", "'process-group' is not an option; options are written name=value, without white space"),
		line("alias-nameless", "WSGIScriptAlias / /f.wsgi =x", "'=x' is not an option"),
		line("alias-case", "WSGIScriptAlias / /f.wsgi Process-Group=x", "invalid option Process-Group=x"),
		line("alias-flag", "WSGIScriptAlias / /f.wsgi pass-authorization=maybe", "WSGIScriptAlias: option pass-authorization: 'maybe' is not understood; use On or Off"),
		fine("alias-quoted", `WSGIDaemonProcess "a b"`, `WSGIScriptAlias "/a b" "/f o.wsgi" process-group="a b" 'application-group=c d' callable-object=x pass-authorization=oN`),
		line("alias-match-short", "WSGIScriptAliasMatch /x", "WSGIScriptAliasMatch"),
		covers("CF07", line("alias-match-regex", `WSGIScriptAliasMatch "(" /f.wsgi`, "WSGIScriptAliasMatch", `'\('`, "regular expression")),
		line("alias-match-option", "WSGIScriptAliasMatch ^/ /f.wsgi bogus=1", "WSGIScriptAliasMatch", "bogus"),
		line("alias-match-preload", "WSGIScriptAliasMatch ^/ /f.wsgi process-group=nosuch application-group=%{GLOBAL}", "nosuch"),
		fine("alias-match-groups", "WSGIScriptAliasMatch ^/([a-z]+) /$1.wsgi process-group=nosuch application-group=%{GLOBAL}"),
		covers("CF25", line("map-head-sometimes", "WSGIMapHEADToGET Sometimes", "WSGIMapHEADToGET: 'Sometimes' is not understood; use On, Off or Auto")),
		fine("map-head", "WSGIMapHEADToGET AUTO", "WSGIMapHEADToGET on", "WSGIMapHEADToGET OFF"),
		line("handler-short", "WSGIHandlerScript h", "WSGIHandlerScript needs the name of a handler and a script"),
		line("handler-callable", "WSGIHandlerScript h /h.py callable-object=x", "WSGIHandlerScript: invalid option callable-object=x; the options are process-group, application-group, pass-authorization"),
		line("restrict-empty", `WSGIRestrictProcess a ""`, "WSGIRestrictProcess: the name is empty; use %{GLOBAL}"),
		covers("CF12", line("import-without-process", "WSGIImportScript /f.wsgi application-group=x", "WSGIImportScript /f.wsgi: both process-group= and application-group= are required")),
		covers("CF12", Refusal{Name: "import-without-application", Lines: []string{"WSGIDaemonProcess d", "WSGIImportScript /f.wsgi process-group=d"},
			Wants: []string{"WSGIImportScript /f.wsgi: both process-group= and application-group= are required"}}),
		{Name: "import-empty", Lines: []string{"WSGIDaemonProcess d", "WSGIImportScript /f.wsgi process-group=d application-group="}, Wants: []string{"WSGIImportScript: option application-group= has no value"}},
		{Name: "import-option", Lines: []string{"WSGIDaemonProcess d", "WSGIImportScript /f.wsgi process-group=d callable-object=x"}, Wants: []string{"WSGIImportScript: invalid option callable-object=x; the options are process-group and application-group"}},
		covers("CF13", Refusal{Name: "import-early", Lines: []string{"WSGIImportScript /f.wsgi process-group=d application-group=x", "WSGIDaemonProcess d"},
			Wants: []string{"WSGIImportScript: process group 'd' is not yet configured; WSGIDaemonProcess d must stand before"}}),
		{Name: "import-invisible", Lines: []string{
			"<VirtualHost *:1>", "ServerName a", "WSGIDaemonProcess d", "</VirtualHost>",
			"<VirtualHost *:2>", "ServerName b", "WSGIImportScript /f.wsgi process-group=d application-group=x", "</VirtualHost>",
		}, Wants: []string{"WSGIM0308", `\bd\b`, `\ba\b`}},
		fine("import-visible", "<VirtualHost *:1>", "ServerName a", "WSGIDaemonProcess d", "</VirtualHost>",
			"<VirtualHost *:2>", "ServerName a", "WSGIImportScript /f.wsgi process-group=d application-group=%{GLOBAL}", "</VirtualHost>"),
		{Name: "group-twice", Lines: []string{"WSGIDaemonProcess d", "WSGIDaemonProcess d threads=2"}, Wants: []string{"WSGIDaemonProcess", `\bd\b`}},
		{Name: "group-twice-vhosts", Covers: "CF08", Lines: []string{
			"<VirtualHost *:1>", "ServerName a", "WSGIDaemonProcess d", "</VirtualHost>",
			"<VirtualHost *:2>", "ServerName b", "WSGIDaemonProcess d", "</VirtualHost>",
		}, Wants: []string{"WSGIDaemonProcess", `\bd\b`}},
		covers("CF14", line("preload-undeclared", "WSGIScriptAlias / /f.wsgi process-group=nosuch application-group=%{GLOBAL}", "WSGIScriptAlias: process group 'nosuch' is not yet configured")),
		fine("no-preload", "WSGIScriptAlias /a /f.wsgi process-group=nosuch", "WSGIScriptAlias /b /f.wsgi process-group=nosuch application-group=%{SERVER}", "WSGIScriptAlias /c /f.wsgi process-group=%{ENV:x} application-group=y"),
		{Name: "home-unreadable", Root: true, Prepare: unreadableHome,
			Lines: []string{`WSGIDaemonProcess d user=nobody home=/ python-home="@ROOT@/private/venv"`},
			Wants: []string{"python-home", "/private", "nobody"}},
		{Name: "global-home-unreadable", Root: true, Prepare: unreadableHome,
			Lines: []string{`WSGIPythonHome "@ROOT@/private/venv"`}, Wants: []string{"WSGIPythonHome", "/private", `www-data|apache|wwwrun|http|www|nobody`}},
		{Name: "base-unreadable", Root: true, Prepare: closedBase,
			Lines: []string{`WSGIDaemonProcess d user=nobody home=/ python-home="@ROOT@/open"`},
			Wants: []string{"WSGIM0304", "python-home .*/open was made with the Python in", "'nobody'", "/closed'"}},
		{Name: "home-is-a-file", Lines: []string{"WSGIDaemonProcess d home=/etc/passwd"}, Wants: []string{"home /etc/passwd: it is not a folder"}},
		{Name: "home-of-another-python", Prepare: foreignHome,
			Lines: []string{`WSGIDaemonProcess d python-home="@ROOT@/other"`}, Wants: []string{"WSGIDaemonProcess d", "/other is Python 2.7", "3\\.", "mod_wsgi-express build"}},
	}
	return slices.Concat(cases, contextRefusals(), settingsRefusals(), proxyRefusals(), limitRefusals(), authRefusals())
}

// unreadableHome makes the classic: a virtual environment in a folder that
// only its owner may enter.
func unreadableHome(root string, python pybuild.Info) error {
	venv := filepath.Join(root, "private", "venv")
	if err := os.MkdirAll(filepath.Join(venv, "bin"), 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("home = /usr/bin\nversion = %s\n", python.Version)
	if err := os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte(text), 0o644); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(root, "private"), 0o700)
}

// closedBase makes a virtual environment that everybody can read, of a Python
// that only its owner can.
func closedBase(root string, python pybuild.Info) error {
	base, venv := filepath.Join(root, "closed", "bin"), filepath.Join(root, "open")
	for _, dir := range []string{base, filepath.Join(venv, "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("home = %s\nversion = %s\n", base, python.Version)
	if err := os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte(text), 0o644); err != nil {
		return err
	}
	return os.Chmod(filepath.Dir(base), 0o700)
}

// foreignHome makes a virtual environment of a Python that nobody builds for.
func foreignHome(root string, _ pybuild.Info) error {
	venv := filepath.Join(root, "other")
	if err := os.MkdirAll(filepath.Join(venv, "bin"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte("home = /nowhere/bin\nversion = 2.7.18\n"), 0o644)
}

// RunRefusal asks httpd about one configuration.
func RunRefusal(ctx context.Context, r *run.Runner, target Target, mpm string, c Refusal) (o Outcome) {
	began := time.Now()
	o = Outcome{Name: target.python() + "/config/" + c.Name, Status: Fail}
	defer func() { o.Took = time.Since(began) }()
	if c.Root && os.Geteuid() != 0 {
		o.Status, o.Why = Skip, []string{"not root: httpd keeps its user"}
		return o
	}
	server, err := NewServer(ctx, r, target, mpm)
	if err != nil {
		o.Why = []string{err.Error()}
		return o
	}
	said, err := c.try(ctx, server)
	if closeErr := server.Close(); closeErr != nil {
		o.Why = append(o.Why, closeErr.Error())
	}
	var refused *run.Error
	switch {
	case err != nil && !errors.As(err, &refused):
		o.Why = append(o.Why, err.Error())
	case c.Accept && err != nil:
		o.Why = append(o.Why, "refused: "+said)
	case !c.Accept && err == nil:
		o.Why = append(o.Why, "accepted: "+said)
	}
	for _, want := range c.Wants {
		if !regexp.MustCompile(want).MatchString(said) {
			o.Why = append(o.Why, fmt.Sprintf("httpd's answer does not match %s: %s", want, said))
		}
	}
	if len(o.Why) == 0 {
		o.Status = Pass
	}
	return o
}

// try runs `httpd -t` with the lines of the case.
func (c Refusal) try(ctx context.Context, server *Server) (string, error) {
	if c.Prepare != nil {
		if err := c.Prepare(server.Root, server.Conf.Target.Python); err != nil {
			return "", err
		}
	}
	s := Session{Server: server}
	for _, l := range c.Lines {
		server.Conf.Global = append(server.Conf.Global, s.expand(l, Site{}))
	}
	return server.Check(ctx)
}
