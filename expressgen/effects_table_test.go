package expressgen

// effects are those of all options, by name.
func effects() map[string]effect {
	out := map[string]effect{}
	add := func(more map[string]effect) {
		for name, e := range more {
			out[name] = e
		}
	}
	add(effectsOfApplications())
	add(effectsOfListening())
	add(effectsOfCapacity())
	add(effectsOfTimeouts())
	add(effectsOfBuffers())
	add(effectsOfFiles())
	add(effectsOfProxies())
	add(effectsOfMetrics())
	add(effectsOfAccess())
	add(effectsOfEnvironment())
	add(effectsOfRoots())
	add(effectsOfServices())
	add(effectsOfTools())
	return out
}

// just is an option that needs no other.
func just(seen string, set func(o *Options)) effect {
	return effect{seen: seen, set: func(o *Options, _ *Facts) { set(o) }}
}

// tls are the options of a server with HTTPS.
func tls(o *Options, _ *Facts) { o.HTTPSPort, o.SSLCertificate = ptr(8443), "/srv/cert" }

func effectsOfApplications() map[string]effect {
	return map[string]effect{
		"application-type":  just("TestModuleServers", func(o *Options) { o.ApplicationType, o.EntryPoint = "module", "pkg.wsgi" }),
		"entry-point":       just("TestMountedServer", func(o *Options) { o.EntryPoint = "/other" }),
		"application-group": just("TestNamedGroups", func(o *Options) { o.ApplicationGroup = "%{ENV:G}" }),
		"process-group":     just("TestNamedGroups", func(o *Options) { o.ProcessGroup = "mine" }),
		"callable-object":   just("TestModuleServers", func(o *Options) { o.CallableObject = "app" }),
		"map-head-to-get":   just("TestHeadIsGet", func(o *Options) { o.MapHeadToGet = "on" }),
		"mount-point":       just("TestMountedServer", func(o *Options) { o.MountPoint = "/m" }),
		"working-directory": just("TestScriptServer", func(o *Options) { o.WorkingDirectory = "/w" }),
		"chunked-request":   just("TestChunkedRequest", func(o *Options) { o.ChunkedRequest = true }),
	}
}

func effectsOfListening() map[string]effect {
	https := func(seen string, set func(o *Options)) effect {
		return effect{seen, func(o *Options, _ *Facts) { set(o) }, tls}
	}
	named := func(seen string, set func(o *Options)) effect {
		return effect{seen, func(o *Options, _ *Facts) { set(o) }, func(o *Options, _ *Facts) { o.ServerName = "site" }}
	}
	return map[string]effect{
		"host":                     just("TestHosts", func(o *Options) { o.Host = "127.0.0.1" }),
		"port":                     just("TestScriptServer", func(o *Options) { o.Port = 8001 }),
		"http2":                    https("TestTLS", func(o *Options) { o.HTTP2 = true }),
		"https-port":               {"TestTLS", tls, nil},
		"ssl-certificate-file":     https("TestTLS", func(o *Options) { o.SSLCertificate, o.SSLCertificateFile, o.SSLCertificateKeyFile = "", "/c", "/k" }),
		"ssl-certificate-key-file": https("TestTLS", func(o *Options) { o.SSLCertificate, o.SSLCertificateFile, o.SSLCertificateKeyFile = "", "/c", "/k" }),
		"ssl-certificate":          https("TestTLS", func(o *Options) { o.SSLCertificate = "/other" }),
		"ssl-ca-certificate-file":  https("TestClientCertificates", func(o *Options) { o.SSLCACertificateFile = "/ca" }),
		"ssl-verify-client": {"TestClientCertificates", func(o *Options, _ *Facts) { o.SSLVerifyClient = []string{"/x"} },
			func(o *Options, f *Facts) { tls(o, f); o.SSLCACertificateFile = "/ca" }},
		"ssl-certificate-chain-file": https("TestTLS", func(o *Options) { o.SSLCertificateChainFile = "/chain" }),
		"ssl-environment":            https("TestTLS", func(o *Options) { o.SSLEnvironment = true }),
		"https-only":                 https("TestHTTPSOnly", func(o *Options) { o.HTTPSOnly = true }),
		"hsts-policy": {"TestHTTPSOnly", func(o *Options, _ *Facts) { o.HSTSPolicy = "max-age=1; x" },
			func(o *Options, f *Facts) { tls(o, f); o.HTTPSOnly = true }},
		"server-name":     just("TestHosts", func(o *Options) { o.ServerName = "www.ex.com" }),
		"server-alias":    named("TestHosts", func(o *Options) { o.ServerAlias = []string{"*.ex.org"} }),
		"allow-localhost": named("TestHosts", func(o *Options) { o.AllowLocalhost = true }),
	}
}

func effectsOfCapacity() map[string]effect {
	return map[string]effect{
		"processes":             just("TestMountedServer", func(o *Options) { o.Processes = ptr(1) }),
		"threads":               just("TestCapacity TestConfigtest", func(o *Options) { o.Threads = 6 }),
		"max-clients":           just("TestCapacity TestConfigtest", func(o *Options) { o.MaxClients = ptr(100) }),
		"initial-workers":       just("TestCapacity TestConfigtest", func(o *Options) { o.InitialWorkers = ptr(1.0) }),
		"minimum-spare-workers": just("TestCapacity TestConfigtest", func(o *Options) { o.MinimumSpareWorkers = ptr(1.0) }),
		"maximum-spare-workers": just("TestCapacity TestConfigtest", func(o *Options) { o.MaximumSpareWorkers = ptr(1.0) }),
		"server-mpm":            just("TestMPM", func(o *Options) { o.ServerMPM = []string{"worker"} }),
		"server-backlog":        just("TestConfigtest", func(o *Options) { o.ServerBacklog = 7 }),
		"daemon-backlog":        just("TestConfigtest", func(o *Options) { o.DaemonBacklog = 7 }),
		"keep-alive-timeout":    just("TestLimits", func(o *Options) { o.KeepAliveTimeout = 0 }),
		"limit-request-body":    just("TestLimits", func(o *Options) { o.LimitRequestBody = 10 }),
		"embedded-mode":         just("TestEmbeddedServer", func(o *Options) { o.EmbeddedMode = true }),
	}
}

func effectsOfTimeouts() map[string]effect {
	return map[string]effect{
		"maximum-requests":   just("TestEmbeddedRecycling", func(o *Options) { o.MaximumRequests = 3 }),
		"startup-timeout":    just("TestConfigtest", func(o *Options) { o.StartupTimeout = 7 }),
		"shutdown-timeout":   just("TestConfigtest", func(o *Options) { o.ShutdownTimeout = 7 }),
		"restart-interval":   just("TestConfigtest", func(o *Options) { o.RestartInterval = 7 }),
		"cpu-time-limit":     just("TestConfigtest", func(o *Options) { o.CPUTimeLimit = 7 }),
		"graceful-timeout":   just("TestConfigtest", func(o *Options) { o.GracefulTimeout = 7 }),
		"eviction-timeout":   just("TestConfigtest", func(o *Options) { o.EvictionTimeout = 7 }),
		"deadlock-timeout":   just("TestConfigtest", func(o *Options) { o.DeadlockTimeout = 7 }),
		"inactivity-timeout": just("TestConfigtest", func(o *Options) { o.InactivityTimeout = 7 }),
		"ignore-activity": {"TestConfigtest", func(o *Options, _ *Facts) { o.IgnoreActivity = []string{"/x"} },
			func(o *Options, _ *Facts) { o.InactivityTimeout = 9 }},
		"request-timeout":    just("TestConfigtest", func(o *Options) { o.RequestTimeout = 7 }),
		"interrupt-timeout":  just("TestConfigtest", func(o *Options) { o.InterruptTimeout = 7 }),
		"connect-timeout":    just("TestConfigtest", func(o *Options) { o.ConnectTimeout = 7 }),
		"socket-timeout":     just("TestConfigtest", func(o *Options) { o.SocketTimeout = 7 }),
		"queue-timeout":      just("TestConfigtest", func(o *Options) { o.QueueTimeout = 7 }),
		"header-timeout":     just("TestConfigtest", func(o *Options) { o.HeaderTimeout = 0 }),
		"header-max-timeout": just("TestConfigtest", func(o *Options) { o.HeaderMaxTimeout = 0 }),
		"header-min-rate":    just("TestConfigtest", func(o *Options) { o.HeaderMinRate = 0 }),
		"body-timeout":       just("TestConfigtest", func(o *Options) { o.BodyTimeout = 0 }),
		"body-max-timeout":   just("TestConfigtest", func(o *Options) { o.BodyMaxTimeout = 60 }),
		"body-min-rate":      just("TestConfigtest", func(o *Options) { o.BodyMinRate = 0 }),
	}
}

func effectsOfBuffers() map[string]effect {
	return map[string]effect{
		"send-buffer-size":        just("TestConfigtest", func(o *Options) { o.SendBufferSize = 512 }),
		"receive-buffer-size":     just("TestConfigtest", func(o *Options) { o.ReceiveBufferSize = 512 }),
		"header-buffer-size":      just("TestConfigtest", func(o *Options) { o.HeaderBufferSize = 40000 }), // A046
		"response-buffer-size":    just("TestConfigtest", func(o *Options) { o.ResponseBufferSize = 65536 }),
		"response-socket-timeout": just("TestConfigtest", func(o *Options) { o.ResponseSocketTimeout = 7 }),
		"response-flush-delay":    just("TestConfigtest", func(o *Options) { o.ResponseFlushDelay = 0 }),
		"enable-sendfile":         just("TestConfigtest", func(o *Options) { o.EnableSendfile = true }),
		"disable-reloading":       just("TestReloading", func(o *Options) { o.DisableReloading = true }),
		"reload-on-changes":       just("TestHandlerScript", func(o *Options) { o.ReloadOnChanges = true }),
		"user":                    {"TestConfigtest", func(o *Options, f *Facts) { f.User = "other" }, nil},
		"group":                   {"TestConfigtest", func(o *Options, f *Facts) { f.Group = "other" }, nil},
	}
}

func effectsOfFiles() map[string]effect {
	return map[string]effect{
		"directory-listing":  just("TestListing", func(o *Options) { o.DirectoryListing = true }),
		"allow-override":     just("TestListing", func(o *Options) { o.AllowOverride = []string{"FileInfo", "Limit"} }),
		"error-document":     just("TestErrorDocuments", func(o *Options) { o.ErrorDocument = Pairs{{"404", "/e"}} }),
		"error-override":     just("TestErrorDocuments", func(o *Options) { o.ErrorOverride = true }),
		"add-handler":        just("TestHandlers", func(o *Options) { o.AddHandler = Pairs{{"tmpl", "/t.py"}} }),
		"with-cgi":           just("TestHandlers", func(o *Options) { o.WithCGI = true }),
		"compress-responses": just("TestCompression", func(o *Options) { o.CompressResponses = true }),
		"mime-types":         {"TestConfigtest", func(_ *Options, f *Facts) { f.MimeTypes = "/m" }, nil},
		"enable-docs":        just("TestConfigtest", func(o *Options) { o.EnableDocs = true }),
		"document-root":      just("TestScriptServer", func(o *Options) { o.DocumentRoot = "/d" }),
		"directory-index":    just("TestStaticServer", func(o *Options) { o.DirectoryIndex = "i.html" }),
		"url-alias":          just("TestScriptServer", func(o *Options) { o.URLAlias = Pairs{{"/a", "/b"}} }),
	}
}

func effectsOfProxies() map[string]effect {
	return map[string]effect{
		"proxy-mount-point":  just("TestProxies", func(o *Options) { o.ProxyMountPoint = Pairs{{"/p", "http://h"}} }),
		"proxy-virtual-host": just("TestProxies", func(o *Options) { o.ProxyVirtualHost = Pairs{{"v.ex.com", "http://h"}} }),
		"proxy-timeout": {"TestProxies", func(o *Options, _ *Facts) { o.ProxyTimeout = ptr(300) },
			func(o *Options, _ *Facts) { o.ProxyMountPoint = Pairs{{"/p", "http://h"}} }},
		"trust-proxy-header": just("TestTrustedProxies", func(o *Options) { o.TrustProxyHeader = []string{"X-Forwarded-For"} }),
		"trust-proxy":        just("TestTrustedProxies", func(o *Options) { o.TrustProxy = []string{"10.0.0.0/8", "::1"} }),
	}
}

func effectsOfMetrics() map[string]effect {
	sent := func(seen string, set func(o *Options)) effect {
		return effect{seen, func(o *Options, _ *Facts) { set(o) }, func(o *Options, _ *Facts) { o.EnableTelemetry = true }}
	}
	return map[string]effect{
		"server-metrics":     just("TestStatus", func(o *Options) { o.ServerMetrics = true }),
		"server-status":      just("TestStatus", func(o *Options) { o.ServerStatus = true }),
		"telemetry-service":  just("TestTelemetry", func(o *Options) { o.TelemetryService = "unix:/t" }),
		"enable-telemetry":   just("TestTelemetryService", func(o *Options) { o.EnableTelemetry = true }),
		"telemetry-ui-port":  sent("TestTelemetryService", func(o *Options) { o.TelemetryUIPort = 9999 }),
		"telemetry-interval": sent("TestTelemetry", func(o *Options) { o.TelemetryInterval = 2.5 }),
		"slow-requests":      sent("TestTelemetry", func(o *Options) { o.SlowRequests = ptr(0.5) }),
		"telemetry-options":  sent("TestTelemetry", func(o *Options) { o.TelemetryOptions = []string{"-CaptureUserAgent"} }),
		"health-path":        just("TestHealth", func(o *Options) { o.HealthPath = "/healthz" }),
		"switch-interval":    just("TestInterpreter", func(o *Options) { o.SwitchInterval = ptr(0.01) }),
		"free-threading":     {"TestFreeThreading", func(o *Options, f *Facts) { o.FreeThreading, f.FreeThreaded = true, true }, nil},
		"python-eggs":        just("TestInterpreter", func(o *Options) { o.PythonEggs = "/e" }),
		"python-warnings":    just("TestInterpreter", func(o *Options) { o.PythonWarnings = []string{"error::X"} }),
		"orphan-interpreter": just("TestConfigtest", func(o *Options) { o.OrphanInterpreter = true }),
		"verbose-debugging":  just("TestConfigtest", func(o *Options) { o.VerboseDebugging = true }),
	}
}

func effectsOfAccess() map[string]effect {
	users := func(seen string, set func(o *Options)) effect {
		return effect{seen, func(o *Options, _ *Facts) { set(o) }, func(o *Options, _ *Facts) { o.AuthUserScript = "/a"; o.AuthGroupScript = "/g" }}
	}
	return map[string]effect{
		"host-access-script": just("TestAccess", func(o *Options) { o.HostAccessScript = "/h" }),
		"auth-user-script":   just("TestAuthentication", func(o *Options) { o.AuthUserScript = "/a" }),
		"auth-type":          users("TestAuthentication", func(o *Options) { o.AuthType = "digest" }),
		"auth-group-script": {"TestAuthentication", func(o *Options, _ *Facts) { o.AuthGroupScript = "/g" },
			func(o *Options, _ *Facts) { o.AuthUserScript = "/a" }},
		"auth-group": users("TestAuthentication", func(o *Options) { o.AuthGroup = "agents" }),
	}
}

func effectsOfEnvironment() map[string]effect {
	return map[string]effect{
		"python-path":    just("TestConfigtest", func(o *Options) { o.PythonPath = []string{"/p"} }),
		"include-file":   just("TestFailedStart", func(o *Options) { o.IncludeFile = []string{"/i"} }),
		"rewrite-rules":  just("TestMountedServer", func(o *Options) { o.RewriteRules = "/rw" }),
		"envvars-script": just("TestConfigtest", func(o *Options) { o.EnvvarsScript = "/e" }),
		"lang":           {"TestConfigtest", func(_ *Options, f *Facts) { f.Locale = "de_DE.UTF-8" }, nil},
		"locale":         {"TestConfigtest", func(_ *Options, f *Facts) { f.Locale = "de_DE.UTF-8" }, nil},
		"setenv":         just("TestScriptServer", func(o *Options) { o.SetEnv = Pairs{{"A", "b"}} }),
		"passenv":        just("TestConfigtest", func(o *Options) { o.PassEnv = []string{"A"} }),
	}
}

func effectsOfRoots() map[string]effect {
	logged := func(seen string, set func(o *Options)) effect {
		return effect{seen, func(o *Options, _ *Facts) { set(o) }, func(o *Options, f *Facts) { o.AccessLog, o.StartupLog = true, true }}
	}
	rotated := func(set func(o *Options, f *Facts)) effect {
		return effect{"TestRotateLogs", set, func(o *Options, f *Facts) { o.RotateLogs, f.Rotatelogs = true, "/usr/bin/rotatelogs" }}
	}
	return map[string]effect{
		"server-root":           just("TestScriptServer", func(o *Options) { o.ServerRoot = "/other" }),
		"pid-file":              just("TestNames", func(o *Options) { o.PidFile = "/p" }),
		"socket-prefix":         just("TestConfigtest", func(o *Options) { o.SocketPrefix = "/s" }),
		"log-directory":         just("TestNames", func(o *Options) { o.LogDirectory = "/l" }),
		"log-level":             just("TestNames", func(o *Options) { o.LogLevel = "info" }),
		"access-log":            just("TestAccessLog", func(o *Options) { o.AccessLog = true }),
		"startup-log":           just("TestNames", func(o *Options) { o.StartupLog = true }),
		"log-to-terminal":       just("TestLogToTerminal TestAccessLogToTerminal", func(o *Options) { o.LogToTerminal = true }),
		"access-log-format":     logged("TestAccessLog", func(o *Options) { o.AccessLogFormat = `%h "%r"\t%>s` }),
		"error-log-format":      just("TestNames", func(o *Options) { o.ErrorLogFormat = "%M" }),
		"error-log-name":        just("TestNames", func(o *Options) { o.ErrorLogName = "e" }),
		"access-log-name":       logged("TestNames", func(o *Options) { o.AccessLogName = "/a" }),
		"startup-log-name":      logged("TestNames", func(o *Options) { o.StartupLogName = "s" }),
		"rotate-logs":           {"TestRotateLogs", func(o *Options, f *Facts) { o.RotateLogs, f.Rotatelogs = true, "/usr/bin/rotatelogs" }, nil},
		"max-log-size":          rotated(func(o *Options, _ *Facts) { o.MaxLogSize = 7 }),
		"rotatelogs-executable": rotated(func(_ *Options, f *Facts) { f.Rotatelogs = "/other" }),
		"shell-executable":      {"TestNames", func(_ *Options, f *Facts) { f.Shell = "/bin/zsh" }, nil},
		"httpd-executable":      {"TestNames", func(_ *Options, f *Facts) { f.Httpd = "/h" }, nil},
		"process-name":          just("TestNames", func(o *Options) { o.ProcessName = "mine" }),
		"modules-directory":     {"TestNames", func(_ *Options, f *Facts) { f.ModulesDir = "/m" }, nil},
	}
}

func effectsOfServices() map[string]effect {
	served := func(set func(o *Options)) effect {
		return effect{"TestServices", func(o *Options, _ *Facts) { set(o) },
			func(o *Options, f *Facts) { o.ServiceScript, f.UID = Pairs{{"tick", "/t.py"}}, 0 }}
	}
	return map[string]effect{
		"service-script":   just("TestServices", func(o *Options) { o.ServiceScript = Pairs{{"tick", "/t.py"}} }),
		"service-user":     served(func(o *Options) { o.ServiceUser = Pairs{{"tick", "web"}} }),
		"service-group":    served(func(o *Options) { o.ServiceGroup = Pairs{{"tick", "web"}} }),
		"service-log-file": served(func(o *Options) { o.ServiceLogFile = Pairs{{"tick", "t.log"}} }),
	}
}

func effectsOfTools() map[string]effect {
	with := func(on func(o *Options), set func(o *Options)) effect {
		return effect{"TestHandlerScript", func(o *Options, _ *Facts) { set(o) }, func(o *Options, _ *Facts) { on(o) }}
	}
	agent := func(o *Options) { o.WithNewRelicAgent = true }
	return map[string]effect{
		"debug-mode":             just("TestDebugMode", func(o *Options) { o.DebugMode = true }),
		"enable-debugger":        just("TestHandlerScript TestMPM", func(o *Options) { o.EnableDebugger = true }),
		"debugger-startup":       with(func(o *Options) { o.EnableDebugger = true }, func(o *Options) { o.DebuggerStartup = true }),
		"enable-coverage":        just("TestHandlerScript", func(o *Options) { o.EnableCoverage = true }),
		"coverage-directory":     with(func(o *Options) { o.EnableCoverage = true }, func(o *Options) { o.CoverageDirectory = "/c" }),
		"enable-profiler":        just("TestHandlerScript TestDebugTools", func(o *Options) { o.EnableProfiler = true }),
		"profiler-directory":     with(func(o *Options) { o.EnableProfiler = true }, func(o *Options) { o.ProfilerDirectory = "/c" }),
		"enable-recorder":        just("TestHandlerScript TestDebugTools", func(o *Options) { o.EnableRecorder = true }),
		"recorder-directory":     with(func(o *Options) { o.EnableRecorder = true }, func(o *Options) { o.RecorderDirectory = "/c" }),
		"enable-gdb":             {"TestGDB", func(o *Options, f *Facts) { o.EnableGDB, f.GDB = true, "/usr/bin/gdb" }, nil},
		"gdb-executable":         {"TestGDB", func(_ *Options, f *Facts) { f.GDB = "/other" }, func(o *Options, f *Facts) { o.EnableGDB, f.GDB = true, "/g" }},
		"systemd":                just("TestSystemd", func(o *Options) { o.Systemd = true }),
		"dockerfile":             {"TestDockerfile TestImage", func(o *Options, _ *Facts) { o.Dockerfile, o.ServerRoot = true, "" }, func(o *Options, _ *Facts) { o.SetupOnly = true }},
		"setup-only":             just("TestControlScript", func(o *Options) { o.SetupOnly = true }),
		"with-newrelic":          just("TestHandlerScript", func(o *Options) { o.WithNewRelic = true }),
		"with-newrelic-agent":    just("TestHandlerScript", agent),
		"with-newrelic-platform": just("TestConfigtest", func(o *Options) { o.WithNewRelicPlatform = true }),
		"newrelic-config-file":   with(agent, func(o *Options) { o.NewRelicConfigFile = "/n" }),
		"newrelic-environment":   with(agent, func(o *Options) { o.NewRelicEnvironment = "production" }),
		"module-file":            {"TestModuleCommands", func(_ *Options, f *Facts) { f.Module = "/m.so" }, nil},
		"python-executable":      {"TestScriptServer", func(_ *Options, f *Facts) { f.PythonHome = "/p" }, nil},
		"apxs":                   {"TestScriptServer", func(_ *Options, f *Facts) { f.Httpd = "/h" }, nil},
	}
}
