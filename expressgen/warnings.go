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
	if list := disregarded(g.o); g.o.debugging() && len(list) > 0 {
		add("%s: without effect in debug mode", strings.Join(list, ", "))
	}
	if ip := net.ParseIP(g.o.Host); g.o.debugging() && (ip == nil || !ip.IsLoopback()) && g.o.Host != "localhost" {
		add("debug mode is for this machine alone: --host 127.0.0.1")
	}
	if g.o.LogToTerminal && !g.o.terminal() {
		add("--log-to-terminal: --log-directory has precedence")
	}
	if g.o.RotateLogs && !g.o.rotating() {
		add("--rotate-logs: without effect where logs go to the terminal")
	}
	if g.o.StartupLog && g.startupLog() == "" {
		add("--startup-log: there is no terminal that Apache could open")
	}
	if g.o.WithNewRelic || g.o.WithNewRelicPlatform {
		add("the platform of New Relic was discontinued; its agent is --with-newrelic-agent")
	}
	if g.o.ProcessName != "" && g.processName() == "" {
		add("--process-name: the shell %s cannot name processes; bash, zsh and ksh can", g.f.Shell)
	}
	if (len(g.o.ServiceUser) > 0 || len(g.o.ServiceGroup) > 0) && !g.s.Super {
		add("--service-user, --service-group: only root can run a service as another user")
	}
	for _, s := range g.o.ServiceScript {
		if g.f.Missing[s.Value] {
			add("--service-script %s %s: there is no such file", s.Key, s.Value)
		}
	}
	for _, name := range g.f.NoPackages {
		add("the Python at %s has no package %s", g.f.PythonHome, name)
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
