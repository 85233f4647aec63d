package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// pip installs the wheel into a virtual environment; the program of it works
// with that Python and its own module, activated or not; pip takes all of it away.
func TestWheel(t *testing.T) {
	p := newPlace(t)
	python := "/usr/bin/python3"
	if !lookAny(python) {
		t.Skip("there is no Python of the system to make an environment of")
	}
	do := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir, c.Env = p.dir, append(p.env, "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_ROOT_USER_ACTION=ignore")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	program := filepath.Join(p.dir, "mod_wsgi-express")
	if wd, err := os.Getwd(); err != nil {
		t.Fatal(err)
	} else if out, err := exec.Command("go", "build", "-trimpath", "-o", program, wd).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if out, err := exec.Command(python, "-m", "venv", p.path("env")).CombinedOutput(); err != nil {
		t.Skipf("no environment can be made: %s", out)
	}
	do(program, "package", "wheel", "--python", python, "--dist", p.path("dist"))
	wheels, err := filepath.Glob(strings.NewReplacer("[", "\\[").Replace(p.path("dist")) + "/*.whl")
	if err != nil || len(wheels) != 1 {
		t.Fatalf("wheels %q, %v", wheels, err)
	}
	inside := p.path("env/bin/python3")
	before := do("find", p.path("env"), "!", "-path", "*__pycache__*")
	do(inside, "-m", "pip", "install", "--no-index", wheels[0])
	if out := do(inside, "-m", "pip", "check"); out != "No broken requirements found." {
		t.Error(out)
	}
	own := p.path("env/bin/mod_wsgi-express")
	lines := strings.Split(do(own, "module-config"), "\n")
	module := do(own, "module-location")
	quoted := func(path string) string { return strconv.Quote(path) }
	if !strings.HasPrefix(module, p.path("env/lib/")) || len(lines) != 2 || lines[0] != "LoadModule wsgi_module "+quoted(module) || lines[1] != "WSGIPythonHome "+quoted(p.path("env")) {
		t.Errorf("module-config: %q, module-location: %s", lines, module)
	}

	s := &server{place: p, port: freePort(t)}
	p.write("which.wsgi", "import sys\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [sys.prefix.encode()]\n")
	args := append([]string{"start-server", "--server-root", "root", "--port", strconv.Itoa(s.port), "which.wsgi"}, p.as[:min(4, len(p.as))]...)
	s.cmd = exec.Command(own, args...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = p.dir, p.env, &s.out, &s.err
	s.launch()
	s.want("/", 200, p.path("env"))
	if conf, err := os.ReadFile(p.path("root/httpd.conf")); err != nil || !strings.Contains(string(conf), quoted(module)) {
		t.Errorf("another module is loaded than %s: %v", module, err)
	}
	s.stop(syscall.SIGTERM)
	s.clean()
	do(inside, "-m", "pip", "uninstall", "-y", "mod_wsgi")
	if after := do("find", p.path("env"), "!", "-path", "*__pycache__*"); after != before {
		t.Errorf("what is left in the environment is not what was there:\n%s", after)
	}
}
