package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// One process, with the application in it.
func TestDebugMode(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `import os, sys
def application(environ, start_response):
    start_response("200 OK", [])
    return [("%d %s %s" % (os.getpid(), environ["wsgi.multithread"], os.environ["MOD_WSGI_DEBUG_MODE"])).encode()]
`)
	s := p.start("app.wsgi", "--debug-mode", "--processes", "3", "--request-timeout", "9", "--host", "127.0.0.1")
	s.want("/", 200, strconv.Itoa(s.cmd.Process.Pid)+" False true")
	if !strings.Contains(s.out.String(), "Operating Mode     : debug\nRequest Capacity   : 1 (1 process * 1 threads)\n") || strings.Contains(s.out.String(), "Timeout") {
		t.Errorf("banner:\n%s", &s.out)
	}
	if !strings.Contains(s.err.String(), "--processes, --request-timeout: without effect in debug mode") {
		t.Errorf("no warning:\n%s", &s.err)
	}
	s.stop(syscall.SIGTERM)
}

// A127
func TestDebugTools(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", "def application(e, s):\n    data = e['wsgi.input'].read()\n    s('200 OK', [])\n    return [data]\n")
	s := p.start("app.wsgi", "--enable-recorder", "--enable-profiler", "--host", "127.0.0.1")
	res, err := http.Post(s.url+"/", "text/plain", strings.NewReader("the body"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.stop(syscall.SIGTERM)
	records, _ := filepath.Glob(p.path("root/archive/*"))
	stats, _ := filepath.Glob(p.path("root/pstats/*.pstats"))
	if len(records) != 7 || len(stats) != 1 {
		t.Errorf("%d records, %d profiles: %q", len(records), len(stats), records)
	}
	content, _ := filepath.Glob(p.path("root/archive/*.icontent"))
	if len(content) != 1 || !fileHas(content[0], "the body") {
		t.Errorf("the body is not recorded: %q", content)
	}
	if fi, err := os.Stat(p.path("root/archive")); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("others may look: %v %v", fi, err)
	}
}

// gdb gets httpd's whole command line, each word in quotes.
func TestGDB(t *testing.T) {
	p := newPlace(t)
	gdb := p.write("gdb", "#!/bin/sh\necho \"gdb $*\"\ncat \"$2\"\n")
	if err := os.Chmod(gdb, 0o755); err != nil {
		t.Fatal(err)
	}
	out, code := p.run(append([]string{"setup-server", "--server-root", "root", "app.wsgi", "--enable-gdb", "--gdb-executable", gdb}, p.as...)...)
	if code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	text, err := exec.Command(p.path("root/apachectl"), "start", "-DFOREGROUND", "-Dit's").CombinedOutput()
	root := strings.ReplaceAll(p.path("root"), "'", `'\''`)
	for _, want := range []string{"gdb -x " + p.path("root/gdb.cmds"), "run '-f' '" + root + "/httpd.conf' ", ` '-DONE_PROCESS' `, ` '-k' 'start' '-DFOREGROUND' '-Dit'\''s'`} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: no %s in\n%s", err, want, text)
		}
	}
}
