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

// wheelTrial is a virtual environment of the system's Python, and a program that
// makes wheels for it.
type wheelTrial struct {
	*place
	python, program string
	before          string // what is in the environment
}

func newWheelTrial(p *place) *wheelTrial {
	p.t.Helper()
	x := &wheelTrial{place: p, python: "/usr/bin/python3", program: filepath.Join(p.dir, "mod_wsgi-express")}
	if !lookAny(x.python) {
		p.t.Skip("there is no Python of the system to make an environment of")
	}
	if wd, err := os.Getwd(); err != nil {
		p.t.Fatal(err)
	} else if out, err := exec.Command("go", "build", "-trimpath", "-o", x.program, wd).CombinedOutput(); err != nil {
		p.t.Fatalf("go build: %v\n%s", err, out)
	}
	if out, err := exec.Command(x.python, "-m", "venv", p.path("env")).CombinedOutput(); err != nil {
		p.t.Skipf("no environment can be made: %s", out)
	}
	x.before = x.files()
	return x
}

// do runs a program and wants success.
func (x *wheelTrial) do(name string, args ...string) string {
	x.t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Env = x.dir, append(x.env, "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_ROOT_USER_ACTION=ignore")
	out, err := c.CombinedOutput()
	if err != nil {
		x.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (x *wheelTrial) files() string {
	x.t.Helper()
	return x.do("find", x.path("env"), "!", "-path", "*__pycache__*")
}

// pip runs that of the environment.
func (x *wheelTrial) pip(args ...string) string {
	x.t.Helper()
	return x.do(x.path("env/bin/python3"), append([]string{"-m", "pip"}, args...)...)
}

// install makes a wheel and has pip install it.
func (x *wheelTrial) install(options ...string) {
	x.t.Helper()
	x.do(x.program, append([]string{"package", "wheel", "--python", x.python, "--dist", x.path("dist")}, options...)...)
	wheels, err := filepath.Glob(strings.NewReplacer("[", "\\[").Replace(x.path("dist")) + "/*.whl")
	if err != nil || len(wheels) != 1 {
		x.t.Fatalf("wheels %q, %v", wheels, err)
	}
	x.pip("install", "--no-index", wheels[0])
	if out := x.pip("check"); out != "No broken requirements found." {
		x.t.Error(out)
	}
}

// configured holds what the environment's program says of its module, and gives
// that.
func (x *wheelTrial) configured() (module string) {
	x.t.Helper()
	own := x.path("env/bin/mod_wsgi-express")
	lines := strings.Split(x.do(own, "module-config"), "\n")
	module = x.do(own, "module-location")
	if !strings.HasPrefix(module, x.path("env/lib/")) || len(lines) != 2 || lines[0] != "LoadModule wsgi_module "+strconv.Quote(module) || lines[1] != "WSGIPythonHome "+strconv.Quote(x.path("env")) {
		x.t.Errorf("module-config: %q, module-location: %s", lines, module)
	}
	return module
}

// serve starts the environment's program with an application that tells its
// Python.
func (x *wheelTrial) serve(options ...string) *server {
	x.t.Helper()
	x.write("which.wsgi", "import sys\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [sys.prefix.encode()]\n")
	s := &server{place: x.place, port: freePort(x.t)}
	s.cmd = exec.Command(x.path("env/bin/mod_wsgi-express"), append([]string{"start-server", "--server-root", "root", "--port", strconv.Itoa(s.port), "which.wsgi"}, options...)...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = x.dir, x.env, &s.out, &s.err
	s.launch()
	s.want("/", 200, x.path("env"))
	return s
}

// removed has pip take all of it away.
func (x *wheelTrial) removed() {
	x.t.Helper()
	x.pip("uninstall", "-y", "mod_wsgi")
	if after := x.files(); after != x.before {
		x.t.Errorf("what is left in the environment is not what was there:\n%s", after)
	}
}

// pip installs the wheel into a virtual environment; the program of it works
// with that Python and its own module, activated or not; pip takes all of it away.
func TestWheel(t *testing.T) {
	x := newWheelTrial(newPlace(t))
	x.install()
	module := x.configured()
	s := x.serve(x.as[:min(4, len(x.as))]...)
	if conf, err := os.ReadFile(x.path("root/httpd.conf")); err != nil || !strings.Contains(string(conf), strconv.Quote(module)) {
		t.Errorf("another module is loaded than %s: %v", module, err)
	}
	s.stop(syscall.SIGTERM)
	s.clean()
	x.removed()
}

// the same of releases of the original, which is then its own program. The
// bytes are the same in another folder.
func TestOriginalWheel(t *testing.T) {
	if os.Getenv("MODWSGI_MATRIX_ORIGINALS") == "" {
		t.Skip("it downloads releases of the original and builds them: MODWSGI_MATRIX_ORIGINALS=1")
	}
	for _, version := range []string{"6.0.5", "5.0.2", "4.9.4"} {
		t.Run(version, func(t *testing.T) {
			p := newPlace(t)
			p.dir = filepath.Join(filepath.Dir(p.dir), "plain") // it quotes no path
			if err := os.Mkdir(p.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			x := newWheelTrial(p)
			x.install("--source", "pypi:"+version)
			x.configured()
			s := x.serve(x.as[:min(4, len(x.as))]...)
			s.stop(syscall.SIGTERM)
			x.removed()
			one := x.do("cat", "dist/SHA256SUMS")
			x.dir = filepath.Join(filepath.Dir(x.dir), `it's "here"`)
			x.do(x.program, "package", "wheel", "--python", x.python, "--source", "pypi:"+version)
			if other := x.do("cat", "dist/SHA256SUMS"); other != one {
				t.Errorf("in one folder\n%s\nin another\n%s", one, other)
			}
		})
	}
}
