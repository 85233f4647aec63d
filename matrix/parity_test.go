package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// exact is one conversation of the parity corpus: bytes for one application,
// ended by the client's wish to close.
type exact struct {
	app, name string
	send      string
}

const parityHost = "parity.test"

// request writes one request; the last of a conversation closes.
func request(method, path, proto string, lines []string, body string) string {
	head := method + " " + path + " " + proto + "\r\n"
	for _, l := range lines {
		head += l + "\r\n"
	}
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}

// parityCorpus pairs every application that answers the same each time with
// requests of every kind.
func parityCorpus() []exact {
	paths := map[string][]string{
		"hello":  {"/", "/?q=%20", "//a//b"},
		"output": {"/single", "/in_tuple", "/nothing", "/iterator", "/write", "/write_only", "/write_str", "/empty_blocks", "/sized"},
		"response": {"/plain", "/no-type", "/no-content", "/not-modified", "/found", "/absolute", "/custom", "/odd", "/bare", "/words",
			"/error", "/cookies", "/challenge", "/repeated", "/many", "/long", "/latin", "/status-header", "/type", "/etag"},
		"failing": {"/before", "/started", "/first_block", "/after", "/fine", "/bad_close", "/no_start", "/no_start_empty", "/none", "/text",
			"/text_later", "/number", "/array", "/raw_bytes", "/system_exit", "/replaced", "/reraised", "/twice", "/twice_late",
			"/bad_length?abc", "/bad_length?-1", "/bad_length?+5", "/two_lengths"},
		"length":   {"/5/5", "/500/5", "/500/0", "/12/20", "/0/5", "/0/0"},
		"framing":  {"/transfer-encoding", "/connection", "/keep-alive", "/upgrade", "/trailer", "/te", "/proxy-connection"},
		"filewrap": {"/whole", "/offset", "/limited", "/memory", "/middleware", "/written", "/text", "/attributes"},
		"early":    {"/"},
		"mapping":  {"/a%20b/%C3%A9?x", "//x///y"},
		"refused": {"/fine", "/status-crlf", "/status-early", "/headers-tuple", "/item-three", "/name-colon", "/value-crlf", "/value-nul",
			"/value-wide", "/exc-info-str", "/status-word"},
		"body": {"/read", "/split", "/zero", "/end", "/readline", "/readlines-1", "/iterate", "/sha256", "/wrong"},
	}
	hosted := func(more ...string) []string { return append([]string{"Host: " + parityHost}, more...) }
	closing := hosted("Connection: close")
	var corpus []exact
	for app, list := range paths {
		for _, p := range list {
			add := func(kind, send string) { corpus = append(corpus, exact{app, kind + p, send}) }
			add("GET ", request("GET", p, "HTTP/1.1", closing, ""))
			add("HEAD ", request("HEAD", p, "HTTP/1.1", closing, ""))
			add("HTTP/1.0 ", request("GET", p, "HTTP/1.0", hosted(), ""))
			add("HTTP/1.0 keep-alive ", request("GET", p, "HTTP/1.0", hosted("Connection: keep-alive"), "")+request("GET", p, "HTTP/1.0", hosted(), ""))
			add("twice ", request("GET", p, "HTTP/1.1", hosted(), "")+request("GET", p, "HTTP/1.1", closing, ""))
			add("POST ", request("POST", p, "HTTP/1.1", closing, "one\ntwo\nthree"))
			add("range ", request("GET", p, "HTTP/1.1", hosted("Connection: close", "Range: bytes=1-3"), ""))
			add("if-none-match ", request("GET", p, "HTTP/1.1", hosted("Connection: close", `If-None-Match: "x"`), ""))
		}
	}
	return append(corpus,
		exact{"body", "chunked", "POST /read HTTP/1.1\r\nHost: parity.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
		exact{"body", "bad length", request("POST", "/read", "HTTP/1.1", hosted("Connection: close", "Content-Length: abc"), "")},
		exact{"body", "unknown transfer-encoding", request("POST", "/read", "HTTP/1.1", hosted("Connection: close", "Transfer-Encoding: gzip"), "")},
		exact{"body", "expect", request("POST", "/read", "HTTP/1.1", hosted("Connection: close", "Expect: 100-continue"), "body")},
		exact{"early", "expect", request("POST", "/", "HTTP/1.1", hosted("Connection: close", "Expect: 100-continue"), "body")},
		exact{"body", "20 kB", request("POST", "/sha256", "HTTP/1.1", closing, strings.Repeat("x", 20000))},
		exact{"early", "body unread", request("POST", "/", "HTTP/1.1", hosted(), strings.Repeat("x", 20000)) + request("GET", "/", "HTTP/1.1", closing, "")},
	)
}

var (
	dateField = regexp.MustCompile(`(?m)^Date: [^\r\n]+`)
	methods   = regexp.MustCompile(`(?m)^(GET|HEAD|POST) `)
)

// TestParity sends the same bytes to the same applications in both modes and
// wants the same bytes back, apart from the time of day.
func TestParity(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("a promise of our module only")
	}
	mpms := LoadableMPMs(t.Context(), r, target.Apache)
	if len(mpms) == 0 {
		t.Fatalf("no MPM of %s can be loaded", target.Apache.Httpd)
	}
	var servers []*Session
	for _, mode := range Modes() {
		s, err := Cell{Target: target, MPM: mpms[0], Mode: mode}.Open(t.Context(), r, parityCases())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { // not as a clean-up: the context ends before those
			if err := errors.Join(s.Server.Stop(), s.Server.Close()); err != nil {
				t.Error(err)
			}
		}()
		content := filepath.Join(s.Server.Root, "apps", "filewrap", "content")
		if err := os.WriteFile(content, fileContent(), 0o644); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	for _, x := range parityCorpus() {
		t.Run(x.app+"/"+x.name, func(t *testing.T) {
			var got [2][]byte
			for i, s := range servers {
				got[i] = converse(t, s.Server.Port, x)
			}
			if !bytes.Equal(got[0], got[1]) {
				t.Errorf("embedded and daemon mode differ:\n%s", difference(got[0], got[1]))
			}
		})
	}
}

// parityCases mounts each application of the corpus below its own name.
func parityCases() []Case {
	seen := map[string]bool{}
	var cases []Case
	for _, x := range parityCorpus() {
		if !seen[x.app] {
			seen[x.app] = true
			cases = append(cases, Case{Name: x.app})
		}
	}
	return cases
}

// converse sends the bytes and returns what came back, apart from what may
// differ: the time of day, and where the chunks of a body part, since blocks
// that a daemon process gave together may be sent together.
func converse(t *testing.T, port int, x exact) []byte {
	t.Helper()
	c, err := dial(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := strings.ReplaceAll(x.send, parityHost, hostOf(Case{Name: x.app}))
	sendErr := c.Send([]byte(send))
	var got []byte
	for _, m := range methods.FindAllStringSubmatch(send, -1) {
		for {
			r, err := c.Read(m[1])
			if err != nil && len(r.Raw) == 0 && len(got) > 0 {
				return append(got, r.End...) // closed before the next response
			}
			if err != nil {
				t.Fatalf("%v (sending: %v)", err, sendErr)
			}
			head, _, _ := bytes.Cut(r.Raw, []byte("\r\n\r\n"))
			got = append(got, dateField.ReplaceAll(head, []byte("Date: now"))...)
			got = append(append(append(got, "\r\n\r\n"...), r.Body...), "["+r.End+"]"...)
			if r.Status >= 200 {
				break // not "100 Continue"
			}
		}
	}
	rest, end := c.Rest()
	return append(append(got, rest...), end...)
}

// difference shows where two answers part.
func difference(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := max(0, at-120)
	return fmt.Sprintf("at byte %d of %d and %d\nembedded: %q\ndaemon:   %q", at, len(a), len(b), clip(a[from:]), clip(b[from:]))
}
