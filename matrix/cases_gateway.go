package matrix

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// gatewayCases are about interim responses, and about applications that do
// more at a time than one thing.
func gatewayCases() []Case {
	return []Case{
		{Name: "hints", MPMs: true, Ours: true, Announced: Announce{`after the hints`, `Traceback|File "`}, Do: earlyHints},
		{
			Name: "hints-http2", App: "hints", Ours: true, Own: true,
			Global: loadModule("http2"),
			Conf:   append(slices.Clone(http2Lines), "<IfModule http2_module>", "H2EarlyHints on", "</IfModule>"),
			Do:     earlyHintsHTTP2,
		},
		// A group of its own: it keeps a file open.
		{Name: "gateway", Ours: true, Daemon: "threads=3", Announced: Announce{`one-record`, `ends in mid-line`, `l{999}`}, Do: gateway},
	}
}

// interim reads responses up to the final one, which is returned with those
// before it.
func (t *T) interim(c *Conn, q Request) (before []Response, final Response) {
	t.Send(c, q)
	for {
		r, err := c.Read(q.method())
		if err != nil {
			t.Fatalf("%s: %v", q.Path, err)
		}
		if r.Status >= 200 {
			return before, r
		}
		before = append(before, r)
	}
}

func earlyHints(t *T) {
	for _, row := range []struct {
		path  string
		hints []string // Link of each
		want  Want
	}{
		{"/one", []string{"</a.css>; rel=preload; as=style"}, Want{Body: "hinted"}},
		{"/two", []string{"</a.css>; rel=preload; as=style", "</b.js>; rel=preload; as=script"}, Want{Body: "hinted"}},
		{"/none", nil, Want{Body: "hinted"}},
		{"/split", nil, Want{Body: "refused"}},
		{"/late", []string{"</a.css>; rel=preload; as=style"}, Want{Body: "first refused"}},
		{"/fail", []string{"</a.css>; rel=preload; as=style"}, Want{Status: 500, Lack: []string{"X-Final"}}},
	} {
		// Twice on one connection: nothing of the first is left for the second.
		c := t.Dial()
		for range 2 {
			q := Request{Path: row.path}
			before, final := t.interim(c, q)
			var links []string
			for _, r := range before {
				Same(t, row.path+": interim status", fmt.Sprint(r.Status, " ", r.Reason), "103 Early Hints")
				Same(t, row.path+": header of the final response in the interim one", r.Header.Get("X-Final"), "")
				Same(t, row.path+": Connection of the interim response", r.Header.Get("Connection"), "")
				links = append(links, r.Header.Get("Link"))
			}
			Same(t, row.path+": hints", strings.Join(links, ", "), strings.Join(row.hints, ", "))
			row.want.Lack = append(row.want.Lack, "Link", "X-First")
			t.check(q, row.want, final)
			if final.Status == 500 {
				break // Apache closes after it
			}
		}
	}
	old := t.Do(Request{Path: "/two", Proto: "HTTP/1.0"})
	t.check(Request{Path: "/two"}, Want{Body: "hinted", Lack: []string{"Link"}}, old)
	before, final := t.interim(t.Dial(), Request{Path: "/many"})
	Same(t, "interim responses of 500", len(before), 100)
	t.check(Request{Path: "/many"}, Want{Body: "hinted"}, final)
	// Both kinds of interim responses, in the order in which they were due.
	before, final = t.interim(t.Dial(), Request{Method: "POST", Path: "/body", Header: []string{"Expect: 100-continue"}, Body: []byte("the body")})
	Same(t, "interim responses with Expect", len(before), 2)
	if len(before) == 2 {
		Same(t, "their statuses", fmt.Sprint(before[0].Status, before[1].Status), "103 100")
	}
	t.check(Request{Path: "/body"}, Want{Body: "the body"}, final)
}

// earlyHintsHTTP2 asks over HTTP/2 without TLS, which Go's client speaks.
func earlyHintsHTTP2(t *T) {
	transport := t.http2()
	defer transport.CloseIdleConnections()
	var links []string
	ctx := httptrace.WithClientTrace(t.Context, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			links = append(links, fmt.Sprint(code, " ", h.Get("Link")))
			return nil
		},
	})
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.Host+"/two", nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r, err := transport.RoundTrip(q)
	if err != nil {
		t.Fatalf("over HTTP/2: %v", err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("over HTTP/2: %v", err)
	}
	Same(t, "protocol", r.Proto, "HTTP/2.0")
	Same(t, "answer", fmt.Sprint(r.StatusCode, " ", string(body), " ", r.Header.Get("X-Final")), "200 hinted yes")
	Same(t, "hints", strings.Join(links, ", "), "103 </a.css>; rel=preload; as=style, 103 </b.js>; rel=preload; as=script")
}

func gateway(t *T) {
	content, err := os.ReadFile(filepath.Join(t.Dir, "app.wsgi"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	for range 3 {
		r := t.Get("/still")
		t.check(Request{Path: "/still"}, Want{Body: string(content), Have: map[string]string{"X-Before": "0"}}, r)
	}
	r := t.Get("/both")
	Same(t, "bytes written by one thread while another logs", len(r.Body), 20*70000)
	t.check(Request{Path: "/both"}, Want{Match: "^w+$"}, r)
	t.check(Request{Path: "/strange"}, Want{Body: "strange"}, t.Get("/strange"))
	t.WaitLog(`ends in mid-line`)
}
