package importers

import (
	"errors"
	"fmt"
	"strings"

	"modwsgi/internal/pattern"
)

// importUnit reads the configuration of NGINX Unit: the whole of it, or what is
// below "config".
func importUnit(t *target, data []byte) error {
	doc, err := parseUnit(data)
	if err != nil {
		return err
	}
	root := node{doc: doc, value: doc.root}
	if _, is := doc.root.(map[string]any); !is {
		return errors.New("it is no JSON object")
	}
	u := unit{t, root}
	config := root
	if inner := root.get("config"); inner.there() {
		config = inner
	}
	listener := u.listener(config.get("listeners"))
	name := t.q.Application
	if listener.there() {
		if pass := u.follow(config, listener.get("pass"), 0); name == "" {
			name = pass
		}
	}
	u.applications(config.get("applications"), name)
	u.settings(config.get("settings"))
	u.log(config.get("access_log"))
	for _, n := range root.unseen() {
		t.noEqual(n.setting(), unitWhy(n.path))
	}
	return nil
}

// unit is one import.
type unit struct {
	t    *target
	root node
}

// listener takes the first one; each other is a server of its own.
func (u unit) listener(listeners node) node {
	var first node
	for _, key := range listeners.keys() {
		l := listeners.get(key)
		s := setting{"listener", key, l.path}
		if first.there() {
			u.t.noEqual(s, "one more listener: each is a server of its own")
			l.setting()
			continue
		}
		option := "port"
		if l.get("tls").there() {
			option = "https-port"
		}
		if !u.t.listen(s, key, option) {
			l.setting()
			continue
		}
		first = l
		u.tls(l.get("tls"))
		u.forwarded(l)
	}
	return first
}

// tls is a certificate that Unit keeps itself.
func (u unit) tls(tls node) {
	if c := tls.get("certificate"); c.there() {
		u.t.noEqual(c.setting(), "Unit keeps it itself: write it to files, and name them with --ssl-certificate-file and --ssl-certificate-key-file")
	}
}

// forwarded is who may say who the client is.
func (u unit) forwarded(l node) {
	f := l.get("forwarded")
	for _, source := range f.get("source").items() {
		s := source.setting()
		if strings.HasPrefix(s.value, "!") || strings.Contains(s.value, "-") {
			u.t.noEqual(s, "name networks, as ADDRESS/BITS, with --trust-proxy")
			continue
		}
		u.t.take(s, "", "trust-proxy", s.value)
	}
	for _, key := range []string{"client_ip", "protocol"} {
		if header := f.get(key); header.there() {
			u.t.take(header.setting(), "", "trust-proxy-header", header.text())
		}
	}
	if r := f.get("recursive"); r.there() {
		u.t.same(r.setting(), "the addresses of --trust-proxy are passed over from the right")
	}
}

// follow goes from a pass to the name of an application, through routes.
func (u unit) follow(config, pass node, depth int) string {
	if !pass.there() {
		return ""
	}
	s := pass.setting()
	where, rest, _ := strings.Cut(s.value, "/")
	switch {
	case where == "applications":
		u.t.same(s, "this is what is served")
		name, targetName, _ := strings.Cut(rest, "/")
		if targetName != "" {
			return name + "/" + targetName
		}
		return name
	case where == "routes" && depth < 8:
		u.t.same(s, "followed")
		routes := config.get("routes")
		if rest != "" {
			routes = routes.get(rest)
		}
		return u.routes(config, routes, depth+1)
	}
	u.t.noEqual(s, "what is behind it is not served from here: --proxy-mount-point goes to another server")
	return ""
}

// routes takes what its steps have equals for, and returns the application that
// the last ones lead to.
func (u unit) routes(config, routes node, depth int) string {
	name := ""
	for _, step := range routes.items() {
		match, action := step.get("match"), step.get("action")
		switch {
		case action.get("share").there():
			if to := u.share(config, match, action, depth); to != "" && name == "" {
				name = to
			}
		case action.get("pass").there() && !match.there():
			if to := u.follow(config, action.get("pass"), depth); name == "" {
				name = to
			}
		case action.get("proxy").there() && u.prefix(match) != "":
			proxy := action.get("proxy")
			u.t.take(proxy.setting(), "", "proxy-mount-point", u.prefix(match), strings.TrimSuffix(proxy.text(), "/")+u.prefix(match))
			u.matched(match, "the URL of --proxy-mount-point")
		}
	}
	return name
}

// share is a step that serves files.
func (u unit) share(config, match, action node, depth int) string {
	share, fallback := action.get("share"), action.get("fallback")
	folder, whole := strings.CutSuffix(share.text(), "$uri")
	prefix := u.prefix(match)
	switch {
	case !whole || strings.Contains(folder, "$"):
		u.t.noEqual(share.setting(), "only a folder with $uri behind it has an equal, --url-alias or --document-root")
	case prefix != "":
		u.t.take(share.setting(), "", "url-alias", prefix, strings.TrimSuffix(folder, "/")+prefix)
		u.matched(match, "the URL of --url-alias")
	case match.there():
		u.t.noEqual(share.setting(), "files are told from the rest by their URL alone")
	case u.t.has("document-root"):
		u.t.noEqual(share.setting(), "one more folder: there is one; --url-alias names further ones")
	default:
		u.t.take(share.setting(), "", "document-root", folder)
	}
	if to := fallback.get("pass"); to.there() {
		return u.follow(config, to, depth)
	}
	return ""
}

// prefix is the URL path that a match is about, if it is about one alone.
func (u unit) prefix(match node) string {
	uri := match.get("uri")
	if len(match.keys()) != 1 || !uri.there() {
		return ""
	}
	list := uri.items()
	if len(list) != 1 {
		return ""
	}
	path, whole := strings.CutSuffix(list[0].text(), "/*")
	if !whole || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "*!~") {
		return ""
	}
	return path
}

// matched tells that the URL of a match of one [unit.prefix] is in an option.
func (u unit) matched(match node, where string) {
	u.t.same(match.get("uri").items()[0].setting(), where)
}

// applications takes the one that is served.
func (u unit) applications(apps node, name string) {
	name, targetName, _ := strings.Cut(name, "/")
	if name == "" && len(apps.keys()) > 0 {
		name = apps.keys()[0]
	}
	for _, key := range apps.keys() {
		app := apps.get(key)
		if key != name {
			u.t.noEqual(app.setting(), "one more application: it is a server of its own; import it with --application "+key)
			continue
		}
		u.application(app, targetName)
	}
	if name != "" && !apps.get(name).there() {
		u.t.noEqual(setting{"application", name, apps.path}, "there is no such application")
	}
}

var pythonType = pattern.New(`^python(?: +(3(?:\.\d+)*))?$`)

// application is one of Python.
func (u unit) application(app node, targetName string) {
	kind := app.get("type")
	version := pythonType.FindStringSubmatch(kind.text())
	if version == nil {
		u.t.noEqual(kind.setting(), "there is Python alone")
		return
	}
	switch home := app.get("home"); {
	case home.there() || version[1] == "":
		u.t.same(kind.setting(), "")
	default:
		u.t.take(kind.setting(), "", "python-executable", "python"+version[1])
	}
	if dir := app.get("working_directory"); dir.there() {
		u.t.dir = dir.text()
		u.t.take(dir.setting(), "", "working-directory", dir.text())
	}
	u.apply(unitRules(), app)
	for _, dir := range app.get("path").items() {
		u.t.take(dir.setting(), "", "python-path", u.t.path(dir.text()))
	}
	u.processes(app)
	u.limits(app.get("limits"))
	u.environment(app.get("environment"))
	served := app
	if targets := app.get("targets"); targets.there() {
		if targetName == "" && len(targets.keys()) > 0 {
			targetName = targets.keys()[0]
		}
		for _, key := range targets.keys() {
			if key == targetName {
				served = targets.get(key)
			} else {
				u.t.noEqual(targets.get(key).setting(), "one more target: it is a server of its own")
			}
		}
	}
	u.callable(served)
}

// callable is module and callable of an application or a target.
func (u unit) callable(n node) {
	module, callable := n.get("module"), n.get("callable")
	if f := n.get("factory"); f.there() && f.text() == "true" {
		u.t.noEqual(f.setting(), fmt.Sprintf("an application made by a call: put 'from %s import %s; application = %s()' into a file and serve that",
			module.text(), callable.text(), callable.text()))
		for _, part := range []node{module, callable} {
			if part.there() {
				u.t.noEqual(part.setting(), "is in that call")
			}
		}
		return
	}
	if module.there() {
		u.t.application(module.setting(), module.text())
	}
	if callable.there() {
		u.t.take(callable.setting(), "", "callable-object", callable.text())
	}
	if p := n.get("prefix"); p.there() {
		u.t.take(p.setting(), "", "mount-point", p.text())
	}
}

// processes is a number, or how it changes.
func (u unit) processes(app node) {
	n := app.get("processes")
	if !n.there() {
		return
	}
	if most := n.get("max"); most.there() {
		u.t.positive(most.setting(), "processes", "always as many")
		for _, key := range []string{"spare", "idle_timeout"} {
			if o := n.get(key); o.there() {
				u.t.noEqual(o.setting(), noScaling)
			}
		}
		return
	}
	u.t.positive(n.setting(), "processes", "")
}

func (u unit) limits(limits node) {
	if n := limits.get("timeout"); n.there() {
		u.t.number(n.setting(), "request-timeout", "")
	}
	if n := limits.get("requests"); n.there() {
		u.t.positive(n.setting(), "maximum-requests", "")
	}
}

func (u unit) environment(env node) {
	for _, key := range env.keys() {
		s := env.get(key).setting()
		u.t.process(s, key, s.value)
	}
}

// unitRules is what becomes of the settings of an application that need nothing
// but themselves.
func unitRules() map[string]rule {
	return map[string]rule{
		"home":              {do: (*target).python},
		"user":              {text: "user"},
		"group":             {text: "group"},
		"threads":           {some: "threads"},
		"thread_stack_size": {none: "stack-size of WSGIDaemonProcess does this; no option sets it"},
		"stdout":            {none: "what the application prints is in the error log"},
		"stderr":            {path: "error-log-name"},
		"protocol": {do: func(t *target, s setting) {
			if s.value == "wsgi" {
				t.same(s, always)
				return
			}
			t.noEqual(s, "an ASGI application is not served: adapt it (a2wsgi.ASGIMiddleware), or let --proxy-mount-point go to its own server")
		}},
	}
}

// settings are those of all listeners.
func (u unit) settings(settings node) {
	u.apply(map[string]rule{
		"header_read_timeout": {number: "header-timeout"},
		"body_read_timeout":   {number: "body-timeout"},
		"send_timeout":        {some: "socket-timeout"},
		"idle_timeout":        {number: "keep-alive-timeout"},
		"max_body_size":       {number: "limit-request-body"},
		"server_version":      {same: "Apache tells its name and no version"},
		"log_route":           {none: "--log-level 'warn rewrite:trace3'"},
		"chunked_transform":   {flag: "chunked-request"},
	}, settings.get("http"))
}

// apply takes the members of an object that there are rules for.
func (u unit) apply(rules map[string]rule, object node) {
	for _, key := range object.keys() {
		if r, known := rules[key]; known {
			r.apply(u.t, object.get(key).setting())
		}
	}
}

// log is the access log: a file, or a file and a format.
func (u unit) log(log node) {
	path := log
	if p := log.get("path"); p.there() {
		path = p
	}
	if _, is := path.value.(string); !is {
		return
	}
	u.t.log(path.setting(), "access", path.text())
	if format := log.get("format"); format.there() {
		u.t.noEqual(format.setting(), logFormat)
	}
}

// unitWhy is why a value has no equal, by where it is.
func unitWhy(path string) string {
	path = strings.TrimPrefix(path, "/config")
	for _, known := range []struct{ part, why string }{
		{"/certificates", "Unit keeps it itself: write it to files, and name them with --ssl-certificate-file and --ssl-certificate-key-file"},
		{"/tls/", "write it as SSL directives into a file, for --include-file"},
		{"/routes", noRoutes},
		{"/upstreams", "write it as <Proxy balancer://…> into a file, for --include-file"},
		{"/isolation/", "let the service manager do it"},
		{"/mime_types", "--mime-types names a file with them"},
		{"/js_module", "there is no JavaScript"},
	} {
		if strings.Contains(path, known.part) {
			return known.why
		}
	}
	return "not a setting that is known here"
}
