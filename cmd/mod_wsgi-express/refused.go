package main

import (
	"strings"

	"modwsgi/expressgen"
)

// notYet are the options of the original that this release does not have, by
// the number of words that follow them. They take part in abbreviations, so
// that what is short and clear today stays so.
var notYet = map[int]string{
	0: `access-log allow-localhost chunked-request compress-responses debug-mode debugger-startup directory-listing
	    enable-coverage enable-debugger enable-docs enable-gdb enable-profiler enable-recorder enable-sendfile
	    enable-telemetry error-override free-threading http2 https-only orphan-interpreter reload-on-changes
	    rotate-logs server-metrics server-status ssl-environment startup-log verbose-debugging with-cgi`,
	1: `access-log-format access-log-name allow-override auth-group auth-group-script auth-type auth-user-script
	    coverage-directory cpu-time-limit daemon-backlog deadlock-timeout error-log-format error-log-name
	    eviction-timeout gdb-executable header-buffer-size host-access-script hsts-policy httpd-executable https-port
	    ignore-activity interrupt-timeout map-head-to-get max-log-size mime-types modules-directory pid-file
	    process-name profiler-directory proxy-timeout python-eggs python-warnings receive-buffer-size
	    recorder-directory response-buffer-size response-flush-delay response-socket-timeout
	    rotatelogs-executable send-buffer-size server-alias server-name shell-executable slow-requests socket-prefix
	    ssl-ca-certificate-file ssl-certificate ssl-certificate-chain-file ssl-certificate-file
	    ssl-certificate-key-file ssl-port ssl-verify-client startup-log-name switch-interval telemetry-interval
	    telemetry-options telemetry-service telemetry-ui-port trust-proxy trust-proxy-header`,
	2: `add-handler error-document proxy-mount-point proxy-url-alias proxy-virtual-host service-group
	    service-log-file service-script service-user`,
}

// gone are options of earlier releases, or of no use any more, with what to say
// of them. They have to be written in full.
var gone = []option{
	{Option: expressgen.Option{Name: "with-php5", Words: 0}, refusal: "removed: PHP 5 has ended; set up php-fpm in an --include-file"},
	{Option: expressgen.Option{Name: "with-wdb", Words: 0}, refusal: "removed in favour of --enable-debugger, which is not available in this release"},
	{Option: expressgen.Option{Name: "profiler-output-file", Words: 1}, refusal: "removed in favour of --profiler-directory, which is not available in this release"},
	{Option: expressgen.Option{Name: "proxy-buffer-size", Words: 1}, refusal: "older name of --response-buffer-size, which is not available in this release"},
	{Option: expressgen.Option{Name: "with-newrelic", Words: 0}, refusal: unavailable},
	{Option: expressgen.Option{Name: "with-newrelic-agent", Words: 0}, refusal: unavailable},
	{Option: expressgen.Option{Name: "with-newrelic-platform", Words: 0}, refusal: unavailable},
	{Option: expressgen.Option{Name: "newrelic-config-file", Words: 1}, refusal: unavailable},
	{Option: expressgen.Option{Name: "newrelic-environment", Words: 1}, refusal: unavailable},
	// What it asked for happens anyway.
	{Option: expressgen.Option{Name: "isatty", Words: 0}, ignored: true},
}

const unavailable = "not available in this release"

// serverGrammar are the options of start-server and setup-server: those there
// are and those that are refused by name.
func serverGrammar() grammar {
	g := grammar{positionals: 1}
	for _, o := range expressgen.Table() {
		g.options = append(g.options, option{Option: o})
	}
	for n, list := range notYet {
		for _, name := range strings.Fields(list) {
			g.options = append(g.options, option{Option: expressgen.Option{Name: name, Words: n}, refusal: unavailable})
		}
	}
	for _, o := range gone {
		o.Ours = true
		g.options = append(g.options, o)
	}
	return g
}
