package expressgen

import (
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// What options come to in httpd.conf and in the banner, line by line.
func TestLines(t *testing.T) {
	tests := []struct {
		name string
		set  func(o *Options)
		want string // lines, with | between; ! in front: it is not there
	}{
		{"A025", func(o *Options) { o.SetupOnly = true }, "Operating Mode: daemon|Request Capacity: 5 (1 process * 5 threads)|Request Timeout: 60 (seconds)|Startup Timeout: 15 (seconds)|" +
			"Queue Backlog: 100 (connections)|Queue Timeout: 45 (seconds)|Server Capacity: 20 (event/worker), 20 (prefork)|Server Backlog: 500 (connections)|Locale Setting: C.UTF-8|" +
			"Rewrite Rules: /r/rewrite.conf|Environ Variables: /r/envvars|Control Script: /r/apachectl"},
		{"A026", func(*Options) {}, "!Rewrite Rules|!Environ Variables|!Control Script"},
		{"A027", func(o *Options) { o.Processes, o.Threads = ptr(3), 15 },
			"Request Capacity: 45 (3 processes * 15 threads)|Server Capacity: 95 (event/worker), 77 (prefork)"},
		{"A028", func(o *Options) { o.Port = 80 }, "Server URL: http://localhost/"},
		{"A029", func(o *Options) { o.InterruptTimeout, o.StartupTimeout = 10, 0 }, "Interrupt Timeout: 10 (seconds)|!Startup Timeout"},
		{"A030", func(o *Options) { o.ServerRoot = "" }, "Server Root: /tmp/mod_wsgi-localhost:8000:1000"},
		{"A032", func(o *Options) { o.InitialWorkers = ptr(0.0) }, "    StartServers 1"},
		{"A033", func(*Options) {}, "        -DMOD_WSGI_MPM_ENABLE_EVENT_MODULE \\|        -DMOD_WSGI_MPM_EXISTS_EVENT_MODULE \\|        -DMOD_WSGI_MPM_EXISTS_WORKER_MODULE \\|" +
			"        -DMOD_WSGI_MPM_EXISTS_PREFORK_MODULE \\"},
		{"A036", func(o *Options) { o.EmbeddedMode = true },
			"<IfModule mpm_worker_module>|!WSGIDaemonProcess|!WSGIRestrictEmbedded|    MaxKeepAliveRequests 100|WSGIScriptReloading Off|Operating Mode: embedded|!Request Timeout"},
		{"A037", func(o *Options) { o.EnableDebugger = true }, "<IfModule mpm_worker_module>|        -DONE_PROCESS \\|Operating Mode: debug|    MaxRequestWorkers 1"},
		{"A038", func(*Options) {}, "    MaxKeepAliveRequests 0"},
		{"A038", func(o *Options) { o.ServerMPM = []string{"prefork"} }, "    MaxKeepAliveRequests 500"},
		{"A039", func(o *Options) { o.KeepAliveTimeout = 0 }, "KeepAlive Off|!KeepAliveTimeout"},
		{"A040", func(*Options) {}, "KeepAlive On|KeepAliveTimeout 2"},
		{"A041", func(*Options) {}, "RequestReadTimeout header=15-30,MinRate=500 body=15,MinRate=500"},
		{"A042", func(o *Options) { o.HeaderMaxTimeout, o.HeaderMinRate, o.BodyMaxTimeout = 0, 0, 60 }, "RequestReadTimeout header=15 body=15-60,MinRate=500"},
		{"A043", func(o *Options) { o.HeaderTimeout, o.BodyTimeout = 0, 0 }, "RequestReadTimeout header=0 body=0"},
		{"A044", func(*Options) {}, "!    processes="},
		{"A046", func(o *Options) { o.HeaderBufferSize = 40000 }, `    header-buffer-size="40000" \`},
		{"A092", func(o *Options) { o.ProxyTimeout = ptr(300) }, "!ProxyTimeout|warning: --proxy-timeout 300: nothing is passed on to another server"},
		{"A111", func(o *Options) { o.LogToTerminal, o.LogDirectory = true, "/l" }, "Error Log File: /l/error_log (warn)"},
		{"A112", func(o *Options) { o.RotateLogs, o.MaxLogSize = true, 7 }, `ErrorLog "|\"/usr/bin/rotatelogs\" \"/r/error_log.%Y-%m-%d-%H_%M_%S\" \"7M\""`},
		{"A112", func(o *Options) { o.RotateLogs, o.LogToTerminal = true, true }, "!rotatelogs|ErrorLog /dev/stderr"},
		{"A113", func(o *Options) { o.LogLevel = "info rewrite:trace8" }, "LogLevel info rewrite:trace8"},
		{"A124", func(o *Options) { o.ApplicationGroup = "%{ENV:G}" }, "!WSGIImportScript"},
		{"A138", func(o *Options) { o.WithNewRelicPlatform = true }, "WSGIServerMetrics On|warning: the platform of New Relic was discontinued; its agent is --with-newrelic-agent"},
	}
	for _, tt := range tests {
		o, f := base(), facts()
		o.WorkingDirectory, o.EntryPoint, o.ServerRoot, f.Rotatelogs = "/home/me", "/srv/app.wsgi", "/r", "/usr/bin/rotatelogs"
		tt.set(&o)
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		s, err := Generate(o, f)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		text := "\n" + contents(t, &s, "httpd.conf") + contents(t, &s, "apachectl")
		for _, l := range s.Banner {
			text += l.Label + ": " + l.Value + "\n"
		}
		for _, w := range s.Warnings {
			text += "warning: " + w + "\n"
		}
		for want := range strings.SplitSeq(strings.ReplaceAll(tt.want, `"|\"`, `"§\"`), "|") {
			want = strings.ReplaceAll(want, "§", "|")
			if not, ok := strings.CutPrefix(want, "!"); ok && strings.Contains(text, "\n"+not) || !ok && !strings.Contains(text, "\n"+want+"\n") {
				t.Errorf("%s: %s is not so", tt.name, want)
			}
		}
	}
}

// A137
func TestLocale(t *testing.T) {
	for _, tt := range []struct {
		env, option, installed, want string
		missing                      bool
	}{
		{"C.UTF-8", "", "C C.utf8 en_US.utf8", "C.UTF-8", false},
		{"POSIX", "", "C C.utf8 en_US.utf8", "en_US.UTF-8", false},
		{"POSIX", "", "C C.utf8", "C.UTF-8", false},
		{"POSIX", "", "C", "POSIX", false},
		{"C", "de_DE.UTF-8", "C", "de_DE.UTF-8", true},
		{"fr_FR.UTF-8", "de_DE.UTF-8", "de_DE.utf8", "de_DE.UTF-8", false},
	} {
		o := base()
		o.Locale = tt.option
		r := &run.Runner{Env: []string{"LC_ALL=" + tt.env}}
		if name, missing := chooseLocale(&o, r, strings.Fields(tt.installed)); name != tt.want || missing != tt.missing {
			t.Errorf("%+v: %s %v", tt, name, missing)
		}
	}
}
