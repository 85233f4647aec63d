package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deadline is for everything that is waited for: long, since nothing but a
// failure ever reaches it.
const deadline = 3 * time.Minute

// echo is an application that tells what it was given.
const echo = `import os
def application(environ, start_response):
    body = "SN=%s PI=%s pg=%s MULTI=%s A=%s cwd=%s" % (
        environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["mod_wsgi.process_group"],
        environ["wsgi.multiprocess"], environ.get("A"), os.getcwd())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("latin-1")]
`

// place is a folder with an awkward name that the user of the application can
// reach, with a module built for the Apache and Python of this machine.
type place struct {
	t   *testing.T
	dir string
	env []string
	as  []string // options that root needs
}

var builtOnce struct {
	sync.Mutex
	cache string
	err   error
}

// newPlace skips the test where there is no Apache to run.
func newPlace(t *testing.T) *place {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers: not with -short")
	}
	if !lookAny("apxs", "apxs2") {
		t.Skip("there is no Apache here to run")
	}
	top := t.TempDir()
	p := &place{t: t, dir: filepath.Join(top, `it's "here"`)}
	for _, dir := range []string{filepath.Dir(top), top, p.dir} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	p.env = append(os.Environ(), "XDG_CACHE_HOME="+sharedCache(t), "MODWSGI_STATE="+filepath.Join(top, "state"), "TMPDIR="+top, "LC_ALL=C")
	if os.Geteuid() == 0 {
		p.as = []string{"--user", "#65534", "--group", "#65534"}
		if python := "/usr/bin/python3"; lookAny(python) { // root's own may be in its closed home
			p.as = append(p.as, "--python-executable", python)
		}
	}
	if module := os.Getenv("MODWSGI_TEST_MODULE"); module != "" { // how does another one do?
		p.as = append(p.as, "--module-file", module)
	}
	p.write("app.wsgi", echo)
	return p
}

// sharedCache is where the module is built for all tests of this run.
func sharedCache(t *testing.T) string {
	t.Helper()
	builtOnce.Lock()
	defer builtOnce.Unlock()
	if builtOnce.cache == "" {
		dir, err := os.MkdirTemp("", "modwsgi-live-")
		if err == nil {
			err = os.Chmod(dir, 0o755)
		}
		builtOnce.cache, builtOnce.err = dir, err
	}
	if builtOnce.err != nil {
		t.Fatal(builtOnce.err)
	}
	return builtOnce.cache
}

// dropCache removes what sharedCache made; TestMain calls it.
func dropCache() {
	if builtOnce.cache != "" {
		os.RemoveAll(builtOnce.cache)
	}
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) string {
	p.t.Helper()
	path := p.path(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// command is one of the tool, in the place.
func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command("mod_wsgi-express", args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// server is a running start-server.
type server struct {
	*place
	cmd      *exec.Cmd
	port     int
	url      string
	out, err bytes.Buffer
	ended    chan struct{}
}

// start runs start-server and waits until it listens.
func (p *place) start(args ...string) *server {
	p.t.Helper()
	s := &server{place: p, port: freePort(p.t)}
	s.cmd = p.command(p.arguments(s.port, args)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
	s.launch()
	return s
}

func (p *place) arguments(port int, args []string) []string {
	all := append([]string{"start-server", "--server-root", "root", "--port", strconv.Itoa(port)}, p.as...)
	return append(all, args...)
}

// launch starts the command and waits until it listens.
func (s *server) launch() {
	s.t.Helper()
	s.url = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	s.await()
}

// await starts the command and waits until there is somebody at its URL.
func (s *server) await() {
	s.t.Helper()
	s.ended = make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // its status is read from ProcessState
		close(s.ended)
	}()
	s.t.Cleanup(func() {
		if !s.hasEnded() {
			s.cmd.Process.Signal(syscall.SIGTERM)
			s.wait()
		}
		if s.t.Failed() {
			s.t.Logf("stdout:\n%s\nstderr:\n%s\nlog:\n%s", &s.out, &s.err, s.log())
		}
	})
	s.until("the server listens", func() bool {
		if s.hasEnded() {
			s.t.Fatal("it ended instead")
		}
		c, err := net.Dial("tcp", s.url[len("http://"):])
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (s *server) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// wait returns the exit status.
func (s *server) wait() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(deadline):
		s.cmd.Process.Kill()
		s.t.Error("the server does not end")
		<-s.ended
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop ends the server by a signal; that must be a good end.
func (s *server) stop(sig syscall.Signal) {
	s.t.Helper()
	s.cmd.Process.Signal(sig)
	if code := s.wait(); code != 0 {
		s.t.Errorf("ended by %v with status %d, want 0", sig, code)
	}
}

func (s *server) log() string {
	text, _ := os.ReadFile(s.path("root/error_log"))
	return string(text)
}

// httpdsOwn are lines that have nothing to do with what is tested.
var httpdsOwn = regexp.MustCompile(`AH0028[78]: |AH0309[23]: process_(lingering_close|socket): apr_pollset_add failure`)

// clean fails the test if the log holds a warning or worse.
func (s *server) clean() {
	s.t.Helper()
	bad := regexp.MustCompile(`\[[a-z_]+:(warn|error|crit|alert|emerg)\]|Traceback|WSGIM`)
	for line := range strings.Lines(s.log() + s.err.String()) {
		// In embedded mode every worker is spare until it serves, as the original
		// has it; the worker MPM says so in every start (AH00287, or AH00288 while
		// the child is still making its threads). The event MPM closes the sockets of
		// its workers when it is stopped, which a worker that has just answered tells.
		if bad.MatchString(line) && !httpdsOwn.MatchString(line) {
			s.t.Errorf("in the log: %s", line)
		}
	}
}

// until waits for a state.
func (p *place) until(what string, reached func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !reached() {
		select {
		case <-ctx.Done():
			p.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// send makes a request with headers, by no client that would follow a redirect.
func (s *server) send(method, path string, header ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(""))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(body)
}

// get makes a request and returns status, Location and body.
func (s *server) get(method, path string) (int, string, string) {
	s.t.Helper()
	res, body := s.send(method, path)
	return res.StatusCode, strings.TrimPrefix(res.Header.Get("Location"), s.url), body
}

// want makes a GET that must give a status and a body with text in it.
func (s *server) want(path string, status int, text string) {
	s.t.Helper()
	got, location, body := s.get("GET", path)
	if got != status || !strings.Contains(location+"\n"+body, text) {
		s.t.Errorf("GET %s: %d %s %.300s, want %d %s", path, got, location, body, status, text)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
