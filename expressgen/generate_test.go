package expressgen

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"modwsgi/internal/hint"
)

var update = flag.Bool("update", false, "write the golden files anew")

// facts are those of a machine that is nowhere.
func facts() Facts {
	f := Facts{
		Version: "0.0.0", Httpd: "/usr/sbin/httpd", ModulesDir: "/usr/lib/httpd/modules",
		Modules:   map[string]bool{"mod_mpm_event.so": true, "mod_mpm_worker.so": true, "mod_mpm_prefork.so": true},
		Static:    map[string]bool{"core.c": true, "mod_so.c": true, "mod_unixd.c": true},
		MimeTypes: "/etc/mime.types", Shell: "/bin/bash", Module: "/opt/wsgi/mod_wsgi.so", PythonHome: "/usr",
		Runtime: fstest.MapFS{
			"mod_wsgi/__init__.py":         {Data: []byte("# package\n")},
			"mod_wsgi/express/__init__.py": {Data: []byte("# express\n")},
			"mod_wsgi/docs/index.html":     {Data: []byte("docs\n")},
			"mod_wsgi/images/a.svg":        {Data: []byte("<svg/>\n")},
		},
		UID: 1000, RunUID: 1000, User: "web", Group: "web", Locale: "C.UTF-8", TmpDir: "/tmp", Stderr: true,
	}
	for _, name := range append(always, "http2", "ssl", "autoindex", "deflate", "auth_basic", "auth_digest", "authz_user", "proxy", "proxy_http",
		"proxy_wstunnel", "status", "cgid", "cgi", "log_config") {
		f.Modules["mod_"+name+".so"] = true
	}
	return f
}

// goldens are the servers whose files are kept under testdata/golden, and which
// a real Apache is asked about. Their files are below dir.
var goldens = []struct {
	name string
	set  func(o *Options, f *Facts, dir string)
}{
	{"script", func(o *Options, f *Facts, dir string) { o.EntryPoint = dir + "/app.wsgi" }},
	{"welcome", func(o *Options, f *Facts, dir string) { o.SetupOnly, o.Host, o.Port = true, "::1", 80 }},
	{"module", func(o *Options, f *Facts, dir string) {
		o.ApplicationType, o.EntryPoint, o.CallableObject = "module", "pkg.wsgi", "app"
		o.MountPoint, o.Processes, o.Threads = "/api/v1.0", ptr(3), 15
		o.PythonPath, o.SetEnv, o.PassEnv = []string{dir + "/lib", dir + "/more"}, Pairs{{"KEY", `it's "q" \ ${PATH}`}}, []string{"PATH"}
		o.DisableReloading, o.KeepAliveTimeout, o.ProcessGroup = true, 0, "my app"
		o.ServerMPM = []string{"prefork", "worker"}
		o.HeaderTimeout, o.BodyMaxTimeout = 0, 60
		f.UID = 0
	}},
	{"embedded", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.EmbeddedMode, o.MaximumRequests = dir+"/app.wsgi", true, 100
		o.Processes, o.Threads, o.PythonPath = ptr(2), 3, []string{dir + "/lib"}
		o.ApplicationGroup, o.LogDirectory, o.LogToTerminal = "one", dir+"/log", true
	}},
	{"daemon", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.MaxClients, o.DaemonBacklog = dir+"/app.wsgi", ptr(100), 7
		o.InitialWorkers, o.MinimumSpareWorkers, o.MaximumSpareWorkers = ptr(0.0), ptr(0.29), ptr(1.0)
		o.MaximumRequests, o.StartupTimeout, o.ShutdownTimeout, o.RestartInterval, o.CPUTimeLimit = 1, 0, 3, 4, 5
		o.GracefulTimeout, o.EvictionTimeout, o.DeadlockTimeout, o.InactivityTimeout, o.RequestTimeout, o.InterruptTimeout = 6, 7, 8, 9, 10, 11
		o.ConnectTimeout, o.SocketTimeout, o.QueueTimeout, o.IgnoreActivity = 12, 13, 14, []string{"/health", "/a"}
		o.SendBufferSize, o.ReceiveBufferSize, o.HeaderBufferSize, o.ResponseBufferSize = 512, 513, 40000, 65536
		o.ResponseSocketTimeout, o.ResponseFlushDelay, o.EnableSendfile, o.ChunkedRequest, o.MapHeadToGet = 15, 0, true, true, "Off"
		o.ServerBacklog, o.LimitRequestBody, o.HTTP2, o.ApplicationGroup = 16, 0, true, "%{ENV:G}"
		o.ServerName, o.ServerAlias, o.AllowLocalhost = "www.ex.com", []string{"*.ex.org", "b"}, true
	}},
	{"files", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.DocumentRoot, o.DirectoryListing, o.AllowOverride = dir+"/app.wsgi", dir+"/d", true, []string{"FileInfo", "Options=Indexes,All"}
		o.ErrorDocument = Pairs{{"404", `Sorry, it's "gone" ${PATH}`}, {"500", "/e/500.html"}, {"403", "http://ex.com/"}}
		o.ErrorOverride, o.AddHandler, o.WithCGI, o.CompressResponses = true, Pairs{{".tmpl", dir + "/t.py"}, {"x", dir + "/x.py"}}, true, true
		o.URLAlias, o.EnableDocs, f.Missing = Pairs{{"/a", dir + "/a"}}, true, map[string]bool{dir + "/x.py": true}
		o.PythonEggs, o.PythonWarnings, o.SwitchInterval, o.OrphanInterpreter = dir+"/eggs", []string{"ignore::A", "error"}, ptr(0.000001), true
		o.VerboseDebugging, o.LogLevel = true, "info rewrite:trace2"
	}},
	{"proxies", func(o *Options, f *Facts, dir string) {
		o.EntryPoint = dir + "/app.wsgi"
		o.ProxyMountPoint = Pairs{{"/p", "http://127.0.0.1:8001"}, {"/p/q/", "https://127.0.0.1:8002/a/"}, {"/it's é+(x)", "unix:/s.sock|http://h/b"}}
		o.ProxyVirtualHost, o.ProxyTimeout = Pairs{{"v.ex.com", "http://127.0.0.1:8003"}, {"w.ex.com", "ws://127.0.0.1:8004/"}}, ptr(300)
		o.TrustProxy, o.TrustProxyHeader = []string{"10.0.0.0/8", "1.2.3.4", "::1"}, []string{"X-Forwarded-For"}
		o.ServerStatus, o.ServerMetrics, o.TelemetryService, o.SlowRequests = true, true, "unix:/t", ptr(0.5)
		o.TelemetryInterval, o.TelemetryOptions = 2.5, []string{"+CaptureUserAgent", "All"}
	}},
	{"access", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.HostAccessScript, o.AuthUserScript, o.AuthGroupScript = dir+"/app.wsgi", dir+"/h.py", dir+"/u.py", dir+"/g.py"
		o.AuthGroup, o.AuthType, o.ServerStatus, o.EnableTelemetry, f.UID = `a "b"`, "Digest", true, true, 0
		f.Program = "/usr/bin/mod_wsgi-express"
	}},
	{"logs", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.LogDirectory, o.AccessLog, o.StartupLog = dir+"/app.wsgi", dir+`/it's 100% "log"`, true, true
		o.AccessLogFormat, o.ErrorLogFormat, o.ErrorLogName = `%h "%r"\t%>s ${PATH}`, `[%t] %M`, "e.log"
		o.RotateLogs, o.MaxLogSize, f.Rotatelogs, o.ProcessName = true, 7, "/usr/bin/rotatelogs", "my 'httpd'"
		o.PidFile, o.SocketPrefix = dir+"/my.pid", dir
	}},
	{"terminal", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.LogToTerminal, o.AccessLog, o.RotateLogs, o.StartupLog = dir+"/app.wsgi", true, true, true, true
		o.AccessLogFormat, f.Stderr, f.Stdout = "combined", false, false
	}},
	{"services", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.ServerName, f.UID, f.Program = dir+"/app.wsgi", "x.y", 0, "/usr/bin/mod_wsgi-express"
		o.ServiceScript = Pairs{{"tick", dir + "/t.py"}, {"tock", dir + "/it's.py"}}
		o.ServiceUser, o.ServiceGroup, o.ServiceLogFile = Pairs{{"tick", "#65534"}}, Pairs{{"tick", "#65534"}}, Pairs{{"tick", "tick_log"}}
		o.EnableTelemetry, o.TelemetryUIPort, o.PythonPath = true, 9999, []string{dir + "/lib"}
	}},
	{"debug", func(o *Options, f *Facts, dir string) {
		o.EntryPoint, o.EnableDebugger, o.DebuggerStartup, o.EnableCoverage, o.EnableProfiler, o.EnableRecorder = dir+"/app.wsgi", true, true, true, true, true
		o.CoverageDirectory, o.EnableGDB, f.GDB, o.Processes, o.Threads, o.RequestTimeout = dir+`/it's "cov"`, true, "/usr/bin/gdb", ptr(3), 9, 5
		o.WithNewRelic, o.NewRelicConfigFile, o.NewRelicEnvironment, o.ServerStatus, f.Python = true, dir+"/nr.ini", "it's", true, "/usr/bin/python3"
		f.NoPackages = []string{"coverage"}
	}},
	{"static", func(o *Options, f *Facts, dir string) {
		o.ApplicationType, o.EntryPoint, o.DirectoryIndex = "static", dir+"/public", "start.html index.html"
		o.URLAlias = Pairs{{"/s/", dir + "/s/"}, {"/s/sub", dir + "/sub"}, {"/f.ico", dir + "/icons/f.ico"}}
		f.PlainFiles = map[string]bool{dir + "/icons/f.ico": true}
	}},
	{"awkward", func(o *Options, f *Facts, dir string) {
		dir += `/it's a "dir" $HOME ${PATH} $(id) \x é`
		o.EntryPoint, o.WorkingDirectory, o.ServerRoot = dir+"/a 'b'.wsgi", dir, dir+"/root"
		o.DocumentRoot, o.RewriteRules, o.EnvvarsScript = dir+"/htdocs", dir+"/rewrite", dir+"/envvars"
		o.URLAlias = Pairs{{`/st"a'tic`, dir + "/htdocs/static"}}
		o.IncludeFile, o.LogToTerminal, o.DirectoryIndex = []string{dir + "/inc.conf"}, true, `in"dex.html`
		f.Stderr, f.Shell = false, "/bin/sh"
	}},
}

func TestGolden(t *testing.T) {
	for _, tt := range goldens {
		t.Run(tt.name, func(t *testing.T) {
			o, f := base(), facts()
			o.WorkingDirectory = "/home/me"
			tt.set(&o, &f, "/srv")
			s, err := Generate(o, f)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, l := range s.Banner {
				text.WriteString(l.Label + ": " + l.Value + "\n")
			}
			for _, w := range s.Warnings {
				text.WriteString("warning: " + w + "\n")
			}
			for _, file := range s.Files {
				kept := ""
				if file.Kept {
					kept = " kept"
				}
				text.WriteString("\n-- " + file.Path + " " + file.Mode.String() + kept + " --\n")
				text.Write(file.Data)
			}
			golden(t, filepath.Join("testdata", "golden", tt.name+".txt"), text.String())
		})
	}
}

// HTTPS, as its directives; with real certificates a server shows it.
func TestTLSConfiguration(t *testing.T) {
	o, f := base(), facts()
	o.WorkingDirectory, o.EntryPoint, o.Host = "/home/me", "/srv/app.wsgi", "::1"
	tls(&o, &f)
	o.SSLCACertificateFile, o.SSLVerifyClient, o.SSLCertificateChainFile = "/srv/ca", []string{"/a", "/a/b"}, "/srv/chain"
	o.HTTPSOnly, o.HSTSPolicy, o.SSLEnvironment, f.OpenKey = true, `max-age=1; "x" 100%`, true, true
	for _, name := range []string{"", "www.ex.com"} {
		o.ServerName = name
		s, err := Generate(o, f)
		if err != nil {
			t.Fatal(err)
		}
		conf := contents(t, &s, "httpd.conf")
		from, to := strings.Index(conf, "<VirtualHost"), strings.LastIndex(conf, "</VirtualHost>")
		text := conf[from:to] + conf[strings.Index(conf, `<Location "/a/b">`):] + strings.Join(s.Warnings, "\n") + "\n"
		golden(t, filepath.Join("testdata", "golden", "tls"+name+".txt"), text)
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update writes it anew):\n%s", path, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			if i < len(w) {
				return "got  " + g[i] + "\nwant " + w[i]
			}
			return "got  " + g[i]
		}
	}
	return "it is shorter"
}

func TestGenerateErrors(t *testing.T) {
	tests := []struct {
		want string
		set  func(*Options, *Facts)
	}{
		{"--server-mpm worker: this Apache has no such MPM", func(o *Options, f *Facts) {
			o.ServerMPM = []string{"worker"}
			delete(f.Modules, "mod_mpm_worker.so")
		}},
		{"neither of the MPMs", func(o *Options, f *Facts) {
			for _, name := range mpms {
				delete(f.Modules, "mod_mpm_"+name+".so")
			}
		}},
		{"mod_rewrite.so: this Apache has no such module", func(o *Options, f *Facts) { delete(f.Modules, "mod_rewrite.so") }},
		{"Apache serves at most 20000 clients", func(o *Options, f *Facts) { o.Processes, o.Threads = ptr(200), 200 }},
		{"--http2: this Apache has no mod_http2.so", func(o *Options, f *Facts) { o.HTTP2 = true; delete(f.Modules, "mod_http2.so") }},
		{"--with-cgi: this Apache has no mod_cgid.so", func(o *Options, f *Facts) {
			o.WithCGI = true
			delete(f.Modules, "mod_cgid.so")
			delete(f.Modules, "mod_cgi.so")
		}},
		{"--switch-interval: the module", func(o *Options, f *Facts) { o.SwitchInterval, f.Older = ptr(0.01), true }}, // A139
		{"--interrupt-timeout 3: the module", func(o *Options, f *Facts) { o.InterruptTimeout, f.Older = 3, true }},
		{"--free-threading: the Python at", func(o *Options, f *Facts) { o.FreeThreading = true }}, // A126
		{"too long for sockets, by", func(o *Options, f *Facts) { o.ServerRoot, o.EnableTelemetry = "/"+strings.Repeat("x", 100), true }},
		{"control characters", func(o *Options, f *Facts) { f.PythonHome = "/a\nb" }},
		{"the characters * ? [ ]", func(o *Options, f *Facts) { f.TmpDir = "/tmp/[x]" }},
	}
	for _, tt := range tests {
		o, f := base(), facts()
		tt.set(&o, &f)
		s, err := Generate(o, f)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
		if hint.Code(err) != hint.Usage || len(s.Files) > 0 {
			t.Errorf("%v ends with %d and %d files", err, hint.Code(err), len(s.Files))
		}
	}
}

// What an address that is passed on to asks for is told by its scheme, in whatever
// case, and behind a socket too.
func TestProxiedSchemes(t *testing.T) {
	for _, tt := range []struct {
		to          string
		tls, tunnel bool
		reverse     string
	}{
		{"http://h/", false, false, "http://h/"},
		{"https://h:8/", true, false, "https://h:8/"},
		{"HTTPS://h:8/", true, false, "HTTPS://h:8/"},
		{"unix:/s.sock|https://h/", true, false, "https://h/"},
		{"unix:/s.sock|WSS://h/", true, true, "WSS://h/"},
		{"unix:/https://s.sock|ws://h/a|b", false, true, "ws://h/a|b/"},
	} {
		mount, host := base(), base()
		mount.ProxyMountPoint, host.ProxyVirtualHost = Pairs{{"/p", tt.to}}, Pairs{{"v.ex.com", tt.to}}
		for _, o := range []Options{mount, host} {
			s, err := Generate(o, facts())
			if err = errors.Join(o.Check(), err); err != nil {
				t.Errorf("%s: %v", tt.to, err)
				continue
			}
			conf := contents(t, &s, "httpd.conf")
			for text, want := range map[string]bool{"SSLProxyEngine On\n": tt.tls, "/mod_ssl.so": tt.tls, "/mod_proxy_wstunnel.so": tt.tunnel, `/" "` + tt.reverse + "\"\n": true} {
				if strings.Contains(conf, text) != want {
					t.Errorf("%s: %q is there: %v\n%s", tt.to, text, !want, conf)
				}
			}
		}
	}
}

// A034 A037
func TestMPM(t *testing.T) {
	tests := []struct {
		name, want string
		set        func(*Options, *Facts)
	}{
		{"default", "event", func(o *Options, f *Facts) {}},
		{"order of options", "worker", func(o *Options, f *Facts) { o.ServerMPM = []string{"prefork", "worker"} }},
		{"embedded", "worker", func(o *Options, f *Facts) { o.EmbeddedMode = true }},
		{"embedded, asked for", "event", func(o *Options, f *Facts) { o.EmbeddedMode, o.ServerMPM = true, []string{"event"} }},
		{"embedded, nothing else", "event", func(o *Options, f *Facts) {
			o.EmbeddedMode = true
			delete(f.Modules, "mod_mpm_worker.so")
			delete(f.Modules, "mod_mpm_prefork.so")
		}},
		{"debugging", "worker", func(o *Options, f *Facts) { o.EnableDebugger, o.ServerMPM = true, []string{"event"} }}, // A037
		{"debugging, nothing else", "event", func(o *Options, f *Facts) {
			o.DebugMode = true
			delete(f.Modules, "mod_mpm_worker.so")
			delete(f.Modules, "mod_mpm_prefork.so")
		}},
		{"compiled in", "prefork", func(o *Options, f *Facts) {
			f.Modules = map[string]bool{}
			for _, name := range always {
				f.Modules["mod_"+name+".so"] = true
			}
			f.Static["prefork.c"] = true
		}},
	}
	for _, tt := range tests {
		o, f := base(), facts()
		tt.set(&o, &f)
		s, err := Generate(o, f)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		conf := contents(t, &s, "httpd.conf")
		if !strings.Contains(conf, "<IfModule mpm_"+tt.want+"_module>") {
			t.Errorf("%s: no settings for %s", tt.name, tt.want)
		}
		if loads := strings.Contains(conf, "LoadModule mpm_"); loads != !f.Static[tt.want+".c"] {
			t.Errorf("%s: loads the MPM: %v", tt.name, loads)
		}
	}
}

// All sockets are where --socket-prefix says, that of telemetry in a folder of its
// own, which is the one of the application's user.
func TestSocketPrefix(t *testing.T) {
	for _, uid := range []int{0, 1000} {
		o, f := base(), facts()
		o.ServerRoot, o.SocketPrefix, o.EnableTelemetry, o.WithCGI, o.Port = "/"+strings.Repeat("x", 200), "/run/s", true, true, 65535
		f.UID, f.Program = uid, "/usr/bin/mod_wsgi-express"
		s, err := Generate(o, f)
		if err != nil {
			t.Errorf("user %d: %v", uid, err)
			continue
		}
		conf := contents(t, &s, "httpd.conf")
		for _, want := range []string{"WSGITelemetryService \"unix:/run/s/telemetry-65535/sock\" ", "WSGISocketPrefix \"/run/s/wsgi\"\n", "ScriptSock \"/run/s/cgisock\"\n"} {
			if !strings.Contains(conf, want) {
				t.Errorf("user %d: no %s", uid, want)
			}
		}
		if text := contents(t, &s, "telemetry-service.py"); !strings.Contains(text, "'unix:/run/s/telemetry-65535/sock'") {
			t.Errorf("user %d: %s", uid, text)
		}
		if !slices.Contains(s.Folders, Folder{Path: "/run/s/telemetry-65535", Mode: 0o700, Owned: true, Private: true}) {
			t.Errorf("user %d: %+v", uid, s.Folders)
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	o, f := base(), facts()
	f.UID, o.SetEnv = 0, Pairs{{"TOKEN", "hunter2"}}
	s, err := Generate(o, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range s.Files {
		if strings.Contains(string(file.Data), "hunter2") && (file.Path != "httpd.conf" || file.Mode != 0o600) {
			t.Errorf("%s (%v) shows a value of --setenv", file.Path, file.Mode)
		}
	}
	if o.SetEnv[0].Value != "hunter2" {
		t.Error("the caller's options were changed")
	}
}

func TestWarnings(t *testing.T) {
	o, f := base(), facts()
	o.EntryPoint, o.IncludeFile = "/none.wsgi", []string{"/none.conf"}
	o.URLAlias = Pairs{{"/s/", "/srv/s"}, {"/ok", "/srv/ok"}}
	o.EmbeddedMode, o.Threads, o.ServerMPM = true, 2, []string{"event"}
	f.Missing = map[string]bool{"/none.wsgi": true, "/none.conf": true}
	f.NoLocale = true
	s, err := Generate(o, f)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(s.Warnings, "\n")
	for _, want := range []string{"--entry-point /none.wsgi", "--include-file /none.conf", "--url-alias /s/ /srv/s:", "C.UTF-8 is not installed", "three threads"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %s in:\n%s", want, all)
		}
	}
	if len(s.Warnings) != 5 {
		t.Errorf("%d warnings, want 5:\n%s", len(s.Warnings), all)
	}
}

// What handler.wsgi has besides the application is what was asked for.
func TestHandlerScript(t *testing.T) {
	for _, tt := range []struct {
		set  func(*Options)
		want []string // lines; "!" in front: it must not be there
	}{
		{func(*Options) {}, []string{"    from _mwe_runtime.express.loader import Loader as _Handler", "!MOD_WSGI_RELOADER_ENABLED"}},
		{func(o *Options) { o.ReloadOnChanges = true }, []string{"    from _mwe_runtime.express.handler import Handler as _Handler",
			"    monitor=True,", "    'MOD_WSGI_RELOADER_ENABLED': 'true',"}},
		{func(o *Options) { o.EnableDebugger, o.DebuggerStartup = true, true }, []string{"    debug=True,", "    debugger=True,", "    debugger_startup=True,",
			"    'MOD_WSGI_DEBUG_MODE': 'true',", "    'MOD_WSGI_DEBUGGER_ENABLED': 'true',", "!reload_required"}},
		{func(o *Options) {
			o.EnableCoverage, o.EnableProfiler, o.EnableRecorder, o.RecorderDirectory = true, true, true, "/it's"
		}, []string{
			"    coverage='/tmp/mod_wsgi-localhost:8000:1000/htmlcov',", "    profiler='/tmp/mod_wsgi-localhost:8000:1000/pstats',", `    recorder='/it\'s',`,
			"    'MOD_WSGI_COVERAGE_ENABLED': 'true',", "    'MOD_WSGI_PROFILER_ENABLED': 'true',", "    'MOD_WSGI_RECORDER_ENABLED': 'true',"}},
		{func(o *Options) {
			o.WithNewRelicAgent, o.NewRelicConfigFile, o.NewRelicEnvironment = true, "/n.ini", "staging"
		}, []string{
			"    newrelic=True,", "    newrelic_config='/n.ini',", "    newrelic_environment='staging',", "!debug"}},
		{func(o *Options) { o.ReloadOnChanges, o.DisableReloading = true, true }, []string{"!monitor", "!reload_required"}},
	} {
		o := base()
		o.EntryPoint = "/srv/app.wsgi"
		tt.set(&o)
		s, err := Generate(o, facts())
		if err != nil {
			t.Fatal(err)
		}
		text := contents(t, &s, "handler.wsgi")
		for _, want := range tt.want {
			if not, ok := strings.CutPrefix(want, "!"); ok && strings.Contains(text, not) || !ok && !strings.Contains(text, want+"\n") {
				t.Errorf("%s is not so in\n%s", want, text)
			}
		}
	}
}

func contents(t *testing.T, s *Server, path string) string {
	t.Helper()
	for _, f := range s.Files {
		if f.Path == path {
			return string(f.Data)
		}
	}
	t.Fatalf("no file %s", path)
	return ""
}

// The scripts are what their interpreters take, in the most awkward place.
func TestSyntax(t *testing.T) {
	for _, tt := range goldens {
		o, f := base(), facts()
		o.WorkingDirectory = "/home/me"
		tt.set(&o, &f, "/srv")
		s, err := Generate(o, f)
		if err != nil {
			t.Fatal(err)
		}
		check(t, tt.name, "/bin/sh", []string{"-n"}, contents(t, &s, "apachectl"))
		if o.ApplicationType != "static" {
			check(t, tt.name, needPython(t), []string{"-c", "import sys; compile(sys.stdin.read(), 'handler.wsgi', 'exec')"}, contents(t, &s, "handler.wsgi"))
		}
		for _, file := range s.Files {
			if file.Mode&fs.ModeDir == 0 && file.Mode.Perm()&0o022 != 0 {
				t.Errorf("%s: others may write %s", tt.name, file.Path)
			}
		}
	}
}
