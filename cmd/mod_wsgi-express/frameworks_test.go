package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// frameworks is the Python of an environment with the newest Django and Flask.
// MODWSGI_FRAMEWORKS=1 makes one of the Python package index, with PYTHON if that
// is a path; a folder is where it is kept for the next time.
func frameworks(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MODWSGI_FRAMEWORKS")
	switch dir {
	case "":
		t.Skip("Django and Flask are fetched from the Python package index: only with MODWSGI_FRAMEWORKS=1, or a folder to keep them in")
	case "1":
		dir = filepath.Join(t.TempDir(), "venv")
	}
	python := filepath.Join(dir, "bin", "python")
	if exec.Command(python, "-c", "import django, flask").Run() == nil {
		return python
	}
	base := "/usr/bin/python3"
	if named := os.Getenv("PYTHON"); filepath.IsAbs(named) {
		base = named
	}
	for _, line := range [][]string{{base, "-m", "venv", dir}, {python, "-m", "pip", "install", "-q", "django", "flask"}} {
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			t.Skipf("there is no environment to try: %s: %v\n%s", strings.Join(line, " "), err, out)
		}
	}
	for at := dir; len(at) > len(os.TempDir()); at = filepath.Dir(at) { // the server's user has to come through
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return python
}

// ways are how a site can be served: by what is returned it is stopped.
var ways = []struct {
	name  string
	serve func(p *place, python string, args []string) (base string, stop func())
}{
	{"start-server", func(p *place, python string, args []string) (string, func()) {
		s := p.start(append(args, "--python-executable", python)...)
		return s.url, func() { s.stop(syscall.SIGTERM); s.clean() }
	}},
	{"apachectl", serveByControl},
	{"runmodwsgi", func(p *place, python string, args []string) (string, func()) {
		s := &server{place: p, port: freePort(p.t)}
		s.cmd = p.manage(python, append([]string{"--server-root", "root", "--port", strconv.Itoa(s.port)}, append(p.as, "--python-executable", python)...)...)
		s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
		s.launch()
		return s.url, func() { s.stop(syscall.SIGTERM); s.clean() }
	}},
}

// serveByControl sets the server up and has its control script start it.
func serveByControl(p *place, python string, args []string) (string, func()) {
	s := &server{place: p, port: freePort(p.t)}
	words := p.arguments(s.port, append(args, "--python-executable", python))
	words[0] = "setup-server"
	if out, err := p.command(words...).CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	control := func(verb string) {
		cmd := exec.Command(p.path("root/apachectl"), verb)
		cmd.Dir, cmd.Env = p.dir, p.env
		if out, err := cmd.CombinedOutput(); err != nil {
			p.t.Errorf("apachectl %s: %v\n%s\n%s", verb, err, out, s.log())
		}
	}
	stop := func() {
		control("stop")
		p.until("the server is gone", func() bool {
			_, err := os.Stat(p.path("root/httpd.pid"))
			return errors.Is(err, fs.ErrNotExist)
		})
	}
	control("start")
	stopped := false
	p.t.Cleanup(func() {
		if !stopped {
			stop()
		}
	})
	base := fmt.Sprintf("http://127.0.0.1:%d", s.port)
	p.until("the server listens", func() bool {
		res, err := http.Get(base + "/robots.txt")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	return base, func() { stopped = true; stop(); s.clean() }
}

// visitor is a person with a browser that keeps cookies.
type visitor struct {
	t      *testing.T
	base   string
	client *http.Client
}

func newVisitor(t *testing.T, base string) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, base, &http.Client{Jar: jar, Timeout: deadline}}
}

// page is what a GET shows in the end; it must be there.
func (v *visitor) page(path, want string) string {
	v.t.Helper()
	res, err := v.client.Get(v.base + path)
	return v.shown("GET "+path, res, err, 200, want)
}

// post sends a form.
func (v *visitor) post(path string, status int, want string, form url.Values) string {
	v.t.Helper()
	res, err := v.client.PostForm(v.base+path, form)
	return v.shown("POST "+path, res, err, status, want)
}

func (v *visitor) shown(what string, res *http.Response, err error, status int, want string) string {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || !strings.Contains(string(body), want) {
		v.t.Fatalf("%s: %v, %s, want %d with %q\n%.2000s", what, err, res.Status, status, want, body)
	}
	return string(body)
}

// upload sends a file of a size that takes more than one packet.
func (v *visitor) upload(path, token string, want string) {
	v.t.Helper()
	file := bytes.Repeat([]byte("0123456789\x00\xff\r\n--"), 20000)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", `it's "here" é.bin`)
	if err == nil {
		_, err = part.Write(file)
	}
	if err = errors.Join(err, w.WriteField("csrfmiddlewaretoken", token), w.Close()); err != nil {
		v.t.Fatal(err)
	}
	res, err := v.client.Post(v.base+path, w.FormDataContentType(), &body)
	v.shown("POST "+path, res, err, 200, fmt.Sprintf("%s %d %x", want, len(file), sha256.Sum256(file)))
}

// token is the one of a form against forged requests.
func (v *visitor) token(page string) string {
	v.t.Helper()
	found := regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		v.t.Fatalf("no token in the form:\n%.2000s", page)
	}
	return found[1]
}

// static fetches the first style sheet of a page: Apache serves it, Python does not.
func (v *visitor) static(page string) {
	v.t.Helper()
	found := regexp.MustCompile(`href="(/static/[^"]+\.css)"`).FindStringSubmatch(page)
	if found == nil {
		v.t.Fatalf("no style sheet in the page:\n%.2000s", page)
	}
	res, err := v.client.Get(v.base + found[1])
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(kind, "text/css") || res.Header.Get("ETag") == "" {
		v.t.Errorf("%s: %s %v", found[1], res.Status, res.Header)
	}
}

// The newest Django by each way: the admin pages with their files, a login with
// session and token, a form, an upload.
func TestDjango(t *testing.T) {
	python := frameworks(t)
	p := newPlace(t)
	p.shop(python)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			p := &place{t: t, dir: p.dir, env: p.env, as: p.as}
			base, stop := way.serve(p, python, []string{"--application-type", "module", "shop.wsgi", "--url-alias", "/static", "collected"})
			v := newVisitor(t, base)
			login := v.page("/admin/", "Log in")
			v.static(login)
			who := url.Values{"username": {"admin"}, "password": {"a b&c=d%é"}, "next": {"/admin/"}}
			v.post("/admin/login/", 403, "CSRF", who)
			who.Set("csrfmiddlewaretoken", v.token(login))
			v.post("/admin/login/?next=/admin/", 200, "Site administration", who)

			form := v.page("/admin/auth/group/add/", "Add group")
			name := "Gruppe <é> " + way.name
			v.post("/admin/auth/group/add/", 200, "was added successfully", url.Values{"csrfmiddlewaretoken": {v.token(form)}, "name": {name}, "_save": {"Save"}})
			v.page("/admin/auth/group/", strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(name))

			upload := v.page("/upload/", "<form")
			v.upload("/upload/", v.token(upload), `admin it's "here" é.bin`)
			newVisitor(t, base).page("/admin/auth/group/", "Log in") // another visitor is nobody
			stop()
		})
	}
}

// shop is a project as django-admin makes it, with a database, its static files
// collected, a person who may do everything, and a page for uploads.
func (p *place) shop(python string) {
	p.t.Helper()
	run := func(args ...string) {
		p.t.Helper()
		cmd := exec.Command(python, args...)
		cmd.Dir = p.dir
		cmd.Env = append(p.env, "PYTHONPATH="+p.path("runtime"), "PYTHONDONTWRITEBYTECODE=1", "DJANGO_SUPERUSER_PASSWORD=a b&c=d%é", "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			p.t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	p.project() // for its copy of the package
	if err := errors.Join(os.RemoveAll(p.path("shop")), os.RemoveAll(p.path("collected")), os.Remove(p.path("manage.py"))); err != nil {
		p.t.Fatal(err)
	}
	run("-m", "django", "startproject", "shop", ".")
	settings, err := os.ReadFile(p.path("shop/settings.py"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("shop/settings.py", string(settings)+`
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS += ["mod_wsgi.express"]
STATIC_ROOT = BASE_DIR / "collected"
DATABASES["default"]["NAME"] = BASE_DIR / "data" / "db.sqlite3"
`)
	p.write("shop/urls.py", `import hashlib
from django.contrib import admin
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path

def upload(request):
    if request.method == "POST":
        file = request.FILES["file"]
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        return HttpResponse("%s %s %d %s" % (request.user, file.name, file.size, digest.hexdigest()), content_type="text/plain; charset=utf-8")
    return HttpResponse('<form><input name="csrfmiddlewaretoken" value="%s"></form>' % get_token(request))

urlpatterns = [path("admin/", admin.site.urls), path("upload/", upload)]
`)
	if err := errors.Join(os.Mkdir(p.path("data"), 0o777), os.Chmod(p.path("data"), 0o777)); err != nil {
		p.t.Fatal(err)
	}
	run("manage.py", "migrate")
	run("manage.py", "createsuperuser", "--noinput", "--username", "admin", "--email", "a@example.org")
	run("manage.py", "collectstatic", "--noinput")
	if err := os.Chmod(p.path("data/db.sqlite3"), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

// flaskSite has what the Django one has, as far as Flask brings it.
const flaskSite = `import hashlib, hmac, secrets
from flask import Flask, abort, redirect, render_template_string, request, session, url_for

app = Flask(__name__)
app.secret_key = "not a secret"
PAGE = '''<link rel="stylesheet" href="{{ url_for("static", filename="site.css") }}">
<form method="post"><input name="csrfmiddlewaretoken" value="{{ session["token"] }}"></form> {{ session.get("user") }}'''

@app.before_request
def check():
    session.setdefault("token", secrets.token_hex())
    if request.method == "POST" and not hmac.compare_digest(request.form.get("csrfmiddlewaretoken", ""), session["token"]):
        abort(403, "CSRF")

@app.route("/", methods=["GET", "POST"])
def home():
    if request.method == "POST":
        session["user"] = request.form["username"]
        return redirect(url_for("home"))
    return render_template_string(PAGE)

@app.route("/upload/", methods=["POST"])
def upload():
    file = request.files["file"]
    data = file.read()
    return "%s %s %d %s" % (session["user"], file.filename, len(data), hashlib.sha256(data).hexdigest()), {"Content-Type": "text/plain; charset=utf-8"}
`

// The newest Flask by --callable-object.
func TestFlask(t *testing.T) {
	python := frameworks(t)
	p := newPlace(t)
	p.write("site.py", flaskSite)
	p.write("static/site.css", "body { color: #123 }\n")
	for _, way := range ways[:2] {
		t.Run(way.name, func(t *testing.T) {
			p := &place{t: t, dir: p.dir, env: p.env, as: p.as}
			base, stop := way.serve(p, python, []string{"site.py", "--callable-object", "app", "--url-alias", "/static", "static"})
			v := newVisitor(t, base)
			page := v.page("/", "None")
			v.static(page)
			who := url.Values{"username": {"Zoë & Co"}}
			v.post("/", 403, "CSRF", who)
			who.Set("csrfmiddlewaretoken", v.token(page))
			v.post("/", 200, "Zoë &amp; Co", who)
			v.upload("/upload/", v.token(page), `Zoë & Co it's "here" é.bin`)
			newVisitor(t, base).page("/", "None")
			stop()
		})
	}
}
