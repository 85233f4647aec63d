package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A056 A061 A062: files alone.
func TestListing(t *testing.T) {
	p := newPlace(t)
	p.write("d/sub/a.txt", "a")
	p.write("d/over/.htaccess", "ErrorDocument 404 \"none here\"\n")
	p.write("d/.htaccess", "")
	s := p.start("--application-type", "static", "d", "--directory-listing", "--allow-override", "FileInfo")
	s.want("/sub/", 200, "a.txt")
	s.want("/nope", 404, "")
	s.want("/over/nope", 404, "none here")
	s.want("/.htaccess", 403, "")
	s.stop(syscall.SIGTERM)
	p.write("a.txt", "in the current folder")
	s = p.start("--application-type", "static")
	s.want("/a.txt", 200, "in the current folder")
	s.stop(syscall.SIGTERM)
}

// A055 A060 A065
func TestRewritesAndLaterAliases(t *testing.T) {
	p := newPlace(t)
	p.write("rw.conf", "RewriteRule ^old$ /new [R=301,L]\n")
	s := p.start("app.wsgi", "--mount-point", "/app", "--rewrite-rules", "rw.conf", "--url-alias", "/later", "new", "--directory-index", "i.txt")
	s.want("/old", 301, "/new")
	s.want("/app/x", 200, "SN=/app PI=/x")
	s.want("/later/x", 403, "")
	p.write("new/x", "later")
	s.want("/later/x", 200, "later")
	s.want("/later/y", 404, "")
	s.want("/", 404, "")
	s.stop(syscall.SIGTERM)
}

// A070 A071 A072
func TestErrorDocuments(t *testing.T) {
	p := newPlace(t)
	p.write("app.wsgi", `def application(environ, start_response):
    if environ["PATH_INFO"] == "/raise":
        raise KeyError("mine")
    start_response("404 Not Found", [])
    return [b"the application's own"]
`)
	p.write("d/e/404.html", "page 404")
	p.write("d/e/500.html", "page 500")
	args := []string{"app.wsgi", "--document-root", "d", "--error-document", "404", "/e/404.html", "--error-document", "500", "/e/500.html"}
	s := p.start(args...)
	s.want("/x", 404, "the application's own")
	s.want("/raise", 500, "page 500")
	s.stop(syscall.SIGTERM)
	s = p.start(append(args, "--error-override")...)
	s.want("/x", 404, "page 404")
	s.stop(syscall.SIGTERM)
	p.write("d/.htx", "")
	s = p.start("app.wsgi", "--document-root", "d", "--error-document", "403", "Sorry, it's \"gone\"")
	s.want("/.htx", 403, `Sorry, it's "gone"`)
	s.stop(syscall.SIGTERM)
}

// A068
func TestHandlers(t *testing.T) {
	p := newPlace(t)
	for name, mode := range map[string]os.FileMode{"c.cgi": 0o755, "n.cgi": 0o644} {
		path := p.write("d/"+name, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nby cgi\\n'\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	s := p.start("app.wsgi", "--document-root", "d", "--with-cgi")
	s.want("/c.cgi", 200, "by cgi")
	s.want("/n.cgi", 500, "")
	s.want("/none.cgi", 200, "PI=/none.cgi")
	s.stop(syscall.SIGTERM)
}

// A066 A067
func TestAddHandler(t *testing.T) {
	p := newPlace(t)
	p.write("d/p.tmpl", "")
	p.write("t.py", `def handle_request(environ, start_response):
    start_response("200 OK", [])
    return [("handled SN=%s PI=%s" % (environ["SCRIPT_NAME"], environ.get("PATH_INFO"))).encode()]
`)
	for _, mode := range []string{"tmpl", ".tmpl"} {
		s := p.start("app.wsgi", "--document-root", "d", "--add-handler", mode, "t.py")
		s.want("/p.tmpl/extra", 200, "handled SN=/p.tmpl PI=/extra")
		s.want("/no.tmpl", 200, "SN= PI=/no.tmpl")
		s.stop(syscall.SIGTERM)
		s.clean()
	}
	s := p.start("--application-type", "static", "d", "--add-handler", "tmpl", "t.py", "--embedded-mode")
	s.want("/p.tmpl", 200, "handled SN=/p.tmpl PI=")
	s.stop(syscall.SIGTERM)
}

// A103
func TestCompression(t *testing.T) {
	p := newPlace(t)
	p.write("d/a.html", strings.Repeat("text ", 1000))
	s := p.start("app.wsgi", "--document-root", "d", "--compress-responses")
	req, err := http.NewRequest("GET", s.url+"/a.html", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v %v", res, err)
	}
	res.Body.Close()
	s.stop(syscall.SIGTERM)
	s.clean()
}

// A120: without an application there is a page, with its image.
func TestWelcomeImage(t *testing.T) {
	p := newPlace(t)
	s := p.start()
	s.want("/__wsgi__/images/running.svg", 200, "<svg")
	s.want("/__wsgi__/docs/", 200, "<html")
	s.want("/", 200, "<html")
	s.stop(syscall.SIGTERM)
	s.clean()
}
