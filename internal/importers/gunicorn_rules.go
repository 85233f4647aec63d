package importers

import (
	"path/filepath"
	"slices"
	"strings"
)

// gunicornRules is what becomes of each setting of gunicorn; values has all of
// them.
func gunicornRules(values map[string]any) map[string]rule {
	// each is a rule for every element of a list.
	each := func(f func(*target, setting)) rule {
		return rule{do: func(t *target, s setting) {
			list := gunicornList(values[s.name])
			if len(list) == 0 {
				t.same(s, "nothing is the default")
			}
			for _, one := range list {
				f(t, setting{s.name, one, s.place})
			}
		}}
	}
	https := values["certfile"] != nil
	rules := map[string]rule{
		"wsgi_app": {do: func(t *target, s setting) { t.application(s, s.value) }},
		"paste":    {do: func(t *target, s setting) { t.serve(s, "paste", s.value) }},
		"chdir": {do: func(t *target, s setting) {
			t.dir = s.value
			t.take(s, "", "working-directory", s.value)
		}},
		"pythonpath": each(func(t *target, s setting) { t.take(s, "", "python-path", t.path(filepath.Clean(s.value))) }),
		"bind": each(func(t *target, s setting) {
			s.value = strings.TrimPrefix(s.value, "tcp://")
			if https {
				t.listen(s, s.value, "https-port")
				return
			}
			t.listen(s, s.value, "port")
		}),
		"raw_env": each(func(t *target, s setting) {
			key, value, _ := strings.Cut(s.value, "=")
			t.process(s, key, value)
		}),

		"workers":             {some: "processes"},
		"threads":             {some: "threads"},
		"worker_class":        {do: gunicornWorkers},
		"worker_connections":  {none: noLoop},
		"max_requests":        {some: "maximum-requests"},
		"max_requests_jitter": {none: "processes are replaced one at a time, by one that is ready"},
		"timeout":             {number: "request-timeout", why: "there it is for a process that says nothing, here for a request"},
		"graceful_timeout":    {number: "graceful-timeout"},
		"keepalive":           {number: "keep-alive-timeout"},
		"backlog":             {some: "server-backlog"},
		"user":                {text: "user"},
		"group":               {text: "group"},
		"umask":               {none: "write 'umask NNN' into the file of --envvars-script"},
		"initgroups":          {same: always},
		"daemon":              {same: "use setup-server, then apachectl start"},
		"pidfile":             {path: "pid-file"},
		"proc_name":           {text: "process-name", why: "the name of Apache's processes"},
		"preload_app":         {same: "each process loads the application before it takes requests"},
		"sendfile":            {flag: "enable-sendfile"},
		"reload":              {flag: "reload-on-changes"},
		"reload_engine":       {same: "inotify where there is, else by comparing"},
		"reload_extra_files":  {none: "call mod_wsgi.express.monitor.track_changes(path) in the application"},
		"worker_tmp_dir":      {same: "there are no such files"},
		"tmp_upload_dir":      {none: "write 'export TMPDIR=DIR' into the file of --envvars-script"},
		"reuse_port":          {same: byApache},
		"capture_output":      {same: always},
		"check_config":        {none: "apachectl configtest"},
		"print_config":        {none: "express.json in the server root has the options"},
		"spew":                {none: "--enable-debugger, or --enable-profiler"},

		"accesslog": {do: func(t *target, s setting) { t.log(s, "access", s.value) }},
		"errorlog":  {do: func(t *target, s setting) { t.log(s, "error", s.value) }},
		"access_log_format": {do: func(t *target, s setting) {
			format, bad := gunicornFormat(s.value)
			if bad != "" {
				t.noEqual(s, "Apache has nothing like "+bad+"; "+logFormat)
				return
			}
			t.take(s, "", "access-log-format", format)
		}},
		"loglevel": {do: func(t *target, s setting) {
			levels := map[string]string{"debug": "debug", "info": "info", "warning": "warn", "error": "error", "critical": "crit"}
			level, known := levels[strings.ToLower(s.value)]
			if !known {
				t.noEqual(s, "no such level")
				return
			}
			t.take(s, "", "log-level", level)
		}},
		"disable_redirect_access_to_syslog": {same: "there is no syslog in between"},

		"certfile":              {path: "ssl-certificate-file"},
		"keyfile":               {path: "ssl-certificate-key-file"},
		"ca_certs":              {do: gunicornClients(values)},
		"cert_reqs":             {same: "with ca_certs"},
		"secure_scheme_headers": {none: "name the header with --trust-proxy-header, beside --trust-proxy"},
		"forwarded_allow_ips":   each(gunicornTrust),
		"proxy_protocol":        {none: "write 'RemoteIPProxyProtocol On' with mod_remoteip into a file, for --include-file"},
		"proxy_allow_ips":       {none: "write 'RemoteIPProxyProtocolExceptions' into a file, for --include-file"},

		"limit_request_line":       {none: "write 'LimitRequestLine N' into a file, for --include-file; Apache's own is 8190"},
		"limit_request_fields":     {none: "write 'LimitRequestFields N' into a file, for --include-file; Apache's own is 100"},
		"limit_request_field_size": {none: "write 'LimitRequestFieldSize N' into a file, for --include-file; Apache's own is 8190"},
	}
	for why, names := range map[string][]string{
		"name protocols and ciphers with SSLProtocol and SSLCipherSuite in a file, for --include-file": {"ciphers", "ssl_version", "do_handshake_on_connect", "suppress_ragged_eofs"},
		"Apache's log goes to files or the terminal; logging of the application is its own affair":     {"logconfig", "logconfig_dict", "logconfig_json", "logger_class", "syslog", "syslog_addr", "syslog_prefix", "syslog_facility", "enable_stdio_inheritance"},
		"SetHandler wsgi-metrics in a file for --include-file has numbers for Prometheus":              {"statsd_host", "statsd_prefix", "dogstatsd_tags"},
		byApache: {"strip_header_spaces", "permit_unconventional_http_method", "permit_unconventional_http_version", "permit_obsolete_folding", "casefold_http_method",
			"forwarder_headers", "header_map", "default_proc_name", "config", "raw_paste_global_conf", "paste_global_conf"},
		noHooks: {"on_starting", "on_reload", "when_ready", "pre_fork", "post_fork", "post_worker_init", "worker_int", "worker_abort", "pre_exec", "pre_request",
			"post_request", "child_exit", "worker_exit", "nworkers_changed", "on_exit", "ssl_context"},
	} {
		for _, name := range names {
			rules[name] = rule{none: why}
		}
	}
	return rules
}

// gunicornWorkers is the kind of worker.
func gunicornWorkers(t *target, s setting) {
	class := s.value[strings.LastIndexByte(s.value, '.')+1:]
	switch {
	case slices.Contains([]string{"sync", "gthread", "SyncWorker", "ThreadWorker"}, class):
		t.same(s, "processes and threads are what there is")
	case strings.Contains(s.value, "vicorn") || strings.Contains(s.value, "asgi") || strings.Contains(s.value, "aiohttp"):
		t.noEqual(s, "an ASGI application is not served: adapt it (a2wsgi.ASGIMiddleware), or let --proxy-mount-point go to its own server")
	default:
		t.noEqual(s, noLoop)
	}
}

// gunicornTrust is who may say who the client is.
func gunicornTrust(t *target, s setting) {
	if s.value == "*" {
		t.noEqual(s, "nobody is trusted without a name: name the proxies with --trust-proxy")
		return
	}
	t.take(s, "", "trust-proxy", s.value)
	if !t.has("trust-proxy-header") {
		t.also("trust-proxy-header", "X-Forwarded-Proto")
	}
}

// gunicornClients is ca_certs, which counts where clients have to show theirs.
func gunicornClients(values map[string]any) func(*target, setting) {
	return func(t *target, s setting) {
		if asked := gunicornText(values["cert_reqs"]); asked != "2" {
			t.noEqual(s, "clients need not show a certificate there (cert_reqs); with --ssl-ca-certificate-file they must")
			return
		}
		t.take(s, "", "ssl-ca-certificate-file", t.path(s.value))
	}
}
