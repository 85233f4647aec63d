package expressgen

import (
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// A006 A007 A035 A063 A106 A125
func TestCheck(t *testing.T) {
	o := base()
	if err := o.Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	tests := []struct {
		want string // of the message; "" for none
		set  func(*Options)
	}{
		{"--port 0: out of range, must be 1 to 65535", func(o *Options) { o.Port = 0 }},
		{"--port 70000: out of range", func(o *Options) { o.Port = 70000 }},
		{"--processes 0: out of range", func(o *Options) { o.Processes = ptr(0) }},
		{"--threads 0: out of range", func(o *Options) { o.Threads = 0 }},
		{"--socket-timeout 0: out of range", func(o *Options) { o.SocketTimeout = 0 }},
		{"--initial-workers 2: not a fraction", func(o *Options) { o.InitialWorkers = ptr(2.0) }},
		{"--application-type nope: must be script, module, paste or static", func(o *Options) { o.ApplicationType = "nope" }},
		{"--entry-point a-b: not the name", func(o *Options) { o.ApplicationType, o.EntryPoint = "module", "a-b" }},
		{"", func(o *Options) { o.ApplicationType, o.EntryPoint = "module", "pkg.wsgi" }},
		{"--callable-object a.b: not a Python identifier", func(o *Options) { o.CallableObject = "a.b" }},
		{"--callable-object: not a Python identifier", func(o *Options) { o.CallableObject = "" }},
		{"--mount-point /a/../b: must not contain ..", func(o *Options) { o.MountPoint = "/a/../b" }},
		{"--mount-point /a*: the characters", func(o *Options) { o.MountPoint = "/a*" }},
		{"--process-group service:x: must not", func(o *Options) { o.ProcessGroup = "service:x" }},
		{"--process-group %{GLOBAL}: must not", func(o *Options) { o.ProcessGroup = "%{GLOBAL}" }},
		{"--host a_b: neither", func(o *Options) { o.Host = "a_b" }},
		{"", func(o *Options) { o.Host = "::1" }},
		{"--server-mpm nope: must be event, worker or prefork", func(o *Options) { o.ServerMPM = []string{"event", "nope"} }},
		{"--log-level bogus: not a level", func(o *Options) { o.LogLevel = "bogus" }},
		{`--log-level " ": must not be empty`, func(o *Options) { o.LogLevel = " " }},
		{"", func(o *Options) { o.LogLevel = "info rewrite:trace8" }},
		{"--header-max-timeout 10: must be 0 or at least --header-timeout 15", func(o *Options) { o.HeaderMaxTimeout = 10 }},
		{"", func(o *Options) { o.HeaderMaxTimeout, o.BodyMaxTimeout = 0, 15 }},
		{"--document-root /a[b]: the characters", func(o *Options) { o.DocumentRoot = "/a[b]" }},
		{"--url-alias a: the URL path must begin", func(o *Options) { o.URLAlias = Pairs{{"a", "/b"}} }},
		{`--user "a b": neither`, func(o *Options) { o.User = "a b" }},
		{"", func(o *Options) { o.User, o.Group = "#1000", "www-data" }},
		{`--locale "x y": not the name`, func(o *Options) { o.Locale = "x y" }},
		{"--python-path /a:b: a folder with a colon", func(o *Options) { o.PythonPath = []string{"/a:b"} }},
		{"--setenv 1A: not the name", func(o *Options) { o.SetEnv = Pairs{{"1A", "x"}} }},
		{`--setenv "x\nLogLevel debug": control`, func(o *Options) { o.SetEnv = Pairs{{"A", "x\nLogLevel debug"}} }},
		{"--passenv A=B: not the name", func(o *Options) { o.PassEnv = []string{"A=B"} }},
		{"--include-file \"/a\\nb\": control", func(o *Options) { o.IncludeFile = []string{"/a\nb"} }},
		{"--directory-index a/b: must be", func(o *Options) { o.DirectoryIndex = "index.html a/b" }},
		{"--https-port 8000: it is the port of HTTP", func(o *Options) { o.HTTPSPort, o.SSLCertificate = ptr(8000), "/s" }},
		{"--https-port 8443: it needs --ssl-certificate", func(o *Options) { o.HTTPSPort, o.SSLCertificateFile = ptr(8443), "/s" }}, // A078
		{"--ssl-certificate /s: it has no effect without --https-port", func(o *Options) { o.SSLCertificate = "/s" }},               // A077
		{"--https-only: it has no effect without --https-port", func(o *Options) { o.HTTPSOnly = true }},                            // A082
		{"--ssl-verify-client: it has no effect without --ssl-ca", func(o *Options) { o.SSLVerifyClient = []string{"/x"} }},
		{"--ssl-verify-client x: the URL path must begin", func(o *Options) { o.SSLVerifyClient = []string{"x"} }},
		{"--hsts-policy a: it has no effect without --https-only", func(o *Options) { o.HSTSPolicy = "a" }},
		{"--server-alias: it has no effect without --server-name", func(o *Options) { o.ServerAlias = []string{"a"} }},
		{"--server-name a:80: not a host name", func(o *Options) { o.ServerName = "a:80" }},
		{`--server-alias "a b": neither`, func(o *Options) { o.ServerName, o.ServerAlias = "a", []string{"a b"} }},
		{"", func(o *Options) { o.ServerName, o.ServerAlias = "a", []string{"*.ex.org", "b?"} }},
		{"--allow-localhost: it has no effect without", func(o *Options) { o.AllowLocalhost = true }},
		{"--response-buffer-size 100: out of range, must be 0 or at least 65536", func(o *Options) { o.ResponseBufferSize = 100 }}, // A047
		{"--send-buffer-size 511: out of range", func(o *Options) { o.SendBufferSize = 511 }},
		{"--response-flush-delay -1: out of range", func(o *Options) { o.ResponseFlushDelay = -1 }},
		{"--map-head-to-get x: must be Off, On or Auto", func(o *Options) { o.MapHeadToGet = "x" }},
		{"", func(o *Options) { o.MapHeadToGet = "off" }},
		{"--request-timeout 5: it is about daemon processes", func(o *Options) { o.EmbeddedMode, o.RequestTimeout = true, 5 }},
		{"", func(o *Options) { o.EmbeddedMode, o.MaximumRequests = true, 5 }},
		{"--allow-override x: must be", func(o *Options) { o.AllowOverride = []string{"x"} }},
		{"", func(o *Options) { o.AllowOverride = []string{"all", "Nonfatal=All", "options=Indexes,Includes"} }},
		{"--error-document 999: out of range", func(o *Options) { o.ErrorDocument = Pairs{{"999", "/x"}} }}, // A073
		{"--error-document +404: out of range", func(o *Options) { o.ErrorDocument = Pairs{{"+404", "/x"}} }},
		{"--error-document https://example.org/: Apache sends nobody elsewhere for 401", func(o *Options) { o.ErrorDocument = Pairs{{"401", "https://example.org/"}} }},
		{"--error-document 404: it needs", func(o *Options) { o.ErrorDocument = Pairs{{"404", ""}} }},
		{"--error-document x%{HTTP_HOST}: %{ cannot", func(o *Options) { o.ErrorDocument = Pairs{{"404", "x%{HTTP_HOST}"}} }},
		{"--add-handler a/b: not an extension", func(o *Options) { o.AddHandler = Pairs{{"a/b", "/x"}} }},
		{"--add-handler .A: an extension has one", func(o *Options) { o.AddHandler = Pairs{{"a", "/x"}, {".A", "/y"}} }},
		{"--proxy-mount-point p: the URL path", func(o *Options) { o.ProxyMountPoint = Pairs{{"p", "http://h/"}} }},
		{"--proxy-mount-point /p[: the characters", func(o *Options) { o.ProxyMountPoint = Pairs{{"/p[", "http://h/"}} }},
		{"--proxy-mount-point ftp://h/: must be an address", func(o *Options) { o.ProxyMountPoint = Pairs{{"/p", "ftp://h/"}} }},
		{`--proxy-mount-point "http://h/ x": must be an address`, func(o *Options) { o.ProxyMountPoint = Pairs{{"/p", "http://h/ x"}} }},
		{"--proxy-mount-point http://u:p@h/: a password", func(o *Options) { o.ProxyMountPoint = Pairs{{"/p", "http://u:p@h/"}} }},
		{"--proxy-mount-point unix:x|http://h/: must be", func(o *Options) { o.ProxyMountPoint = Pairs{{"/p", "unix:x|http://h/"}} }},
		{"--proxy-mount-point /p/q: --health-path /p takes all", func(o *Options) { o.HealthPath, o.ProxyMountPoint = "/p", Pairs{{"/p/q", "http://h/"}} }},
		{"--proxy-mount-point /p: --health-path /p/ takes all", func(o *Options) { o.HealthPath, o.ProxyMountPoint = "/p/", Pairs{{"/p", "http://h/"}} }},
		{"", func(o *Options) {
			o.HealthPath, o.ProxyMountPoint = "/p", Pairs{{"/", "http://h/"}, {"/pq", "http://h/"}}
		}},
		{"--proxy-virtual-host A: the name is taken", func(o *Options) { o.ServerName, o.ProxyVirtualHost = "a", Pairs{{"A", "http://h/"}} }},
		{"--trust-proxy foo: neither", func(o *Options) { o.TrustProxy = []string{"foo"} }}, // A095
		{`--trust-proxy-header "a b": not`, func(o *Options) { o.TrustProxyHeader = []string{"a b"} }},
		{"--telemetry-service unix:/t: it cannot be used together", func(o *Options) { o.EnableTelemetry, o.TelemetryService = true, "unix:/t" }}, // A125
		{"--slow-requests 1.0: it has no effect without", func(o *Options) { o.SlowRequests = ptr(1.0) }},
		{"--telemetry-service udp:h:1: must be unix:", func(o *Options) { o.TelemetryService = "udp:h:1" }},
		{"--telemetry-interval 0.1: out of range", func(o *Options) { o.TelemetryService, o.TelemetryInterval = "unix:/t", 0.1 }},
		{"--telemetry-ui-port 8000: it is the port", func(o *Options) { o.EnableTelemetry, o.TelemetryUIPort = true, 8000 }},
		{"--telemetry-options x: must be", func(o *Options) { o.TelemetryService, o.TelemetryOptions = "unix:/t", []string{"x"} }},
		{"--switch-interval 0: out of range", func(o *Options) { o.SwitchInterval = ptr(0.0) }},
		{"--auth-group-script /g: it has no effect without", func(o *Options) { o.AuthGroupScript = "/g" }}, // A099
		{"--auth-type x: must be Basic or Digest", func(o *Options) { o.AuthUserScript, o.AuthType = "/a", "x" }},
		{`--service-script "a b": not`, func(o *Options) { o.ServiceScript = Pairs{{"a b", "/x"}} }},
		{"--service-script a: there are two", func(o *Options) { o.ServiceScript = Pairs{{"a", "/x"}, {"a", "/y"}} }}, // A122
		{"--service-script telemetry: --enable-telemetry has", func(o *Options) { o.EnableTelemetry, o.ServiceScript = true, Pairs{{"telemetry", "/x"}} }},
		{"--service-user b: there is no service", func(o *Options) { o.ServiceScript, o.ServiceUser = Pairs{{"a", "/x"}}, Pairs{{"b", "u"}} }},
		{"--service-user: it has no effect without", func(o *Options) { o.ServiceUser = Pairs{{"b", "u"}} }},
		{"--error-log-name ../x: must be below", func(o *Options) { o.ErrorLogName = "../x" }},
		{"--error-log-name |x: a log cannot be piped", func(o *Options) { o.ErrorLogName = "|x" }},
		{"--max-log-size 6: it has no effect without", func(o *Options) { o.MaxLogSize = 6 }},
		{"--debugger-startup: it has no effect without --enable-debugger", func(o *Options) { o.DebuggerStartup = true }}, // A125
		{"", func(o *Options) { o.EnableDebugger, o.RequestTimeout, o.EmbeddedMode = true, 5, true }},
		{"--reload-on-changes: it has no effect with --disable-reloading", func(o *Options) { o.ReloadOnChanges, o.DisableReloading = true, true }},
		{"--reload-on-changes: it has no effect with --embedded-mode", func(o *Options) { o.ReloadOnChanges, o.EmbeddedMode = true, true }},
		{"", func(o *Options) { o.ReloadOnChanges, o.EmbeddedMode, o.DebugMode = true, true, true }}, // a warning
		{"--switch-interval 0.01: it has no effect with --free-threading", func(o *Options) { o.SwitchInterval, o.FreeThreading = ptr(0.01), true }},
		{"--ssl-certificate-file /c: it has no effect with --ssl-certificate", func(o *Options) { o.HTTPSPort, o.SSLCertificate, o.SSLCertificateFile = ptr(8443), "/s", "/c" }},
		{"--mount-point /m: it has no effect with --application-type static", func(o *Options) { o.ApplicationType, o.MountPoint = "static", "/m" }},
		{"--callable-object app: it has no effect with --application-type paste", func(o *Options) { o.ApplicationType, o.CallableObject = "paste", "app" }},
		{"--header-max-timeout 40: it has no effect with --header-timeout 0", func(o *Options) { o.HeaderTimeout, o.HeaderMaxTimeout = 0, 40 }},
		{"--body-min-rate 9: it has no effect with --body-timeout 0", func(o *Options) { o.BodyTimeout, o.BodyMinRate = 0, 9 }},
		{"--error-log-name e: it has no effect where logs go", func(o *Options) { o.LogToTerminal, o.ErrorLogName = true, "e" }},
		{"", func(o *Options) { o.LogToTerminal, o.LogDirectory, o.ErrorLogName = true, "/l", "e" }},
		{"--ignore-activity: it has no effect without --inactivity-timeout", func(o *Options) { o.IgnoreActivity = []string{"/x"} }},
	}
	for _, tt := range tests {
		o := base()
		tt.set(&o)
		err := o.Check()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%v, want no error", err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("got %v, want %s", err, tt.want)
		case err != nil && hint.Code(err) != hint.Usage:
			t.Errorf("%v ends with %d", err, hint.Code(err))
		}
	}
}

func TestCheckReportsAllAtOnce(t *testing.T) {
	o := base()
	o.Port, o.Threads, o.LogLevel, o.MountPoint = -1, 0, "x y", "/["
	lines := strings.Split(o.Check().Error(), "\n")
	if len(lines) != 5 {
		t.Errorf("%d errors, want 5: %q", len(lines), lines)
	}
}

// Each thing is told once, in an order that is the same each time.
func TestCheckTellsOnce(t *testing.T) {
	for range 20 {
		o := base()
		o.User, o.Group, o.Locale, o.Lang = "a b", "c d", "e f", "g h"
		o.ErrorLogName, o.AccessLog, o.AccessLogName, o.StartupLog, o.StartupLogName = "../e", true, "../a", true, "../s"
		o.ServiceScript = Pairs{{"x", "/x.py"}}
		o.ServiceUser, o.ServiceGroup, o.ServiceLogFile = Pairs{{"y", "i j"}}, Pairs{{"x", "k l"}}, Pairs{{"x", "../m"}, {"x", "../n"}}
		var told []string
		for line := range strings.Lines(o.Check().Error()) {
			what, _, _ := strings.Cut(line, ":")
			told = append(told, what)
		}
		want := `--error-log-name ../e, --access-log-name ../a, --startup-log-name ../s, --service-log-file ../m, --service-log-file ../n, ` +
			`--service-user y, --service-user "i j", --service-group "k l", --user "a b", --group "c d", --locale "e f", --lang "g h"`
		if got := strings.Join(told, ", "); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func TestAbsolute(t *testing.T) {
	o := base()
	o.EntryPoint, o.WorkingDirectory, o.ServerRoot, o.MountPoint = "app.wsgi", "", "../r", "a//b/"
	o.PythonPath, o.URLAlias, o.Host = []string{"lib", "/x/../y"}, Pairs{{"/s/", "static/"}, {"/f", "f.ico"}, {"/all", "/"}}, "[::1]"
	given := o.PythonPath
	o.Absolute("/w d/x")
	for got, want := range map[string]string{
		o.EntryPoint: "/w d/x/app.wsgi", o.WorkingDirectory: "/w d/x", o.ServerRoot: "/w d/r", o.MountPoint: "/a/b",
		o.PythonPath[0]: "/w d/x/lib", o.PythonPath[1]: "/y", o.URLAlias[0].Value: "/w d/x/static/",
		o.URLAlias[1].Value: "/w d/x/f.ico", o.URLAlias[2].Value: "/", o.Host: "::1",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if given[0] != "lib" {
		t.Error("the caller's list was changed")
	}
	o.ApplicationType, o.EntryPoint = "module", "pkg.mod"
	o.Absolute("/w")
	if o.EntryPoint != "pkg.mod" {
		t.Errorf("a module's name became %s", o.EntryPoint)
	}
}

// Every option that can be given has a name, a help text and, where it is a
// number, a range.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Table() {
		if o.Name == "" || seen[o.Name] || o.Name != strings.ToLower(o.Name) {
			t.Errorf("option %q", o.Name)
		}
		seen[o.Name] = true
	}
	for _, name := range []string{"server-mpm", "url-alias", "setenv", "python-path", "log-to-terminal", "limit-request-body"} {
		if !seen[name] {
			t.Errorf("no option --%s", name)
		}
	}
}
