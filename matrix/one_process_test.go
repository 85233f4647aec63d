package matrix

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// TestOneProcess runs httpd -X: what embedded mode prints is on its standard output,
// and not in the log; what a daemon process prints is in the log all the same.
func TestOneProcess(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("where another implementation prints is its own affair")
	}
	s, err := NewServer(t.Context(), r, target, theMPMs(t, r, target.Apache)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	script := filepath.Join(s.Root, "apps", "app.wsgi")
	text := "import mod_wsgi\ndef application(environ, start_response):\n    print('printed in <%s>' % mod_wsgi.process_group)\n    start_response('200 OK', [])\n    return [b'ok']\n"
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s.OneProcess = true
	s.Conf.Global = []string{
		"WSGIDaemonProcess apart threads=1",
		"WSGIScriptAlias /daemon " + quote(script) + " process-group=apart application-group=%{GLOBAL}",
		"WSGIScriptAlias /embedded " + quote(script),
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"embedded", "daemon"} {
		res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", s.Port, path))
		if err != nil {
			t.Error(err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != "ok" {
			t.Errorf("%s: %d %s %v", path, res.StatusCode, body, err)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if out := s.result.Stdout; out != "printed in <>\n" {
		t.Errorf("standard output of httpd -X: %q", out)
	}
	if log := s.LogText("error.log"); !strings.Contains(log, "printed in <apart>") || strings.Contains(log, "printed in <>") {
		t.Errorf("the error log of httpd -X:\n%s", log)
	}
}
