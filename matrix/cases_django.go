package matrix

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// djangoCase serves a site that goes through what Django makes of requests and
// responses, and compares with the server of "manage.py runserver". Django has
// one set of settings per interpreter, and another case has its own.
func djangoCase() Case {
	return Case{
		Name: "djangosite", Ours: true, Interpreter: "%{RESOURCE}", Do: djangos,
		Conf:    []string{"WSGIPassAuthorization On", "WSGIChunkedRequest On", "ServerAlias django.example evil.example"},
		Prepare: djangoFiles,
		Announced: append(frames("RuntimeError: djangosite went wrong on purpose"),
			"Internal Server Error: /boom", "Bad Request: /suspicious|SuspiciousOperation", "?Bad Request: /body", "the stream was closed",
			"Forbidden", "PermissionDenied", "Not Found: ", "Method Not Allowed", "Request body exceeded", "Invalid HTTP_HOST header",
			"Precondition Failed: /conditional", "?Bad Request: /seen", "?^on purpose",
			"?was the direct cause|During handling"),
	}
}

// djangoFiles makes the files that the site sends.
func djangoFiles(dir string) error {
	static := filepath.Join(dir, "static", "sub")
	if err := os.MkdirAll(static, 0o755); err != nil {
		return err
	}
	for _, file := range []string{filepath.Join(dir, "content"), filepath.Join(static, "a.css"), filepath.Join(static, "b c.bin")} {
		if err := os.WriteFile(file, []byte(contentText()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func djangos(t *T) {
	t.needs("django")
	for _, x := range djangoSteps() {
		t.check(x.Request, x.Want, t.Do(x.Request))
	}
	djangoSession(t)
	djangoToken(t)
	djangoStatic(t)
	t.withReference(djangoAllowances(), func(ref *reference) {
		for _, x := range djangoSteps() {
			ref.compare(x.Request)
		}
		for _, q := range environRequests("/environ") {
			ref.compare(q)
		}
		for _, path := range []string{"/environ//double", "/environ/", "/environ/w%C3%B6rter/gr%C3%B6%C3%9Fe/"} {
			ref.compare(Request{Path: path})
		}
		for _, q := range djangoSeen() {
			ref.compare(q)
		}
	})
}

// djangoSteps are requests of which the answer is known beforehand.
func djangoSteps() []Exchange {
	get := func(path string, lines ...string) Request { return Request{Path: path, Header: lines} }
	urlencoded := []string{"Content-Type: application/x-www-form-urlencoded"}
	octets := []string{"Content-Type: application/octet-stream"}
	text, large := contentText(), noise(100<<10)
	digest := func(p []byte) string { return fmt.Sprintf("%x", sha256.Sum256(p)) }
	small := []byte("small\r\nfile\r\n")
	inMemory := multipart("POST", "/upload",
		part{name: "title", data: []byte("été €")}, part{name: "title", data: []byte("again")},
		part{name: "file", file: "größe.txt", kind: "text/plain; charset=utf-8", data: small}, part{name: "file", file: "empty", kind: "text/plain"})
	gotInMemory := Want{Match: fmt.Sprintf(`"title": \["\\u00e9t\\u00e9 \\u20ac", "again"\].*"file": \[{"name": "gr\\u00f6\\u00dfe.txt", "type": "text/plain", "charset": "b'utf-8'", "size": 13, "sha256": "%s", "class": "InMemoryUploadedFile", "on_disk": false}, `+
		`{"name": "empty", .*"size": 0, `, digest(small))}
	onDisk := multipart("POST", "/upload", part{name: "title", data: []byte("x")},
		part{name: "file", file: "large.bin", kind: "application/octet-stream", data: large}, part{name: "file", file: "second.bin", kind: "image/png", data: large[1:]})
	gotOnDisk := Want{Match: fmt.Sprintf(`"file": .*"sha256": "%s", "class": "TemporaryUploadedFile", "on_disk": true.*"sha256": "%s", "class": "TemporaryUploadedFile", "on_disk": true`, digest(large), digest(large[1:]))}
	sent := Want{Body: text, Have: map[string]string{"Content-Length": fmt.Sprint(len(text)), "Content-Disposition": "inline; filename*=utf-8''c%C3%B6ntent.txt"}}
	return []Exchange{
		{get("/seen/a%20b/7?x=1&x=%C3%A9"), Want{Match: `"parts": {"first": "a b", "second": 7}`}},
		// The path is UTF-8 in the URL and latin-1 in the environ.
		{get("/w%C3%B6rter/gr%C3%B6%C3%9Fe/"), Want{Match: `"path": "/w\\u00f6rter/gr\\u00f6\\u00dfe/".*"word": "gr\\u00f6\\u00dfe"`}},
		{get("/w%C3%B6rter/gr%C3%B6%C3%9Fe"), Want{Status: 301, Have: map[string]string{"Location": "/w%C3%B6rter/gr%C3%B6%C3%9Fe/"}}},
		{Request{Method: "POST", Path: "/seen", Header: urlencoded, Body: []byte("a=1&b=%C3%A9+x&a=2")}, Want{Match: `"post": {"a": \["1", "2"\], "b": \["\\u00e9 x"\]}`}},
		{inMemory, gotInMemory},
		{onDisk, gotOnDisk},
		{Request{Method: "POST", Path: "/body", Header: octets, Body: large}, Want{Match: fmt.Sprintf(`"size": %d, "sha256": "%s"`, len(large), digest(large))}},
		{Request{Method: "POST", Path: "/body", Header: octets, Body: append(large, large...)}, Want{Status: 400}},
		{Request{Method: "POST", Path: "/streamed", Header: octets, Body: []byte("erste\nzweite\n\nvierte")}, Want{Body: `{"first": "erste\n", "then": "zwei", "rest": [3, 1, 6]}`}},
		{get("/moved"), Want{Status: 302, Have: map[string]string{"Location": "/w%C3%B6rter/?a=%E2%82%AC&b=c"}}},
		{get("/moved-for-good"), Want{Status: 301, Have: map[string]string{"Location": "https://other.example/x"}}},
		{get("/file"), sent},
		{get("/file?attach"), Want{Body: text, Have: map[string]string{"Content-Disposition": "attachment; filename*=utf-8''c%C3%B6ntent.txt"}}},
		{Request{Method: "HEAD", Path: "/file"}, Want{Empty: true, Have: sent.Have}},
		{Request{Path: "/file", Proto: "HTTP/1.0"}, sent},
		{get("/stream"), Want{Body: "eins zwöi drei"}},
		{Request{Method: "HEAD", Path: "/stream"}, Want{Empty: true}},
		{Request{Path: "/stream", Proto: "HTTP/1.0"}, Want{Body: "eins zwöi drei", End: EndDelimited}},
		{get("/conditional"), Want{Body: "the whole of it", Have: map[string]string{"ETag": contentTag, "Last-Modified": "Sun, 13 Sep 2020 12:26:40 GMT"}}},
		{get("/conditional", "If-None-Match: "+contentTag), Want{Status: 304, Empty: true, Have: map[string]string{"ETag": contentTag}}},
		{get("/conditional", "If-Modified-Since: Sun, 13 Sep 2020 12:26:40 GMT"), Want{Status: 304, Empty: true}},
		{get("/conditional", `If-Match: "other"`), Want{Status: 412}},
		{Request{Method: "HEAD", Path: "/conditional"}, Want{Empty: true, Have: map[string]string{"Content-Length": "15"}}},
		{get("/tagged", `If-None-Match: "1f6b62da040083ea1c925fe5a961e153"`), Want{Status: 304, Empty: true}},
		{get("/awaited"), Want{Body: "awaited"}},
		{get("/hello/"), Want{Status: 302, Have: map[string]string{"Location": "/en/hello/"}}},
		{get("/hello/", "Accept-Language: de-CH"), Want{Status: 302, Have: map[string]string{"Location": "/de/hello/"}}},
		{get("/de/hello/"), Want{Body: "de /de/hello/", Have: map[string]string{"Content-Language": "de"}}},
		{get("/cookies", `Cookie: a=1; b="x y"`), Want{Body: `{"a": "1", "b": "x y"}`, Have: map[string]string{
			"X-Latin":    "caf\xe9",
			"Set-Cookie": `plain=value; Path=/; odd="a\073b\"c"; HttpOnly; Path=/cookies; SameSite=Strict; Secure; gone=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/`}}},
		{get("/none"), Want{Status: 204, Empty: true}},
		{get("/guarded"), Want{Status: 405, Have: map[string]string{"Allow": "POST"}}},
		{get("/denied"), Want{Status: 403, Match: "403 Forbidden"}},
		{get("/suspicious"), Want{Status: 400, Match: "Bad Request"}},
		{get("/boom"), Want{Status: 500, Match: "Server Error"}},
		{get("/nothing"), Want{Status: 404, Match: "Not Found"}},
		{Request{Path: "/seen", Host: "evil.example"}, Want{Status: 400}},
	}
}

// djangoSession follows a session that lives in a signed cookie.
func djangoSession(t *T) {
	cookie := func(r Response) string {
		m := regexp.MustCompile(`^sessionid=([^;]*);`).FindStringSubmatch(r.Header.Get("Set-Cookie"))
		if m == nil {
			t.Fatalf("no session in %q", r.Header.Values("Set-Cookie"))
		}
		return m[1]
	}
	r := t.Get("/session")
	t.check(Request{Path: "/session"}, Want{Body: "count 1"}, r)
	first := cookie(r)
	again := Request{Path: "/session", Header: []string{"Cookie: sessionid=" + first}}
	r = t.Do(again)
	t.check(again, Want{Body: "count 2"}, r)
	again.Header = []string{"Cookie: sessionid=" + cookie(r)}
	t.check(again, Want{Body: "count 3"}, t.Do(again))
	again.Header = []string{"Cookie: sessionid=" + strings.ToUpper(first)}
	t.check(again, Want{Body: "count 1"}, t.Do(again)) // a signature that is not its own
	again.Path, again.Header = "/forget", []string{"Cookie: sessionid=" + first}
	r = t.Do(again)
	t.check(again, Want{Body: "forgotten"}, r)
	if value := cookie(r); value != `""` && value != "" {
		t.Errorf("the session is not taken back: %q", r.Header.Get("Set-Cookie"))
	}
}

// djangoToken posts with, without, and with another's token.
func djangoToken(t *T) {
	r := t.Get("/token")
	cookie, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	post := func(status int, body string, lines ...string) {
		q := Request{Method: "POST", Path: "/guarded", Body: []byte(body), Header: append([]string{"Content-Type: application/x-www-form-urlencoded"}, lines...)}
		w := Want{Status: status, Match: "CSRF"}
		if status == 200 {
			w = Want{Body: "accepted é"}
		}
		t.check(q, w, t.Do(q))
	}
	token := "name=%C3%A9&csrfmiddlewaretoken=" + string(r.Body)
	post(200, token, "Cookie: "+cookie)
	post(200, "name=%C3%A9", "Cookie: "+cookie, "X-CSRFToken: "+string(r.Body))
	post(403, token)
	post(403, "name=x", "Cookie: "+cookie)
	post(403, "name=x&csrfmiddlewaretoken="+strings.Repeat("a", len(r.Body)), "Cookie: "+cookie)
}

// djangoStatic asks for static files, whole and again; ranges of a file that
// the application does not cut itself are Apache's.
func djangoStatic(t *T) {
	text := contentText()
	r := t.Get("/static/sub/a.css")
	t.check(Request{Path: "/static/sub/a.css"}, Want{Body: text, Have: map[string]string{"Content-Type": "text/css", "Content-Length": fmt.Sprint(len(text))}}, r)
	again := Request{Path: "/static/sub/a.css", Header: []string{"If-Modified-Since: " + r.Header.Get("Last-Modified")}}
	t.check(again, Want{Status: 304, Empty: true}, t.Do(again))
	t.check(Request{Path: "/static/sub/b c.bin"}, Want{Body: text, Have: map[string]string{"Content-Type": "application/octet-stream"}}, t.Get("/static/sub/b%20c.bin"))
	t.check(Request{Path: "/static/none"}, Want{Status: 404}, t.Get("/static/none"))
	t.check(Request{Path: "/static/../app.wsgi"}, Want{Status: 404}, t.Get("/static/%2e%2e/app.wsgi"))
	for _, path := range []string{"/static/sub/a.css", "/file"} {
		part := Request{Path: path, Header: []string{"Range: bytes=8-15"}}
		t.check(part, Want{Status: 206, Body: text[8:16], Have: map[string]string{"Content-Range": fmt.Sprintf("bytes 8-15/%d", len(text))}}, t.Do(part))
	}
}

// djangoSeen are requests for what Django itself makes of the environ.
func djangoSeen() []Request {
	get := func(path string, lines ...string) Request { return Request{Path: path, Header: lines} }
	json := []string{"Content-Type: application/json; charset=latin-1"}
	return []Request{
		get("/seen?"), get("/seen?q=%FF&r=%C3%A9"), get("/w%C3%B6rter/%C3%A9%20%2B/?x=%E2%82%AC"), get("/seen/a+b/0"),
		get("/seen", `Cookie: a=1; b="c\054d"; =x; e`, "Accept-Language: de;q=0.9, en;q=0.1", "X-Requested-With: XMLHttpRequest"),
		get("/seen", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "Referer: http://a.test/"),
		{Method: "POST", Path: "/seen", Header: json, Body: []byte(`{"a": "\xe9"}`)},
		{Method: "PUT", Path: "/seen", Header: []string{"Content-Type: application/x-www-form-urlencoded"}, Body: []byte("a=b")},
		{Path: "/seen", Host: "django.example"}, {Path: "/seen", Host: "Django.Example:8000"}, {Path: "/seen", Proto: "HTTP/1.0"},
		{Path: "/static/sub/a.css"}, {Method: "HEAD", Path: "/static/sub/a.css"}, {Path: "/static/none"},
		{Method: "OPTIONS", Path: "/guarded"}, {Method: "PURGE", Path: "/guarded"}, {Method: "DELETE", Path: "/guarded"},
	}
}

// djangoAllowances are the fields in which Django's server may say something
// else.
func djangoAllowances() []allowance {
	return append(environAllowances("/environ"), []allowance{
		{"/environ", "json SERVER_NAME", "the name of the virtual host here, the address there"},
		{"/environ", "json SERVER_PORT", "each has its own"},
		{"/environ", "json SERVER_SOFTWARE", "each names itself"},
		{"/environ", "-json CONTENT_LENGTH", "wsgiref gives an empty one where the client sent none"},
		{"/environ", "-json CONTENT_TYPE", "wsgiref gives text/plain where the client sent none"},
		{"/", "json type", "the same, as Django shows it"},
		{"/environ", "-json GATEWAY_INTERFACE", "not here: this is no CGI"},
		{"/environ", "-json REMOTE_HOST", "not here: it would take a look-up"},
		{"/environ", "+json REQUEST_URI", "wsgiref has none"},
		{"/", "json port", "each has its own"},
		{"/environ//", "json PATH_INFO", "Apache makes one slash of two"},
		{"/none", "-Content-Type", "Apache sends none with a 204"},
		{"/environ/twice", "json HTTP_X_TWICE", "both join with a comma, Apache with a blank behind it"},
	}...)
}
