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
	    with-newrelic with-newrelic-agent with-newrelic-platform enable-coverage enable-debugger enable-docs enable-gdb enable-profiler enable-recorder enable-sendfile
	    enable-telemetry error-override free-threading http2 https-only orphan-interpreter reload-on-changes
	    rotate-logs server-metrics server-status ssl-environment startup-log verbose-debugging with-cgi`,
	1: `access-log-format access-log-name allow-override auth-group auth-group-script auth-type auth-user-script newrelic-config-file newrelic-environment
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

const unavailable = "not available in this release"

// serverGrammar are the options of start-server and setup-server, and the names
// of other releases.
func serverGrammar() grammar {
	g := grammar{positionals: 1}
	there := map[string]bool{}
	for _, o := range expressgen.Table() {
		g.options = append(g.options, option{Option: o})
		there[o.Name] = true
	}
	for _, o := range expressgen.OlderOptions() {
		there[o.Name] = true
		g.options = append(g.options, option{
			Option:  expressgen.Option{Name: o.Name, Words: o.Words, Whole: o.Whole, Hidden: true},
			now:     o.Now,
			note:    o.Note,
			refusal: o.Refusal,
			ignored: o.Now == "" && o.Refusal == "",
		})
	}
	for n, list := range notYet {
		for _, name := range strings.Fields(list) {
			if !there[name] {
				g.options = append(g.options, option{Option: expressgen.Option{Name: name, Words: n, Whole: strings.Contains(name, "newrelic")}, refusal: unavailable})
			}
		}
	}
	return g
}
