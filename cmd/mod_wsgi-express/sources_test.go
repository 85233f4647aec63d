package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFromElsewhere(t *testing.T) {
	const file = `port = 8080
http2 = true
access-log = false
python-path = ["/a b", "/c"]
url-alias = [["/s/", "/static"], ["/f", "/f.ico"]]
initial-workers = 0.5
entry-point = "app.wsgi"
[setenv]
B = "2"
A = "1"
`
	tests := []struct {
		name, args, file string
		env              []string
		want             string
		errs             []string
	}{
		{name: "file", file: file, want: "--entry-point=app.wsgi|--http2|--initial-workers=0.5|--port=8080|--python-path=/a b|--python-path=/c|--setenv=A|1|--setenv=B|2|--url-alias=/s/|/static|--url-alias=/f|/f.ico"},
		{name: "typed first", args: "other.wsgi|--port|1|--setenv|X|y|--python-path=/z|--url-alias|/a|/b|--http2|--initial-workers|1", file: file,
			want: "--port=1|--setenv=X|y|--python-path=/z|--url-alias=/a|/b|--http2|--initial-workers=1|--|other.wsgi"},
		{name: "environment", file: "port = 1", env: []string{"MODWSGI_EXPRESS_PORT=2", "MODWSGI_EXPRESS_HTTP2=1", "MODWSGI_EXPRESS_ACCESS_LOG=false",
			"MODWSGI_EXPRESS_SETENV=A 'b c' D e", "MODWSGI_EXPRESS_PYTHON_PATH=/x", "MODWSGI_EXPRESS_SSL_PORT=4"},
			want: "--http2|--port=2|--python-path=/x|--setenv=A|b c|--setenv=D|e|--https-port=4"},
		{name: "wrong", file: "prot = 1\nport = \"x\"\nhttp2 = 1\nsetenv = 3\nthreads = [1, 2]\nurl-alias = [[\"/a\"]]\nconfig = \"/x\"\npython-path = [true]\n",
			env: []string{"MODWSGI_EXPRESS_PORTS=1", "MODWSGI_EXPRESS_SETENV=A", "MODWSGI_EXPRESS_HTTP2=maybe"},
			errs: []string{":1: unknown option \"prot\"", ":2: --port x: not a whole number", ":3: http2 is true or false", ":4: setenv is a table", ":5: threads has one value",
				":6: url-alias: each value is 2 values", ":7: a file cannot name", ":8: python-path: it is a text", "MODWSGI_EXPRESS_PORTS: unknown option \"ports\"",
				"MODWSGI_EXPRESS_SETENV: its words", "MODWSGI_EXPRESS_HTTP2=maybe: must be true or false"}},
		{name: "no TOML", file: "port = ", errs: []string{":1: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "express.toml")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			g := serverGrammar()
			args := []string{}
			if tt.args != "" {
				args = strings.Split(tt.args, "|")
			}
			got := g.fromElsewhere(g.rewrite(args), append(tt.env, variablePrefix+"CONFIG="+path))
			if words := strings.Join(got.words, "|"); tt.errs == nil && words != tt.want {
				t.Errorf("got  %s\nwant %s", words, tt.want)
			}
			errs := flatten(got.err)
			if len(errs) != len(tt.errs) {
				t.Errorf("%d errors, want %d: %v", len(errs), len(tt.errs), got.err)
			}
			for _, want := range tt.errs {
				if got.err == nil || !strings.Contains(got.err.Error(), want) {
					t.Errorf("no error %s in %v", want, got.err)
				}
			}
		})
	}
}

// Whatever a file says, it is options or an error.
func FuzzFromTOML(f *testing.F) {
	f.Add("port = 1")
	f.Add("setenv = {A = 1}\n[x]")
	f.Add("url-alias = [[1, [2]], 3]")
	f.Add("python-path = [[\"a\"]]\nhttp2 = [true]")
	g := serverGrammar()
	f.Fuzz(func(t *testing.T, text string) {
		list, errs := g.fromTOML("f", text)
		for _, s := range list {
			if len(s.words) > 0 && s.words[0] != "--"+s.name && s.name != "https-port" && s.name != "proxy-mount-point" && s.name != "response-buffer-size" {
				t.Errorf("%q for %s", s.words, s.name)
			}
		}
		_ = errs
	})
}
