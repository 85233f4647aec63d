package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The health page is the server's own, below it the application is not asked.
func TestHealth(t *testing.T) {
	p := newPlace(t)
	s := p.start("app.wsgi", "--health-path", "/healthz", "--threads", "3")
	s.until("the group is ready, and all of its threads", func() bool {
		status, _, body := s.get("GET", "/healthz")
		return status == 200 && strings.Contains(body, ": ok, 0 of 3 threads busy, 1 processes ready")
	})
	s.want("/healthzz", 200, "SN=")
	s.stop(syscall.SIGTERM)
	s.clean()

	s = p.start("app.wsgi", "--health-path", "/healthz", "--proxy-mount-point", "/", behind(t)) // it is ours all the same
	s.until("the group is ready", func() bool {
		status, _, body := s.get("GET", "/healthz")
		return status == 200 && strings.Contains(body, ": ok, 0 of 5 threads busy, 1 processes ready")
	})
	s.want("/healthzz", 200, "behind /healthzz")
	s.stop(syscall.SIGTERM)

	out, code := p.run(append(p.arguments(s.port, nil), "--health-path", "/", "app.wsgi")...)
	if code != 2 || !strings.Contains(out, "--health-path /: must be a path of its own") {
		t.Errorf("the whole site: %d %s", code, out)
	}
}

// A load balancer knows the address alone. It gets the page by it, over HTTPS too,
// and nothing else; nobody is sent elsewhere for it.
func TestHealthByAddress(t *testing.T) {
	p := newPlace(t)
	p.certificate("s", nil)
	c := client(nil, false)
	s, url := p.secure("--ssl-certificate", "s", "--server-name", "www.ex.com", "--https-only", "--health-path", "/healthz")
	s.until("the group is ready", func() bool { res, _ := s.ask(c, s.url+"/healthz", "127.0.0.1"); return res.StatusCode == 200 })
	plain := s.url
	for _, w := range []struct {
		url, host, path string
		status          int
	}{
		{plain, "127.0.0.1", "/", 403}, {plain, "other", "/healthzz", 403}, {plain, "other", "/healthz", 200},
		{url, "127.0.0.1", "/healthz", 200}, {url, "127.0.0.1", "/", 403},
		{plain, "www.ex.com", "/healthz", 200}, {plain, "www.ex.com", "/x", 301}, {plain, "www.ex.com", "/healthzz", 301}, {url, "www.ex.com", "/x", 200},
	} {
		if res, body := s.ask(c, w.url+w.path, w.host); res.StatusCode != w.status || (w.path == "/healthz") != strings.Contains(body, ": ok, ") {
			t.Errorf("%s%s of %s: %s %s, want %d", w.url, w.path, w.host, res.Status, body, w.status)
		}
	}
	s.stop(syscall.SIGTERM)
}

// The unit is one to systemd, and its command line is split as it is meant:
// systemd-analyze says what it takes for the program.
func TestSystemd(t *testing.T) {
	p := newPlace(t)
	args := p.arguments(freePort(t), []string{"app.wsgi", "--systemd"})
	args[0] = "setup-server"
	if out, code := p.run(args...); code != 0 {
		t.Fatalf("setup-server: %d %s", code, out)
	}
	text, err := os.ReadFile(p.path("root/mod_wsgi.service"))
	if err != nil {
		t.Fatal(err)
	}
	control := `"` + strings.ReplaceAll(p.path("root/apachectl"), `"`, `\"`) + `"`
	for _, want := range []string{" " + control + " start -DFOREGROUND\n", " " + control + " graceful\n", "\nKillSignal=SIGWINCH\nKillMode=mixed\nTimeoutStopSec=20\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the unit lacks %q:\n%s", want, text)
		}
	}
	if has := strings.Contains(string(text), "\nUser="); has == (os.Geteuid() == 0) {
		t.Errorf("who runs it:\n%s", text)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here to verify it")
	}
	if out, err := exec.Command(analyze, "verify", p.path("root/mod_wsgi.service")).CombinedOutput(); err != nil || strings.Contains(string(out), "mod_wsgi.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
