package expressgen

import (
	"strings"
)

// defines are the names passed to httpd with -D. httpd.conf does not need them;
// files that people include test for them.
func (g *generator) defines() []string {
	var out []string
	for _, d := range []struct {
		name string
		set  bool
	}{
		{"MOD_WSGI_VIRTUAL_HOST", g.o.ServerName != ""},
		{"MOD_WSGI_REDIRECT_WWW", g.o.withoutWWW() != ""},
		{"MOD_WSGI_WITH_HTTP2", g.o.HTTP2},
		{"MOD_WSGI_WITH_HTTPS", g.o.https()},
		{"MOD_WSGI_VERIFY_CLIENT", g.o.SSLCACertificateFile != ""},
		{"MOD_WSGI_CERTIFICATE_CHAIN", g.o.SSLCertificateChainFile != ""},
		{"MOD_WSGI_SSL_ENVIRONMENT", g.o.SSLEnvironment},
		{"MOD_WSGI_HTTPS_ONLY", g.o.HTTPSOnly},
		{"MOD_WSGI_HSTS_POLICY", g.o.HSTSPolicy != ""},
		{"MOD_WSGI_SERVER_ALIAS", len(g.o.ServerAlias) > 0},
		{"MOD_WSGI_ALLOW_LOCALHOST", g.o.AllowLocalhost},
		{"MOD_WSGI_CHUNKED_REQUEST", g.o.ChunkedRequest},
		{"MOD_WSGI_ENABLE_SENDFILE", g.o.EnableSendfile},
		{"EMBEDDED_MODE", g.o.EmbeddedMode},
		{"ONE_PROCESS", g.o.debugging()},
		{"MOD_WSGI_ERROR_LOG_FORMAT", g.o.ErrorLogFormat != ""},
		{"MOD_WSGI_ACCESS_LOG", g.o.AccessLog},
		{"MOD_WSGI_ROTATE_LOGS", g.o.rotating()},
		{"MOD_WSGI_WITH_SOCKET_PREFIX", g.o.SocketPrefix != ""},
		{"MOD_WSGI_IMPORT_HANDLER_SCRIPT", g.preload()},
		{"MOD_WSGI_STATIC_ONLY", g.kind == "static"},
		{"MOD_WSGI_SERVER_METRICS", g.metrics() || g.o.ServerStatus},
		{"MOD_WSGI_SERVER_STATUS", g.o.ServerStatus},
		{"MOD_WSGI_TELEMETRY_SERVICE", g.o.TelemetryService != "" || g.o.EnableTelemetry},
		{"MOD_WSGI_SLOW_REQUESTS", g.o.SlowRequests != nil},
		{"MOD_WSGI_TELEMETRY_OPTIONS", len(g.o.TelemetryOptions) > 0},
		{"MOD_WSGI_SWITCH_INTERVAL", g.o.SwitchInterval != nil},
		{"MOD_WSGI_FREE_THREADING", g.o.FreeThreading},
		{"ORPHAN_INTERPRETER", g.o.OrphanInterpreter},
		{"MOD_WSGI_DIRECTORY_LISTING", g.o.DirectoryListing},
		{"MOD_WSGI_COMPRESS_RESPONSES", g.o.CompressResponses},
		{"MOD_WSGI_ERROR_OVERRIDE", g.o.ErrorOverride},
		{"MOD_WSGI_HOST_ACCESS", g.o.HostAccessScript != ""},
		{"MOD_WSGI_AUTH_USER", g.o.AuthUserScript != ""},
		{"MOD_WSGI_AUTH_GROUP", g.o.AuthGroupScript != ""},
		{"MOD_WSGI_WITH_PROXY", g.proxying()},
		{"MOD_WSGI_WITH_PROXY_HEADERS", len(g.o.TrustProxyHeader) > 0},
		{"MOD_WSGI_WITH_TRUSTED_PROXIES", len(g.o.TrustProxy) > 0},
		{"MOD_WSGI_CGID_SCRIPT", g.o.WithCGI && g.cgi() == "cgid"},
		{"MOD_WSGI_CGI_SCRIPT", g.o.WithCGI && g.cgi() == "cgi"},
		{"MOD_WSGI_DIRECTORY_INDEX", g.o.DirectoryIndex != ""},
		{"MOD_WSGI_KEEP_ALIVE", g.o.KeepAliveTimeout != 0},
		{"MOD_WSGI_MULTIPROCESS", g.o.Processes != nil},
		{"MOD_WSGI_WITH_LISTENER_HOST", g.o.Host != ""},
		{"MOD_WSGI_WITH_PYTHON_PATH", len(g.o.PythonPath) > 0},
		{"MOD_WSGI_DISABLE_RELOADING", !g.o.reloading()},
	} {
		if d.set {
			out = append(out, d.name)
		}
	}
	if list := g.candidates(); len(list) > 0 {
		out = append(out, "MOD_WSGI_MPM_ENABLE_"+strings.ToUpper(list[0])+"_MODULE")
		for _, name := range list {
			out = append(out, "MOD_WSGI_MPM_EXISTS_"+strings.ToUpper(name)+"_MODULE")
		}
	}
	return out
}
