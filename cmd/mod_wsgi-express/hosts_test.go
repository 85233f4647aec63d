package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certificate writes NAME.crt and NAME.key: of an authority if by is nil, else of
// a server and client that by has signed.
func (p *place) certificate(name string, by *tls.Certificate) *tls.Certificate {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"www.ex.com", "localhost"}, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := plan, any(key)
	if by == nil {
		plan.IsCA, plan.KeyUsage = true, x509.KeyUsageCertSign
	} else {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, parent, &key.PublicKey, signer)
	if err != nil {
		p.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	path := p.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	if err := os.Chmod(path, 0o600); err != nil {
		p.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// client is one that talks to a port of this machine whatever name it asks for,
// and shows a certificate if it has one.
func client(cert *tls.Certificate, http2 bool) *http.Client {
	conf := &tls.Config{InsecureSkipVerify: true}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: http2, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask makes a GET for a host by a client; what cannot be had has status 0.
func (s *server) ask(c *http.Client, url, host string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = host
	res, err := c.Do(req)
	if err != nil {
		return &http.Response{Status: err.Error()}, ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res, string(body)
}

// A074 A075 A076 A087
func TestHosts(t *testing.T) {
	p := newPlace(t)
	c := client(nil, false)
	s := p.start("app.wsgi", "--server-name", "www.ex.com", "--server-alias", "*.ex.org", "--host", "127.0.0.1")
	port := strconv.Itoa(s.port)
	for host, want := range map[string]string{
		"www.ex.com": "200", "a.ex.org": "200", "ex.com": "301 http://www.ex.com:" + port + "/x", "other": "403", "localhost": "403",
	} {
		res, _ := s.ask(c, s.url+"/x", host)
		if got := strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + res.Header.Get("Location")); got != want {
			t.Errorf("Host %s: %s, want %s", host, got, want)
		}
	}
	if !strings.Contains(s.out.String(), "Server URL         : http://www.ex.com:"+port+"/\n") || !fileHas(p.path("root/httpd.conf"), "\nListen 127.0.0.1:"+port+"\n") {
		t.Errorf("listens elsewhere:\n%s", &s.out)
	}
	s.stop(syscall.SIGTERM)
	s = p.start("app.wsgi", "--server-name", "www.ex.com", "--allow-localhost")
	if res, _ := s.ask(c, s.url+"/", "localhost"); res.StatusCode != 200 {
		t.Errorf("allowed: %s", res.Status)
	}
	s.stop(syscall.SIGTERM)
	s = p.start("app.wsgi", "--server-name", "localhost")
	if res, _ := s.ask(c, s.url+"/", "localhost"); res.StatusCode != 200 {
		t.Errorf("by its own name: %s", res.Status)
	}
	s.stop(syscall.SIGTERM)
}

// secure starts a server with HTTPS and returns where that is.
func (p *place) secure(args ...string) (*server, string) {
	port := freePort(p.t)
	s := p.start(append([]string{"app.wsgi", "--https-port", strconv.Itoa(port)}, args...)...)
	return s, fmt.Sprintf("https://127.0.0.1:%d", port)
}

// A079 A085 A086 A104
func TestTLS(t *testing.T) {
	p := newPlace(t)
	ca := p.certificate("ca", nil)
	p.certificate("s", ca)
	p.write("app.wsgi", `def application(environ, start_response):
    start_response("200 OK", [])
    return [("%s %s" % (environ["wsgi.url_scheme"], environ.get("SSL_PROTOCOL"))).encode()]
`)
	s, url := p.secure("--ssl-certificate", "s", "--http2")
	res, body := s.ask(client(nil, true), url+"/", "localhost")
	if body != "https None" || res.Proto != "HTTP/2.0" {
		t.Errorf("%s %s %q", res.Status, res.Proto, body)
	}
	if !strings.Contains(s.out.String(), "Server URL (HTTPS) : https://localhost:") {
		t.Errorf("banner:\n%s", &s.out)
	}
	s.stop(syscall.SIGTERM)

	port := freePort(t)
	s = p.start("app.wsgi", "--ssl-port", strconv.Itoa(port), "--ssl-certificate-file", "s.crt", "--ssl-certificate-key-file", "s.key",
		"--ssl-certificate-chain-file", "ca.crt", "--ssl-environment", "--server-name", "www.ex.com")
	var chain int
	c := client(nil, false)
	c.Transport.(*http.Transport).TLSClientConfig.VerifyConnection = func(cs tls.ConnectionState) error {
		chain = len(cs.PeerCertificates)
		return nil
	}
	res, body = s.ask(c, fmt.Sprintf("https://127.0.0.1:%d/", port), "www.ex.com")
	if !strings.HasPrefix(body, "https TLSv1") || chain != 2 {
		t.Errorf("%s %q, %d certificates", res.Status, body, chain)
	}
	s.stop(syscall.SIGTERM)
}

// A080 A081
func TestHTTPSOnly(t *testing.T) {
	p := newPlace(t)
	p.certificate("s", p.certificate("ca", nil))
	policy := "max-age=31536000; includeSubDomains; 100%"
	s, url := p.secure("--ssl-certificate", "s", "--server-name", "www.ex.com", "--https-only", "--hsts-policy", policy)
	https := "https://www.ex.com" + url[strings.LastIndex(url, ":"):]
	c := client(nil, false)
	for path, want := range map[string]string{"/a?b=c": "/a?b=c", "/a%20b": "/a%20b", "/x%0aSet-Cookie:%20a": ""} {
		res, _ := s.ask(c, s.url+path, "www.ex.com")
		location, _ := strings.CutPrefix(res.Header.Get("Location"), https)
		if res.Header.Get("Set-Cookie") != "" || want != "" && (res.StatusCode != 301 || !strings.EqualFold(location, want)) {
			t.Errorf("%s: %s to %s, want %s", path, res.Status, res.Header.Get("Location"), https+want)
		}
		if res.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: a policy over HTTP", path)
		}
	}
	if res, _ := s.ask(c, s.url+"/", "ex.com"); res.StatusCode != 301 || res.Header.Get("Location") != https+"/" {
		t.Errorf("without www.: %s to %s", res.Status, res.Header.Get("Location"))
	}
	for path, want := range map[string]int{"/": 200, "/x%2Fy": 404} {
		if res, _ := s.ask(c, url+path, "www.ex.com"); res.StatusCode != want || res.Header.Get("Strict-Transport-Security") != policy {
			t.Errorf("https %s: %s %v", path, res.Status, res.Header)
		}
	}
	if res, _ := s.ask(c, url+"/", "other"); res.StatusCode != 403 {
		t.Errorf("another name over HTTPS: %s", res.Status)
	}
	s.stop(syscall.SIGTERM)
}

// A083 A084
func TestClientCertificates(t *testing.T) {
	p := newPlace(t)
	ca := p.certificate("ca", nil)
	p.certificate("s", ca)
	mine := p.certificate("mine", ca)
	p.certificate("other", p.certificate("otherca", nil))
	s, url := p.secure("--ssl-certificate", "s", "--ssl-ca-certificate-file", "ca.crt")
	if res, _ := s.ask(client(nil, false), url+"/", "localhost"); res.StatusCode != 0 {
		t.Errorf("without a certificate: %s", res.Status)
	}
	if res, _ := s.ask(client(mine, false), url+"/", "localhost"); res.StatusCode != 200 {
		t.Errorf("with one: %s", res.Status)
	}
	if !strings.Contains(s.err.String(), "the site is open over HTTP") {
		t.Errorf("no warning in %s", &s.err)
	}
	s.stop(syscall.SIGTERM)
	s, url = p.secure("--ssl-certificate", "s", "--ssl-ca-certificate-file", "ca.crt", "--ssl-verify-client", "/secure")
	for path, open := range map[string]bool{"/": true, "/secure/x": false, "/securex": true, "//secure/x": false, "/%73ecure/x": false} {
		if res, _ := s.ask(client(nil, false), url+path, "localhost"); (res.StatusCode == 200) != open {
			t.Errorf("%s without a certificate: %s", path, res.Status)
		}
	}
	s.stop(syscall.SIGTERM)
}

// What is wrong with a certificate is said before anything is written.
func TestCertificatesMissing(t *testing.T) {
	p := newPlace(t)
	out, code := p.run(append([]string{"setup-server", "app.wsgi", "--server-root", "root", "--https-port", "8443", "--ssl-certificate", "none"}, p.as...)...)
	if _, err := os.Stat(p.path("root")); code != 2 || err == nil || !strings.Contains(out, `none.crt": there is no such file`) {
		t.Errorf("%d %v %s", code, err, out)
	}
}
