package matrix

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// chunked is a request with a body in chunks, or what else is given for it.
func (t *T) chunked(path, chunks string) Response {
	c := t.Dial()
	head := "POST " + path + " HTTP/1.1\r\nHost: " + t.Host + "\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	sendErr := c.Request([]byte(head + chunks))
	r, err := c.Read("POST")
	if err != nil {
		t.Fatalf("%s: %v (sending: %v)", path, err, sendErr)
	}
	if rest, _ := c.Rest(); len(rest) > 0 {
		t.Errorf("%s: more after the response: %q", path, clip(rest))
	}
	return r
}

// onePage complains unless the response is exactly one error page of Apache.
func (t *T) onePage(r Response, status int) {
	Same(t, "status", r.Status, status)
	if n := strings.Count(string(r.Body), "<html>"); n != 1 || strings.Contains(string(r.Body), "application") {
		t.Errorf("%d error pages, want one alone: %s", n, clip(r.Body))
	}
}

// directiveCases are about directives of requests, one each, and how their
// contexts are laid over each other.
func directiveCases() []Case {
	show := func(path, want string) Exchange { return Exchange{Request{Path: path}, Want{Body: want}} }
	return []Case{
		{Name: "server-tokens", Covers: "CF02", App: "hello", Own: true, Ours: true, Global: []string{"ServerTokens Full"}, Do: func(t *T) {
			python := strings.TrimRight(strings.TrimPrefix(t.Server.Conf.Target.python(), "py"), "td")
			want := regexp.MustCompile(`^Apache/2\S* .*\bmod_wsgi/\d+\.\d+\.\d+ Python/` + python + `(\s|$)`)
			if got := t.Get("/").Header.Get("Server"); !want.MatchString(got) {
				t.Errorf("Server is %q, want %s", got, want)
			}
		}},
		{Name: "alias-match", Covers: "MP07", App: "mapping", Mount: "-", Conf: []string{
			`WSGIScriptAliasMatch "^/s/([a-z]+)" "@APP@/$1.wsgi"`, `WSGIScriptAliasMatch "^/v[0-9]+" "@APP@/app.wsgi"`,
			`WSGIScriptAliasMatch "^/only$" "@APP@/app.wsgi"`,
		}, Steps: []Exchange{
			show("/s/app", "/s/app|||/s/app"), show("/s/app/x/y", "/s/app|/x/y||/s/app/x/y"),
			show("/v12/x", "/v12|/x||/v12/x"), show("/only", "/only|||/only"),
			{Request{Path: "/only/x"}, Want{Status: 404}}, {Request{Path: "/s/none"}, Want{Status: 404}},
		}, Announced: Announce{`WSGIM0201`}, Ours: true},
		{Name: "alias-match-root", App: "mapping", Mount: "-", Conf: []string{`WSGIScriptAliasMatch "^/" "@APP@/app.wsgi"`},
			Steps: []Exchange{show("/x/y", "|/x/y||/x/y")}},
		{Name: "chunked-off", App: "directives", Announced: Announce{`WSGIM0205`}, Ours: true, Do: func(t *T) {
			Same(t, "status", t.chunked("/sevens", "3\r\nabc\r\n0\r\n\r\n").Status, 411)
		}},
		{Name: "chunked", App: "directives", Covers: "BD07", Conf: []string{"WSGIChunkedRequest On"}, Do: func(t *T) {
			t.check(Request{Path: "/sevens"}, Want{Body: `(None, [7, 3], b'abcdefghij')`}, t.chunked("/sevens", "3\r\nabc\r\n7\r\ndefghij\r\n0\r\n\r\n"))
			t.check(Request{Path: "/sevens"}, Want{Body: `(None, [], b'')`}, t.chunked("/sevens", "0\r\n\r\n"))
		}},
		{Name: "chunked-large", App: "body", Conf: []string{"WSGIChunkedRequest On"}, Do: func(t *T) {
			body := noise(5 << 20)
			var b strings.Builder
			for part := body; len(part) > 0; part = part[min(len(part), 70001):] {
				piece := part[:min(len(part), 70001)]
				fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
			}
			t.check(Request{Path: "/sha256"}, Want{Body: digested(body)}, t.chunked("/sha256", b.String()+"0\r\n\r\n"))
		}},
		{Name: "chunked-limit", App: "directives", Conf: []string{"WSGIChunkedRequest On", "LimitRequestBody 1000"}, Ours: true, Do: func(t *T) {
			big := "7d0\r\n" + strings.Repeat("x", 2000) + "\r\n0\r\n\r\n"
			t.onePage(t.chunked("/caught", big), 413)
		}},
		{Name: "chunked-malformed", App: "directives", Conf: []string{"WSGIChunkedRequest On"}, Ours: true, Do: func(t *T) {
			t.onePage(t.chunked("/caught", "3\r\nabc\r\nnonsense\r\n"), 400)
		}},
		{Name: "map-head", App: "directives", Conf: []string{
			"<Location /on>", "WSGIMapHEADToGET On", "</Location>", "<Location /off>", "WSGIMapHEADToGET Off", "</Location>",
			"<Location /packed>", "SetOutputFilter DEFLATE", "</Location>",
			"<Location /packedoff>", "SetOutputFilter DEFLATE", "WSGIMapHEADToGET off", "</Location>",
		}, Ours: true, Do: func(t *T) {
			for path, want := range map[string]string{"/": "HEAD", "/on/": "GET", "/off/": "HEAD", "/packed/": "GET", "/packedoff/": "HEAD"} {
				head := t.Do(Request{Method: "HEAD", Path: path + "method", Header: []string{"Accept-Encoding: gzip"}})
				t.check(Request{Method: "HEAD", Path: path}, Want{Empty: true, Have: map[string]string{"X-Method": want}}, head)
				get := t.Do(Request{Path: path + "method", Header: []string{"Accept-Encoding: gzip"}})
				if want == "GET" {
					Same(t, "Content-Encoding at "+path, head.Header.Get("Content-Encoding"), get.Header.Get("Content-Encoding"))
				}
			}
		}},
		{Name: "error-override", App: "directives", Covers: "RS29", Conf: []string{
			"<Location /on>", "WSGIErrorOverride On", "ErrorDocument 503 \"gone fishing\"", "</Location>",
		}, Ours: true, Steps: []Exchange{
			{Request{Path: "/404"}, Want{Status: 404, Reason: "Nothing Here", Body: "the application's own words"}},
			{Request{Path: "/on/404"}, Want{Status: 404, Reason: "Not Found", Match: "<html>", Lack: []string{"X-Own"}, Have: map[string]string{"Set-Cookie": "a=b"}}},
			{Request{Path: "/on/503"}, Want{Status: 503, Body: "gone fishing"}},
			{Request{Path: "/on/200"}, Want{Body: "the application's own words"}},
			{Request{Method: "HEAD", Path: "/on/404"}, Want{Status: 404, Empty: true}},
		}},
		{Name: "sendfile", App: "directives", Conf: []string{"EnableSendfile On", "<Location /on>", "WSGIEnableSendfile On", "</Location>"}, Do: func(t *T) {
			content := noise(3 << 20)
			if err := os.WriteFile(filepath.Join(t.Dir, "big"), content, 0o644); err != nil {
				t.Fatalf("%v", err)
			}
			for _, path := range []string{"/on/big", "/big"} {
				t.check(Request{Path: path}, Want{Body: string(content)}, t.Get(path))
			}
		}},
		{Name: "htaccess", Covers: "CF24", App: "groups", Mount: "/app", Conf: []string{
			"WSGICallableObject application", `<Directory "@APP@">`, "AllowOverride FileInfo", "</Directory>",
		}, Prepare: htaccess("WSGICallableObject other\nWSGIErrorOverride On\nWSGIChunkedRequest On\nWSGIMapHEADToGET Auto\nWSGIEnableSendfile On\nWSGIScriptReloading On\nWSGIPassAuthorization On\n"),
			Steps: []Exchange{show("/app", "the other callable")}},
		{Name: "htaccess-refused", App: "groups", Mount: "/app", Conf: []string{`<Directory "@APP@">`, "AllowOverride All", "</Directory>"},
			Prepare: htaccess("WSGIHandlerScript h /nowhere.py\n"), Announced: Announce{`WSGIHandlerScript not allowed here`},
			Steps: []Exchange{{Request{Path: "/app"}, Want{Status: 500}}}},
		{Name: "merge-order", Covers: "MP24", App: "groups", Mount: "/app", Interpreter: "vhost", Conf: []string{
			`WSGIScriptAlias /located "@APP@/app.wsgi"`, `WSGIScriptAlias /option "@APP@/app.wsgi" application-group=option`,
			`<Directory "@APP@">`, "WSGIApplicationGroup directory", "</Directory>",
			"<Location /located>", "WSGIApplicationGroup location", "</Location>",
		}, Do: func(t *T) {
			for path, want := range map[string]string{"/app": "directory", "/located": "location", "/option": "option"} {
				Same(t, "application group at "+path, placedAt(t, path).ApplicationGroup, want)
			}
		}},
		withTLS(Case{Name: "tls", Covers: "EN15", App: "environ", Do: overTLS}),
	}
}

// htaccess leaves a .htaccess beside the script.
func htaccess(text string) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, ".htaccess"), []byte(text), 0o644) }
}

// certificate signs one for the host tls.test by itself.
func certificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tls.test"}, DNSNames: []string{"tls.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// withTLS gives a case a server whose virtual host speaks TLS, where Apache can.
func withTLS(c Case) Case {
	c.Own, c.Prepare = true, certificate
	c.Global = append(c.Global, `<IfFile "@MODULES@/mod_ssl.so">`, "<IfModule !mod_ssl.c>", `LoadModule ssl_module "@MODULES@/mod_ssl.so"`, "</IfModule>", "</IfFile>")
	c.Announced = append(c.Announced, `?AH01882`, `?AH01873`, `?AH01909`) // age of the library, no cache, another name: not our affair
	c.Conf = append(c.Conf, "<IfModule mod_ssl.c>", "SSLEngine on", `SSLCertificateFile "@APP@/cert.pem"`, `SSLCertificateKeyFile "@APP@/key.pem"`,
		"SSLOptions +StdEnvVars", "</IfModule>")
	return c
}

// dialTLS opens a connection to the server of [withTLS].
func (t *T) dialTLS() *Conn {
	if !t.Server.Conf.Have["mod_ssl.so"] && !t.Server.Conf.Static["mod_ssl.c"] {
		t.Skipf("this Apache has no mod_ssl")
	}
	c := t.Dial()
	c.net = tls.Client(c.net, &tls.Config{ServerName: "tls.test", InsecureSkipVerify: true}) // it is ours, signed by nobody
	return c
}

// overTLS wants url_scheme and SSL_* to be those of the connection.
func overTLS(t *T) {
	c := t.dialTLS()
	r := t.Exchange(c, Request{})
	for _, want := range []string{`"wsgi.url_scheme": {"type": "str", "repr": "'https'"`, `"SSL_PROTOCOL"`, `"SSL_SERVER_S_DN_CN"`} {
		if !strings.Contains(string(r.Body), want) {
			t.Errorf("the environ over TLS lacks %s", want)
		}
	}
	if strings.Contains(string(r.Body), `"HTTPS"`) {
		t.Errorf("HTTPS reached the application")
	}
}
