package matrix

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// responseCases are about status and headers.
func responseCases() []Case {
	has := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	at := func(path string, w Want) Exchange { return Exchange{Request{Path: "/" + path}, w} }
	head := func(path string, w Want) Exchange { return Exchange{Request{Method: "HEAD", Path: "/" + path}, w} }
	return []Case{
		{Name: "response", MPMs: true, Covers: "RS21 RS22 RS23 RS24 RS28 RS40", Steps: []Exchange{
			at("plain", Want{Reason: "OK", Body: "body", Have: has("Content-Type", "text/plain")}),
			at("no-content", Want{Status: 204, Empty: true, Lack: []string{"Transfer-Encoding"}}),
			at("not-modified", Want{Status: 304, Empty: true, Have: has("ETag", `"x"`)}),
			at("found", Want{Status: 302, Body: "body", Have: has("Location", "/elsewhere?x=1")}),
			at("absolute", Want{Status: 302, Have: has("Location", "http://example.com/a")}),
			at("absolute-200", Want{Body: "body", Have: has("Location", "http://example.com/a")}),
			at("relative", Want{Status: 302, Body: "body", Have: has("Location", "next?x=1")}),
			at("bytes", Want{Have: has("X-Bytes", "\xe2\x82\xac\xff\x80")}),
			at("custom", Want{Status: 299, Reason: "Quite Well", Body: "body"}),
			at("odd", Want{Status: 999, Reason: "Odd", Body: "body"}),
			at("error", Want{Status: 503, Reason: "Later", Body: "body"}),
			at("cookies", Want{Have: has("Set-Cookie", "a=1; Path=/; b=2")}),
			at("challenge", Want{Status: 401, Have: has("WWW-Authenticate", "Basic realm=a; Bearer")}),
			at("latin", Want{Have: has("X-Latin", "caf\xe9")}),
			at("etag", Want{Have: has("ETag", `"x"`, "Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")}),
			head("plain", Want{Empty: true}),
			head("found", Want{Status: 302, Empty: true, Have: has("Location", "/elsewhere?x=1")}),
			head("no-content", Want{Status: 204, Empty: true}),
		}, Do: func(t *T) {
			r := t.Get("/many")
			for n := range 25 {
				Same(t, fmt.Sprintf("header %d of 25", n), r.Header.Get(fmt.Sprintf("X-%d", n)), fmt.Sprint(n))
			}
			Same(t, "length of a long header", len(t.Get("/long").Header.Get("X-Long")), 20000)
			got := strings.Join(t.Get("/repeated").Header.Values("X-A"), ", ")
			Same(t, "a header given twice", got, "1, 2")
			// The connection is still in step after answers that have no body.
			c := t.Dial()
			for _, path := range []string{"/no-content", "/not-modified", "/plain"} {
				r = t.Exchange(c, Request{Path: path})
			}
			t.check(Request{Path: "/plain"}, Want{Body: "body"}, r)
		}},
		{Name: "response-better", App: "response", Ours: true, Covers: "RS12", Steps: []Exchange{
			at("bare", Want{Status: 404, Reason: "Not Found", Body: "body"}),
			at("words", Want{Reason: "Error", Body: "body"}),
			at("no-type", Want{Body: "body", Have: has("Content-Length", "4")}),
			at("status-header", Want{Status: 200, Have: has("Status", "404 Nope")}),
			at("plain", Want{Have: has("Content-Length", "4"), Lack: []string{"Transfer-Encoding"}}),
			at("challenge", Want{Status: 401, Have: has("Content-Length", "4")}),
		}},
		{Name: "refused", Do: refusals, Ours: true, Covers: "RS10 RS13 RS14", Steps: []Exchange{
			at("bare-status?kept", Want{Reason: "OK", Body: "kept"}),
			at("status-odd?kept", Want{Status: 999, Reason: "Odd", Body: "kept"}),
		}},
		{Name: "redirect-local", App: "response", Ours: true, Covers: "RS27", Conf: []string{`Alias /static "@APP@/static"`}, Prepare: func(dir string) error {
			if err := os.Mkdir(filepath.Join(dir, "static"), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "static", "f"), []byte("the static file"), 0o644)
		}, Do: func(t *T) {
			want := Want{Body: "the static file", Have: has("Content-Length", "15"), Lack: []string{"Location", "X-Own"}}
			c := t.Dial()
			for _, q := range []Request{{Path: "/local"}, {Path: "/local", Method: "POST", Body: []byte("for nobody")}, {Path: "/local"}} {
				t.check(q, want, t.Exchange(c, q))
			}
			t.check(Request{Path: "/lost"}, Want{Status: 404, Lack: []string{"Location"}}, t.Get("/lost"))
			t.check(Request{Path: "/local"}, Want{Empty: true, Have: has("Content-Length", "15")}, t.Do(Request{Method: "HEAD", Path: "/local"}))
			part := Request{Path: "/local", Header: []string{"Range: bytes=4-9"}}
			t.check(part, Want{Status: 206, Body: "static"}, t.Do(part))
		}},
		{Name: "header-large", App: "response", Ours: true, Modes: daemonOnly, Covers: "RS25", Announced: Announce{`WSGIM0248`}, Do: func(t *T) {
			c := t.Dial()
			t.check(Request{Path: "/large"}, Want{Status: 500, Lack: []string{"X-Large"}}, t.Exchange(c, Request{Path: "/large"}))
			t.check(Request{Path: "/long"}, Want{Body: "body"}, t.Get("/long"))
		}},
		{Name: "header-large-allowed", App: "response", Ours: true, Daemon: "threads=1 header-buffer-size=65536", Covers: "RS25", Do: func(t *T) {
			Same(t, "length of a large header", len(t.Get("/large").Header.Get("X-Large")), 40960)
		}},
		{Name: "head", App: "directives", Ours: true, Covers: "RS26", Conf: headConf(), Do: headAsGet},
		{Name: "framing", Ours: true, Announced: Announce{`(?i)hop-by-hop|transfer-encoding|connection|dropped`}, Do: framing},
	}
}

// headConf has one <Location> for each way to map HEAD, with and without a
// content filter.
func headConf() (lines []string) {
	for _, way := range []string{"Off", "On", "Auto"} {
		for _, filter := range []string{"plain", "packed"} {
			lines = append(lines, fmt.Sprintf("<Location /%s/%s>", way, filter), "WSGIMapHEADToGET "+way)
			if filter == "packed" {
				lines = append(lines, "SetOutputFilter DEFLATE")
			}
			lines = append(lines, "</Location>")
		}
	}
	return lines
}

// headAsGet wants the header of a response to HEAD to be that to GET, and the
// application to see the method that the directive says.
func headAsGet(t *T) {
	for path, method := range map[string]string{
		"/Off/plain/": "HEAD", "/Off/packed/": "HEAD", "/On/plain/": "GET", "/On/packed/": "GET", "/Auto/plain/": "HEAD", "/Auto/packed/": "GET",
	} {
		for _, encoding := range []string{"gzip", "identity"} {
			q := Request{Method: "HEAD", Path: path + "method", Header: []string{"Accept-Encoding: " + encoding}}
			head := t.Do(q)
			t.check(q, Want{Empty: true, Have: map[string]string{"X-Method": method}}, head)
			q.Method = "GET"
			if path == "/Off/packed/" {
				// There is nothing to be packed: the header is that without the
				// filter, which is why Auto is the default.
				q.Path = "/Off/plain/method"
			}
			get := t.Do(q)
			for _, r := range []Response{head, get} {
				r.Header.Del("X-Method")
				r.Header.Del("Date")
			}
			Same(t, path+" "+encoding+": header of HEAD", fmt.Sprint(head.Header), fmt.Sprint(get.Header))
		}
	}
}

// refusals calls start_response as module.md 7.3 lists it. Nothing of it may
// reach the log: the application caught it.
func refusals(t *T) {
	for _, row := range []struct{ call, want string }{
		{"fine", "^accepted$"}, {"bare-status", "^accepted$"}, {"list-subclass", "^accepted$"}, {"tab-in-value", "^accepted$"},
		{"status-int", "^TypeError: .*int"},
		{"status-bytes", "^TypeError: .*bytes"},
		{"status-wide", "^UnicodeEncodeError: "},
		{"status-word", "^ValueError: .*3 digit"},
		{"status-empty", "^ValueError: .*3 digit"},
		{"status-two-digits", "^ValueError: .*3 digit"},
		{"status-four-digits", "^ValueError: .*2000"},
		{"status-no-space", "^ValueError: .*space"},
		{"status-crlf", "^ValueError: "}, {"status-nul", "^ValueError: "},
		{"status-continue", "^ValueError: .*100"}, {"status-early", "^ValueError: .*103"},
		{"headers-tuple", "^TypeError: .*tuple"}, {"headers-dict", "^TypeError: .*dict"}, {"headers-str", "^TypeError: .*str"},
		{"item-list", "^TypeError: .*list"}, {"item-one", "^ValueError: .*1"}, {"item-three", "^ValueError: .*3"},
		{"name-bytes", "^TypeError: .*bytes"}, {"value-bytes", "^TypeError: .*bytes"}, {"value-int", "^TypeError: .*int"},
		{"name-wide", "^UnicodeEncodeError: "}, {"value-wide", "^UnicodeEncodeError: "},
		{"name-empty", "^ValueError: "}, {"name-space", "^ValueError: .*X A"}, {"name-tab", "^ValueError: "},
		{"name-colon", "^ValueError: .*X:A"}, {"name-crlf", "^ValueError: "},
		{"value-cr", "^ValueError: "}, {"value-lf", "^ValueError: "}, {"value-crlf", `^ValueError: .*X-B`}, {"value-nul", "^ValueError: "},
		{"exc-info-str", "^RuntimeError: "},
		{"one-argument", "^TypeError: "}, {"four-arguments", "^TypeError: "},
	} {
		// A call that was accepted was replaced by the next one, headers included.
		t.check(Request{Path: "/" + row.call}, Want{Match: row.want, Lack: []string{"X-A", "X-B"}}, t.Get("/"+row.call))
	}
}

// framing wants the headers that are the server's business to be dropped, and
// the framing on the wire to be right whatever the application said.
func framing(t *T) {
	names := []string{"transfer-encoding", "connection", "keep-alive", "upgrade", "trailer", "te", "proxy-connection"}
	for _, name := range append(names, "transfer-encoding?blocks", "trailer?blocks") {
		c := t.Dial()
		r := t.Exchange(c, Request{Path: "/" + name})
		t.check(Request{Path: "/" + name}, Want{Body: "body", Have: map[string]string{"X-After": "yes"}}, r)
		for field, values := range r.Header {
			for _, v := range values {
				switch field {
				case "Upgrade", "Trailer", "Te", "Proxy-Connection":
					t.Errorf("/%s: %s: %s reached the wire", name, field, v)
				case "Connection":
					if strings.Contains(v, "X-Secret") {
						t.Errorf("/%s: Connection: %s reached the wire", name, v)
					}
				case "Keep-Alive":
					if strings.Contains(v, "=100") && !strings.Contains(v, "max=100") {
						t.Errorf("/%s: Keep-Alive: %s reached the wire", name, v)
					}
				}
			}
		}
		if n := len(r.Header.Values("Transfer-Encoding")); n > 1 {
			t.Errorf("/%s: %d Transfer-Encoding fields", name, n)
		}
		// The next response on the connection is read from where it begins.
		t.check(Request{Path: "/te?blocks"}, Want{Body: "body"}, t.Exchange(c, Request{Path: "/te?blocks"}))
	}
}

// outputCases are about the ways of giving a body.
func outputCases() []Case {
	at := func(path, body string) Exchange { return Exchange{Request{Path: "/" + path}, Want{Body: body}} }
	return []Case{
		{Name: "output", MPMs: true, Covers: "RS02", Steps: []Exchange{
			at("single", "one block"), at("in_tuple", "a tuple"), at("iterator", "iterator"),
			at("write", "written twice and returned"), at("write_only", "written"), at("write_str", "TypeError"),
			at("empty_blocks", "late head"),
			{Request{Path: "/nothing"}, Want{Empty: true}},
			{Request{Method: "HEAD", Path: "/write"}, Want{Empty: true}},
			{Request{Method: "HEAD", Path: "/iterator"}, Want{Empty: true}},
		}, Do: func(t *T) {
			whole := bytes.Repeat(counting(), 320)
			for _, path := range []string{"/big", "/sized"} {
				if r := t.Get(path); !bytes.Equal(r.Body, whole) || r.End != EndFramed {
					t.Errorf("%s: %d bytes, ended %s, want %d", path, len(r.Body), r.End, len(whole))
				}
			}
			old := t.Do(Request{Path: "/iterator", Proto: "HTTP/1.0"})
			t.check(Request{Path: "/iterator HTTP/1.0"}, Want{Body: "iterator", End: EndDelimited, Lack: []string{"Transfer-Encoding"}}, old)
		}},
		{Name: "automatic-length", App: "output", Ours: true, Covers: "RS01 RS34", Steps: []Exchange{
			at("in_tuple", "a tuple"), at("empty_blocks", "late head"),
			{Request{Path: "/single"}, Want{Body: "one block", Have: map[string]string{"Content-Length": "9"}}},
			{Request{Path: "/nothing"}, Want{Empty: true, Have: map[string]string{"Content-Length": "0"}}},
			{Request{Path: "/iterator"}, Want{Body: "iterator", Lack: []string{"Content-Length"}}},
			{Request{Path: "/write"}, Want{Body: "written twice and returned", Lack: []string{"Content-Length"}}},
		}},
		{Name: "streaming", App: "output", MPMs: true, Covers: "RS03", Do: streaming},
		{Name: "deflate", App: "output", Conf: []string{"SetOutputFilter DEFLATE"}, Covers: "RS30", Do: deflated},
	}
}

// counting is one block of the application output.
func counting() []byte {
	p := make([]byte, 65536)
	for i := range p {
		p[i] = byte(i)
	}
	return p
}

// deflated wants the body to be compressed, and no length that is not that of
// what was sent.
func deflated(t *T) {
	want := strings.Repeat("compressible ", 1000)
	for _, how := range []string{"block", "blocks", "length"} {
		q := Request{Path: "/text?" + how, Header: []string{"Accept-Encoding: gzip"}}
		c := t.Dial()
		for range 2 {
			r := t.Exchange(c, q)
			t.check(q, Want{Have: map[string]string{"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}}, r)
			if length := r.Header.Get("Content-Length"); r.End != EndFramed || length != "" && length != fmt.Sprint(len(r.Body)) {
				t.Errorf("%s: Content-Length %q of %d bytes, ended %s", q.Path, length, len(r.Body), r.End)
			}
			if len(r.Body) > len(want)/4 {
				t.Errorf("%s: %d bytes of %d are left", q.Path, len(r.Body), len(want))
			}
			z, err := gzip.NewReader(bytes.NewReader(r.Body))
			if err != nil {
				t.Fatalf("%s: %v", q.Path, err)
			}
			got, err := io.ReadAll(z)
			if err != nil || string(got) != want {
				t.Errorf("%s: unpacked %d bytes, want %d (%v)", q.Path, len(got), len(want), err)
			}
		}
		q.Header = []string{"Accept-Encoding: identity"}
		t.check(q, Want{Body: want, Lack: []string{"Content-Encoding"}}, t.Do(q))
	}
}

// streaming wants each block before the application gives the next: it waits
// for a file that is made only after the block was seen. The first is there
// within a tenth of a second, on a machine that is not always busy elsewhere.
func streaming(t *T) {
	t.Get("/single")
	soonest := clientTimeout
	for n := range 5 {
		c := t.Dial()
		began := time.Now()
		t.Send(c, Request{Path: fmt.Sprintf("/stream?%d", n)})
		r, err := c.Head()
		if err != nil {
			t.Fatalf("%v", err)
		}
		Same(t, "status", r.Status, 200)
		for _, step := range []struct{ text, gate string }{{"one", "second"}, {"two", "third"}} {
			if got, end := c.until(step.text); end != "" {
				t.Fatalf("waiting for the block %s: %s after %q", step.text, end, got)
			}
			if step.text == "one" {
				soonest = min(soonest, time.Since(began))
			}
			t.open(step.gate + fmt.Sprint(n))
		}
		if got, end := c.until("three\r\n0\r\n\r\n"); end != "" {
			t.Errorf("the rest is %q, %s", got, end)
		}
	}
	if soonest > 100*time.Millisecond {
		t.Errorf("the first block took %s at best", soonest)
	}
}

// fileContent is what the application filewrap serves: ten bytes for each of
// 20,000 numbers.
func fileContent() []byte {
	var b bytes.Buffer
	for n := range 20000 {
		fmt.Fprintf(&b, "%09d\n", n)
	}
	return b.Bytes()
}

func filewrapCases() []Case {
	prepare := func(t *T) []byte {
		content := fileContent()
		if err := os.WriteFile(filepath.Join(t.Dir, "content"), content, 0o644); err != nil {
			t.Fatalf("%v", err)
		}
		return content
	}
	length := func(n int) map[string]string { return map[string]string{"Content-Length": fmt.Sprint(n)} }
	return []Case{
		{Name: "filewrap", MPMs: true, Do: func(t *T) {
			content := prepare(t)
			upper := string(bytes.ToUpper(content))
			for path, w := range map[string]Want{
				"/whole":      {Body: string(content), Have: length(len(content))},
				"/offset":     {Body: string(content[100:])},
				"/limited":    {Body: string(content[:50]), Have: length(50)},
				"/memory":     {Body: "from memory"},
				"/middleware": {Body: upper},
				"/written":    {Body: "first then the file"},
				"/reported":   {Body: string(content)},
			} {
				t.check(Request{Path: path}, w, t.Get(path))
			}
			if t.Mode == Daemon || t.Server.Conf.MPM != "prefork" { // another process knows nothing of it
				Same(t, "closed", string(t.Get("/show").Body), "file")
			}
			t.check(Request{Path: "HEAD /whole"}, Want{Empty: true, Have: length(len(content))}, t.Do(Request{Method: "HEAD", Path: "/whole"}))
		}},
		{Name: "filewrap-better", App: "filewrap", Ours: true, Covers: "RS31 RS32 RS33 PY12", Do: func(t *T) {
			content := prepare(t)
			for path, w := range map[string]Want{
				"/whole":        {Body: string(content), Have: length(len(content))},
				"/offset":       {Body: string(content[100:]), Have: length(len(content) - 100)},
				"/limited":      {Body: string(content[:50]), Have: length(50)},
				"/memory":       {Body: "from memory"},
				"/middleware":   {Body: string(bytes.ToUpper(content))},
				"/written":      {Body: "first then the file"},
				"/file_written": {Body: "first " + string(content), Lack: []string{"Content-Length"}},
			} {
				t.check(Request{Path: path}, w, t.Get(path))
			}
			Same(t, "attributes", string(t.Get("/attributes").Body), `[True, 2, [b'ab', b'c'], True, 'ValueError', 'ValueError']`)
			t.check(Request{Path: "/offset"}, Want{Have: length(len(content) - 100)}, t.Get("/offset"))
			r := t.Do(Request{Path: "/whole", Header: []string{"Range: bytes=10-19"}})
			t.check(Request{Path: "/whole"}, Want{Status: 206, Body: "000000001\n", Have: map[string]string{"Content-Range": fmt.Sprintf("bytes 10-19/%d", len(content)), "Content-Length": "10"}}, r)
			many := t.Do(Request{Path: "/whole", Header: []string{"Range: bytes=10-19,30-39"}})
			t.check(Request{Path: "/whole"}, Want{Status: 206, Match: "(?s)000000001\n.*000000003\n"}, many)
			none := t.Do(Request{Path: "/whole", Header: []string{"Range: bytes=999999-"}})
			t.check(Request{Path: "/whole"}, Want{Status: 416}, none)
		}},
		{Name: "filewrap-text", App: "filewrap", Announced: raised(`TypeError: `), Steps: []Exchange{{Request{Path: "/text"}, Want{Status: 500}}}, Ours: true},
		{Name: "slow-reader", App: "output", Do: func(t *T) {
			c := t.Dial()
			t.Send(c, Request{Path: "/big", Header: []string{"Connection: close"}})
			r, err := c.Head()
			if err != nil {
				t.Fatalf("%v", err)
			}
			// Read slower than it is written: by small pieces, never waiting long.
			for range 64 {
				piece, end := c.Some(time.Second)
				if end != "" {
					t.Fatalf("ended %s", end)
				}
				r.Body = append(r.Body, piece...)
			}
			rest, _ := c.Rest()
			if !bytes.HasSuffix(rest, []byte("\r\n0\r\n\r\n")) {
				t.Errorf("the download has no end")
			}
		}},
	}
}
