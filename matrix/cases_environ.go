package matrix

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// loadModule loads a module of Apache where there is one that is not loaded yet.
func loadModule(names ...string) []string {
	var lines []string
	for _, n := range names {
		file := `"@MODULES@/mod_` + n + `.so"`
		lines = append(lines, "<IfModule !mod_"+n+".c>", "<IfFile "+file+">", "LoadModule "+n+"_module "+file, "</IfFile>", "</IfModule>")
	}
	return lines
}

// http2Lines let a virtual host speak HTTP/2 without TLS.
var http2Lines = []string{"<IfModule http2_module>", "Protocols h2c http/1.1", "</IfModule>"}

// http2 is a client that speaks HTTP/2 and nothing else to the server. Close
// its idle connections.
func (t *T) http2() *http.Transport {
	if conf := t.Server.Conf; !conf.Have["mod_http2.so"] && !conf.Static["mod_http2.c"] {
		t.Skipf("this Apache has no mod_http2")
	} else if conf.MPM == "prefork" {
		t.Skipf("mod_http2 does not work with prefork")
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &protocols, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", t.Server.Port))
	}}
}

// environCases are about what Apache and its modules know of a request.
func environCases() []Case {
	return []Case{
		{Name: "environ-paths", Covers: "EN06", App: "environ", Mount: "/m", Conf: []string{
			"AllowEncodedSlashes On", "RewriteEngine On", "RewriteRule ^/m/old(.*) /m/new$1 [PT]", "RewriteRule ^/m/current/old$ /m/current/new [PT]",
			"<Location /m/current>", "CGIVar REQUEST_URI current-uri", "</Location>",
		}, Do: environPaths},
		{Name: "environ-id", Covers: "EN17", App: "environ", Do: requestIDs, Conf: []string{`CustomLog logs/environ-id.ids "%{X-Ask}i %L"`, "CustomLog logs/access.log matrix"}},
		{Name: "environ-bytes", Covers: "EN20", App: "paths", Ours: true, Mount: "-", Prepare: bytesInPaths, Do: pathBytes, Conf: []string{
			"DocumentRoot \"@APP@/d\u00efr\"", "WSGIScriptAlias /utf-8 \"@APP@/d\u00efr/\u5b57.wsgi\"", "WSGIScriptAlias /latin-1 \"@APP@/d\u00efr/\xfc.wsgi\"",
			"WSGIHandlerScript h \"@APP@/d\u00efr/\u5b57.wsgi\"", "<Location /\u5b57.txt>", "SetHandler h", "</Location>",
		}},
		{Name: "environ-modules", Covers: "EN01", App: "environ", Mount: "/app", Own: true, Prepare: passwords, Global: loadModule("auth_basic", "authn_file", "authz_user", "unique_id", "remoteip"),
			Conf: []string{
				`WSGIScriptAlias /sorry "@APP@/app.wsgi"`, "ErrorDocument 404 /sorry/page?of=error", "SetEnvIf Request_URI . KNOWN=yes",
				`Alias /private/files "@APP@/files"`, `Alias /files "@APP@/files"`, `<Directory "@APP@/files">`, "RewriteEngine On", `RewriteRule ^moved$ /app/new?a=b [L,E=BY:rule]`, "</Directory>",
				"<LocationMatch ^/(app/)?private>", "AuthType Basic", "AuthName matrix", "AuthBasicProvider file", `AuthUserFile "@APP@/users"`, "Require valid-user", "</LocationMatch>",
				"<IfModule mod_remoteip.c>", "RemoteIPHeader X-From", "</IfModule>",
			}, Do: environModules},
		{Name: "environ-groups", Covers: "EN03 EN04", App: "groups", Modes: []Mode{Daemon}, Own: true, Mount: "-", Do: groupFlags,
			Global: []string{"WSGIDaemonProcess plain", "WSGIDaemonProcess one processes=1 threads=1", "WSGIDaemonProcess two processes=2 threads=2"},
			Conf: []string{`WSGIScriptAlias /plain "@APP@/app.wsgi" process-group=plain`, `WSGIScriptAlias /one "@APP@/app.wsgi" process-group=one`,
				`WSGIScriptAlias /two "@APP@/app.wsgi" process-group=two`}},
		{Name: "environ-once", Covers: "EN05", App: "groups", Modes: []Mode{Daemon}, Ours: true, Mount: "/", Daemon: "threads=1 maximum-requests=1", Do: func(t *T) {
			seen := map[int]bool{}
			for range 3 {
				p := placedAt(t, "/")
				Same(t, "wsgi.run_once", p.RunOnce, true)
				seen[p.PID] = true
			}
			Same(t, "processes of three requests", len(seen), 3)
		}},
		{Name: "http2", Covers: "RS39", App: "environ", Own: true, Global: loadModule("http2"), Conf: http2Lines, Do: http2Request},
		{Name: "http10", Covers: "RS39", App: "hello", Do: func(t *T) {
			c := t.Dial()
			for range 3 {
				q := Request{Proto: "HTTP/1.0", Header: []string{"Connection: keep-alive"}}
				t.check(q, Want{Body: "Hello World!", Have: map[string]string{"Connection": "Keep-Alive", "Content-Length": "12"}}, t.Exchange(c, q))
			}
		}},
	}
}

func environPaths(t *T) {
	for _, row := range []struct{ path, name, info, uri string }{
		{"/m/%C3%A9", "'/m'", `'/Ã©'`, "/m/%C3%A9"},
		{"/m/%FF%20+", "'/m'", `'/ÿ +'`, "/m/%FF%20+"},
		{"/m/a%2Fb%2f/c?x=%2F", "'/m'", "'/a/b/c'", "/m/a%2Fb%2f/c?x=%2F"},
		{"/m", "'/m'", "''", "/m"},
		{"/m/a/../b/./c", "'/m'", "'/b/c'", "/m/a/../b/./c"},
		{"/m/old/x?q", "'/m'", "'/new/x'", "/m/old/x?q"},
		{"/m/current/old?q", "'/m'", "'/current/new'", "/m/current/new"},
	} {
		env := environOf(t, Request{Path: row.path})
		Same(t, "SCRIPT_NAME of "+row.path, env["SCRIPT_NAME"].Repr, row.name)
		Same(t, "PATH_INFO of "+row.path, env["PATH_INFO"].Repr, row.info)
		Same(t, "REQUEST_URI of "+row.path, env["REQUEST_URI"].Text, row.uri)
		_, query, _ := strings.Cut(row.path, "?")
		Same(t, "QUERY_STRING of "+row.path, env["QUERY_STRING"].Text, query)
	}
	// A proxy's form of the request line stays as it was sent.
	env := environOf(t, Request{Path: "http://" + t.Host + "/m/x"})
	Same(t, "REQUEST_URI of the absolute form", env["REQUEST_URI"].Text, "http://"+t.Host+"/m/x")
	Same(t, "PATH_INFO of the absolute form", env["PATH_INFO"].Text, "/x")
}

// requestIDs compares the ids that applications see with those in the access
// log, on one connection and on several.
func requestIDs(t *T) {
	seen := map[string]string{}
	c := t.Dial()
	for i := range 6 {
		q, env := Request{Header: []string{fmt.Sprintf("X-Ask: ask%d", i)}}, map[string]shown{}
		r := Response{}
		if i < 3 {
			r = t.Exchange(c, q)
		} else {
			r = t.Do(q)
		}
		t.parse("/", r, &env)
		seen[fmt.Sprintf("ask%d", i)] = env["mod_wsgi.request_id"].Text
	}
	c.Close()
	var lines []string
	t.Wait("the ids in the access log", func() bool {
		lines = strings.Split(strings.TrimSpace(t.Server.LogText("environ-id.ids")), "\n")
		return len(lines) == len(seen)
	})
	unique := map[string]bool{}
	for _, l := range lines {
		ask, id, _ := strings.Cut(l, " ")
		Same(t, "id of "+ask, seen[ask], id)
		unique[id] = true
	}
	Same(t, "different ids", len(unique), len(seen))
}

// bytesInPaths gives the script names that are not ASCII, one of them not UTF-8
// either.
func bytesInPaths(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "app.wsgi"))
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, "d\u00efr")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"\u5b57.wsgi", "\xfc.wsgi", "\u5b57.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func pathBytes(t *T) {
	latin := func(s string) string { // as the application writes bytes
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteRune(rune(c))
		}
		return b.String()
	}
	root := filepath.Join(t.Dir, "d\u00efr")
	for _, row := range []struct{ path, script, handler, file string }{
		{"/utf-8", "\u5b57.wsgi", "", "\u5b57.wsgi"}, {"/latin-1", "\xfc.wsgi", "", "\xfc.wsgi"},
		{"/%E5%AD%97.txt", "\u5b57.txt", "\u5b57.wsgi", "\u5b57.wsgi"},
	} {
		facts := map[string]string{}
		t.JSON(row.path, &facts)
		handler := ""
		if row.handler != "" {
			handler = latin(filepath.Join(root, row.handler))
		}
		Same(t, "SCRIPT_FILENAME at "+row.path, facts["script"], latin(filepath.Join(root, row.script)))
		Same(t, "DOCUMENT_ROOT at "+row.path, facts["root"], latin(root))
		Same(t, "mod_wsgi.handler_script at "+row.path, facts["handler"], handler)
		Same(t, "__file__ at "+row.path, facts["file"], latin(filepath.Join(root, row.file)))
		Same(t, "files found at "+row.path, facts["exists"], "[True, True, True]")
	}
}

// passwords lets one user in, and makes a folder of files.
func passwords(dir string) error {
	sum := sha1.Sum([]byte("secret"))
	line := "alice:{SHA}" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte(line), 0o644); err != nil {
		return err
	}
	return os.Mkdir(filepath.Join(dir, "files"), 0o755)
}

// environModules: who logged in, what an internal redirect came from, and what
// modules leave.
func environModules(t *T) {
	login := []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("alice:secret"))}
	// The status of an ErrorDocument is the application's affair.
	ask := func(path string, header []string, status int, want map[string]string, lacks ...string) {
		r := t.Do(Request{Path: path, Header: header})
		Same(t, "status at "+path, r.Status, status)
		env := map[string]shown{}
		t.parse(path, r, &env)
		for key, v := range want {
			if got := env[key]; got.Type != "str" || got.Text != v {
				t.Errorf("%s at %s is %s %s, want %q", key, path, got.Type, got.Repr, v)
			}
		}
		for _, key := range lacks {
			if v, has := env[key]; has {
				t.Errorf("environ at %s has %s: %s", path, key, v.Repr)
			}
		}
		for key, v := range env {
			if !strings.ContainsAny(key, ".*") && v.Type != "str" {
				t.Errorf("%s is a %s", key, v.Type)
			}
		}
		if have := t.Server.Conf.Have; have["mod_unique_id.so"] && env["UNIQUE_ID"].Text == "" {
			t.Errorf("environ at %s lacks UNIQUE_ID", path)
		}
	}
	redirected := []string{"REDIRECT_URL", "REDIRECT_STATUS", "REDIRECT_QUERY_STRING", "REDIRECT_REMOTE_USER"}
	ask("/app/x", login, 200, map[string]string{"KNOWN": "yes"}, append(redirected, "REMOTE_USER", "AUTH_TYPE", "HTTP_AUTHORIZATION", "REDIRECT_KNOWN")...)
	if have := t.Server.Conf.Have; have["mod_auth_basic.so"] && have["mod_authn_file.so"] && have["mod_authz_user.so"] {
		Same(t, "status without a login", t.Get("/app/private").Status, 401)
		ask("/app/private", login, 200, map[string]string{"REMOTE_USER": "alice", "AUTH_TYPE": "Basic"}, append(redirected, "HTTP_AUTHORIZATION")...)
		ask("/private/files/nosuch?x=y", login, 200, map[string]string{
			"REDIRECT_REMOTE_USER": "alice", "REDIRECT_URL": "/private/files/nosuch", "REDIRECT_STATUS": "404", "REDIRECT_QUERY_STRING": "x=y",
		}, "REMOTE_USER")
	}
	ask("/files/nosuch?x=y", nil, 200, map[string]string{
		"REDIRECT_URL": "/files/nosuch", "REDIRECT_STATUS": "404", "REDIRECT_QUERY_STRING": "x=y", "REDIRECT_KNOWN": "yes", "KNOWN": "yes",
		"SCRIPT_NAME": "/sorry", "PATH_INFO": "/page", "QUERY_STRING": "of=error", "REQUEST_URI": "/files/nosuch?x=y", "REQUEST_METHOD": "GET",
	}, "REMOTE_USER")
	ask("/files/moved", nil, 200, map[string]string{
		"REDIRECT_URL": "/files/moved", "REDIRECT_STATUS": "200", "REDIRECT_BY": "rule", "SCRIPT_NAME": "/app", "PATH_INFO": "/new", "QUERY_STRING": "a=b",
		"REQUEST_URI": "/files/moved",
	}, "BY")
	if t.Server.Conf.Have["mod_remoteip.so"] {
		// Not counted as a request: the access log has no port for it.
		c, env := t.Dial(), map[string]shown{}
		if err := c.Send(t.bytes(Request{Path: "/app", Header: []string{"X-From: 192.0.2.33"}}, true)); err != nil {
			t.Fatalf("%v", err)
		}
		r, err := c.Read("GET")
		if err != nil {
			t.Fatalf("%v", err)
		}
		t.parse("/app", r, &env)
		Same(t, "REMOTE_ADDR with mod_remoteip", env["REMOTE_ADDR"].Text, "192.0.2.33")
		Same(t, "SERVER_ADDR with mod_remoteip", env["SERVER_ADDR"].Text, "127.0.0.1")
	}
}

func groupFlags(t *T) {
	for path, want := range map[string][2]bool{"/plain": {false, true}, "/one": {true, false}, "/two": {true, true}} {
		p := placedAt(t, path)
		Same(t, "wsgi.multiprocess at "+path, p.Multiprocess, want[0])
		Same(t, "wsgi.multithread at "+path, p.Multithread, want[1])
	}
}

// http2Request makes requests with and without a body on one connection.
func http2Request(t *T) {
	transport := t.http2()
	defer transport.CloseIdleConnections()
	for _, body := range []string{"", "abc"} {
		method := map[bool]string{true: http.MethodGet, false: http.MethodPost}[body == ""]
		q, err := http.NewRequestWithContext(t.Context, method, "http://"+t.Host+"/a%20b?q", strings.NewReader(body))
		if err != nil {
			t.Fatalf("%v", err)
		}
		q.Header = http.Header{"X-Twice": {"1", "2"}, "Cookie": {"a=b"}}
		r, err := transport.RoundTrip(q)
		if err != nil {
			t.Fatalf("over HTTP/2: %v", err)
		}
		text, err := io.ReadAll(r.Body)
		if err := errors.Join(err, r.Body.Close()); err != nil {
			t.Fatalf("over HTTP/2: %v", err)
		}
		Same(t, "protocol", r.Proto, "HTTP/2.0")
		env := map[string]shown{}
		t.parse("/", Response{Body: text}, &env)
		for key, want := range map[string]string{
			"SERVER_PROTOCOL": "HTTP/2.0", "REQUEST_METHOD": method, "HTTP_X_TWICE": "1, 2", "HTTP_COOKIE": "a=b", "HTTP_HOST": t.Host,
			"PATH_INFO": "/a b", "REQUEST_URI": "/a%20b?q", "QUERY_STRING": "q", "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1",
			"CONTENT_LENGTH": map[bool]string{true: "", false: "3"}[body == ""],
		} {
			Same(t, key, env[key].Text, want)
		}
		if env["mod_wsgi.request_id"].Text == "" {
			t.Errorf("mod_wsgi.request_id is empty over HTTP/2")
		}
	}
}
