package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"modwsgi/internal/pattern"
)

// forwarded is one header of WSGITrustedProxyHeaders: a row of the registry in
// csrc/src/wsgi_forwarded.c, with what it does to a request. A test compares
// the two.
type forwarded struct {
	Header   string
	Category string            // the constant there, without its prefix
	Effect   string            // the same
	Value    string            // what a request of the cases sends
	Want     map[string]string // what it does to the environ when it wins
}

// forwardedHeaders has every header of the registry, in its order.
var forwardedHeaders = []forwarded{
	{"X-Forwarded-For", "CLIENT", "LIST", "9.9.9.9, 203.0.113.7, 10.0.0.1",
		map[string]string{"REMOTE_ADDR": "203.0.113.7", "HTTP_X_FORWARDED_FOR": "203.0.113.7, 10.0.0.1"}},
	{"X-Client-IP", "CLIENT", "VALUE", "203.0.113.8", map[string]string{"REMOTE_ADDR": "203.0.113.8"}},
	{"X-Real-IP", "CLIENT", "VALUE", "203.0.113.9", map[string]string{"REMOTE_ADDR": "203.0.113.9"}},
	{"X-Forwarded-Proto", "SCHEME", "PROTO", "HTTPS", map[string]string{"wsgi.url_scheme": "https"}},
	{"X-Forwarded-Scheme", "SCHEME", "PROTO", "https", map[string]string{"wsgi.url_scheme": "https"}},
	{"X-Scheme", "SCHEME", "PROTO", "https", map[string]string{"wsgi.url_scheme": "https"}},
	{"X-Forwarded-HTTPS", "SCHEME", "SWITCH", "on", map[string]string{"wsgi.url_scheme": "https"}},
	{"X-Forwarded-SSL", "SCHEME", "SWITCH", "True", map[string]string{"wsgi.url_scheme": "https"}},
	{"X-HTTPS", "SCHEME", "SWITCH", "1", map[string]string{"wsgi.url_scheme": "https"}},
	{"X-Forwarded-Host", "HOST", "VALUE", "outside.example:8443", map[string]string{"HTTP_HOST": "outside.example:8443"}},
	{"X-Host", "HOST", "VALUE", "host.example", map[string]string{"HTTP_HOST": "host.example"}},
	{"X-Forwarded-Server", "SERVER", "VALUE", "server.example", map[string]string{"SERVER_NAME": "server.example"}},
	{"X-Forwarded-Port", "PORT", "VALUE", "8443", map[string]string{"SERVER_PORT": "8443"}},
	{"X-Script-Name", "SCRIPT", "PATH", "/outside", map[string]string{"SCRIPT_NAME": "/outside", "mod_wsgi.mount_point": "/outside"}},
	{"X-Forwarded-Script-Name", "SCRIPT", "PATH", "/beyond", map[string]string{"SCRIPT_NAME": "/beyond", "mod_wsgi.mount_point": "/beyond"}},
}

func (f forwarded) key() string {
	return "HTTP_" + strings.ToUpper(strings.ReplaceAll(f.Header, "-", "_"))
}

// everyForwarded sends all of them at once.
func everyForwarded() []string {
	var lines []string
	for _, f := range forwardedHeaders {
		lines = append(lines, f.Header+": "+f.Value)
	}
	return lines
}

// changing are the keys in which two requests may differ for reasons of their own.
var changing = map[string]bool{"REMOTE_PORT": true, "mod_wsgi.request_id": true, "mod_wsgi.thread_id": true,
	"mod_wsgi.request_start": true, "mod_wsgi.queue_start": true, "mod_wsgi.daemon_start": true, "mod_wsgi.application_start": true,
	"mod_wsgi.connection_id": true, "mod_wsgi.server_pid": true, "wsgi.input": true, "wsgi.errors": true, "REQUEST_URI": true, "PATH_INFO": true, "mod_wsgi.path_info": true}

// address is where an object is, in its repr.
var address = pattern.New(` at 0x[0-9a-f]+`)

// sameBut wants got to be base with the changes; "-" for a key that is gone.
func sameBut(t *T, what string, base, got map[string]shown, changes map[string]string) {
	for key, want := range changes {
		v, has := got[key]
		switch {
		case want == "-" && has:
			t.Errorf("%s: %s reached the application: %q", what, key, v.Text)
		case want != "-" && (!has || v.Text != want):
			t.Errorf("%s: %s is %q, want %q", what, key, v.Text, want)
		}
	}
	same := func(a, b shown) bool {
		a.Repr, b.Repr = address.ReplaceAllString(a.Repr, ""), address.ReplaceAllString(b.Repr, "")
		return a == b
	}
	for key, v := range base {
		if _, told := changes[key]; !told && !changing[key] && !same(got[key], v) {
			t.Errorf("%s: %s is %q, want %q as without directives", what, key, got[key].Repr, v.Repr)
		}
	}
	for key := range got {
		if _, told := changes[key]; !told && !same(base[key], got[key]) && !changing[key] {
			t.Errorf("%s: %s is new: %q", what, key, got[key].Repr)
		}
	}
}

// section puts lines in a <Location>.
func section(path string, lines ...string) []string {
	out := []string{"<Location " + path + ">"}
	for _, l := range lines {
		out = append(out, "    "+l)
	}
	return append(out, "</Location>")
}

// registryCase asks with every header sent, one declared at a time. Proxies is
// a WSGITrustedProxies line or nothing; trusted is whether the client is one.
func registryCase(name, covers string, trusted bool, proxies ...string) Case {
	var conf []string
	for _, f := range forwardedHeaders {
		conf = append(conf, section("/"+f.Header, append([]string{"WSGITrustedProxyHeaders " + f.Header}, proxies...)...)...)
	}
	return Case{Name: name, Covers: covers, App: "environ", Ours: true, Conf: conf, Do: func(t *T) {
		base := environOf(t, Request{Path: "/plain", Header: everyForwarded()})
		for _, f := range forwardedHeaders {
			changes := map[string]string{}
			for _, other := range forwardedHeaders {
				if other.Category == f.Category && (other.Header != f.Header || !trusted) {
					changes[other.key()] = "-"
				}
			}
			if trusted {
				for key, v := range f.Want {
					changes[key] = v
				}
				if f.Effect == "LIST" && len(proxies) == 0 { // rule 3
					changes["REMOTE_ADDR"] = "9.9.9.9"
					delete(changes, f.key())
				}
			}
			got := environOf(t, Request{Path: "/" + f.Header, Header: everyForwarded()})
			sameBut(t, f.Header, base, got, changes)
			// Not sent: nothing is invented, and the synonyms still go.
			var others []string
			gone := map[string]string{f.key(): "-"}
			for _, other := range forwardedHeaders {
				if other.Header != f.Header {
					others = append(others, other.Header+": "+other.Value)
				}
				if other.Category == f.Category {
					gone[other.key()] = "-"
				}
			}
			got = environOf(t, Request{Path: "/" + f.Header, Header: others})
			sameBut(t, f.Header+" not sent", base, got, gone)
		}
	}}
}

// listCase sends X-Forwarded-For with the loopback and 10/8 trusted.
func listCase(name, covers, value, client, chain string) Case {
	return Case{Name: name, Covers: covers, App: "environ", Ours: true,
		Conf: []string{"WSGITrustedProxyHeaders X-Forwarded-For", "WSGITrustedProxies 127.0.0.0/8", "WSGITrustedProxies 10.0.0.0/8"},
		Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"X-Forwarded-For: " + value}})
			Same(t, "REMOTE_ADDR", env["REMOTE_ADDR"].Text, client)
			Same(t, "HTTP_X_FORWARDED_FOR", env["HTTP_X_FORWARDED_FOR"].Text, chain)
		}}
}

// hostNameCase sends a name where an address belongs: it ends the list of
// proxies, and nobody is asked for it.
func hostNameCase() Case {
	c := listCase("px11-host-name", "PX11", "1.1.1.1, proxy.example, 10.0.0.1", "proxy.example", "proxy.example, 10.0.0.1")
	compare := c.Do
	c.Own, c.Do = true, func(t *T) {
		compare(t)
		asksNobody(t, Request{Header: []string{"X-Forwarded-For: 1.1.1.1, proxy.example, 10.0.0.1"}})
	}
	return c
}

// asksNobody wants requests to be answered without a socket of the server's
// own: a look-up needs one.
func asksNobody(t *T, q Request) {
	const n = 20
	strace, err := t.Server.runner.LookPath("strace")
	if err != nil {
		t.Skipf("strace is not installed")
	}
	pids := map[int]string{}
	for _, p := range t.Server.Children(t.Server.ConfPath()) {
		pids[p.PID] = "accept4"
	}
	for _, p := range t.Server.Children("(wsgi:") {
		pids[p.PID] = "sendmsg" // an answer; the first requests are awaited since before the trace
	}
	traced := slices.Sorted(maps.Keys(pids))
	trace := tracer{runner: t.Server.runner, strace: strace, server: t.Server}
	counts, err := trace.count(t.Context, traced, func() error {
		for range n {
			t.Do(q)
		}
		return nil
	})
	if errors.Is(err, errUntraced) {
		t.Skipf("%v", err)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	for i, pid := range traced {
		if counts[i][pids[pid]] < n {
			t.Errorf("process %d was asked %d times and called %v", pid, n, counts[i])
		}
		for _, call := range []string{"socket", "connect", "sendto", "sendmmsg"} {
			if counts[i][call] > 0 {
				t.Errorf("process %d called %s %d times", pid, call, counts[i][call])
			}
		}
	}
}

// proxyCases are about WSGITrustedProxyHeaders and WSGITrustedProxies. PX
// numbers are those of module.md 16.4.
func proxyCases() []Case {
	cases := []Case{
		{Name: "px01-no-directive", Covers: "PX01", App: "environ", Do: func(t *T) {
			base := environOf(t, Request{})
			changes := map[string]string{}
			for _, f := range forwardedHeaders {
				changes[f.key()] = f.Value
			}
			sameBut(t, "without directives", base, environOf(t, Request{Header: everyForwarded()}), changes)
		}},
		// A list of proxies alone declares no header.
		{Name: "px01-no-headers", App: "environ", Conf: []string{"WSGITrustedProxies 192.0.2.1"}, Do: func(t *T) {
			env := environOf(t, Request{Header: everyForwarded()})
			Same(t, "REMOTE_ADDR", env["REMOTE_ADDR"].Text, "127.0.0.1")
			Same(t, "HTTP_X_REAL_IP", env["HTTP_X_REAL_IP"].Text, "203.0.113.9")
		}},
		{Name: "px02-first-of-list", Covers: "PX02", App: "environ", Conf: []string{"WSGITrustedProxyHeaders X-Forwarded-For"}, Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"X-Forwarded-For: ,  198.51.100.1, 198.51.100.2"}})
			Same(t, "REMOTE_ADDR", env["REMOTE_ADDR"].Text, "198.51.100.1")
			Same(t, "HTTP_X_FORWARDED_FOR", env["HTTP_X_FORWARDED_FOR"].Text, ",  198.51.100.1, 198.51.100.2")
		}},
		listCase("px03-trusted", "PX03", "1.1.1.1, 10.0.0.1", "1.1.1.1", "1.1.1.1, 10.0.0.1"),
		listCase("px04-spoofed", "PX04", "9.9.9.9, 1.1.1.1, 10.0.0.1", "1.1.1.1", "1.1.1.1, 10.0.0.1"),
		listCase("px04-all-trusted", "", "10.0.0.3,10.0.0.1", "10.0.0.3", "10.0.0.3, 10.0.0.1"),
		listCase("px05-last-untrusted", "PX05", "10.0.0.1, 1.1.1.1", "1.1.1.1", "1.1.1.1"),
		// PX06 and PX10 for every header: registryCase.
		registryCase("px06-untrusted", "PX06", false, "WSGITrustedProxies 192.0.2.1 2001:DB8::/32"),
		registryCase("px10-trusted", "PX10", true, "WSGITrustedProxies 10.0.0.0/8 127.0.0.1"),
		registryCase("px10-no-list", "PX10", true),
		listCase("px07-empty-elements", "PX07", ", ,1.1.1.1,", "1.1.1.1", "1.1.1.1"),
		listCase("px07-no-elements", "", ", ,", "127.0.0.1", ", ,"),
		listCase("px07-mapped", "", "1.1.1.1, ::FFFF:10.0.0.1", "1.1.1.1", "1.1.1.1, ::FFFF:10.0.0.1"),
		hostNameCase(),
		withTLS(Case{Name: "px08-tls", Covers: "PX08", App: "environ", Ours: true, Conf: []string{"WSGITrustedProxyHeaders X-Forwarded-Proto X-Forwarded-SSL"}, Do: func(t *T) {
			for header, want := range map[string]string{
				"X-Forwarded-Proto: http": "http", "X-Forwarded-SSL: Off": "http", "X-Forwarded-Proto: https": "https", "X-Forwarded-SSL: On": "https",
				"X-Forwarded-Proto: gopher": "https", "X-Other: http": "https",
			} {
				env := map[string]shown{}
				if err := json.Unmarshal(t.Exchange(t.dialTLS(), Request{Header: []string{header}}).Body, &env); err != nil {
					t.Fatalf("%v", err)
				}
				Same(t, "wsgi.url_scheme over TLS with "+header, env["wsgi.url_scheme"].Text, want)
			}
		}}),
		{Name: "px08-scheme", Covers: "PX08", App: "environ", Conf: append(append(
			section("/plain", "WSGITrustedProxyHeaders X-Forwarded-Proto X-Forwarded-SSL"),
			section("/tls", "SetEnv HTTPS on", "WSGITrustedProxyHeaders X-Forwarded-Proto X-Forwarded-SSL")...),
			section("/order", "WSGITrustedProxyHeaders X-Forwarded-SSL", "WSGITrustedProxyHeaders X-Forwarded-Proto")...),
			Do: func(t *T) {
				for _, c := range []struct{ path, header, want string }{
					{"/plain", "X-Forwarded-Proto: https", "https"}, {"/plain", "X-Forwarded-SSL: On", "https"},
					{"/plain", "X-Forwarded-Proto: gopher", "http"}, {"/plain", "X-Forwarded-SSL: maybe", "http"},
					{"/tls", "X-Forwarded-Proto: http", "http"}, {"/tls", "X-Forwarded-SSL: Off", "http"},
					{"/tls", "X-Forwarded-Proto: gopher", "https"}, {"/tls", "X-Other: http", "https"},
					// The last one declared wins, whatever the order in the request (rule 1).
					{"/plain", "X-Forwarded-SSL: off\r\nX-Forwarded-Proto: https", "http"},
					{"/order", "X-Forwarded-SSL: off\r\nX-Forwarded-Proto: https", "https"},
				} {
					env := environOf(t, Request{Path: c.path, Header: []string{c.header}})
					Same(t, "wsgi.url_scheme with "+c.header, env["wsgi.url_scheme"].Text, c.want)
				}
			}},
		{Name: "px09-all-at-once", Covers: "PX09", App: "environ", Mount: "/app",
			Conf: []string{"WSGITrustedProxyHeaders X-Forwarded-Host X-Forwarded-Port X-Forwarded-Server X-Script-Name"}, Do: func(t *T) {
				q := Request{Path: "/app/x"}
				base := environOf(t, q)
				q.Header = []string{"X-Forwarded-Host: a.example:81", "X-Forwarded-Port: 82", "X-Forwarded-Server: b.example", "X-Script-Name: /mine"}
				sameBut(t, "all", base, environOf(t, q), map[string]string{
					"HTTP_HOST": "a.example:81", "SERVER_PORT": "82", "SERVER_NAME": "b.example", "SCRIPT_NAME": "/mine",
					"mod_wsgi.mount_point": "/mine", "mod_wsgi.script_name": "/app", "PATH_INFO": "/x",
					"HTTP_X_FORWARDED_HOST": "a.example:81", "HTTP_X_FORWARDED_PORT": "82", "HTTP_X_FORWARDED_SERVER": "b.example", "HTTP_X_SCRIPT_NAME": "/mine",
				})
				q.Header = []string{"X-Forwarded-Host:", "X-Forwarded-Port:", "X-Forwarded-Server:", "X-Script-Name:"}
				sameBut(t, "empty", base, environOf(t, q), map[string]string{
					"SCRIPT_NAME": "", "mod_wsgi.mount_point": "", "HTTP_X_FORWARDED_HOST": "", "HTTP_X_FORWARDED_PORT": "",
					"HTTP_X_FORWARDED_SERVER": "", "HTTP_X_SCRIPT_NAME": "",
				})
			}},
		// Headers that come more than once are one list.
		{Name: "proxies-repeated", App: "environ", Conf: []string{"WSGITrustedProxyHeaders x_forwarded_for", "WSGITrustedProxies 127.0.0.1 10.0.0.0/255.0.0.0"}, Do: func(t *T) {
			env := environOf(t, Request{Header: []string{"X-Forwarded-For: 1.1.1.1", "x-forwarded-for: 10.0.0.1"}})
			Same(t, "REMOTE_ADDR", env["REMOTE_ADDR"].Text, "1.1.1.1")
			Same(t, "HTTP_X_FORWARDED_FOR", env["HTTP_X_FORWARDED_FOR"].Text, "1.1.1.1, 10.0.0.1")
		}},
		// S16: no other spelling of a header has its effect or its variable.
		{Name: "s16-underscores", App: "environ", Conf: []string{"WSGITrustedProxyHeaders X-Forwarded-For"}, Do: func(t *T) {
			base := environOf(t, Request{})
			got := environOf(t, Request{Header: []string{"X_Forwarded_For: 1.1.1.1", "X-Forwarded_For: 1.1.1.1", "HTTP_X_FORWARDED_FOR: 1.1.1.1"}})
			sameBut(t, "underscores", base, got, nil)
		}},
		// S18: the Connection header is the client's to fill. It takes nothing from
		// a header that a trusted proxy added, and gives an untrusted one nothing.
		{Name: "s18-connection", App: "environ", Ours: true, Conf: append(
			section("/trusted", "WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto", "WSGITrustedProxies 127.0.0.1"),
			section("/untrusted", "WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto", "WSGITrustedProxies 192.0.2.1")...),
			Do: func(t *T) {
				headers := []string{"Connection: close, X-Forwarded-For, X-Forwarded-Proto", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"}
				env := environOf(t, Request{Path: "/trusted", Header: headers})
				Same(t, "REMOTE_ADDR", env["REMOTE_ADDR"].Text, "1.1.1.1")
				Same(t, "HTTP_X_FORWARDED_FOR", env["HTTP_X_FORWARDED_FOR"].Text, "1.1.1.1")
				Same(t, "wsgi.url_scheme", env["wsgi.url_scheme"].Text, "https")
				env = environOf(t, Request{Path: "/untrusted", Header: headers})
				Same(t, "REMOTE_ADDR", env["REMOTE_ADDR"].Text, "127.0.0.1")
				Same(t, "wsgi.url_scheme", env["wsgi.url_scheme"].Text, "http")
				for _, key := range []string{"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"} {
					if v, has := env[key]; has {
						t.Errorf("%s of an untrusted peer reached the application: %q", key, v.Text)
					}
				}
			}},
		{Name: "proxies-scopes", App: "environ", Ours: true, Conf: append(append(append(
			[]string{"WSGITrustedProxyHeaders X-Real-IP", "WSGITrustedProxyHeaders X-Host", "WSGITrustedProxies 192.0.2.1", "WSGITrustedProxies 127.0.0.1",
				`<Directory "@APP@">`, "    AllowOverride FileInfo", "</Directory>"},
			section("/headers", "WSGITrustedProxyHeaders X-Forwarded-Port")...),
			section("/proxies", "WSGITrustedProxies 192.0.2.1")...),
			section("/nothing", "WSGITrustedProxyHeaders X-Nothing")...),
			// An unknown name is accepted, and said once when the configuration is read.
			Do: proxyScopes},
	}
	return cases
}

// proxyScopes: lists grow in one scope and are replaced by a narrower one.
func proxyScopes(t *T) {
	ask := func(what, path string, changes map[string]string) {
		q := Request{Path: path}
		base := environOf(t, q)
		q.Header = []string{"X-Real-IP: 1.1.1.1", "X-Host: h.example", "X-Forwarded-Port: 81"}
		for key, v := range map[string]string{"HTTP_X_REAL_IP": "1.1.1.1", "HTTP_X_HOST": "h.example", "HTTP_X_FORWARDED_PORT": "81"} {
			if changes[key] == "" {
				changes[key] = v
			}
		}
		sameBut(t, what, base, environOf(t, q), changes)
	}
	ask("two lines of the virtual host", "/", map[string]string{"REMOTE_ADDR": "1.1.1.1", "HTTP_HOST": "h.example"})
	ask("a section's headers", "/headers", map[string]string{"SERVER_PORT": "81"})
	ask("a section's proxies", "/proxies", map[string]string{"HTTP_X_REAL_IP": "-", "HTTP_X_HOST": "-"})
	ask("a section without a known header", "/nothing", map[string]string{})
	htaccess := func(text string) {
		if err := os.WriteFile(filepath.Join(t.Dir, ".htaccess"), []byte(text), 0o644); err != nil {
			t.Fatalf("%v", err)
		}
	}
	htaccess("WSGITrustedProxyHeaders X-Unknown X-Forwarded-Port\n")
	ask(".htaccess with headers", "/", map[string]string{"SERVER_PORT": "81"})
	ask("a section over .htaccess", "/nothing", map[string]string{})
	htaccess("WSGITrustedProxies 192.0.2.7\n")
	ask(".htaccess with proxies", "/", map[string]string{"HTTP_X_REAL_IP": "-", "HTTP_X_HOST": "-"})
	if err := os.Remove(filepath.Join(t.Dir, ".htaccess")); err != nil {
		t.Fatalf("%v", err)
	}
}

// proxyRefusals are arguments of the two directives (CF17).
func proxyRefusals() []Refusal {
	cases := []Refusal{
		{Name: "proxies-accepted", Covers: "CF17", Accept: true, Wants: []string{"Syntax OK"}, Lines: []string{
			"WSGITrustedProxies 10.0.0.0/8 ::1 FE80::/10 fe80::/10 10.1 192.168.0.0/255.255.0.0 ::ffff:10.0.0.0/104",
			"WSGITrustedProxies 2001:DB8:ABCD::1",
			"WSGITrustedProxyHeaders X-Forwarded-For x-real-ip X_FORWARDED_PROTO",
			`<Directory "@ROOT@">`, "WSGITrustedProxies 127.0.0.1", "WSGITrustedProxyHeaders X-Host", "</Directory>",
		}},
		{Name: "proxies-unknown-header", Accept: true, Lines: []string{"WSGITrustedProxyHeaders X-Forwarded-Fro"},
			Wants: []string{"Syntax OK", "WSGIM0100: WSGITrustedProxyHeaders at .*:[0-9]+: the header 'X-Forwarded-Fro'"}},
		{Name: "proxies-missing", Lines: []string{"WSGITrustedProxies"}, Wants: []string{"WSGITrustedProxies requires at least one argument"}},
		{Name: "proxy-headers-missing", Lines: []string{"WSGITrustedProxyHeaders"}, Wants: []string{"WSGITrustedProxyHeaders requires at least one argument"}},
	}
	for i, bad := range []string{"host.example", "localhost", "10.0.0.0/33", "::1/129", "10.0.0.1,10.0.0.2", "*", "[::1]", "10.0.0.0/255.0.255.0", `""`} {
		cases = append(cases, Refusal{Name: fmt.Sprintf("proxies-bad-%d", i), Covers: "CF17", Lines: []string{"WSGITrustedProxies 127.0.0.1 " + bad},
			Wants: []string{"WSGITrustedProxies: '" + regexp.QuoteMeta(strings.Trim(bad, `"`)) + "' is not an IP address or network; give addresses such as"}})
	}
	for i, bad := range []string{"X-Forwarded-For,", "X-Real-IP:", `""`, `"X Real"`} {
		cases = append(cases, Refusal{Name: fmt.Sprintf("proxy-headers-bad-%d", i), Lines: []string{"WSGITrustedProxyHeaders X-Host " + bad},
			Wants: []string{"WSGITrustedProxyHeaders: '" + regexp.QuoteMeta(strings.Trim(bad, `"`)) + "' is not the name of a header; give names such as"}})
	}
	return cases
}
