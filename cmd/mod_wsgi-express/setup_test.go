package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A004: help has every option of this release's own names.
func TestHelpIsWhole(t *testing.T) {
	out, err := exec.Command("mod_wsgi-express", "start-server", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range serverGrammar().names() {
		if !strings.Contains(string(out), "--"+name) {
			t.Errorf("no --%s", name)
		}
	}
	if strings.Contains(string(out), "--ssl-port") || strings.Contains(string(out), "--lang") {
		t.Error("an older name is there")
	}
}

// A024 A135 A136 A137: what setup-server makes, with which modes, under any umask.
func TestSetup(t *testing.T) {
	p := newPlace(t)
	p.write("root/envvars", "export MINE=1\n")
	p.write("root/rewrite.conf", "# mine\n")
	for _, umask := range []int{0o077, 0} {
		old := syscall.Umask(umask)
		out, code := p.run(append([]string{"setup-server", "app.wsgi", "--server-root", "root", "--locale", "de_DE.UTF-8", "--lang", "C.UTF-8", "--isatty"}, p.as...)...)
		syscall.Umask(old)
		if code != 0 || !strings.Contains(out, "Locale Setting     : de_DE.UTF-8\n") {
			t.Fatalf("%d %s", code, out)
		}
		private, shared := os.FileMode(0o600), os.FileMode(0o600)
		if os.Geteuid() == 0 {
			shared = 0o644
		}
		for name, want := range map[string]os.FileMode{"httpd.conf": private, "handler.wsgi": shared, "express.json": private, "apachectl": 0o700 | shared&0o044 | shared&0o044>>2} {
			if fi, err := os.Stat(p.path("root/" + name)); err != nil || fi.Mode().Perm() != want {
				t.Errorf("umask %03o: %s: %v %v, want %v", umask, name, fi.Mode(), err, want)
			}
		}
		for _, name := range []string{"htdocs", "python-eggs", "runtime"} {
			if fi, err := os.Stat(p.path("root/" + name)); err != nil || !fi.IsDir() {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if !fileHas(p.path("root/envvars"), "MINE=1") || !fileHas(p.path("root/rewrite.conf"), "# mine") {
		t.Error("what was the user's is gone")
	}
	p.write("vars", "export A=1\n")
	if out, code := p.run(append([]string{"setup-server", "app.wsgi", "--server-root", "root", "--envvars-script", "vars"}, p.as...)...); code != 0 || !fileHas(p.path("root/envvars"), ". '") {
		t.Errorf("%d %s", code, out)
	}
}

// A107 A116 A117
func TestApplications(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "A=from here")
	p.write("app.py", strings.Replace(echo, "def application", "def app", 1))
	s := p.start("app.py", "--callable-object", "app", "--passenv", "A")
	s.want("/", 200, "A=from here")
	s.stop(syscall.SIGTERM)
	s.clean()
	s = p.start("missing.wsgi")
	s.want("/", 500, "")
	s.want("/", 500, "")
	s.stop(syscall.SIGTERM)
	if !strings.Contains(s.log(), "missing.wsgi") || !strings.Contains(s.err.String(), "--entry-point") {
		t.Error("nobody is told which file is missing")
	}
}

// A119: what was sent comes back at the end.
func TestEnvironPage(t *testing.T) {
	p := newPlace(t)
	s := p.start("--application-type", "module", "mod_wsgi.diagnostics.environ")
	res, err := http.Post(s.url+"/", "text/plain", strings.NewReader("what was sent"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); !strings.HasSuffix(strings.TrimSpace(string(body)), "what was sent") || !strings.Contains(string(body), "MOD_WSGI_EXPRESS: 'true'") {
		t.Errorf("%s %s", res.Status, body)
	}
	s.stop(syscall.SIGTERM)
}

// A054
func TestIndex(t *testing.T) {
	p := newPlace(t)
	p.write("d/index.html", "the index")
	s := p.start("app.wsgi", "--document-root", "d")
	s.want("/", 200, "the index")
	s.stop(syscall.SIGTERM)
}

// A115: a change of what the application imported is seen without a request.
func TestMonitor(t *testing.T) {
	p := newPlace(t)
	p.write("m.py", "import helper\ndef application(e, s):\n    s('200 OK', [])\n    return [helper.TEXT]\n")
	p.write("helper.py", "TEXT = b'old'\n")
	s := p.start("--application-type", "module", "m", "--reload-on-changes")
	s.want("/", 200, "old")
	p.write("helper.py", "TEXT = b'new code'\n")
	p.until("the new code answers", func() bool {
		_, _, body := s.get("GET", "/")
		return body == "new code"
	})
	s.stop(syscall.SIGTERM)
	if n := strings.Count(s.log(), "monitor (pid="); n < 2 {
		t.Errorf("%d lines of the monitor", n)
	}
}

// A023: a module is replaced under a server that has it.
func TestInstallUnderServer(t *testing.T) {
	if os.Getenv("MODWSGI_TEST_MODULE") != "" {
		t.Skip("another module is being tried")
	}
	p := newPlace(t)
	for i, word := range p.as {
		if word == "--python-executable" {
			p.env = append(p.env, "MODWSGI_PYTHON="+p.as[i+1])
		}
	}
	if out, code := p.run(append([]string{"setup-server", "--server-root", "other", "app.wsgi"}, p.as...)...); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	if err := os.Mkdir(p.path("mods"), 0o755); err != nil {
		t.Fatal(err)
	}
	install := func() {
		t.Helper()
		if out, code := p.run("install-module", "--modules-directory", "mods"); code != 0 {
			t.Fatalf("%d %s", code, out)
		}
	}
	install()
	s := p.start("app.wsgi", "--module-file", "mods/mod_wsgi.so")
	s.want("/", 200, "SN=")
	if err := os.Chtimes(p.path("mods/mod_wsgi.so"), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	install()
	s.want("/", 200, "SN=")
	s.stop(syscall.SIGTERM)
	s.clean()
}

// A129: a port that somebody has, found by httpd itself or before.
func TestPortTaken(t *testing.T) {
	p := newPlace(t)
	s := p.start("app.wsgi")
	args := []string{"start-server", "app.wsgi", "--server-root", "other", "--port", strconv.Itoa(s.port)}
	if out, code := p.run(append(args, p.as...)...); code != 1 || !strings.Contains(out, "in use") {
		t.Errorf("a pipe: %d %s", code, out)
	}
	_, program := terminal(t)
	cmd := p.command(append(args, p.as...)...)
	cmd.Stdout = program
	_ = cmd.Run() // its status is the point
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("a terminal: %d", code)
	}
	s.stop(syscall.SIGTERM)
}

// A133: as root, on a port of root's, as somebody else.
func TestRunAsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs an application as another user")
	}
	p := newPlace(t)
	p.write("app.wsgi", `import os
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%d %d" % (os.getuid(), os.getgid())]
`)
	s := p.start("app.wsgi")
	s.want("/", 200, "65534 65534")
	children := 0
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		if fileHas(line, p.path("root/httpd.conf")) && fileHas(filepath.Dir(line)+"/status", "\nUid:\t65534\t65534\t65534\t65534\n") {
			children++
		}
	}
	if children == 0 {
		t.Error("no child of Apache runs as the user")
	}
	if fi, err := os.Stat(p.path("root/python-eggs")); err != nil || fi.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("the folder of eggs: %v %v", fi, err)
	}
	s.stop(syscall.SIGTERM)
	for port := 900; port < 1000; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		l.Close()
		s = &server{place: p, port: port}
		s.cmd = p.command(p.arguments(port, []string{"app.wsgi"})...)
		s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
		s.launch()
		s.want("/", 200, "65534 65534")
		s.stop(syscall.SIGTERM)
		break
	}
}

// A139: with a module of before 6.0 options that it does not know are refused, and
// all the others work.
func TestOlderModule(t *testing.T) {
	module := "/usr/lib/apache2/modules/mod_wsgi.so"
	if text, err := os.ReadFile(module); err != nil || strings.Contains(string(text), "WSGITelemetryService") {
		t.Skipf("no module of an older release is installed here: %v", err)
	}
	p := newPlace(t)
	args := []string{"setup-server", "app.wsgi", "--server-root", "root"}
	args = append(append(args, p.as...), "--module-file", module)
	if out, code := p.run(args...); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	if out, err := exec.Command(p.path("root/apachectl"), "configtest").CombinedOutput(); err != nil {
		t.Errorf("%v %s", err, out)
	}
	for _, words := range [][]string{{"--switch-interval", "0.01"}, {"--interrupt-timeout", "3"}, {"--response-flush-delay", "9"}, {"--telemetry-service", "unix:/t"}} {
		if out, code := p.run(append(args, words...)...); code != 2 || !strings.Contains(out, words[0]) {
			t.Errorf("%q: %d %s", words, code, out)
		}
	}
}
