package matrix

import (
	"fmt"
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
		{Name: "environ", Interpreter: "%{RESOURCE}", Conf: []string{"SetEnv FOO bar", "SetEnv PATH /nowhere", "ServerAdmin a@b.c"}, Do: environTypes},
		{Name: "environ-absent", App: "environ", Ours: true, Do: environAbsent},
		{Name: "environ-times", App: "environ", Ours: true, Do: environTimes},
		{Name: "environ-https", App: "environ", Conf: []string{"SetEnv HTTPS on"}, Do: func(t *T) {
			env := environOf(t, Request{})
			Same(t, "wsgi.url_scheme", env["wsgi.url_scheme"].Text, "https")
			if _, has := env["HTTPS"]; has {
				t.Errorf("HTTPS reached the application")
			}
		}},
		{Name: "authorization", App: "environ", Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"Authorization: Basic eDp5"}})
			if v, has := env["HTTP_AUTHORIZATION"]; has {
				t.Errorf("Authorization reached the application without being allowed to: %q", v.Text)
			}
		}},
		{Name: "authorization-on", App: "environ", Conf: []string{"WSGIPassAuthorization On"}, Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"Authorization: Basic eDp5"}})
			Same(t, "HTTP_AUTHORIZATION", env["HTTP_AUTHORIZATION"].Text, "Basic eDp5")
		}},
		{Name: "authorization-option", App: "environ", Mount: "-",
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
		{"apache.version", "tuple", ""},
		{"mod_wsgi.version", "tuple", ""},
		{"mod_wsgi.callable_object", "str", "'application'"},
		{"mod_wsgi.request_handler", "str", "'wsgi-script'"},
		{"mod_wsgi.handler_script", "str", "''"},
		{"mod_wsgi.listener_host", "str", "'127.0.0.1'"},
		{"mod_wsgi.listener_port", "str", fmt.Sprintf("'%d'", t.Server.Port)},
		{"mod_wsgi.application_group", "str", fmt.Sprintf("'environ.test:%d|'", t.Server.Port)},
		{"mod_wsgi.process_group", "str", map[Mode]string{Embedded: "''", Daemon: "'" + sharedGroup + "'"}[t.Mode]},
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
	for _, key := range []string{"HTTP_X_SPOOF", "HTTP_PROXY", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_AUTHORIZATION", "HTTPS"} {
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
	var internal []string
	for key := range env {
		if strings.Contains(key, ".x-") {
			internal = append(internal, key)
		}
	}
	sort.Strings(internal)
	Same(t, "internal keys", strings.Join(internal, " "), "")
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

// bodyCases are about wsgi.input and how a body comes in.
func bodyCases() []Case {
	post := func(way, body string) Request {
		return Request{Method: "POST", Path: "/" + way, Body: []byte(body)}
	}
	row := func(way, body, want string) Exchange { return Exchange{post(way, body), Want{Body: want}} }
	const lines = "one\ntwo\r\nthree"
	return []Case{
		{Name: "body", MPMs: true, Steps: []Exchange{
			row("form", "a=1&b=%3D&c=1", `[('a', '1'), ('b', '='), ('c', '1')]`),
			row("read", "", `b''`),
			row("read", "x", `b'x'`),
			row("read-minus", lines, `b'one\ntwo\r\nthree'`),
			row("split", "0123456789abc", `(b'0123456789', b'abc')`),
			row("zero", "abc", `(b'', b'abc')`),
			row("end", "abc", `(b'abc', b'', b'', b'', [], [])`),
			row("readline", lines, `(b'one\n', b'two\r\n', b'three', b'')`),
			row("readline-5", lines, `(b'one\n', b'two\r\n', b'three')`),
			row("readline-5", "abcdefgh\nij", `(b'abcde', b'fgh\n', b'ij')`),
			row("readlines", lines, `[b'one\n', b'two\r\n', b'three']`),
			row("readlines-1", lines, `([b'one\n'], b'two\r\nthree')`),
			row("iterate", lines, `[b'one\n', b'two\r\n', b'three']`),
			row("closed", "abc", `(None, b'abc')`),
			row("lacks", "", `[]`),
		}},
		{Name: "body-types", App: "body", Ours: true, Steps: []Exchange{
			row("wrong", "abc", `('TypeError', 'TypeError', 'TypeError')`),
			row("type", "", `'mod_wsgi.Input'`),
		}},
		{Name: "upload", App: "body", MPMs: true, Do: upload},
		{Name: "upload-parallel", App: "body", Do: uploadParallel},
		{Name: "chunked-request", App: "body", Announced: Announce{`WSGIM0205: chunked`}, Steps: []Exchange{{
			Request{Method: "POST", Path: "/read", Header: []string{"Transfer-Encoding: chunked"}, Body: []byte("3\r\nabc\r\n0\r\n\r\n")},
			Want{Status: 411},
		}}},
		{Name: "bad-length-request", App: "body", Announced: Announce{`?(?i)content-length`}, Steps: []Exchange{{
			Request{Method: "POST", Path: "/read", Header: []string{"Content-Length: abc"}}, Want{Status: 400},
		}}},
		{Name: "limited-body", App: "body", Conf: []string{"LimitRequestBody 10"}, Announced: Announce{`(?i)larger than|limit`}, Steps: []Exchange{
			{post("read", "0123456789a"), Want{Status: 413}},
			row("read", "0123456789", "b'0123456789'"),
		}},
		{Name: "expect", App: "body", Do: expectContinue},
		{Name: "expect-early", App: "early", Ours: true, Do: func(t *T) {
			c := t.Dial()
			if err := c.Request([]byte("POST / HTTP/1.1\r\nHost: " + t.Host + "\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")); err != nil {
				t.Fatalf("sending: %v", err)
			}
			r, err := c.Head()
			if err != nil {
				t.Fatalf("%v", err)
			}
			Same(t, "first status (nobody read the body)", r.Status, 403)
		}},
		{Name: "early", Steps: []Exchange{
			{Request{Method: "POST", Body: make([]byte, 5<<20)}, Want{Status: 403, Body: "refused"}},
			{Request{Method: "POST", Body: []byte("small")}, Want{Status: 403, Body: "refused"}},
		}, Do: func(t *T) {
			c := t.Dial()
			t.check(Request{}, Want{Status: 403, Body: "refused"}, t.Exchange(c, Request{Method: "POST", Body: make([]byte, 100<<10)}))
			t.check(Request{}, Want{Status: 403, Body: "refused"}, t.Exchange(c, Request{}))
		}},
		{Name: "client-gone", App: "body", Announced: Announce{`?(?i)OSError|client|connection|Traceback|File|^ {4}|processing WSGI`}, Do: func(t *T) {
			c := t.Dial()
			if err := c.Request([]byte("POST /sha256 HTTP/1.1\r\nHost: " + t.Host + "\r\nContent-Length: 1000000\r\n\r\nonly this")); err != nil {
				t.Fatalf("sending: %v", err)
			}
			c.Close()
			t.check(Request{}, Want{Body: "b'next'"}, t.Do(post("read", "next")))
		}},
	}
}
