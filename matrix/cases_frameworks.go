package matrix

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// frameworkCases run what people run. They are skipped where the Python under
// test does not have the framework.
func frameworkCases() []Case {
	site := func(name string) Case {
		boom := fmt.Sprintf("RuntimeError: %s went wrong on purpose", name)
		return Case{Name: name, Ours: true, Announced: append(frames(boom), `?/boom`), Do: func(t *T) { framework(t, name, boom) }}
	}
	return []Case{site("flask"), site("django"), werkzeugCase(), djangoCase()}
}

// framework posts a form, uploads and downloads 20 MB, follows nothing, and
// lets a view raise: its traceback belongs in the log of its virtual host.
func framework(t *T, name, boom string) {
	t.needs(name)
	body := noise(20 << 20)
	form := Request{Method: "POST", Path: "/form", Header: []string{"Content-Type: application/x-www-form-urlencoded"}, Body: []byte("name=%C3%A9t%C3%A9")}
	t.check(Request{}, Want{Body: name + " ok\n"}, t.Get("/"))
	t.check(form, Want{Body: "name=été\n"}, t.Do(form))
	upload := Request{Method: "POST", Path: "/upload", Header: []string{"Content-Type: application/octet-stream"}, Body: body}
	t.check(upload, Want{Body: fmt.Sprintf("%d %x\n", len(body), sha256.Sum256(body))}, t.Do(upload))
	want := bytes.Repeat(counting(), 20*16)
	if got := t.Get("/download/20"); !bytes.Equal(got.Body, want) || got.End != EndFramed {
		t.Errorf("download: %d bytes, ended %s, want %d", len(got.Body), got.End, len(want))
	}
	t.check(Request{Path: "/redirect"}, Want{Status: 303, Have: map[string]string{"Location": "/form-elsewhere?a=1&b=2"}}, t.Get("/redirect"))
	t.check(Request{Path: "/boom"}, Want{Status: 500}, t.Get("/boom"))
	if !bytes.Contains([]byte(t.Server.LogText(t.ownLog())), []byte(boom)) {
		t.Errorf("the traceback is not in the log of the virtual host")
	}
}
