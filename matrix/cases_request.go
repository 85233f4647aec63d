package matrix

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// shown is one entry of the environ as the application environ shows it.
type shown struct{ Type, Repr, Text string }

// environOf asks the application environ.
func environOf(t *T, q Request) map[string]shown {
	env := map[string]shown{}
	t.decode(q, &env)
	return env
}

// requestCases are about what of a request reaches the application.
func requestCases() []Case {
	return []Case{
		{Name: "hello", MPMs: true, Steps: []Exchange{
			{Request{}, Want{Body: "Hello World!", Have: map[string]string{"Content-Length": "12", "Content-Type": "text/plain"}}},
			{Request{Proto: "HTTP/1.0"}, Want{Body: "Hello World!"}},
			{Request{Method: "HEAD"}, Want{Empty: true, Have: map[string]string{"Content-Length": "12"}}},
			{Request{Method: "POST", Body: []byte("not read")}, Want{Body: "Hello World!"}},
			{Request{Method: "PURGE"}, Want{Body: "Hello World!"}},
		}, Do: keepsAlive},
		{Name: "environ", Covers: "EN01 EN02 EN10 EN11 EN12 EN16", Interpreter: "%{RESOURCE}", Conf: []string{"SetEnv FOO bar", "SetEnv PATH /nowhere", "ServerAdmin a@b.c"}, Do: environTypes},
		{Name: "environ-absent", Covers: "EN14 EN16 EN19", App: "environ", Ours: true, Conf: []string{"SetEnv PATH /nowhere"}, Do: environAbsent},
		{Name: "environ-times", Covers: "EN16", App: "environ", Ours: true, Do: environTimes},
		{Name: "environ-https", Covers: "EN13", App: "environ", Conf: append(append(append(section("/on", "SetEnv HTTPS on", "SetEnv FOO bar"),
			section("/one", "SetEnv HTTPS 1")...), section("/large", "SetEnv HTTPS ON")...), section("/off", "SetEnv HTTPS off")...), Do: func(t *T) {
			for path, want := range map[string]string{"/on": "https", "/one": "https", "/large": "https", "/off": "http", "/": "http"} {
				env := environOf(t, Request{Path: path})
				Same(t, "wsgi.url_scheme at "+path, env["wsgi.url_scheme"].Text, want)
				Same(t, "FOO at "+path, env["FOO"].Text, map[string]string{"/on": "bar"}[path])
				if _, has := env["HTTPS"]; has {
					t.Errorf("HTTPS reached the application at %s", path)
				}
			}
		}},
		{Name: "authorization-cgi", Covers: "EN09", App: "environ", Conf: []string{"<Location /on>", "CGIPassAuth On", "</Location>"}, Do: func(t *T) {
			for path, want := range map[string][2]string{"/on": {"Basic eDp5", "Basic ejp6"}, "/": {}} {
				env := environOf(t, Request{Path: path, Header: []string{"Authorization: Basic eDp5", "Proxy-Authorization: Basic ejp6"}})
				Same(t, "HTTP_AUTHORIZATION at "+path, env["HTTP_AUTHORIZATION"].Text, want[0])
				Same(t, "HTTP_PROXY_AUTHORIZATION at "+path, env["HTTP_PROXY_AUTHORIZATION"].Text, want[1])
			}
		}},
		{Name: "authorization", Covers: "EN09", App: "environ", Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"Authorization: Basic eDp5"}})
			if v, has := env["HTTP_AUTHORIZATION"]; has {
				t.Errorf("Authorization reached the application without being allowed to: %q", v.Text)
			}
		}},
		{Name: "authorization-on", Covers: "EN09", App: "environ", Conf: []string{"WSGIPassAuthorization On"}, Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"Authorization: Basic eDp5", "Proxy-Authorization: Basic ejp6"}})
			Same(t, "HTTP_PROXY_AUTHORIZATION", env["HTTP_PROXY_AUTHORIZATION"].Text, "")
			Same(t, "HTTP_AUTHORIZATION", env["HTTP_AUTHORIZATION"].Text, "Basic eDp5")
		}},
		{Name: "authorization-option", Covers: "EN09", App: "environ", Mount: "-",
			Conf: []string{`WSGIScriptAlias /yes "@APP@/app.wsgi" pass-authorization=On`, `WSGIScriptAlias /no "@APP@/app.wsgi" pass-authorization=Off`},
			Do: func(t *T) {
				for path, want := range map[string]string{"/yes": "Basic eDp5", "/no": ""} {
					env := environOf(t, Request{Path: path, Header: []string{"Authorization: Basic eDp5"}})
					Same(t, "HTTP_AUTHORIZATION at "+path, env["HTTP_AUTHORIZATION"].Text, want)
				}
			}},
	}
}

// keepsAlive makes several requests on one connection, the last two at once.
func keepsAlive(t *T) {
	c := t.Dial()
	for range 3 {
		t.check(Request{}, Want{Body: "Hello World!"}, t.Exchange(c, Request{}))
	}
	t.Send(c, Request{})
	t.Send(c, Request{Path: "/second"})
	for range 2 {
		r, err := c.Read("GET")
		if err != nil {
			t.Fatalf("pipelined: %v", err)
		}
		t.check(Request{}, Want{Body: "Hello World!"}, r)
	}
}

// environTypes checks the keys of module.md 7.1 and 7.2 with type and value.
func environTypes(t *T) {
	env := environOf(t, Request{
		Method: "POST", Path: "/a%20b/%C3%A9?q=1&r=%20", Body: []byte("abc"),
		Header: []string{"Content-Type: text/x-test", "X-Custom: one", "X-Twice: 1", "X-Twice: 2", "X_Spoof: 1", "Proxy: evil", "Cookie: a=b", "X-Latin: caf\xe9"},
	})
	type row struct{ key, typ, repr string }
	rows := []row{
		{"*", "dict", ""},
		{"REQUEST_METHOD", "str", "'POST'"},
		{"PATH_INFO", "str", "'/a b/Ã©'"},
		{"SCRIPT_NAME", "str", "''"},
		{"QUERY_STRING", "str", "'q=1&r=%20'"},
		{"REQUEST_URI", "str", "'/a%20b/%C3%A9?q=1&r=%20'"},
		{"SERVER_PROTOCOL", "str", "'HTTP/1.1'"},
		{"SERVER_NAME", "str", "'environ.test'"},
		{"SERVER_PORT", "str", fmt.Sprintf("'%d'", t.Server.Port)},
		{"SERVER_ADDR", "str", "'127.0.0.1'"},
		{"REMOTE_ADDR", "str", "'127.0.0.1'"},
		{"SERVER_ADMIN", "str", "'a@b.c'"},
		{"REQUEST_SCHEME", "str", "'http'"},
		{"CONTEXT_PREFIX", "str", "''"},
		{"CONTENT_TYPE", "str", "'text/x-test'"},
		{"CONTENT_LENGTH", "str", "'3'"},
		{"HTTP_HOST", "str", fmt.Sprintf("'environ.test:%d'", t.Server.Port)},
		{"HTTP_X_CUSTOM", "str", "'one'"},
		{"HTTP_X_TWICE", "str", "'1, 2'"},
		{"HTTP_COOKIE", "str", "'a=b'"},
		{"HTTP_X_LATIN", "str", "'café'"},
		{"FOO", "str", "'bar'"},
		{"wsgi.version", "tuple", "(1, 0)"},
		{"wsgi.url_scheme", "str", "'http'"},
		{"wsgi.run_once", "bool", "False"},
		{"wsgi.multithread", "bool", "True"},
		{"wsgi.multiprocess", "bool", "False"},
		{"wsgi.input_terminated", "bool", "True"},
		{"wsgi.file_wrapper", "type", ""},
		{"wsgi.input", "", ""},
		{"wsgi.errors", "", ""},
		{"mod_wsgi.version", "tuple", ""},
		{"mod_wsgi.callable_object", "str", "'application'"},
		{"mod_wsgi.request_handler", "str", "'wsgi-script'"},
		{"mod_wsgi.handler_script", "str", "''"},
		{"mod_wsgi.listener_host", "str", "'127.0.0.1'"},
		{"mod_wsgi.listener_port", "str", fmt.Sprintf("'%d'", t.Server.Port)},
		{"mod_wsgi.application_group", "str", fmt.Sprintf("'environ.test:%d|'", t.Server.Port)},
		{"mod_wsgi.process_group", "str", map[Mode]string{Embedded: "''", Daemon: "'" + sharedGroup + "'"}[t.Mode]},
	}
	if v := env["apache.version"]; v.Type != "tuple" || !regexp.MustCompile(`^\(2, \d+, \d+\)$`).MatchString(v.Repr) {
		t.Errorf("apache.version is a %s %s", v.Type, v.Repr)
	}
	for _, key := range []string{"REMOTE_PORT", "SERVER_SOFTWARE", "DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT", "SCRIPT_FILENAME"} {
		rows = append(rows, row{key, "str", ""})
	}
	for _, w := range rows {
		got, has := env[w.key]
		switch {
		case !has:
			t.Errorf("environ lacks %s", w.key)
		case w.typ != "" && got.Type != w.typ, w.repr != "" && got.Repr != w.repr:
			t.Errorf("%s is %s %s, want %s %s", w.key, got.Type, got.Repr, w.typ, w.repr)
		}
	}
	for _, key := range []string{"HTTP_X_SPOOF", "HTTP_PROXY", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_AUTHORIZATION", "HTTPS", "PATH"} {
		if v, has := env[key]; has {
			t.Errorf("environ has %s: %s", key, v.Repr)
		}
	}
	for key, v := range env {
		if !strings.ContainsAny(key, ".*") && v.Type != "str" {
			t.Errorf("%s is a %s", key, v.Type)
		}
	}
}

// environAbsent checks what must not be there, and what only newer releases
// of the original have.
func environAbsent(t *T) {
	env := environOf(t, Request{Path: "/%C3%A9"})
	for _, key := range []string{
		"PATH", "LD_LIBRARY_PATH", "PATH_TRANSLATED", "GATEWAY_INTERFACE", "SERVER_SIGNATURE", "REMOTE_HOST",
		"REMOTE_IDENT", "apache.request_rec", "mod_wsgi.script_start", "mod_wsgi.enable_sendfile",
	} {
		if v, has := env[key]; has {
			t.Errorf("environ has %s: %s", key, v.Repr)
		}
	}
	// Nothing of what the module tells itself: these are all the keys with a dot.
	var dotted []string
	for key := range env {
		if strings.Contains(key, ".") && key != "mod_wsgi.connection_id" { // if Apache made one
			dotted = append(dotted, key)
		}
	}
	sort.Strings(dotted)
	Same(t, "keys with a dot", strings.Join(dotted, " "), ownKeys)
	Same(t, "mod_wsgi.version", env["mod_wsgi.version"].Repr, "(6, 0, 5)")
	Same(t, "PATH_INFO", env["PATH_INFO"].Repr, `'/Ã©'`)
	Same(t, "mod_wsgi.path_info", env["mod_wsgi.path_info"].Repr, `'/Ã©'`)
	Same(t, "mod_wsgi.script_name", env["mod_wsgi.script_name"].Repr, "''")
	for key, typ := range map[string]string{
		"mod_wsgi.server_pid": "str", "mod_wsgi.request_id": "str", "mod_wsgi.thread_id": "int",
		"wsgi.errors": "TextIOWrapper", "wsgi.input": "Input",
	} {
		Same(t, "type of "+key, env[key].Type, typ)
	}
	if env["mod_wsgi.request_id"].Text == "" {
		t.Errorf("mod_wsgi.request_id is empty")
	}
}

// ownKeys are the keys that are not of CGI, in order.
const ownKeys = "apache.version mod_wsgi.application_group mod_wsgi.application_start mod_wsgi.callable_object mod_wsgi.daemon_start mod_wsgi.handler_script " +
	"mod_wsgi.listener_host mod_wsgi.listener_port mod_wsgi.path_info mod_wsgi.process_group mod_wsgi.queue_start mod_wsgi.request_handler " +
	"mod_wsgi.request_id mod_wsgi.request_start mod_wsgi.script_name mod_wsgi.server_pid mod_wsgi.thread_id mod_wsgi.version " +
	"wsgi.early_hints wsgi.errors wsgi.file_wrapper wsgi.input wsgi.input_terminated wsgi.multiprocess wsgi.multithread wsgi.run_once wsgi.url_scheme wsgi.version"

// environTimes checks that the times are there and in order.
func environTimes(t *T) {
	env := environOf(t, Request{})
	at := func(key string) (seconds float64) {
		if v := env[key]; v.Type != "float" {
			t.Errorf("%s is a %s %s, want float", key, v.Type, v.Repr)
			return 0
		}
		if _, err := fmt.Sscan(env[key].Repr, &seconds); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		return seconds
	}
	last := at("mod_wsgi.request_start")
	for _, key := range []string{"mod_wsgi.queue_start", "mod_wsgi.daemon_start"} {
		now := at(key)
		if t.Mode == Embedded {
			Same(t, key, now, 0)
			continue
		}
		if now < last {
			t.Errorf("%s is %f, before %f", key, now, last)
		}
		last = now
	}
	if now := at("mod_wsgi.application_start"); now < last {
		t.Errorf("application_start is %f, before %f", now, last)
	}
}
