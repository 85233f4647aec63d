package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"modwsgi/expressgen"
)

// execForms are the lists of words of a Dockerfile, by what stands before them.
func execForms(t *testing.T, text string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	name := ""
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		word, list, found := strings.Cut(line, "CMD [")
		if !found {
			continue
		}
		if name = "command"; strings.HasPrefix(word, "HEALTHCHECK") {
			name = "probe"
		}
		var words []string
		if err := json.Unmarshal([]byte("["+list), &words); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		out[name] = words
	}
	return out
}

// The three files are there, and what they say of the container is true of a
// server of this machine: the command serves the application, the health check
// finds it well, and STOPSIGNAL finishes a request that runs. With /app taken for
// what the image has there.
func TestImage(t *testing.T) {
	p := newPlace(t)
	p.write("slow.wsgi", "import os, time\ndef application(environ, start_response):\n"+
		"    open(os.path.join(os.path.dirname(__file__), 'began'), 'w').close()\n"+
		"    while not os.path.exists(os.path.join(os.path.dirname(__file__), 'go')):\n        time.sleep(0.01)\n"+
		"    start_response('200 OK', [])\n    return [b'finished']\n")
	if err := os.Chmod(p.dir, 0o777); err != nil { // the application writes there
		t.Fatal(err)
	}
	port := freePort(t)
	if out, code := p.run("setup-server", "--dockerfile", "slow.wsgi", "--port", strconv.Itoa(port), "--url-alias", "/favicon", "app.wsgi"); code != 0 || !strings.Contains(out, "docker build -t NAME ") {
		t.Fatalf("%d %s", code, out)
	}
	text, err := os.ReadFile(p.path("Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(p.path("mod_wsgi-express")); err != nil || fi.Mode().Perm() != 0o755 {
		t.Errorf("the program: %v %v", fi, err)
	}
	forms := execForms(t, string(text))
	for _, list := range forms {
		for i := range list {
			if rest, ok := strings.CutPrefix(list[i], "/app/"); ok {
				list[i] = p.path(rest)
			}
		}
	}
	s := &server{place: p, port: port}
	i := slices.Index(forms["command"], "--")
	s.cmd = p.command(slices.Concat(forms["command"][1:i], p.as, forms["command"][i:])...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
	s.launch()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here to run the health check")
	}
	s.until("the health check finds it well", func() bool { return exec.Command(python, forms["probe"][1:]...).Run() == nil })

	got := make(chan string)
	go func() {
		_, _, body := s.get("GET", "/")
		got <- body
	}()
	s.until("the request runs", func() bool {
		_, err := os.Stat(p.path("began"))
		return err == nil
	})
	stop := regexp.MustCompile(`(?m)^STOPSIGNAL (\w+)$`).FindStringSubmatch(string(text))
	if stop == nil || stop[1] != "SIGWINCH" {
		t.Fatalf("STOPSIGNAL is %q", stop)
	}
	if err := s.cmd.Process.Signal(syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	s.until("nobody listens", func() bool {
		c, err := net.Dial("tcp", s.url[len("http://"):])
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	p.write("go", "")
	if body := <-got; body != "finished" {
		t.Errorf("the request that ran got %q", body)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if !strings.Contains(s.err.String(), "shutting down gracefully") {
		t.Errorf("the error log is not on standard error: %s", s.err.String())
	}
}

// Neither Apache nor a Python is needed, what is somebody's is left, and again is
// the same.
func TestImageFiles(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) (string, int) {
		t.Helper()
		cmd := exec.Command("mod_wsgi-express", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "APXS=/no/such", "MODWSGI_PYTHON=/no/such")
		out, err := cmd.CombinedOutput()
		if _, ended := err.(*exec.ExitError); err != nil && !ended {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	path := func(name string) string { return dir + "/" + name }
	read := func(name string) string {
		text, err := os.ReadFile(path(name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	if err := os.WriteFile(path("app.wsgi"), []byte(echo), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := run("start-server", "--dockerfile", "app.wsgi"); code != 2 || !strings.Contains(out, "--setup-only") {
		t.Errorf("start-server: %d %s", code, out)
	}
	if out, code := run("setup-server", "--dockerfile", "none.wsgi"); code != 0 || !strings.Contains(out, "none.wsgi: there is no such file") {
		t.Errorf("without an application: %d %s", code, out)
	}
	tls := []string{"setup-server", "--dockerfile", "app.wsgi", "--https-port", "8443", "--ssl-certificate"}
	if out, code := run(append(tls, "/run/secrets/site")...); code != 0 || !strings.Contains(out, "--ssl-certificate /run/secrets/site: it is not below") {
		t.Errorf("a certificate that is mounted: %d %s", code, out)
	}
	if out, code := run(append(tls, "site")...); code != 2 || !strings.Contains(out, "/site.crt: there is no such file") {
		t.Errorf("one that is not there: %d %s", code, out)
	}
	if out, code := run("setup-server", "--dockerfile", "app.wsgi"); code != 0 || strings.Contains(out, "warning") {
		t.Fatalf("%d %s", code, out)
	}
	first, ignore := read("Dockerfile"), read(".dockerignore")
	if out, code := run("setup-server", "--dockerfile", "app.wsgi"); code != 0 || read("Dockerfile") != first || read(".dockerignore") != ignore {
		t.Errorf("again: %d %s", code, out)
	}
	if err := os.WriteFile(path(".dockerignore"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := run("setup-server", "--dockerfile", "app.wsgi"); code != 0 || !strings.Contains(out, ".dockerignore is yours and was left") || read(".dockerignore") != "secret\n" {
		t.Errorf("a .dockerignore of somebody's: %d %s", code, out)
	}
	if err := os.WriteFile(path("Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := run("setup-server", "--dockerfile", "app.wsgi"); code != 1 || !strings.Contains(out, "was not made by this command") || read("Dockerfile") != "FROM scratch\n" {
		t.Errorf("a Dockerfile of somebody's: %d %s", code, out)
	}
}

// What stands in the command of an image is what was typed, once this command has
// replaced the variables in it.
func FuzzImageCommand(f *testing.F) {
	for _, s := range []string{"", "$HOME", "$$HOME", "$$$HOME", "${HOME}", "$${HOME}", "${HOME", "$ {HOME}", "a$b$c", `\$HOME`, "$1", "$HOME$HOME", "ünï$HOME"} {
		f.Add(s)
	}
	var line struct {
		Setup setupCommand `cmd:""`
	}
	parser, err := kong.New(&line, kong.TypeMapper(reflect.TypeFor[expressgen.Pairs](), kong.MapperFunc(decodePair)))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := parser.Parse([]string{"setup"}); err != nil {
		f.Fatal(err)
	}
	defaults := line.Setup.Options
	f.Fuzz(func(t *testing.T, s string) {
		o := defaults
		o.WorkingDirectory, o.SetEnv = "/w", expressgen.Pairs{{Key: "KEY", Value: s}}
		m, err := expressgen.DescribeImage(o, expressgen.Surroundings{})
		if err != nil {
			if utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		t.Setenv("HOME", "/somewhere")
		command := execForms(t, string(m.Files[0].Data))["command"]
		i := slices.Index(command, "KEY")
		if got := expand(command[i+1]); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	})
}
