package importers

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// rule is what becomes of a setting. One of its fields is set.
type rule struct {
	number string                 // takes the value as a number of this option
	some   string                 // the same, where 0 is the default of ours too
	flag   string                 // an option without a value, if the setting is true
	text   string                 // takes the value as it is
	path   string                 // takes the value as a path
	same   string                 // needs nothing: why
	none   string                 // has no equal: what to do
	do     func(*target, setting) // anything else
	why    string                 // what differs, of a value that is taken
}

// apply does what r says.
func (r rule) apply(t *target, s setting) {
	switch {
	case r.number != "":
		t.number(s, r.number, r.why)
	case r.some != "":
		t.positive(s, r.some, r.why)
	case r.flag != "":
		if falsy(s.value) {
			t.same(s, "off is the default")
			return
		}
		t.take(s, r.why, r.flag)
	case r.text != "":
		t.take(s, r.why, r.text, s.value)
	case r.path != "":
		t.take(s, r.why, r.path, t.path(s.value))
	case r.same != "":
		t.same(s, r.same)
	case r.do != nil:
		r.do(t, s)
	default:
		t.noEqual(s, r.none)
	}
}

// falsy tells whether a value says no.
func falsy(value string) bool {
	return slices.Contains([]string{"", "false", "no", "off", "0", "none", "None", "False"}, value)
}

// Reasons that many settings share.
const (
	byApache   = "Apache does this its own way"
	always     = "ours always does"
	noSocket   = "there is no socket file"
	noLoop     = "there are processes and threads, no event loop: give as many threads as requests are to run at once"
	noRoutes   = "write it as rewrite rules, for --rewrite-rules"
	noCache    = "use a cache server, or a library of the application"
	noJobs     = "run it as a service of the system, or with --service-script"
	noScaling  = "the number of processes is fixed"
	noHooks    = "there are no hooks: what a process does at its start belongs into the application's module, what it does at its end into mod_wsgi.subscribe_shutdown"
	noEmperor  = "each application is a server of its own, started by the system"
	noHeader   = "write 'Header set NAME VALUE' into a file, for --include-file"
	softLimit  = "memory-soft-limit of WSGIDaemonProcess does this; no option sets it yet"
	otherProto = "Apache speaks HTTP: let the proxy in front go to http://127.0.0.1:PORT with proxy_pass"
	logFormat  = "name the format in Apache's terms with --access-log-format"
)

// uwsgiOrder are settings that others depend on, which are taken first.
var uwsgiOrder = []string{"chdir", "protocol", "callable"}

// importUWSGI reads an uwsgi.ini.
func importUWSGI(t *target, data []byte) error {
	file, err := readINI(t.q, data)
	if err != nil {
		return err
	}
	settings := file.out
	rules := uwsgiRules()
	slices.SortStableFunc(settings, func(a, b setting) int { return uwsgiRank(a.name) - uwsgiRank(b.name) })
	for _, s := range settings {
		r, known := rules[s.name]
		if !known {
			r, known = uwsgiFamily(s.name)
		}
		switch {
		case !known && file.used[s.name]:
			r = rule{same: "a name for %(" + s.name + ")"}
		case !known:
			r = rule{none: "not a setting that is known here"}
		}
		if left := unresolved(s.value); left != "" && r.same == "" && r.none == "" {
			r = rule{none: "there is no value for " + left}
		}
		r.apply(t, s)
	}
	for _, f := range file.odd {
		t.noEqual(f.setting, f.why)
	}
	uwsgiDefaults(t, settings)
	return nil
}

func uwsgiRank(name string) int {
	if i := slices.Index(uwsgiOrder, name); i >= 0 {
		return i
	}
	return len(uwsgiOrder)
}

// uwsgiDefaults are what uWSGI does when it is not told.
func uwsgiDefaults(t *target, settings []setting) {
	given := func(names ...string) bool {
		return slices.ContainsFunc(settings, func(s setting) bool { return slices.Contains(names, s.name) && !falsy(s.value) })
	}
	if !given("threads") {
		t.implied("uWSGI runs one request at a time in a process unless told otherwise", "threads", "1")
	}
	if !given("disable-logging", "L") && !t.has("access-log") {
		t.implied("uWSGI logs requests unless told otherwise", "access-log")
	}
	if t.entry != "" && t.kind == "script" && t.callable != "" && !t.has("callable-object") {
		t.implied("", "callable-object", t.callable)
	}
}

// uwsgiFamily knows the names that are told by how they begin.
func uwsgiFamily(name string) (rule, bool) {
	for _, f := range []struct {
		prefix string
		rule   rule
	}{
		{"cheaper", rule{none: noScaling}},
		{"route", rule{none: noRoutes}}, {"error-route", rule{none: noRoutes}}, {"response-route", rule{none: noRoutes}},
		{"cache", rule{none: noCache}},
		{"spooler", rule{none: noJobs}}, {"spool", rule{none: noJobs}}, {"mule", rule{none: noJobs}}, {"farm", rule{none: noJobs}},
		{"cron", rule{none: noJobs}}, {"unique-cron", rule{none: noJobs}}, {"legion", rule{none: noJobs}}, {"timer", rule{none: noJobs}},
		{"emperor", rule{none: noEmperor}}, {"vassal", rule{none: noEmperor}}, {"zerg", rule{none: noEmperor}},
		{"hook-", rule{none: noHooks}}, {"exec-", rule{none: noHooks}}, {"call-", rule{none: noHooks}}, {"on-", rule{none: noHooks}},
		{"gevent", rule{none: noLoop}}, {"async", rule{none: noLoop}}, {"ugreen", rule{none: noLoop}}, {"greenlet", rule{none: noLoop}}, {"tornado", rule{none: noLoop}},
		{"static-expires", rule{none: "write ExpiresByType or Header lines into a file, for --include-file"}},
		{"static-gzip", rule{none: "--compress-responses compresses as it answers"}},
		{"static-safe", rule{none: "Apache follows links; --url-alias names each folder"}},
		{"touch-", rule{none: "touch the application's script, or run mod_wsgi-express reload SERVER_ROOT"}},
		{"stats", rule{none: "--server-status shows the requests, and SetHandler wsgi-metrics in a file for --include-file has numbers for Prometheus"}},
		{"log-", rule{none: logFormat}}, {"logfile-", rule{none: "log files belong to whoever starts the server"}},
		{"reload-on-", rule{none: softLimit}}, {"evil-reload-on-", rule{none: softLimit}},
		{"cgroup", rule{none: "let the service manager do it"}}, {"namespace", rule{none: "let the service manager do it"}},
		{"fastrouter", rule{none: otherProto}}, {"rawrouter", rule{none: otherProto}}, {"fastcgi", rule{none: otherProto}}, {"scgi", rule{none: otherProto}},
		{"subscribe", rule{none: "there is no router to subscribe to"}}, {"subscription", rule{none: "there is no router to subscribe to"}},
		{"attach-daemon", rule{none: noJobs}}, {"smart-attach-daemon", rule{none: noJobs}}, {"legion-", rule{none: noJobs}},
		{"chmod", rule{same: noSocket}}, {"chown", rule{same: noSocket}},
		{"carbon", rule{none: "have the metrics page scraped instead"}}, {"metric", rule{none: "have the metrics page scraped instead"}},
	} {
		if strings.HasPrefix(name, f.prefix) {
			return f.rule, true
		}
	}
	return rule{}, false
}

// uwsgiMount is "mount = /url=application".
func uwsgiMount(t *target, s setting) {
	url, app, ok := strings.Cut(s.value, "=")
	switch {
	case !ok || app == "":
		t.noEqual(s, "it must say /URL=APPLICATION")
	case t.has("mount-point"):
		t.noEqual(s, reasonOneMore)
	case strings.HasSuffix(app, ".py") || strings.Contains(app, "/"):
		t.serve(s, "script", app)
		t.also("mount-point", url)
	default:
		t.application(s, app)
		t.also("mount-point", url)
	}
}

// uwsgiScript is the file of the application.
func uwsgiScript(t *target, s setting) { t.serve(s, "script", s.value) }

// uwsgiModule is the module; callable may name what is in it.
func uwsgiModule(t *target, s setting) {
	t.application(s, s.value)
	if t.kind == "module" && !strings.Contains(s.value, ":") && t.callable != "" {
		t.also("callable-object", t.callable)
	}
}

// uwsgiCallable is the name of what is in the module or script.
func uwsgiCallable(t *target, s setting) {
	if !plainKey(s.value) {
		t.noEqual(s, "not a plain name: put 'application = "+s.value+"' into a file and serve that")
		return
	}
	t.callable = s.value
	t.take(s, "", "callable-object", s.value)
}

// uwsgiSocket is an address by whatever protocol is the default.
func uwsgiSocket(t *target, s setting) {
	if t.http {
		t.listen(s, s.value, "port")
		return
	}
	t.noEqual(s, otherProto)
}

// uwsgiHTTPS is ADDRESS,CERTIFICATE,KEY[,CIPHERS[,CLIENT CA]].
func uwsgiHTTPS(t *target, s setting) {
	parts := strings.Split(s.value, ",")
	if len(parts) < 3 {
		t.noEqual(s, "it must say ADDRESS,CERTIFICATE,KEY")
		return
	}
	if !t.listen(s, strings.TrimPrefix(parts[0], "="), "https-port") {
		return
	}
	t.also("ssl-certificate-file", t.path(parts[1]))
	t.also("ssl-certificate-key-file", t.path(parts[2]))
	for i, rest := range parts[3:] {
		switch one := (setting{s.name, rest, s.place}); {
		case rest == "":
		case i == 0:
			t.noEqual(one, "name ciphers with SSLCipherSuite in a file, for --include-file")
		case i == 1:
			t.take(one, "", "ssl-ca-certificate-file", t.path(strings.TrimPrefix(rest, "!")))
		default:
			t.noEqual(one, "it is not known what this is")
		}
	}
}

// uwsgiStatic is "static-map = /url=/path".
func uwsgiStatic(t *target, s setting) {
	url, path, ok := strings.Cut(s.value, "=")
	if !ok || !strings.HasPrefix(url, "/") {
		t.noEqual(s, "it must say /URL=PATH")
		return
	}
	if len(url) > 1 {
		url, path = strings.TrimSuffix(url, "/"), strings.TrimSuffix(path, "/")
	}
	t.take(s, "", "url-alias", url, t.path(path))
}

// uwsgiEnv is "env = KEY=VALUE".
func uwsgiEnv(t *target, s setting) {
	key, value, _ := strings.Cut(s.value, "=")
	t.process(s, key, value)
}

// uwsgiLogSize is in bytes, ours in megabytes.
func uwsgiLogSize(t *target, s setting) {
	n, err := strconv.ParseInt(s.value, 10, 64)
	if err != nil || n <= 0 {
		t.noEqual(s, "not a number of bytes")
		return
	}
	t.take(s, "whole megabytes", "rotate-logs")
	t.also("max-log-size", strconv.FormatInt(max(1, (n+1<<19)>>20), 10))
}

// uwsgiBig is buffer-size and its like.
func uwsgiBig(t *target, s setting) {
	if n, err := strconv.Atoi(s.value); err == nil && n <= 8190 {
		t.same(s, "Apache takes headers of 8190 bytes each")
		return
	}
	t.noEqual(s, fmt.Sprintf("write 'LimitRequestFieldSize %s' into a file, for --include-file; Apache's own is 8190 for each header", oneLine(s.value)))
}

// uwsgiPlugins are Python, or another language.
func uwsgiPlugins(t *target, s setting) {
	for _, name := range strings.FieldsFunc(s.value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if name = filepath.Base(name); !strings.HasPrefix(name, "python") && !slices.Contains([]string{"http", "logfile", "rsyslog", "syslog", "corerouter"}, name) {
			t.noEqual(setting{s.name, name, s.place}, "there is Python alone")
			return
		}
	}
	t.same(s, "Python and HTTP are there")
}

// trimScheme is the path in "config:/path".
func trimScheme(uri string) string { return strings.TrimPrefix(uri, "config:") }
