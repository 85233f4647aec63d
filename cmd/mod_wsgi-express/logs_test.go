package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A109 A024
func TestAccessLog(t *testing.T) {
	p := newPlace(t)
	s := p.start("app.wsgi", "--access-log", "--access-log-format", `%h "%r"\t%>s`)
	s.want("/x", 200, "")
	s.stop(syscall.SIGTERM)
	if !fileHas(p.path("root/access_log"), "127.0.0.1 \"GET /x HTTP/1.1\"\t200\n") {
		t.Error("no such line")
	}
	s.clean()
}

// A110: each stream keeps its side, also where it is a pipe that cannot be opened.
func TestAccessLogToTerminal(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", "import sys\ndef application(e, s):\n    e['wsgi.errors'].write('to the log\\n')\n    s('200 OK', [])\n    return []\n")
	s := p.start("app.wsgi", "--log-to-terminal", "--access-log", "--rotate-logs")
	s.want("/x", 200, "")
	s.stop(syscall.SIGTERM)
	if !strings.Contains(s.out.String(), `"GET /x HTTP/1.1" 200`) || strings.Contains(s.err.String(), "GET /x") || !strings.Contains(s.err.String(), "to the log") {
		t.Error("on the wrong side")
	}
	if logs, _ := filepath.Glob(p.path("root/*_log*")); len(logs) > 0 {
		t.Errorf("there are files too: %q", logs)
	}
}

// A112: files are cut, in a folder with an awkward name.
func TestRotateLogs(t *testing.T) {
	if !lookAny("rotatelogs") {
		t.Skip("there is no rotatelogs here")
	}
	p := newPlace(t)
	dir := p.path(`log 100% "q" \`)
	s := p.start("app.wsgi", "--rotate-logs", "--max-log-size", "7", "--log-directory", dir, "--access-log", "--rotatelogs-executable", "rotatelogs")
	s.want("/x", 200, "")
	p.until("the log was written", func() bool {
		files, err := filepath.Glob(strings.NewReplacer(`\`, `\\`).Replace(dir) + "/access_log.*")
		return err == nil && len(files) == 1 && fileHas(files[0], "GET /x")
	})
	s.stop(syscall.SIGTERM)
	if !fileHas(p.path("root/httpd.conf"), ` \"7M\""`) {
		t.Error("not at 7 MB")
	}
}

// What names can be given to: processes, files, programs.
func TestNames(t *testing.T) {
	p := newPlace(t)
	if err := os.MkdirAll(p.path("mods"), 0o755); err != nil {
		t.Fatal(err)
	}
	httpd, bash := which("apache2", "/usr/sbin/apache2", "httpd"), which("bash")
	if httpd == "" || bash == "" {
		t.Skip("no httpd or no bash here")
	}
	env := p.env
	p.env = append(p.env, "HTTPD=/nonexistent/httpd") // the option has precedence
	s := p.start("app.wsgi", "--pid-file", "my.pid", "--log-directory", "logs", "--error-log-name", "errors", "--error-log-format", "mine %M",
		"--log-level", "info", "--startup-log", "--startup-log-name", "begin", "--httpd-executable", httpd, "--shell-executable", bash,
		"--process-name", "it's mine")
	s.want("/", 200, "")
	pid, err := os.ReadFile(p.path("my.pid"))
	if err != nil || strings.TrimSpace(string(pid)) != strconv.Itoa(s.cmd.Process.Pid) {
		t.Errorf("the pid file: %s %v", pid, err)
	}
	if !fileHas(fmt.Sprintf("/proc/%s/cmdline", strings.TrimSpace(string(pid))), "it's mine\x00-f") {
		t.Error("its name is another one")
	}
	p.env = env
	out, code := p.run(p.arguments(s.port, []string{"app.wsgi", "--pid-file", "my.pid"})...)
	if code != 1 || !strings.Contains(out, "already") {
		t.Errorf("a second one: %d %s", code, out)
	}
	s.stop(syscall.SIGTERM)
	if !fileHas(p.path("logs/errors"), "mine ") || !fileHas(p.path("root/apachectl"), "-E '"+strings.ReplaceAll(p.path("logs/begin"), "'", `'\''`)+"'") {
		t.Error("the logs are not where they should be")
	}
	for _, words := range [][]string{{"--modules-directory", "mods"}, {"--httpd-executable", "none"}, {"--shell-executable", "/none"}, {"--rotate-logs", "--rotatelogs-executable", "none"}} {
		out, code = p.run(append([]string{"setup-server", "--server-root", "new", "app.wsgi"}, append(words, p.as...)...)...)
		if _, err := os.Stat(p.path("new")); code != 2 || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %d %v %s", words, code, err, out)
		}
	}
}

// Each log has its folder, wherever its name leads; so has the pid file.
func TestFoldersOfLogs(t *testing.T) {
	p := newPlace(t)
	p.write("s.py", "import sys, time\nsys.stderr.write('tick\\n')\nsys.stderr.flush()\ntime.sleep(1000)\n")
	s := p.start("app.wsgi", "--log-directory", "logs", "--error-log-name", "e/log", "--access-log", "--access-log-name", "a/b/log",
		"--startup-log", "--startup-log-name", p.path("startup/log"), "--service-script", "tick", "s.py", "--service-log-file", "tick", "s/log",
		"--pid-file", p.path("run/here/pid"))
	s.want("/x", 200, "")
	if _, err := os.Stat(p.path("run/here/pid")); err != nil {
		t.Error(err)
	}
	p.until("the service runs", func() bool { return fileHas(p.path("logs/s/log"), "tick") })
	s.stop(syscall.SIGTERM)
	for path, want := range map[string]string{"logs/e/log": "resuming normal operations", "logs/a/b/log": "GET /x", "startup/log": ""} {
		if text, err := os.ReadFile(p.path(path)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, or without %q", path, err, want)
		}
	}
}

func which(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// A121
func TestServices(t *testing.T) {
	p := newPlace(t)
	p.write("s.py", `import os, sys, time
sys.stderr.write("tick of %s in %s\n" % (__name__, os.getcwd()))
sys.stderr.flush()
time.sleep(1000)
`)
	s := p.start("app.wsgi", "--server-name", "x.y", "--service-script", "tick", "s.py", "--service-log-file", "tick", "tick_log")
	p.until("the service runs", func() bool { return fileHas(p.path("root/tick_log"), "tick of _mod_wsgi_") })
	titled := regexp.MustCompile(`\(wsgi:service:tick\)`)
	found := false
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		text, _ := os.ReadFile(line)
		found = found || titled.Match(text)
	}
	if !found {
		t.Error("no process (wsgi:service:tick)")
	}
	if res, _ := s.ask(client(nil, false), s.url+"/", "localhost"); res.StatusCode != 403 {
		t.Errorf("Host localhost: %s", res.Status)
	}
	if res, _ := s.ask(client(nil, false), s.url+"/", "_wsgi_service_tick_"); res.StatusCode != 403 {
		t.Errorf("the host of the log: %s", res.Status)
	}
	s.stop(syscall.SIGTERM)
}
