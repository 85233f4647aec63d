package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"modwsgi/installer"
)

// djangoPython is a Python that has Django; the test is skipped without one.
func djangoPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import django").Run() == nil {
			return python
		}
	}
	t.Skip("no Python here has Django")
	return ""
}

// project puts a Django project in place, with what settings are given.
func (p *place) project(settings ...string) {
	p.t.Helper()
	if err := errors.Join(os.RemoveAll(p.path("runtime")), os.CopyFS(p.path("runtime"), installer.Runtime())); err != nil {
		p.t.Fatal(err)
	}
	p.write("manage.py", `import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`)
	p.write("shop/__init__.py", "")
	p.write("shop/settings.py", `from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["mod_wsgi.express"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "collected"
`+strings.Join(settings, "\n"))
	p.write("shop/urls.py", `import os
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda r: HttpResponse("django in %s, A=%s" % (os.getcwd(), r.META.get("A"))))]
`)
	p.write("shop/wsgi.py", `import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
`)
	p.write("collected/a.txt", "collected")
}

// manage is the command runmodwsgi.
func (p *place) manage(python string, args ...string) *exec.Cmd {
	p.t.Helper()
	program, err := exec.LookPath("mod_wsgi-express")
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(python, append([]string{"manage.py", "runmodwsgi"}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(p.env, "PYTHONPATH="+p.path("runtime"), "MOD_WSGI_EXPRESS_PROGRAM="+program)
	return cmd
}

// A141
// A project is served by what its settings say, with the options of
// start-server, which are taken as they are.
func TestDjangoCommand(t *testing.T) {
	python, p := djangoPython(t), newPlace(t)
	p.project()
	s := &server{place: p, port: freePort(t)}
	args := append([]string{"--server-root", "root", "--port", strconv.Itoa(s.port), "--setenv", "A", "$HOME b"}, p.as...)
	s.cmd = p.manage(python, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
	s.launch()
	if status, _, body := s.get("GET", "/"); status != 200 || body != "django in "+p.dir+", A=$HOME b" {
		t.Errorf("%d %q", status, body)
	}
	if status, _, body := s.get("GET", "/static/a.txt"); status != 200 || body != "collected" {
		t.Errorf("the static file: %d %q", status, body)
	}
	s.stop(syscall.SIGTERM)
	s.clean()
}

// What cannot work is an error of Django's.
func TestDjangoCommandRefuses(t *testing.T) {
	python, p := djangoPython(t), newPlace(t)
	for _, test := range []struct{ setting, want string }{
		{"WSGI_APPLICATION = None", "CommandError: the setting WSGI_APPLICATION must name the application"},
		{"del BASE_DIR", ""},
		{"MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware']", ""},
	} {
		p.project(test.setting)
		var out bytes.Buffer
		cmd := p.manage(python, append([]string{"--setup-only", "--server-root", "root", "--port", "8000"}, p.as...)...)
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		if (err != nil) != (test.want != "") || !strings.Contains(out.String(), test.want) {
			t.Errorf("%s: %v\n%s", test.setting, err, &out)
		}
		if err != nil {
			continue
		}
		conf, _ := os.ReadFile(p.path("root/httpd.conf"))
		if aliased := bytes.Contains(conf, []byte("/collected")); aliased == strings.Contains(test.setting, "whitenoise") {
			t.Errorf("%s: files served by Apache: %v", test.setting, aliased)
		}
	}
	cmd := p.manage(python)
	cmd.Env = append(cmd.Env, "MOD_WSGI_EXPRESS_PROGRAM=/nowhere")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "MOD_WSGI_EXPRESS_PROGRAM names /nowhere, which cannot be executed") {
		t.Errorf("%v\n%s", err, out)
	}
}
