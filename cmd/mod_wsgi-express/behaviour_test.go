package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A123
func TestNamedGroups(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `def application(environ, start_response):
    start_response("200 OK", [])
    return [("%s %s" % (environ["mod_wsgi.process_group"], environ["mod_wsgi.application_group"])).encode()]
`)
	s := p.start("app.wsgi", "--process-group", "myapp", "--application-group", "grp")
	s.want("/", 200, "myapp grp")
	s.stop(syscall.SIGTERM)
	s.clean()
	s = p.start("app.wsgi", "--application-group", "%{ENV:G}", "--setenv", "G", "by-request")
	s.want("/", 200, "by-request")
	s.stop(syscall.SIGTERM)
}

func TestHeadIsGet(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `def application(environ, start_response):
    start_response("200 OK", [("X-Method", environ["REQUEST_METHOD"])])
    return [b"x"]
`)
	for when, want := range map[string]string{"off": "HEAD", "On": "GET"} {
		s := p.start("app.wsgi", "--map-head-to-get", when)
		res, err := http.Head(s.url + "/")
		if err != nil || res.Header.Get("X-Method") != want {
			t.Errorf("%s: %v %v", when, res, err)
		}
		s.stop(syscall.SIGTERM)
	}
}

func TestChunkedRequest(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `def application(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]
`)
	s := p.start("app.wsgi", "--chunked-request")
	res, err := http.Post(s.url+"/", "text/plain", io.MultiReader(strings.NewReader("in "), strings.NewReader("chunks")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "in chunks" {
		t.Errorf("%s %q", res.Status, body)
	}
	s.stop(syscall.SIGTERM)
	s.clean()
}

// A045 A048
func TestLimits(t *testing.T) {
	p := newPlace(t)
	s := p.start("app.wsgi", "--limit-request-body", "10", "--keep-alive-timeout", "0", "--processes", "1")
	s.want("/", 200, "MULTI=True")
	res, err := http.Post(s.url+"/", "text/plain", strings.NewReader("01234567890"))
	if err != nil || res.StatusCode != 413 {
		t.Fatalf("%v %v", res, err)
	}
	res.Body.Close()
	res, err = http.Get(s.url + "/")
	if err != nil || !res.Close {
		t.Errorf("the connection is kept: %v %v", res, err)
	}
	s.stop(syscall.SIGTERM)
}

// A049: Apache's children are replaced, by the connections that they have had.
func TestEmbeddedRecycling(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `import os
def application(environ, start_response):
    start_response("200 OK", [("Connection", "close")])
    return [str(os.getpid()).encode()]
`)
	s := p.start("app.wsgi", "--embedded-mode", "--processes", "1", "--threads", "1", "--maximum-requests", "3")
	pids := map[string]bool{}
	c := client(nil, false)
	p.until("another child answers", func() bool {
		_, body := s.ask(c, s.url+"/", "")
		pids[body] = true
		return len(pids) > 1
	})
	s.stop(syscall.SIGTERM)
}

// A050: deep recursion in a child is Python's error, not the end of the child.
func TestEmbeddedRecursion(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `def application(environ, start_response):
    x = []
    for _ in range(900):
        x = [x]
    try:
        text = repr(x)
    except RecursionError:
        text = "too deep"
    start_response("200 OK", [])
    return [text[:10].encode()]
`)
	s := p.start("app.wsgi", "--embedded-mode")
	s.want("/", 200, "")
	s.stop(syscall.SIGTERM)
	if strings.Contains(s.log(), "exit signal") {
		t.Error("a child crashed")
	}
}

// A114: with --disable-reloading the old code answers on.
func TestReloading(t *testing.T) {
	p := newPlace(t)
	s := p.start("app.wsgi", "--disable-reloading")
	s.want("/", 200, "SN=")
	p.write("app.wsgi", strings.Replace(echo, "SN=", "NEW=", 1))
	future := syscall.NsecToTimespec(1 << 60)
	if err := syscall.UtimesNano(p.path("app.wsgi"), []syscall.Timespec{future, future}); err != nil {
		t.Fatal(err)
	}
	s.want("/", 200, "SN=")
	s.stop(syscall.SIGTERM)
}

// A088
func TestIPv6(t *testing.T) {
	p := newPlace(t)
	if out, err := os.ReadFile("/proc/sys/net/ipv6/conf/lo/disable_ipv6"); err != nil || strings.TrimSpace(string(out)) != "0" {
		t.Skip("there is no IPv6 here")
	}
	port := freePort(t)
	s := &server{place: p, port: port}
	s.cmd = p.command(p.arguments(port, []string{"app.wsgi", "--host", "::1"})...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
	s.url = fmt.Sprintf("http://[::1]:%d", port)
	s.await()
	s.want("/", 200, "pg=::1:"+strconv.Itoa(port))
	if !strings.Contains(s.out.String(), "Server URL         : "+s.url+"/\n") || !fileHas(p.path("root/httpd.conf"), fmt.Sprintf("\nListen [::1]:%d\n", port)) {
		t.Errorf("listens elsewhere:\n%s", &s.out)
	}
	s.stop(syscall.SIGTERM)
	s.clean()
}
