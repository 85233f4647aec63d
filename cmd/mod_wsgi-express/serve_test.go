package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"modwsgi/internal/run"
)

// A051 A052 A053 A064 A105 A108 A114 A130
func TestScriptServer(t *testing.T) {
	p := newPlace(t)
	doc := p.path("doc root")
	p.write("doc root/a.txt", "static a")
	p.write("doc root/sub/x.txt", "x")
	p.write("doc root/st/f", "in st")
	p.write("doc root/.htaccess", "")
	p.write("more/g", "in more")
	s := p.start("app.wsgi", "--document-root", doc, "--setenv", "A", `it's "q" \ back $${PATH}`,
		"--url-alias", "/s/", doc+"/st/", "--url-alias", "/s/more", "more", "--url-alias", "/f.ico", doc+"/a.txt")
	s.want("/", 200, "SN= PI=/ pg=localhost:"+strconv.Itoa(s.port)+" MULTI=False A=it's \"q\" \\ back ${PATH} cwd="+p.dir)
	s.want("/x/y", 200, "SN= PI=/x/y ")
	s.want("/a.txt", 200, "static a")
	s.want("/a.txt/e", 404, "")
	s.want("/sub", 301, "/sub/")
	s.want("/sub/", 200, "SN= PI=/sub/ ")
	s.want("/s/f", 200, "in st")
	s.want("/s/none", 404, "")
	s.want("/s/more/g", 200, "in more")
	s.want("/f.ico", 200, "static a")
	s.want("/.htaccess", 403, "")
	s.want("/x%2Fy", 404, "")
	if status, _, body := s.get("POST", "/a.txt"); status != 200 || body != "static a" {
		t.Errorf("POST to a file: %d %s", status, body)
	}

	// A second server on the same root, then on the same port: neither touches
	// the first.
	before, _ := os.ReadFile(p.path("root/httpd.conf"))
	out, code := p.run(p.arguments(s.port, []string{"app.wsgi"})...)
	if code != 1 || !strings.Contains(out, "a server runs from "+p.path("root")+" already (pid ") {
		t.Errorf("the same root: %d %s", code, out)
	}
	out, code = p.run(append(p.arguments(s.port, []string{"app.wsgi"}), "--server-root", "other")...)
	if code != 1 || !strings.Contains(out, "error: port "+strconv.Itoa(s.port)+" of any address is in use") {
		t.Errorf("the same port: %d %s", code, out)
	}
	if _, err := os.Stat(p.path("other")); err == nil {
		t.Error("a root was left behind")
	}
	if after, _ := os.ReadFile(p.path("root/httpd.conf")); string(after) != string(before) {
		t.Error("the configuration of the running server was changed")
	}
	s.want("/", 200, "SN=")

	// New code is served once it is there.
	p.write("app.wsgi", strings.Replace(echo, "SN=", "NEW=", 1))
	future := syscall.NsecToTimespec(1 << 60)
	if err := syscall.UtimesNano(p.path("app.wsgi"), []syscall.Timespec{future, future}); err != nil {
		t.Fatal(err)
	}
	s.want("/", 200, "NEW=")
	s.stop(syscall.SIGTERM)
	if _, err := os.Stat(p.path("root/httpd.pid")); err == nil {
		t.Error("the pid file is left behind")
	}
}

func (p *place) run(args ...string) (string, int) {
	p.t.Helper()
	cmd := p.command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// A057 A058 A059
func TestMountedServer(t *testing.T) {
	p := newPlace(t)
	p.write("doc/file", "static")
	if err := os.Chmod(p.path("doc"), 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(p.path("doc"), 0o755) }) // or it cannot be removed
	s := p.start("--entry-point", "app.wsgi", "--mount-point", "api/v1.0", "--document-root", "doc", "--processes", "2")
	s.want("/api/v1.0", 301, "/api/v1.0/")
	s.want("/api/v1.0?a=b", 301, "/api/v1.0/?a=b")
	s.want("/api/v1.0/", 200, "SN=/api/v1.0 PI=/ ")
	s.want("/api/v1.0/x", 200, "SN=/api/v1.0 PI=/x pg=localhost:"+strconv.Itoa(s.port)+" MULTI=True")
	s.want("/api/v1x0/", 404, "")
	s.want("/api/v1.00", 404, "")
	s.want("/", 404, "")
	s.want("/file", 200, "static")
	if status, _, body := s.get("POST", "/api/v1.0"); status != 200 || !strings.Contains(body, "SN=/api/v1.0 PI= ") {
		t.Errorf("POST to the bare mount point: %d %s", status, body)
	}
	s.stop(syscall.SIGINT)
}

// A118
func TestModuleServers(t *testing.T) {
	p := newPlace(t)
	p.write("pkg/__init__.py", "")
	p.write("pkg/web.py", strings.Replace(echo, "def application", "def app", 1))
	s := p.start("--application-type", "module", "pkg.web", "--callable-object", "app")
	s.want("/m", 200, "PI=/m")
	s.stop(syscall.SIGTERM)
	s.clean()

	s = p.start("--application-type", "module", "mod_wsgi.diagnostics.hello")
	s.want("/", 200, "Hello World!")
	s.stop(syscall.SIGTERM)
	s.clean()

	s = p.start("--application-type", "module", "mod_wsgi.diagnostics.environ", "--embedded-mode")
	s.want("/", 200, "MOD_WSGI_EXPRESS: 'true'")
	s.stop(syscall.SIGTERM)
	s.clean()

	s = p.start()
	s.want("/any/where", 200, "Your server is running")
	s.stop(syscall.SIGTERM)
	s.clean()
}

func TestEmbeddedServer(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", "import beside\n"+echo)
	p.write("beside.py", "")
	s := p.start("app.wsgi", "--embedded-mode", "--mount-point", "/e")
	s.want("/e/x", 200, "SN=/e PI=/x pg= ")
	s.want("/x", 404, "")
	s.stop(syscall.SIGTERM)
	s.clean()
}

func TestStaticServer(t *testing.T) {
	p := newPlace(t)
	p.write("public/start.html", "begin")
	p.write("public/sub/a.txt", "a")
	s := p.start("--application-type", "static", "public", "--directory-index", "start.html")
	s.want("/", 200, "begin")
	s.want("/sub/a.txt", 200, "a")
	s.want("/sub/", 404, "")
	s.want("/none", 404, "")
	s.stop(syscall.SIGTERM)
	s.clean()
}

func TestBrokenApplication(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", "raise KeyError('mine')\n")
	s := p.start("app.wsgi")
	s.want("/", 500, "")
	s.stop(syscall.SIGTERM)
	if log := s.log(); !strings.Contains(log, "KeyError: 'mine'") || !strings.Contains(log, p.path("app.wsgi")) {
		t.Error("the log names neither the exception nor the script")
	}
}

// The error log goes to standard error, whatever that is.
func TestLogToTerminal(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", "import sys\ndef application(e, s):\n    e['wsgi.errors'].write('to the log\\n')\n    s('200 OK', [])\n    return []\n")
	t.Run("file", func(t *testing.T) {
		p.t = t
		s := p.start("app.wsgi", "--log-to-terminal")
		s.want("/", 200, "")
		s.stop(syscall.SIGTERM)
		judgeStreams(t, s)
	})
	t.Run("socket", func(t *testing.T) {
		p.t = t
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
		s := &server{place: p, port: freePort(t)}
		s.cmd = p.command(p.arguments(s.port, []string{"app.wsgi", "--log-to-terminal"})...)
		s.cmd.Stdout, s.cmd.Stderr = &s.out, far
		done := make(chan error)
		s.launch()
		far.Close()
		go func() {
			_, err := s.err.ReadFrom(near)
			done <- err
		}()
		s.want("/", 200, "")
		s.stop(syscall.SIGTERM)
		<-done
		judgeStreams(t, s)
	})
}

func judgeStreams(t *testing.T, s *server) {
	t.Helper()
	if !strings.Contains(s.err.String(), "to the log") {
		t.Errorf("not on standard error:\n%s", &s.err)
	}
	if strings.Contains(s.out.String(), "to the log") || !strings.Contains(s.out.String(), "Error Log File     : /dev/stderr (warn)") {
		t.Errorf("standard output:\n%s", &s.out)
	}
	if _, err := os.Stat(s.path("root/error_log")); err == nil {
		t.Error("there is a log file too")
	}
}

// A131
// The control script does what apachectl does, from anywhere.
func TestControlScript(t *testing.T) {
	p := newPlace(t)
	port := freePort(t)
	args := p.arguments(port, []string{"app.wsgi"})
	args[0] = "setup-server"
	out, code := p.run(args...)
	if code != 0 || !strings.Contains(out, "Control Script     : "+p.path("root/apachectl")) || !strings.Contains(out, "Rewrite Rules") {
		t.Fatalf("setup-server: %d\n%s", code, out)
	}
	ctl := func(words ...string) (string, int) {
		t.Helper()
		cmd := exec.Command(p.path("root/apachectl"), words...)
		cmd.Dir, cmd.Env = "/", p.env
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	s := &server{place: p, url: "http://127.0.0.1:" + strconv.Itoa(port)}
	pidFile := func() bool { _, err := os.Stat(p.path("root/httpd.pid")); return err == nil }
	for _, verb := range []string{"configtest", "start", "graceful", "stop"} {
		if out, code := ctl(verb); code != 0 {
			t.Fatalf("%s: %d\n%s\n%s", verb, code, out, s.log())
		}
		switch verb {
		case "start":
			p.until("the pid file is there", pidFile)
			t.Cleanup(func() {
				if pidFile() {
					ctl("stop")
				}
			})
			s.want("/", 200, "cwd="+p.dir)
		case "graceful":
			s.want("/", 200, "cwd="+p.dir)
		case "stop":
			p.until("the pid file is gone", func() bool { return !pidFile() })
		}
	}
	if out, code := ctl("-v"); code != 0 || !strings.Contains(out, "Server version") {
		t.Errorf("-v: %d %s", code, out)
	}
	if _, code := ctl("status"); code != 1 {
		t.Errorf("status: %d", code)
	}
	if os.Geteuid() == 0 {
		p.env = append(p.env, "MOD_WSGI_USER=root")
		if out, code := ctl("start"); code != 1 || !strings.Contains(out, "must not run as root") {
			t.Errorf("as root: %d %s", code, out)
		}
		p.env = append(p.env, "MOD_WSGI_USER=a b")
		if out, code := ctl("start"); code != 1 || !strings.Contains(out, "not the name of a user or group: a b") {
			t.Errorf("as nobody: %d %s", code, out)
		}
	}
}

// A file that cannot be included stops httpd; its status is ours.
func TestFailedStart(t *testing.T) {
	p := newPlace(t)
	include := p.write("bad.conf", "NoSuchDirective On\n")
	out, code := p.run(p.arguments(freePort(t), []string{"app.wsgi", "--include-file", include})...)
	if code != 1 || !strings.Contains(out, "NoSuchDirective") {
		t.Errorf("%d %s", code, out)
	}
}

// Who cannot be reached by the application's user is told so before anything
// is written.
func TestClosedFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs an application as another user")
	}
	p := newPlace(t)
	closed := p.path("closed")
	if err := os.MkdirAll(filepath.Join(closed, "w"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, code := p.run(p.arguments(freePort(t), []string{"app.wsgi", "--working-directory", closed + "/w"})...)
	if code != 1 || !strings.Contains(out, closed+" is closed to that user") {
		t.Errorf("%d %s", code, out)
	}
	if _, err := os.Stat(p.path("root")); err == nil {
		t.Error("a root was left behind")
	}
}

// A018 A019 A021 A022
// The helper commands print what Apache's configuration needs, and nothing of a
// module that is not there.
func TestModuleCommands(t *testing.T) {
	if os.Getenv("MODWSGI_TEST_MODULE") != "" {
		t.Skip("another module is being tried")
	}
	p := newPlace(t)
	for i, word := range p.as {
		if word == "--python-executable" {
			p.env = append(p.env, "MODWSGI_PYTHON="+p.as[i+1])
		}
	}
	built := p.env
	p.env = append(p.env[:len(p.env):len(p.env)], "XDG_CACHE_HOME="+p.path("empty cache"))
	out, code := p.run("module-location")
	if code != 1 || !strings.Contains(out, "error: no module is built for") || !strings.Contains(out, "hint: build it: ") {
		t.Errorf("without a module: %d %s", code, out)
	}
	if made, err := filepath.Glob(p.path("empty cache/modwsgi/apache-*")); err != nil || len(made) > 0 {
		t.Errorf("looking for a module made %q, %v", made, err)
	}

	p.env = built
	if out, code := p.run(append([]string{"setup-server", "--server-root", "root", "app.wsgi"}, p.as...)...); code != 0 {
		t.Fatalf("setup-server: %d %s", code, out)
	}
	out, code = p.run("module-location")
	from := strings.TrimSuffix(out, "\n")
	if fi, err := os.Stat(from); code != 0 || err != nil || !fi.Mode().IsRegular() {
		t.Fatalf("module-location: %d %s %v", code, out, err)
	}
	lines := regexp.MustCompile(`\ALoadModule wsgi_module "(.+)"\nWSGIPythonHome ".+"\n\z`)
	if out, code := p.run("module-config"); code != 0 || !lines.MatchString(out) || lines.FindStringSubmatch(out)[1] != from {
		t.Errorf("module-config: %d %s", code, out)
	}

	if err := os.Mkdir(p.path("mods"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, code = p.run("install-module", "--modules-directory", "mods", "--dryrun") // T-8
	if made, err := os.ReadDir(p.path("mods")); code != 0 || !strings.Contains(out, " "+run.Line(p.path("mods/mod_wsgi.so"))+"\n") || err != nil || len(made) > 0 {
		t.Errorf("a dry run: %d %s made %v, %v", code, out, made, err)
	}
	for range 2 { // the second time there is nothing to do
		out, code = p.run("install-module", "--modules-directory", "mods")
		if code != 0 || !lines.MatchString(out) {
			t.Fatalf("install-module: %d %s", code, out)
		}
	}
	installed, err := os.ReadFile(p.path("mods/mod_wsgi.so"))
	want, wantErr := os.ReadFile(from)
	if err != nil || wantErr != nil || string(installed) != string(want) {
		t.Errorf("what is installed is not what was built: %v %v", err, wantErr)
	}
	out, code = p.run("install-module", "--modules-directory", "/nonexistent")
	if code != 1 || !strings.Contains(out, "error: installing into /nonexistent") {
		t.Errorf("into nothing: %d %s", code, out)
	}
	out, code = p.run("module-config", "x")
	if code != 2 || !strings.Contains(out, `unexpected argument "x"`) {
		t.Errorf("with an argument: %d %s", code, out)
	}
}
