package matrix

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// contentOf makes the file that the applications of frameworks send.
func contentOf(dir string) error {
	return os.WriteFile(filepath.Join(dir, "content"), []byte(contentText()), 0o644)
}

// contentText has a line of eight bytes for each number below 10,000.
func contentText() string {
	var b strings.Builder
	for n := range 10000 {
		fmt.Fprintf(&b, "%07d\n", n)
	}
	return b.String()
}

const contentTag = `"given"`

// werkzeugCase serves an application that goes through what Werkzeug makes of
// requests and responses, and compares with Werkzeug's own server.
func werkzeugCase() Case {
	boom := "RuntimeError: werkzeug went wrong on purpose"
	return Case{
		Name: "werkzeug", Ours: true, Prepare: contentOf, Do: werkzeugs,
		Conf:      []string{"WSGIChunkedRequest On", "WSGIPassAuthorization On", "ServerAlias other.example"},
		Announced: append(traceback(boom), "the stream was closed"),
	}
}

func werkzeugs(t *T) {
	t.needs("werkzeug")
	t.check(Request{Path: "/boom"}, Want{Status: 500}, t.Get("/boom"))
	shown := t.Get("/testapp?a=b")
	t.check(Request{Path: "/testapp"}, Want{Match: `(?s)<title>WSGI Information</title>.*<th>wsgi\.version<td><code>\(1, 0\)</code>.*</table>`}, shown)
	for _, x := range werkzeugSteps() {
		t.check(x.Request, x.Want, t.Do(x.Request))
	}
	t.withReference(werkzeugAllowances(), func(ref *reference) {
		for _, x := range werkzeugSteps() {
			ref.compare(x.Request)
		}
		for _, q := range environRequests("/environ") {
			ref.compare(q)
		}
		for _, q := range seenRequests() {
			ref.compare(q)
		}
	})
}

// needs skips the case where the Python under test lacks a module.
func (t *T) needs(name string) {
	python := t.Server.Conf.Target.Python.Executable
	has, err := importsOf(t.Context, t.Server.runner, python, map[string]string{name: ""})
	if err != nil || !has[name] {
		t.Case.Announced = nil
		t.Skipf("%s has no %s", python, name)
	}
}

// werkzeugSteps are requests of which the answer is known beforehand.
func werkzeugSteps() []Exchange {
	get := func(path string, lines ...string) Request { return Request{Path: path, Header: lines} }
	urlencoded := "Content-Type: application/x-www-form-urlencoded"
	octets := "Content-Type: application/octet-stream"
	text, large := contentText(), noise(3<<20)
	digest := func(p []byte) string { return fmt.Sprintf("%x", sha256.Sum256(p)) }
	upload := multipart("POST", "/form",
		part{name: "title", data: []byte("été €")}, part{name: "title", data: []byte("again")},
		part{name: "small", file: "a.txt", kind: "text/plain", data: []byte("small file\r\n--not a boundary")},
		part{name: "large", file: "größe.bin", kind: "application/octet-stream", data: large},
		part{name: "empty", file: "empty", kind: "text/plain"})
	uploaded := fmt.Sprintf(`"large": \[{"name": "gr\\u00f6\\u00dfe.bin", "sha256": "%s", "size": %d, .*"title": \["\\u00e9t\\u00e9 \\u20ac", "again"\]`, digest(large), len(large))
	posted := func(size int) Request {
		return Request{Method: "POST", Path: "/body", Header: []string{octets}, Body: large[:size]}
	}
	gotBody := func(size int, length string) Want {
		return Want{Match: fmt.Sprintf(`"length": %s, "sha256": "%s", "size": %d, `, length, digest(large[:size]), size)}
	}
	ranged := func(from, to int) Want {
		return Want{Status: 206, Body: text[from:to], Have: map[string]string{
			"Content-Range": fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(text)), "Content-Length": fmt.Sprint(to - from)}}
	}
	unchanged := Want{Status: 304, Empty: true, Have: map[string]string{"ETag": contentTag}, Lack: []string{"Content-Length"}}
	whole := Want{Body: text, Have: map[string]string{"Content-Length": fmt.Sprint(len(text)), "ETag": contentTag, "Last-Modified": "Sun, 13 Sep 2020 12:26:40 GMT"}}
	return []Exchange{
		{Request{Method: "POST", Path: "/form", Header: []string{urlencoded}, Body: []byte("a=1&b=%C3%A9+x&a=2")}, Want{Match: `"form": {"a": \["1", "2"\], "b": \["\\u00e9 x"\]}`}},
		{Request{Method: "PUT", Path: "/form", Header: []string{urlencoded}, Body: []byte("a=1")}, Want{Match: `"a": \["1"\]`}},
		{upload, Want{Match: uploaded}},
		{chunkedRequest(upload, 1, 1000, 100000), Want{Match: uploaded}},
		{Request{Method: "POST", Path: "/limited", Header: []string{urlencoded}, Body: []byte("a=1")}, Want{Match: `"a": \["1"\]`}},
		{Request{Method: "POST", Path: "/limited", Header: []string{urlencoded}, Body: []byte("a=" + strings.Repeat("1", 1000))}, Want{Status: 413}},
		{Request{Method: "DELETE", Path: "/limited"}, Want{Status: 405, Have: map[string]string{"Allow": "POST"}}},
		{posted(0), gotBody(0, "null")},
		{posted(11), gotBody(11, `"11"`)},
		{posted(1 << 20), gotBody(1<<20, `"1048576"`)},
		{chunkedRequest(posted(11), 4, 1), gotBody(11, "null")},
		{chunkedRequest(posted(1<<20), 1, 70000, 8192), gotBody(1<<20, "null")},
		{chunkedRequest(posted(0)), gotBody(0, "null")},

		{get("/cookies", `Cookie: a=1; b="x y"; a=2`), Want{Body: `{"a": ["1", "2"], "b": ["x y"]}`, Have: map[string]string{
			"Set-Cookie": `plain=value; Path=/; odd="a b\073c=\"d\"\054\303\251"; Expires=Tue, 01 Jan 2030 00:00:00 GMT; Secure; HttpOnly; Path=/cookies; SameSite=Lax; ` +
				`gone=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/`}}},
		{get("/moved/301"), Want{Status: 301, Have: map[string]string{"Location": "/s%C3%A9en?next=%E2%82%AC&a=b"}}},
		{get("/moved/303"), Want{Status: 303, Reason: "SEE OTHER"}},
		{get("/moved/307"), Want{Status: 307}},
		{Request{Method: "HEAD", Path: "/moved/308"}, Want{Status: 308, Empty: true}},
		{get("/branch"), Want{Status: 308}},
		{get("/nothing"), Want{Status: 404, Match: "404 Not Found"}},

		{get("/file"), whole},
		{get("/file?attach"), Want{Body: text, Have: map[string]string{"Content-Disposition": `attachment; filename=content.txt; filename*=UTF-8''c%C3%B6ntent.txt`}}},
		{Request{Method: "HEAD", Path: "/file"}, Want{Empty: true, Have: whole.Have}},
		{get("/file", "If-None-Match: "+contentTag), unchanged},
		{get("/file", `If-None-Match: "other", W/`+contentTag), unchanged},
		{get("/file", `If-None-Match: "other"`), whole},
		{get("/file", "If-Modified-Since: Sun, 13 Sep 2020 12:26:40 GMT"), unchanged},
		{get("/file", "If-Modified-Since: Sun, 13 Sep 2020 12:26:39 GMT"), whole},
		{get("/file", "Range: bytes=0-9"), ranged(0, 10)},
		{get("/file", "Range: bytes=70000-"), ranged(70000, len(text))},
		{get("/file", "Range: bytes=-100"), ranged(len(text)-100, len(text))},
		{get("/file", "Range: bytes=8-1000000"), ranged(8, len(text))},
		{get("/file", "Range: bytes=10-19", "If-Range: "+contentTag), ranged(10, 20)},
		{get("/file", "Range: bytes=10-19", `If-Range: "other"`), whole},
		{get("/file", "Range: bytes=1000000-"), Want{Status: 416}},
		{get("/plain"), Want{Body: text}},
		{get("/conditional"), Want{Match: `\A0000000\n`}},
		{get("/conditional", "Range: bytes=16-23"), Want{Status: 206, Body: "0000002\n", Have: map[string]string{"Content-Range": "bytes 16-23/800", "Accept-Ranges": "bytes"}}},
		{get("/conditional", "If-None-Match: *"), Want{Status: 304, Empty: true}},
		{get("/stream"), Want{Body: "one two thrée"}},
		{Request{Method: "HEAD", Path: "/stream"}, Want{Empty: true}},
		{Request{Path: "/stream", Proto: "HTTP/1.0"}, Want{Body: "one two thrée", End: EndDelimited}},
		{get("/empty"), Want{Status: 204, Empty: true, Lack: []string{"Content-Length", "Transfer-Encoding"}}},
	}
}

// environRequests are requests of which a server has to make an environ.
func environRequests(path string) []Request {
	get := func(path string, lines ...string) Request { return Request{Path: path, Header: lines} }
	form := []string{"Content-Type: application/x-www-form-urlencoded; charset=utf-8"}
	long := url.QueryEscape(string(bytes.Repeat([]byte("é"), 500)))
	return []Request{
		get(path), get(path + "?"), get(path + "?a=%20b&c=d+e;f=%C3%A9"), get(path + "/%C3%A9t%C3%A9/%20%3F%23/x"), get(path + "/a;b=c/d,e"),
		get(path + "/" + long), get(path + "/%FF%FE"), get(path + "/a+b"), get(path + "/a%2Bb"),
		{Path: path, Proto: "HTTP/1.0"},
		{Method: "OPTIONS", Path: path}, {Method: "DELETE", Path: path}, {Method: "PURGE", Path: path}, {Method: "PROPFIND", Path: path},
		{Method: "POST", Path: path, Header: form, Body: []byte("a=b")}, {Method: "PUT", Path: path, Header: form, Body: []byte("a=b")},
		{Method: "POST", Path: path, Header: append([]string{"Content-Length: 0"}, form...)},
		chunkedRequest(Request{Method: "POST", Path: path + "/chunked", Header: form, Body: []byte("a=b")}, 1),
		get(path, "Authorization: Basic eDp5", "Cookie: a=b; c=\"d e\"", "User-Agent: matrix/1 (test; x)"),
		get(path, "X-Empty:", "X-Latin: caf\xe9", "X-Tab: a\tb", "X-Space:    trimmed   ", "X-Colon: a:b: c", "x-LoWeR-cAsE: Kept As It Is"),
		get(path, "Accept: text/html;q=0.9, */*;q=0.1", "Accept-Language: de, en;q=0.5", "If-None-Match: \"x\"", "Referer: http://a.example/?b=c"),
		get(path, "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "Forwarded: for=1.1.1.1"),
		get(path+"/twice", "X-Twice: 1", "X-Twice: 2"),
		get(path+"/hidden", "X_Under: 1", "Proxy: http://evil.example"),
		get(path + "/dots/a/../b"), get(path + "/dots/./b"), get(path + "/dots/a/%2e%2e/c"),
	}
}

// seenRequests are for what Werkzeug itself makes of the environ.
func seenRequests() []Request {
	var requests []Request
	for _, path := range []string{"/seen", "/seen/a%20b/7?x=1&x=%E2%82%AC", "/s%C3%A9en/%C3%A9?q=%FF", "/branch/", "/seen?"} {
		for _, lines := range [][]string{
			nil,
			{"Authorization: Basic " + "w6k6w7w=", "Accept-Language: de-CH, fr;q=0.7, *;q=0.1", "Accept: text/html, application/json;q=0.5"},
			{"Cookie: a=1; b=\"c\\054d\"; =x; e", "Range: bytes=0-5,7-", "If-None-Match: W/\"a\", \"b\""},
		} {
			requests = append(requests, Request{Path: path, Header: lines})
		}
	}
	json := []string{"Content-Type: application/json"}
	return append(requests,
		Request{Method: "POST", Path: "/seen", Header: json, Body: []byte(`{"a": ["é", 1]}`)},
		Request{Method: "POST", Path: "/seen", Header: json, Body: []byte(`{"a": `)},
		Request{Path: "/seen", Host: "other.example"}, Request{Path: "/seen", Host: "other.example:80"}, Request{Path: "/seen", Host: "Other.Example:443"},
	)
}

// werkzeugAllowances are the fields in which Werkzeug's server may say
// something else.
func werkzeugAllowances() []allowance {
	list := []allowance{
		{"/environ", "json SERVER_NAME", "the name of the virtual host here, the address there"},
		{"/environ", "json SERVER_PORT", "each has its own"},
		{"/environ", "json SERVER_SOFTWARE", "each names itself"},
		{"/environ", "-json RAW_URI", "Werkzeug's own key"},
		{"/environ", "json wsgi.input_terminated", "always here, for bodies in chunks only there"},
	}
	return append(append(list, environAllowances("/environ")...), []allowance{
		{"/body", "json terminated", "the key is always there here, for bodies in chunks only there"},
		{"/empty", "-Content-Type", "Apache sends none with a 204"},
		{"/environ/%FF", "json PATH_INFO", "bytes stay bytes here; Werkzeug makes U+FFFD of what is not UTF-8"},
		{"/environ/hidden", "?-json HTTP_X_UNDER", "hidden here: it could pass for X-Under; hidden there too since Werkzeug 3"},
		{"/environ", "json HTTP_X_SPACE", "the blanks behind a value are no part of it (RFC 9110, 5.5)"},
		{"/environ/twice", "json HTTP_X_TWICE", "both join with a comma, Apache with a blank behind it"},
	}...)
}

// environAllowances are the keys in which an environ of Apache's differs from
// that of the servers written in Python.
func environAllowances(path string) []allowance {
	var list []allowance
	for _, key := range []string{
		"mod_wsgi.*", "DOCUMENT_ROOT", "CONTEXT_*", "SCRIPT_FILENAME", "SERVER_ADDR", "REQUEST_SCHEME", "REMOTE_PORT",
	} {
		list = append(list, allowance{path, "+json " + key, "a key of Apache or of the module"})
	}
	return append(list, []allowance{
		{path + "/hidden", "-json HTTP_PROXY", "hidden here: it would become a setting of the CGI kind"},
		{path + "/dots", "json PATH_INFO", "Apache takes dots out of a path, since it decides on access by it"},
	}...)
}
