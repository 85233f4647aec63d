package importers

// uwsgiRules is what becomes of each setting of uWSGI. Where it has several
// names they stand in one line; the families of uwsgiFamily are not repeated.
func uwsgiRules() map[string]rule {
	rules := map[string]rule{}
	for _, row := range []struct {
		names []string
		rule  rule
	}{
		// the application
		{[]string{"module", "wsgi", "w"}, rule{do: uwsgiModule}},
		{[]string{"wsgi-file", "file"}, rule{do: uwsgiScript}},
		{[]string{"callable"}, rule{do: uwsgiCallable}},
		{[]string{"mount"}, rule{do: uwsgiMount}},
		{[]string{"paste", "ini-paste"}, rule{do: func(t *target, s setting) { t.serve(s, "paste", trimScheme(s.value)) }}},
		{[]string{"manage-script-name"}, rule{same: "SCRIPT_NAME is set by --mount-point"}},
		{[]string{"chdir", "chdir2"}, rule{do: func(t *target, s setting) {
			t.dir = s.value
			t.take(s, "", "working-directory", s.value)
		}}},
		{[]string{"pythonpath", "python-path", "pp"}, rule{path: "python-path"}},
		{[]string{"home", "virtualenv", "venv", "pyhome", "H"}, rule{do: (*target).python}},
		{[]string{"plugins", "plugin", "need-plugin", "need-plugins"}, rule{do: uwsgiPlugins}},
		{[]string{"plugins-dir", "plugin-dir"}, rule{same: "there are no plugins"}},
		{[]string{"single-interpreter", "i"}, rule{same: "the application runs in the main interpreter"}},
		{[]string{"need-app", "no-default-app"}, rule{same: "an application that cannot be loaded is an error in the log and a 500"}},
		{[]string{"lazy", "lazy-apps", "lazy-app"}, rule{same: "each process loads the application itself"}},
		{[]string{"import", "py-import", "python-import", "shared-import", "shared-py-import"}, rule{none: "import it in the application's module"}},
		{[]string{"env"}, rule{do: uwsgiEnv}},
		{[]string{"unenv"}, rule{none: "write 'unset NAME' into the file of --envvars-script"}},
		{[]string{"py-autoreload", "python-autoreload", "py-auto-reload", "python-auto-reload"}, rule{flag: "reload-on-changes", why: "changes are noticed at once, not in that interval"}},
		{[]string{"optimize", "O"}, rule{none: "write 'export PYTHONOPTIMIZE=N' into the file of --envvars-script"}},

		// where it listens
		{[]string{"http", "http-socket", "http11-socket", "httprouter"}, rule{do: func(t *target, s setting) { t.listen(s, s.value, "port") }}},
		{[]string{"https", "https2"}, rule{do: uwsgiHTTPS}},
		{[]string{"http-to", "http-to-https"}, rule{none: "--https-only sends visitors to https; --proxy-mount-point goes to another server"}},
		{[]string{"protocol", "socket-protocol"}, rule{do: func(t *target, s setting) {
			if s.value == "http" {
				t.http = true
				t.same(s, "Apache speaks HTTP")
				return
			}
			t.noEqual(s, otherProto)
		}}},
		{[]string{"socket", "s"}, rule{do: uwsgiSocket}},
		{[]string{"uwsgi-socket", "suwsgi-socket", "shared-socket", "undeferred-shared-socket", "map-socket"}, rule{none: otherProto}},
		{[]string{"abstract-socket", "vacuum", "umask-socket", "auto-procname", "no-orphans", "close-on-exec", "die-on-term", "strict", "master", "M", "thunder-lock", "enable-threads",
			"ignore-sigpipe", "ignore-write-errors", "disable-write-exception", "no-defer-accept", "procname-master", "abort-on-unknown-option"}, rule{same: always}},
		{[]string{"post-buffering", "post-buffering-bufsize"}, rule{same: "the application gets the body as it comes, and can read all of it"}},
		{[]string{"listen", "l"}, rule{number: "server-backlog"}},
		{[]string{"http-keepalive", "http11-keepalive"}, rule{some: "keep-alive-timeout"}},
		{[]string{"http-timeout", "socket-timeout", "so-send-timeout"}, rule{some: "socket-timeout"}},
		{[]string{"http-auto-chunked", "http-chunked-input", "wsgi-env-behaviour", "wsgi-env-behavior", "wsgi-accept-buffer", "honour-range"}, rule{same: byApache}},
		{[]string{"http-processes", "http-workers", "http-modifier1", "http-buffer-size", "http-connect-timeout", "so-keepalive", "tcp-nodelay", "tcp-fast-open", "reuse-port", "freebind"}, rule{same: byApache}},
		{[]string{"http-websockets", "websockets", "http-raw-body"}, rule{none: "WSGI has no WebSockets: run them elsewhere and let --proxy-mount-point go there"}},
		{[]string{"buffer-size", "b"}, rule{do: uwsgiBig}},
		{[]string{"limit-post"}, rule{number: "limit-request-body"}},
		{[]string{"add-header", "del-header", "collect-header"}, rule{none: noHeader}},
		{[]string{"umask"}, rule{none: "write 'umask NNN' into the file of --envvars-script"}},

		// processes
		{[]string{"processes", "workers", "p"}, rule{some: "processes"}},
		{[]string{"threads"}, rule{some: "threads"}},
		{[]string{"threads-stacksize", "threads-stack-size", "thread-stacksize", "thread-stack-size", "stacksize"}, rule{none: "stack-size of WSGIDaemonProcess does this; no option sets it"}},
		{[]string{"max-requests", "R"}, rule{some: "maximum-requests"}},
		{[]string{"max-requests-delta", "min-worker-lifetime", "max-worker-lifetime-delta"}, rule{none: "processes are replaced one at a time, by one that is ready"}},
		{[]string{"max-worker-lifetime"}, rule{some: "restart-interval"}},
		{[]string{"harakiri", "t"}, rule{some: "request-timeout", why: "the process is replaced, its other requests end first"}},
		{[]string{"harakiri-verbose", "harakiri-no-arh"}, rule{same: "the log has the Python stack of a request that takes too long"}},
		{[]string{"http-harakiri", "harakiri-graceful-timeout"}, rule{none: "--request-timeout holds for all requests"}},
		{[]string{"worker-reload-mercy", "mule-reload-mercy"}, rule{some: "shutdown-timeout"}},
		{[]string{"reload-mercy"}, rule{some: "graceful-timeout"}},
		{[]string{"limit-as", "limit-nproc", "max-fd"}, rule{none: "let the service manager do it, or ulimit in the file of --envvars-script"}},
		{[]string{"cpu-affinity", "threads-affinity", "idle", "cheap", "die-on-idle", "ksm", "never-swap", "master-as-root", "backtrace-depth"}, rule{none: "there is nothing like it"}},
		{[]string{"uid", "user"}, rule{text: "user"}},
		{[]string{"gid", "group"}, rule{text: "group"}},
		{[]string{"cap", "add-gid", "additional-gid", "chroot", "immediate-uid", "immediate-gid", "drop-after-init", "drop-after-apps"}, rule{none: "let the service manager do it"}},
		{[]string{"daemonize", "d", "daemonize2"}, rule{do: func(t *target, s setting) {
			t.log(s, "error", s.value)
			if f := &t.findings[len(t.findings)-1]; f.Verdict == Taken {
				f.Why = "use setup-server, then apachectl start, for a server in the background"
			}
		}}},
		{[]string{"pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2"}, rule{path: "pid-file"}},
		{[]string{"procname", "procname-prefix", "procname-prefix-spaced", "procname-append"}, rule{do: func(t *target, s setting) {
			t.take(s, "the name of Apache's processes", "process-name", s.value)
		}}},
		{[]string{"offload-threads"}, rule{same: "Apache's own threads send files"}},
		{[]string{"wsgi-disable-file-wrapper"}, rule{none: "wsgi.file_wrapper is always there"}},
		{[]string{"memory-report", "m", "show-config", "honour-stdin", "catch-exceptions", "py-tracebacker", "python-tracebacker", "master-fifo"}, rule{none: "SIGUSR1 and apachectl control the server; its log and --server-status tell of it"}},

		// files
		{[]string{"static-map", "static-map2"}, rule{do: uwsgiStatic}},
		{[]string{"check-static", "check-static-docroot"}, rule{path: "document-root"}},
		{[]string{"static-index"}, rule{text: "directory-index"}},
		{[]string{"mimefile", "mime-file"}, rule{path: "mime-types"}},
		{[]string{"static-skip-ext", "static-cache-paths", "fileserve-mode", "static-cache-paths-name"}, rule{none: byApache}},
		{[]string{"error-page-403", "error-page-404", "error-page-500"}, rule{none: "serve the page with --url-alias and name its URL with --error-document"}},

		// logs
		{[]string{"logto", "logto2"}, rule{do: func(t *target, s setting) { t.log(s, "error", s.value) }}},
		{[]string{"disable-logging", "L"}, rule{same: "requests are logged with --access-log alone"}},
		{[]string{"log-maxsize"}, rule{do: uwsgiLogSize}},
		{[]string{"log-date", "logdate", "log-prefix", "log-zero", "log-slow", "log-4xx", "log-5xx", "log-big", "log-sendfile", "log-micros", "log-master", "log-reopen", "log-truncate",
			"log-x-forwarded-for", "log-backupname"}, rule{none: logFormat}},
		{[]string{"log-format", "logformat", "log-req-encoder", "log-encoder", "logger", "req-logger", "log-syslog", "log-socket", "logger-list", "log-route", "log-req-route"}, rule{none: logFormat}},
	} {
		for _, name := range row.names {
			rules[name] = row.rule
		}
	}
	return rules
}
