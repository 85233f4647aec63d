package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// directive is one row of the table in csrc/src/wsgi_config.c, which a test
// compares with this one, and what is known of it. Where it may stand, what it
// refuses and how it is merged is then shown for each of them.
type directive struct {
	Name    string
	Shown   string // cases that have it in their configuration and show its effect; of one without effect the refusals that take it
	Context string // the constant there: GLOBAL, SERVER, SECTION, HTACCESS, AUTHCONFIG
	Flag    bool   // On or Off
	One     bool   // it takes exactly one argument
	Args    string // accepted ones
	// First and Second are arguments that Fact tells apart; none for a
	// directive that is not merged.
	First, Second string
	// Fact is what a request shows of it, by name, with First and with Second.
	Fact              string
	OnFirst, OnSecond string
}

// directives has every directive, in the order of the table. A group of
// daemon processes "second" is declared wherever the arguments are used, and
// the files h1.py and h2.py lie beside the application.
var directives = []directive{
	{Name: "WSGIScriptAlias", Shown: "mapping-order", Context: "SERVER", Args: "/a /a.wsgi"},
	{Name: "WSGIScriptAliasMatch", Shown: "alias-match", Context: "SERVER", Args: "^/b /b.wsgi"},
	{Name: "WSGIDaemonProcess", Shown: "own-log", Context: "SERVER", Args: "d"},
	{Name: "WSGIImportScript", Shown: "import import-embedded", Context: "SERVER", Args: "/a.wsgi process-group=d application-group=x"},
	{Name: "WSGIHandlerScript", Shown: "handler-script", Context: "SECTION", Args: "h /h.py", First: `h "@APP@/h1.py"`, Second: `h "@APP@/h2.py"`, Fact: "handler", OnFirst: "h1.py", OnSecond: "h2.py"},
	{Name: "WSGIProcessGroup", Shown: "group-visible", Context: "SECTION", One: true, Args: "nosuch", First: "@FIRST@", Second: "second", Fact: "process", OnFirst: "@FIRST@", OnSecond: "second"},
	{Name: "WSGIRestrictProcess", Shown: "restrict-process", Context: "SECTION", Args: "a b %{GLOBAL}", First: "%{GLOBAL} matrix second third", Second: "%{GLOBAL} matrix second", Fact: "third", OnFirst: "200", OnSecond: "500"},
	{Name: "WSGIApplicationGroup", Shown: "contexts-embedded contexts-daemon", Context: "SECTION", One: true, Args: "name", First: "%{GLOBAL}", Second: "one", Fact: "interpreter", OnFirst: "", OnSecond: "one"},
	{Name: "WSGICallableObject", Shown: "callable", Context: "HTACCESS", One: true, Args: "name", First: "application", Second: "other", Fact: "callable", OnFirst: "application", OnSecond: "other"},
	{Name: "WSGIPassAuthorization", Shown: "authorization-on", Context: "HTACCESS", Flag: true, First: "On", Second: "Off", Fact: "authorization", OnFirst: "Basic eDp5", OnSecond: ""},
	{Name: "WSGIScriptReloading", Shown: "reload-off", Context: "HTACCESS", Flag: true, First: "Off", Second: "On", Fact: "reloading", OnFirst: "not asked", OnSecond: "asked"},
	{Name: "WSGIErrorOverride", Shown: "error-override", Context: "HTACCESS", Flag: true, First: "On", Second: "Off", Fact: "error", OnFirst: "Apache's", OnSecond: "the application's own words"},
	{Name: "WSGIChunkedRequest", Shown: "chunked", Context: "HTACCESS", Flag: true, First: "On", Second: "Off", Fact: "chunked", OnFirst: "200", OnSecond: "411"},
	{Name: "WSGIMapHEADToGET", Shown: "map-head", Context: "HTACCESS", One: true, Args: "auto", First: "On", Second: "Off", Fact: "head", OnFirst: "GET", OnSecond: "HEAD"},
	// Which way the kernel sent a file a client cannot see; the case counts its calls.
	{Name: "WSGIEnableSendfile", Shown: "sendfile-calls", Context: "HTACCESS", Flag: true},
	{Name: "WSGIIgnoreActivity", Shown: "inactivity-ignored", Context: "HTACCESS", Flag: true},
	// Which of two scripts is asked, and who has the request_rec: the case auth-merged.
	{Name: "WSGIPassApacheRequest", Shown: "request-rec", Context: "SECTION", Flag: true},
	{Name: "WSGIDispatchScript", Shown: "dispatch dispatch-process", Context: "SECTION", Args: "/a.wsgi"},
	{Name: "WSGIAccessScript", Shown: "auth-merged", Context: "AUTHCONFIG", Args: "/a.wsgi"},
	{Name: "WSGIAuthUserScript", Shown: "auth-example", Context: "AUTHCONFIG", Args: "/a.wsgi process-group=%{GLOBAL}"},
	{Name: "WSGIAuthGroupScript", Shown: "auth-example", Context: "AUTHCONFIG", Args: "/a.wsgi application-group=%{SERVER}"},
	{Name: "WSGICaseSensitivity", Shown: "case-modules-off", Context: "GLOBAL", Flag: true},
	{Name: "WSGITrustedProxyHeaders", Shown: "px02-first-of-list", Context: "HTACCESS", Args: "X-Host", First: "X-Real-IP", Second: "X-Forwarded-Port", Fact: "headers", OnFirst: "client", OnSecond: "port"},
	{Name: "WSGITrustedProxies", Shown: "px06-untrusted", Context: "HTACCESS", Args: "10.1 ::1", First: "127.0.0.1", Second: "192.0.2.1", Fact: "trusted", OnFirst: "yes", OnSecond: "no"},
	{Name: "WSGIRestrictEmbedded", Shown: "restrict-embedded", Context: "GLOBAL", Flag: true},
	{Name: "WSGIServerMetrics", Shown: "server-metrics", Context: "GLOBAL", Flag: true},
	{Name: "WSGIPythonHome", Shown: "python-home", Context: "GLOBAL", One: true},
	{Name: "WSGIPythonPath", Shown: "settings-path-embedded", Context: "GLOBAL", One: true, Args: "/tmp:relative"},
	{Name: "WSGIPythonEggs", Shown: "settings-python-embedded", Context: "GLOBAL", One: true, Args: "/tmp"},
	{Name: "WSGIPythonOptimize", Shown: "settings-python-embedded settings-python-daemon", Context: "GLOBAL", One: true, Args: "1"},
	{Name: "WSGIDontWriteBytecode", Shown: "settings-python-embedded settings-python-daemon", Context: "GLOBAL", Flag: true},
	{Name: "WSGIPythonWarnings", Shown: "settings-python-embedded settings-python-daemon", Context: "GLOBAL", One: true, Args: "ignore"},
	{Name: "WSGIPythonHashSeed", Shown: "settings-python-embedded settings-python-daemon", Context: "GLOBAL", One: true, Args: "random"},
	{Name: "WSGIDestroyInterpreter", Shown: "not-destroyed not-destroyed-embedded", Context: "GLOBAL", Flag: true},
	{Name: "WSGISwitchInterval", Shown: "settings-interval-embedded settings-interval-daemon", Context: "GLOBAL", One: true, Args: "0.005"},
	{Name: "WSGIPerInterpreterGIL", Shown: "own-gil", Context: "GLOBAL", Flag: true},
	{Name: "WSGIFreeThreading", Shown: "free-threading", Context: "GLOBAL", Flag: true},
	{Name: "WSGIRestrictStdin", Shown: "settings-streams-embedded settings-streams-daemon", Context: "GLOBAL", Flag: true},
	{Name: "WSGIRestrictStdout", Shown: "settings-streams-embedded settings-streams-daemon", Context: "GLOBAL", Flag: true},
	{Name: "WSGIRestrictSignal", Shown: "settings-signal-embedded settings-signal-daemon", Context: "GLOBAL", Flag: true},
	{Name: "WSGISocketPrefix", Shown: "socket-rotation", Context: "GLOBAL", One: true, Args: "run/wsgi"},
	{Name: "WSGILogFormat", Shown: "logging-json", Context: "SERVER", One: true, Args: "json"},
	{Name: "WSGITelemetryService", Shown: "telemetry", Context: "GLOBAL", Args: "unix:/run/t.sock interval=5"},
	{Name: "WSGISlowRequests", Shown: "telemetry-slow", Context: "GLOBAL", One: true, Args: "1.5"},
	{Name: "WSGITelemetryOptions", Shown: "telemetry-agent", Context: "GLOBAL", Args: "All"},
	{Name: "WSGIRuntimeDirectory", Shown: "runtime-without-half", Context: "GLOBAL", One: true},
	{Name: "WSGISocketRotation", Shown: "socket-rotation", Context: "GLOBAL", Flag: true},
	{Name: "WSGIAcceptMutex", Shown: "legacy", Context: "GLOBAL", One: true, Args: "default"},
	{Name: "WSGILazyInitialization", Shown: "legacy", Context: "GLOBAL", Flag: true},
	{Name: "WSGIVerboseDebugging", Shown: "legacy", Context: "GLOBAL", Flag: true},
	{Name: "WSGIPy3kWarningFlag", Shown: "legacy", Context: "GLOBAL", Flag: true},
	{Name: "WSGINewRelicConfigFile", Shown: "legacy", Context: "GLOBAL", One: true, Args: "/etc/agent.ini"},
	{Name: "WSGINewRelicEnvironment", Shown: "legacy", Context: "GLOBAL", One: true, Args: "production"},
	{Name: "WSGIUserAuthoritative", Shown: "legacy", Context: "AUTHCONFIG", Flag: true},
	{Name: "WSGIGroupAuthoritative", Shown: "legacy", Context: "AUTHCONFIG", Flag: true},
}

// args are accepted arguments; "" where what is accepted depends on the machine.
func (d directive) args() string {
	if d.Flag {
		return "OFF"
	}
	return d.Args
}

// inSections tells whether the directive may stand in a directory section.
func (d directive) inSections() bool { return d.Context == "SECTION" || d.Context == "HTACCESS" }

// where is lines that hold the directive at a place where it may stand.
func (d directive) where(lines ...string) []string {
	if d.Context == "AUTHCONFIG" {
		return slices.Concat([]string{"<Location /a>"}, lines, []string{"</Location>"})
	}
	return lines
}

// places are where directives can stand, with the narrowest sort of directive
// that may not.
var places = []struct{ name, open, close, refuses string }{
	{"server", "", "", ""},
	{"vhost", "<VirtualHost *:1>", "</VirtualHost>", "GLOBAL"},
	{"directory", `<Directory "@ROOT@">`, "</Directory>", "SERVER"},
	{"files", "<Files a.wsgi>", "</Files>", "SERVER"},
	{"location", "<Location /a>", "</Location>", "SERVER"},
	{"if", `<If "true">`, "</If>", "SERVER"},
	{"vhost-directory", "<VirtualHost *:1>\n" + `<Directory "@ROOT@">`, "</Directory>\n</VirtualHost>", "SERVER"},
}

// contextRefusals are every directive in every place, and the arguments that
// none of its kind may have.
func contextRefusals() []Refusal {
	var cases []Refusal
	for _, p := range places {
		lines := []string{"WSGIDaemonProcess d", p.open}
		for _, d := range directives {
			refused := d.Context == "GLOBAL" && p.refuses != "" || d.Context == "SERVER" && p.refuses == "SERVER" ||
				d.Context == "AUTHCONFIG" && p.refuses != "SERVER"
			switch {
			case refused:
				c := Refusal{Name: "context-" + p.name + "-" + d.Name, Lines: []string{p.open, d.Name + " " + orElse(d.args(), "/usr"), p.close},
					Wants: []string{d.Name + ` (cannot occur within|not allowed here|not allowed in <)`}}
				if p.name == "vhost" && d.Context == "GLOBAL" {
					c.Covers = "CF03"
				}
				cases = append(cases, c)
			case d.args() != "" && d.Name != "WSGIDaemonProcess":
				lines = append(lines, d.Name+" "+d.args())
			}
		}
		cases = append(cases, Refusal{Name: "context-" + p.name, Lines: append(lines, p.close), Accept: true, Wants: []string{"Syntax OK"}})
	}
	accepted := Refusal{Name: "flags-accepted", Accept: true, Wants: []string{"Syntax OK"}, Covers: "CF04"}
	for _, d := range directives {
		cases = append(cases, Refusal{Name: "without-" + d.Name, Lines: d.where(d.Name), Wants: []string{d.Name + ` (needs|takes|requires)`}})
		if d.Flag {
			accepted.Lines = append(accepted.Lines, d.where(d.Name+" on", d.Name+" OFF")...)
			cases = append(cases, Refusal{Name: "flag-" + d.Name, Lines: d.where(d.Name + " maybe"), Covers: "CF04",
				Wants: []string{d.Name + `: 'maybe' is not understood; use On or Off`}})
		}
		if d.Flag || d.One {
			cases = append(cases, Refusal{Name: "two-" + d.Name, Lines: d.where(d.Name + " one two"), Wants: []string{d.Name + ` takes one argument`}})
			if !d.Flag {
				cases = append(cases, Refusal{Name: "nothing-" + d.Name, Lines: d.where(d.Name + ` ""`), Wants: []string{d.Name + ` takes one argument|` + d.Name + `: .*is not an absolute path`}})
			}
		}
	}
	return append(cases, accepted)
}

// contextCases show directives in .htaccess and how the places are laid over
// each other.
func contextCases() []Case {
	overrides := Case{Name: "contexts-htaccess", App: "contexts", Mount: "-", Ours: true, Covers: "CF24", Prepare: overrideFolders, Do: overridden,
		Conf:      []string{`WSGIScriptAliasMatch "^/(fileinfo|authconfig|none)/([A-Za-z0-9]+)" "@APP@/$1/$2/app.wsgi"`},
		Announced: Announce{`FileNotFoundError: .*'/a.wsgi'`, `not allowed here`, `WSGIM0614.*'name'`, `WSGIM0601.*'/a.wsgi'`, `WSGIM0260.*WSGIAccessScript '/a.wsgi'`}}
	for _, r := range regimes {
		overrides.Conf = append(overrides.Conf, `<Directory "@APP@/`+r.folder+`">`, "AllowOverride "+r.allow, "</Directory>")
	}
	return []Case{overrides, layersCase(Embedded), layersCase(Daemon), serversCase(Embedded), serversCase(Daemon)}
}

// regimes are folders with an AllowOverride each.
var regimes = []struct{ folder, allow string }{{"fileinfo", "FileInfo"}, {"authconfig", "AuthConfig Limit Indexes"}, {"none", "None"}}

// overrideFolders makes a folder with a .htaccess per directive and AllowOverride.
func overrideFolders(dir string) error {
	for _, regime := range regimes {
		for _, d := range directives {
			args := orElse(d.args(), "/usr")
			if d.Name == "WSGIProcessGroup" {
				args = "%{GLOBAL}"
			}
			if err := script(dir, filepath.Join(regime.folder, d.Name), d.Name+" "+args+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// script copies the application to a folder below dir, beside a .htaccess if
// that has lines.
func script(dir, folder, htaccess string) error {
	text, err := os.ReadFile(filepath.Join(dir, "app.wsgi"))
	if err != nil {
		return err
	}
	to := filepath.Join(dir, folder)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "app.wsgi"), text, 0o644); err != nil {
		return err
	}
	if htaccess == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(to, ".htaccess"), []byte(htaccess), 0o644)
}

// overridden: FileInfo admits those of requests that choose no code to run,
// nothing else does, and with None nobody reads the file.
func overridden(t *T) {
	for _, d := range directives {
		for _, r := range regimes {
			regime := r.folder
			path, want := "/"+regime+"/"+d.Name+"/facts", 200
			if regime == "authconfig" && d.Context != "AUTHCONFIG" || regime == "fileinfo" && d.Context != "HTACCESS" {
				want = 500
			}
			switch r := t.Get(path); {
			case d.Name == "WSGIAccessScript" && regime == "authconfig":
				// A script of that name is not there: nobody may in.
				Same(t, "status at "+path, r.Status, 403)
			case d.Name == "WSGICallableObject" && want == 200 && regime == "fileinfo":
				// An object of that name is not there: the line had its effect.
				Same(t, "status at "+path, r.Status, 404)
			default:
				Same(t, "status at "+path, r.Status, want)
			}
			if want == 500 {
				t.WaitLog(regime + "/" + d.Name + `/\.htaccess: ` + d.Name + ` not allowed here`)
			}
		}
	}
}

// layer is a place in a virtual host that lies over those before it.
type layer struct{ open, close string }

// layers are in the order in which Apache lays them; @P@ is the path prefix,
// which is the folder's name too. The second is the folder's .htaccess.
var layers = []layer{
	{`<Directory "@APP@/@P@">`, "</Directory>"},
	{},
	{`<Directory "@APP@/@P@"><Files "app.wsgi">`, "</Files></Directory>"},
	{"<Location /@P@>", "</Location>"},
	{`<If "%{REQUEST_URI} =~ m#^/@P@/#">`, "</If>"},
}

const inHtaccess = 1

// merged are the directives that have two settings which a request can tell
// apart.
func merged() (list []directive) {
	for _, d := range directives {
		if d.Fact != "" {
			list = append(list, d)
		}
	}
	return list
}

// first fills in the group that is the first setting of WSGIProcessGroup.
func first(text string, mode Mode, argument bool) string {
	group := ""
	switch {
	case mode == Daemon:
		group = sharedGroup
	case argument:
		group = "%{GLOBAL}"
	}
	return strings.ReplaceAll(text, "@FIRST@", group)
}

// line is the directive with its first or second setting.
func (d directive) line(second bool, mode Mode) string {
	if second {
		return d.Name + " " + d.Second
	}
	return d.Name + " " + first(d.First, mode, true)
}

// layered is a path of the case, the lines that stand in each layer, and the
// setting that each directive then has.
type layered struct {
	prefix string
	lines  [][]string // by layer
	second map[string]bool
}

// layeredPaths are: nothing set; each directive alone over all the others; all
// directives in one layer; chains of layers of which each undoes the one
// before.
func layeredPaths(mode Mode) []layered {
	paths := []layered{{prefix: "inherit", lines: make([][]string, len(layers)), second: map[string]bool{}}}
	for _, d := range merged() {
		p := layered{prefix: "only-" + d.Name, lines: make([][]string, len(layers)), second: map[string]bool{d.Name: true}}
		p.lines[3] = []string{d.line(true, mode)}
		paths = append(paths, p)
	}
	for from := range layers {
		for to := from + 1; to <= len(layers); to++ {
			if from > 0 && to > from+1 {
				continue // chains begin at the first layer
			}
			p := layered{prefix: fmt.Sprintf("layers-%d-%d", from, to), lines: make([][]string, len(layers)), second: map[string]bool{}}
			for i := from; i < to; i++ {
				for _, d := range merged() {
					if i == inHtaccess && d.Context != "HTACCESS" {
						continue
					}
					p.second[d.Name] = (i-from)%2 == 0
					p.lines[i] = append(p.lines[i], d.line(p.second[d.Name], mode))
				}
			}
			paths = append(paths, p)
		}
	}
	return paths
}

// routes mount the folder that a path begins with, once more in a group that
// WSGIRestrictProcess may not list, and a handler.
var routes = []string{
	`WSGIScriptAliasMatch "^/([A-Za-z0-9-]+)/third" "@APP@/$1/app.wsgi" process-group=third`,
	`WSGIScriptAliasMatch "^/([A-Za-z0-9-]+)" "@APP@/$1/app.wsgi"`,
	`<LocationMatch "/handled$">`, "SetHandler h", "</LocationMatch>",
}

var layerGroups = []string{"WSGIDaemonProcess second threads=2", "WSGIDaemonProcess third threads=2"}

func layersCase(mode Mode) Case {
	c := Case{Name: "contexts-" + string(mode), App: "contexts", Modes: []Mode{mode}, Mount: "-", Own: true, Ours: true, Covers: "MP24", Global: layerGroups, Conf: slices.Clone(routes),
		Announced: Announce{`WSGIM0205`, `WSGIM0217`}}
	for _, d := range merged() {
		c.Conf = append(c.Conf, d.line(false, mode))
	}
	c.Conf = append(c.Conf, `<Directory "@APP@">`, "AllowOverride FileInfo", "</Directory>")
	paths := layeredPaths(mode)
	for _, p := range paths {
		for i, lines := range p.lines {
			if i == inHtaccess || len(lines) == 0 {
				continue
			}
			open := strings.ReplaceAll(layers[i].open, "@P@", p.prefix)
			for _, l := range append(append(strings.SplitAfter(open, `">`), lines...), strings.SplitAfter(layers[i].close, ">")...) {
				if l != "" {
					c.Conf = append(c.Conf, l)
				}
			}
		}
	}
	c.Prepare = func(dir string) error {
		for _, p := range paths {
			text := strings.ReplaceAll(strings.Join(p.lines[inHtaccess], "\n"), "@APP@", dir)
			if err := script(dir, p.prefix, text); err != nil {
				return err
			}
		}
		return handlers(dir)
	}
	c.Do = func(t *T) {
		for _, p := range paths {
			t.settings("", t.Server.Port, "/"+p.prefix, p.second)
		}
	}
	return c
}

// handlers copies the application to the two handler scripts.
func handlers(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "app.wsgi"))
	for _, name := range []string{"h1.py", "h2.py"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
	}
	return err
}

// serversCase: what the main server sets is what a virtual host inherits, or
// replaces, directive by directive.
func serversCase(mode Mode) Case {
	c := Case{Name: "servers-" + string(mode), App: "contexts", Modes: []Mode{mode}, Mount: "-", Own: true, Ours: true,
		Global: slices.Concat(layerGroups, []string{`Include "@APP@/second.conf"`}), Announced: Announce{`WSGIM0205`, `WSGIM0217`}}
	hosts := map[string][]string{"inherits.test": nil, "replaces.test": nil}
	for _, d := range merged() {
		c.Global = append(c.Global, d.line(false, mode))
		hosts["replaces.test"] = append(hosts["replaces.test"], d.line(true, mode))
		hosts[strings.ToLower(d.Name)+".test"] = []string{d.line(true, mode)}
	}
	for host, lines := range hosts {
		hosts[host] = append(lines, routes...)
	}
	c.Prepare = func(dir string) error {
		if err := script(dir, "script", ""); err != nil {
			return err
		}
		if err := handlers(dir); err != nil {
			return err
		}
		return secondPort(hosts)(dir)
	}
	c.Do = func(t *T) {
		port := t.secondPort()
		t.settings("inherits.test", port, "/script", nil)
		all := map[string]bool{}
		for _, d := range merged() {
			all[d.Name] = true
			t.settings(strings.ToLower(d.Name)+".test", port, "/script", map[string]bool{d.Name: true})
		}
		t.settings("replaces.test", port, "/script", all)
	}
	return c
}

// secondPort writes second.conf: a port more, with virtual hosts of which the
// case says every line. Without it the host of a case has groups already.
func secondPort(hosts map[string][]string) func(dir string) error {
	return func(dir string) error {
		port, err := FreePort()
		if err != nil {
			return err
		}
		var names []string
		for host := range hosts {
			names = append(names, host)
		}
		slices.Sort(names)
		text := fmt.Sprintf("Listen 127.0.0.1:%d\n", port)
		for _, host := range names {
			text += fmt.Sprintf("<VirtualHost 127.0.0.1:%d>\nServerName %s\n%s\n</VirtualHost>\n", port, host, strings.Join(hosts[host], "\n"))
		}
		return os.WriteFile(filepath.Join(dir, "second.conf"), []byte(strings.ReplaceAll(text, "@APP@", dir)), 0o644)
	}
}

// secondPort is the port of second.conf.
func (t *T) secondPort() int {
	var port int
	text, err := os.ReadFile(filepath.Join(t.Dir, "second.conf"))
	if err == nil {
		_, err = fmt.Sscanf(string(text), "Listen 127.0.0.1:%d", &port)
	}
	if err != nil {
		t.Fatalf("second.conf: %v", err)
	}
	return port
}

// At asks a virtual host on a port of the case's choice.
func (t *T) At(port int, q Request) Response {
	c, err := dial(t.Context, port)
	if err != nil {
		t.Fatalf("connecting to port %d: %v", port, err)
	}
	t.conns = append(t.conns, c)
	host := orElse(q.Host, fmt.Sprintf("%s:%d", t.Host, port))
	sendErr := c.Request(q.bytes(host, true))
	r, err := c.Read(q.method())
	if err != nil {
		t.Fatalf("%s%s: %v (sending: %v)", host, q.Path, err, sendErr)
	}
	c.Close()
	return r
}

// settings asks at a path for what shows each directive, and wants those in
// second to have their second setting and the others the first.
func (t *T) settings(host string, port int, path string, second map[string]bool) {
	ask := func(method, name string, header []string, body string) Response {
		return t.At(port, Request{Host: host, Method: method, Path: path + "/" + name, Header: header, Body: []byte(body)})
	}
	facts := map[string]string{}
	show := func(name string) {
		header := []string{"Authorization: Basic eDp5", "X-Real-IP: 192.0.2.10", "X-Forwarded-Port: 4711"}
		r := ask("GET", name, header, "")
		if err := json.Unmarshal(r.Body, &facts); err != nil {
			t.Errorf("%s%s/%s: status %d: %v in %s", host, path, name, r.Status, err, clip(r.Body))
		}
	}
	show("handled")
	handler := facts["handler"]
	show("facts")
	show("facts") // by now the script is loaded and may be asked
	facts["handler"] = handler
	facts["trusted"], facts["headers"] = "no", "port"
	if facts["address"] != "127.0.0.1" || facts["port"] == "4711" {
		facts["trusted"] = "yes"
	}
	if facts["address"] != "127.0.0.1" || facts["real_ip"] == "" {
		facts["headers"] = "client"
	}
	facts["error"] = string(ask("GET", "error", nil, "").Body)
	if strings.Contains(facts["error"], "<html>") {
		facts["error"] = "Apache's"
	}
	facts["head"] = ask("HEAD", "facts", nil, "").Header.Get("X-Method")
	facts["chunked"] = fmt.Sprint(ask("POST", "facts", []string{"Transfer-Encoding: chunked"}, "1\r\nx\r\n0\r\n\r\n").Status)
	facts["third"] = fmt.Sprint(ask("GET", "third", nil, "").Status)
	for _, d := range merged() {
		want := first(d.OnFirst, t.Mode, false)
		if second[d.Name] {
			want = d.OnSecond
		}
		Same(t, fmt.Sprintf("%s at %s%s", d.Name, host, path), facts[d.Fact], want)
	}
}
