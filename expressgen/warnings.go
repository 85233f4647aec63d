package expressgen

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// warn adds what is allowed and probably not meant.
func (g *generator) warn() {
	add := func(format string, args ...any) {
		g.s.Warnings = append(g.s.Warnings, fmt.Sprintf(format, args...))
	}
	for _, f := range []struct{ option, path string }{
		{"entry-point", g.entryPoint},
		{"rewrite-rules", g.o.RewriteRules},
		{"envvars-script", g.o.EnvvarsScript},
	} {
		if g.f.Missing[f.path] {
			add("--%s %s: there is no such file", f.option, f.path)
		}
	}
	for _, path := range g.o.IncludeFile {
		if g.f.Missing[path] {
			add("--include-file %s: there is no such file, Apache will not start", path)
		}
	}
	for _, a := range g.o.URLAlias {
		if strings.HasSuffix(a.Key, "/") != strings.HasSuffix(a.Value, "/") && a.Key != "/" && !g.f.PlainFiles[a.Value] {
			add("--url-alias %s %s: either both or neither should end in /", a.Key, a.Value)
		}
	}
	if g.o.SSLCACertificateFile != "" && !g.o.HTTPSOnly {
		add("--ssl-ca-certificate-file asks for client certificates over HTTPS alone: without --https-only the site is open over HTTP")
	}
	if g.o.ProxyTimeout != nil && !g.proxying() {
		add("--proxy-timeout %d: nothing is passed on to another server", *g.o.ProxyTimeout)
	}
	if len(g.o.TrustProxyHeader) > 0 && len(g.o.TrustProxy) == 0 {
		add("--trust-proxy-header without --trust-proxy: any client may send these headers, and is believed")
	}
	for _, address := range g.o.TrustProxy {
		if ip := net.ParseIP(address); ip != nil && ip.IsLoopback() && (g.o.ServerStatus || g.o.AllowLocalhost) {
			add("--trust-proxy %s: behind a proxy of this machine every client is local to --server-status and --allow-localhost", address)
		}
	}
	if g.o.EnableDocs && len(g.docFolders()) == 0 {
		add("--enable-docs: this release ships no documentation")
	}
	for _, p := range g.o.AddHandler {
		if g.f.Missing[p.Value] {
			add("--add-handler %s %s: there is no such file", p.Key, p.Value)
		}
	}
	for _, key := range g.f.Unset {
		add("--passenv %s: the variable is not set", key)
	}
	if g.f.OpenKey {
		add("%s: others can read the private key", g.o.key())
	}
	if g.o.HTTP2 && slices.Index(g.candidates(), "prefork") == 0 {
		add("--http2: with the prefork MPM a connection has one request at a time")
	}
	if g.f.NoLocale {
		add("the locale %s is not installed here", g.f.Locale)
	}
	if g.o.EmbeddedMode && g.o.Threads < 3 && slices.Equal(g.o.ServerMPM, []string{"event"}) {
		add("the event MPM needs at least three threads in embedded mode")
	}
}
