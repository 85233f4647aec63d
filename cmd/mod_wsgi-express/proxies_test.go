package main

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// behind is a server that tells what it was asked.
func behind(t *testing.T) string {
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "behind %s prefix=%v port=%s scheme=%s", r.URL.Path, r.Header["X-Forwarded-Prefix"], r.Header.Get("X-Forwarded-Port"), r.Header.Get("X-Forwarded-Scheme"))
	}))
	t.Cleanup(b.Close)
	return b.URL
}

// with makes a GET with headers, and returns what it asks to log in with behind the
// body.
func (s *server) with(path string, header ...string) (int, string) {
	s.t.Helper()
	res, body := s.send("GET", path, header...)
	return res.StatusCode, body + res.Header.Get("WWW-Authenticate")
}

// A089 A090 A091 A092 A093
func TestProxies(t *testing.T) {
	p := newPlace(t)
	to := behind(t)
	p.certificate("s", p.certificate("ca", nil))
	s := p.start("app.wsgi", "--proxy-mount-point", "/p", to, "--proxy-url-alias", "/p/q/", to+"/sub/", "--proxy-timeout", "300",
		"--proxy-virtual-host", "v.ex.com", to)
	port := strconv.Itoa(s.port)
	s.want("/p", 302, "/p/")
	s.want("/p?a=b", 302, "/p/?a=b")
	s.want("/p/z", 200, "behind /z prefix=[/p] port="+port+" scheme=http")
	s.want("/p/q/x", 200, "behind /sub/x prefix=[/p/q] ")
	s.want("/px", 200, "PI=/px")
	if _, body := s.with("/p/", "X-Forwarded-Scheme", "https", "X-Forwarded-Prefix", "/forged"); !strings.Contains(body, "scheme=http") || strings.Contains(body, "scheme=https") || strings.Contains(body, "forged") {
		t.Errorf("forged: %s", body)
	}
	if _, body := s.with("/x", "Host", "v.ex.com:"+port, "X-Forwarded-Prefix", "/forged"); !strings.Contains(body, "behind /x prefix=[] port="+port) {
		t.Errorf("virtual host: %s", body)
	}
	if _, body := s.with("/x", "Host", "other.ex.com"); !strings.Contains(body, "PI=/x") {
		t.Errorf("another host: %s", body)
	}
	if !fileHas(p.path("root/httpd.conf"), "\nProxyTimeout 300\n") {
		t.Error("no ProxyTimeout")
	}
	s.stop(syscall.SIGTERM)
	s.clean()

	// What is passed on is redirected to HTTPS like the rest.
	s, url := p.secure("--ssl-certificate", "s", "--server-name", "www.ex.com", "--https-only", "--proxy-mount-point", "/p", to, "--proxy-timeout", "9")
	res, body := s.ask(client(nil, false), s.url+"/p/z", "www.ex.com")
	if res.StatusCode != 301 || strings.Contains(body, "behind") {
		t.Errorf("over HTTP: %s %s", res.Status, body)
	}
	if _, body := s.ask(client(nil, false), url+"/p/z", "www.ex.com"+url[strings.LastIndex(url, ":"):]); !strings.Contains(body, "behind /z prefix=[/p] port="+url[strings.LastIndex(url, ":")+1:]+" scheme=https") {
		t.Errorf("over HTTPS: %s", body)
	}
	s.stop(syscall.SIGTERM)
}

// A094
func TestTrustedProxies(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `def application(environ, start_response):
    start_response("200 OK", [])
    return [environ["REMOTE_ADDR"].encode()]
`)
	for address, want := range map[string]string{"127.0.0.0/8": "1.2.3.4", "10.0.0.0/8": "127.0.0.1"} {
		s := p.start("app.wsgi", "--trust-proxy", address, "--trust-proxy", "::1", "--trust-proxy-header", "X-Forwarded-For")
		if _, body := s.with("/", "X-Forwarded-For", "1.2.3.4"); body != want {
			t.Errorf("%s: %s, want %s", address, body, want)
		}
		s.stop(syscall.SIGTERM)
		s.clean()
	}
}

const authScript = `import hashlib
def check_password(environ, user, password):
    return {"spy": "secret"}.get(user) == password
def get_realm_hash(environ, user, realm):
    return hashlib.md5(("%s:%s:secret" % (user, realm)).encode()).hexdigest() if user == "spy" else None
def groups_for_user(environ, user):
    return ["agents"]
def allow_access(environ, host):
    return environ.get("REQUEST_URI") != "/deny"
`

// A096 A097 A098
func TestAuthentication(t *testing.T) {
	p := newPlace(t)
	p.write("auth.py", authScript)
	for _, mode := range [][]string{nil, {"--embedded-mode"}} {
		s := p.start(append(mode, "app.wsgi", "--auth-user-script", "auth.py", "--auth-group-script", "auth.py", "--auth-group", "agents", "--server-status")...)
		realm := `Basic realm="localhost:` + strconv.Itoa(s.port) + `"`
		if code, body := s.with("/"); code != 401 || !strings.Contains(body, realm) {
			t.Errorf("%v nobody: %d %s", mode, code, body)
		}
		good := []string{"Authorization", "Basic c3B5OnNlY3JldA=="}
		if code, body := s.with("/", good...); code != 200 || !strings.Contains(body, "PI=/") {
			t.Errorf("%v spy: %d %s", mode, code, body)
		}
		if code, _ := s.with("/", "Authorization", "Basic c3B5Ondyb25n"); code != 401 {
			t.Errorf("%v a wrong password: %d", mode, code)
		}
		for path, want := range map[string]int{"/server-status": 401} {
			if code, _ := s.with(path); code != want {
				t.Errorf("%v %s without a password: %d", mode, path, code)
			}
			if code, _ := s.with(path, good...); code != 200 {
				t.Errorf("%v %s with one: %d", mode, path, code)
			}
		}
		s.stop(syscall.SIGTERM)
	}
	s := p.start("app.wsgi", "--auth-user-script", "auth.py", "--auth-group-script", "auth.py")
	if code, _ := s.with("/", "Authorization", "Basic c3B5OnNlY3JldA=="); code != 401 {
		t.Errorf("not in the group: %d", code)
	}
	s.stop(syscall.SIGTERM)
	s = p.start("app.wsgi", "--auth-user-script", "auth.py", "--auth-type", "digest")
	_, challenge := s.with("/")
	if code, body := s.with("/", "Authorization", digest(challenge, "spy", "secret", "/")); code != 200 {
		t.Errorf("digest: %d %s after %s", code, body, challenge)
	}
	s.stop(syscall.SIGTERM)
}

// digest answers a challenge of RFC 2617.
func digest(challenge, user, password, uri string) string {
	part := func(name string) string {
		_, rest, _ := strings.Cut(challenge, name+`="`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	realm, nonce := part("realm"), part("nonce")
	response := h(h(user+":"+realm+":"+password) + ":" + nonce + ":00000001:c:auth:" + h("GET:"+uri))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=MD5, response="%s", qop=auth, nc=00000001, cnonce="c"`,
		user, realm, nonce, uri, response)
}

// A100
func TestAccess(t *testing.T) {
	p := newPlace(t)
	p.write("acc.py", authScript)
	s := p.start("app.wsgi", "--host-access-script", "acc.py")
	s.want("/deny", 403, "")
	s.want("/", 200, "PI=/")
	s.stop(syscall.SIGTERM)
}

// A101 A102
func TestStatus(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `import mod_wsgi
def application(environ, start_response):
    start_response("200 OK", [])
    return [("PI=%s %s" % (environ["PATH_INFO"], type(mod_wsgi.server_metrics()).__name__)).encode()]
`)
	s := p.start("app.wsgi", "--server-status")
	s.want("/server-status?auto", 200, "Total Accesses")
	s.want("/x/server-status", 200, "PI=/x/server-status NoneType")
	s.want("/server-statusx", 200, "PI=/server-statusx")
	s.stop(syscall.SIGTERM)
	s.clean()
	s = p.start("app.wsgi", "--server-metrics")
	s.want("/", 200, "dict")
	s.stop(syscall.SIGTERM)
	s.clean()
}

func TestInterpreter(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `import os, sys
def application(environ, start_response):
    start_response("200 OK", [])
    return [("%s %s %s" % (sys.getswitchinterval(), sys.warnoptions, os.environ["PYTHON_EGG_CACHE"])).encode()]
`)
	for _, mode := range [][]string{nil, {"--embedded-mode"}} {
		s := p.start(append(mode, "app.wsgi", "--switch-interval", "0.25", "--python-warnings", "ignore::DeprecationWarning", "--python-eggs", "my eggs")...)
		s.want("/", 200, "0.25 ['ignore::DeprecationWarning'] "+p.path("my eggs"))
		s.stop(syscall.SIGTERM)
	}
	if fi, err := os.Stat(p.path("my eggs")); err != nil || fi.Sys().(*syscall.Stat_t).Uid != 65534 && os.Geteuid() == 0 {
		t.Errorf("the folder of eggs: %v %v", fi, err)
	}
}

// A126: the system's Python has its lock.
func TestFreeThreading(t *testing.T) {
	p := newPlace(t)
	out, code := p.run(append([]string{"setup-server", "app.wsgi", "--server-root", "root", "--free-threading"}, p.as...)...)
	if code != 2 || !strings.Contains(out, "--free-threading: the Python at ") {
		t.Errorf("%d %s", code, out)
	}
}
