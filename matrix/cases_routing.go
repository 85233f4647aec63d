package matrix

import (
	"fmt"
	"os"
	"path/filepath"
)

// placed is what the application groups tells of itself.
type placed struct {
	ProcessGroup     string `json:"process_group"`
	ApplicationGroup string `json:"application_group"`
	Callable         string
	PID              int
	Count, Thread    int
	Multithread      bool
	Multiprocess     bool
	RunOnce          bool `json:"run_once"`
	Authorization    string
}

func placedAt(t *T, path string) placed {
	var p placed
	t.JSON(path, &p)
	return p
}

// routingCases are about which script, process and interpreter serves a URL.
func routingCases() []Case {
	show := func(path, want string) Exchange { return Exchange{Request{Path: path}, Want{Body: want}} }
	return []Case{
		{Name: "mapping", Covers: "MP01 MP03 EN07", Mount: "/app", Steps: []Exchange{
			show("/app", "/app|||/app"),
			show("/app/", "/app|/||/app/"),
			show("/app/x/y?q=1", "/app|/x/y|q=1|/app/x/y?q=1"),
			show("//app//x", "/app|/x||//app//x"),
			{Request{Path: "/application"}, Want{Status: 404}},
		}, Announced: Announce{`?File does not exist`}},
		{Name: "mapping-root", Covers: "MP02", App: "mapping", Steps: []Exchange{
			show("/", "|/||/"),
			show("/x%20y/%C3%A9", "|/x y/é||/x%20y/%C3%A9"),
		}},
		{Name: "mapping-slashes", Covers: "EN08", App: "mapping", Mount: "/app", Conf: []string{"MergeSlashes Off"}, Steps: []Exchange{
			show("/app//a///b", "/app|/a/b||/app//a///b"),
		}},
		{Name: "mapping-order", Covers: "MP04", App: "mapping", Mount: "-", Conf: []string{
			`WSGIScriptAlias /a/b "@APP@/app.wsgi"`, `WSGIScriptAlias /a "@APP@/app.wsgi"`,
			`WSGIScriptAlias /c "@APP@/app.wsgi"`, `WSGIScriptAlias /c/d "@APP@/app.wsgi"`,
		}, Steps: []Exchange{show("/a/b/c", "/a/b|/c||/a/b/c"), show("/a/c", "/a|/c||/a/c"), show("/c/d/e", "/c|/d/e||/c/d/e")}},
		{Name: "mapping-static", Covers: "MP06", App: "mapping", Conf: []string{`Alias /static "@APP@/app.wsgi"`, `Alias /app/static "@APP@/app.wsgi"`}, Mount: "/app",
			Steps: []Exchange{
				{Request{Path: "/static"}, Want{Match: `^"""Shows how`}}, {Request{Path: "/app/static"}, Want{Match: `^"""Shows how`}},
				show("/app/other", "/app|/other||/app/other"),
			}},
		{Name: "mapping-no-execcgi", Covers: "MP09", App: "mapping", Mount: "/app", Conf: []string{`<Directory "@APP@">`, "Options None", "</Directory>"}, Steps: []Exchange{show("/app", "/app|||/app")}},
		{Name: "mapping-servers", Covers: "MP05", App: "groups", Mount: "/app", Own: true, Global: []string{
			`WSGIScriptAlias /app "@APP@/app.wsgi" callable-object=other`, `WSGIScriptAlias /main "@APP@/app.wsgi" callable-object=other`,
		}, Steps: []Exchange{{Request{Path: "/app"}, Want{Match: `"callable": "application"`}}, {Request{Path: "/main"}, Want{Body: "the other callable"}}}},
		{Name: "mapping-missing", Covers: "MP10", App: "mapping", Mount: "-", Conf: []string{`WSGIScriptAlias /gone "@APP@/gone.wsgi"`, `WSGIScriptAlias /folder/ "@APP@/"`},
			Announced: Announce{`(?i)not found|does not exist|unable to stat`, `(?i)directory|folder`},
			Steps:     []Exchange{{Request{Path: "/gone"}, Want{Status: 404}}, {Request{Path: "/folder/"}, Want{Status: 403}}}},
		{Name: "path-info-off", Covers: "MP11", App: "mapping", Mount: "/app", Conf: []string{"AcceptPathInfo Off"}, Announced: Announce{`AcceptPathInfo`},
			Steps: []Exchange{show("/app", "/app|||/app"), {Request{Path: "/app/x"}, Want{Status: 404}}}},
		{Name: "denied", Covers: "MP12", App: "hello", Conf: []string{`<Directory "@APP@">`, "Require all denied", "</Directory>"}, Announced: Announce{`AH01630`},
			Steps: []Exchange{{Request{}, Want{Status: 403}}}},
		{Name: "execcgi", Covers: "MP08", App: "hello", Mount: "-", Conf: []string{
			"AddHandler wsgi-script .wsgi", `Alias /cgi "@APP@"`, `Alias /no "@APP@"`,
			"<Location /cgi>", "Options +ExecCGI", "</Location>",
		}, Announced: Announce{`ExecCGI`}, Steps: []Exchange{
			{Request{Path: "/cgi/app.wsgi"}, Want{Body: "Hello World!"}},
			{Request{Path: "/no/app.wsgi"}, Want{Status: 403}},
		}},
		{Name: "media-type", App: "mapping", Mount: "-", Conf: []string{
			"AddType application/x-httpd-wsgi .wsgi", "<Location />", "Options +ExecCGI", "</Location>", "<Location /no>", "Options None", "</Location>", `Alias /no "@APP@"`,
		}, Announced: Announce{`WSGIM0200`}, Ours: true, Steps: []Exchange{
			show("/app.wsgi/x", "/app.wsgi|/x||/app.wsgi/x"), {Request{Path: "/no/app.wsgi"}, Want{Status: 403}},
		}},
		{Name: "redirected", App: "mapping", Mount: "/app", Conf: []string{
			"AddHandler wsgi-script .wsgi", `Alias /index "@APP@"`, `Alias /fallback "@APP@"`, "<Location /index>", "Options +ExecCGI", "DirectoryIndex app.wsgi", "</Location>",
			"<Location /fallback>", "FallbackResource /app/fallen", "</Location>",
			"RewriteEngine On", "RewriteRule ^/short/(.*) /app/long/$1 [PT]",
		}, Steps: []Exchange{
			show("/index/", "/index/app.wsgi|||/index/"), show("/fallback/nothing?x=y", "/app|/fallen|x=y|/fallback/nothing?x=y"), show("/short/a", "/app|/long/a||/short/a"),
		}},
		{Name: "groups", Interpreter: "one", Conf: []string{
			`WSGIScriptAlias /two "@APP@/app.wsgi" application-group=two`,
			`WSGIScriptAlias /main "@APP@/app.wsgi" application-group=%{GLOBAL}`,
			`WSGIScriptAlias /server "@APP@/app.wsgi" application-group=%{SERVER}`,
			`WSGIScriptAlias /resource "@APP@/app.wsgi" application-group=%{RESOURCE}`,
			`WSGIScriptAlias /env "@APP@/app.wsgi" application-group=%{ENV:PLACE}`,
			`SetEnvIf Request_URI . PLACE=by-environment`,
		}, Mount: "/one", Do: applicationGroups},
		{Name: "unknown-group", Covers: "MP17", App: "hello", Conf: []string{"WSGIProcessGroup nosuch"}, Announced: Announce{`nosuch`}, Ours: true,
			Steps: []Exchange{{Request{}, Want{Status: 500}}}},
		{Name: "alias-group", App: "groups", Modes: []Mode{Daemon}, Daemon: "threads=1 processes=1", Mount: "-", Conf: []string{
			`WSGIScriptAlias /own "@APP@/app.wsgi" process-group=@GROUP@`,
			`WSGIScriptAlias /shared "@APP@/app.wsgi" process-group=` + sharedGroup,
			`WSGIScriptAlias /embedded "@APP@/app.wsgi" process-group=%{GLOBAL}`,
		}, Do: func(t *T) {
			own, shared, embedded := placedAt(t, "/own"), placedAt(t, "/shared"), placedAt(t, "/embedded")
			Same(t, "group of /own", own.ProcessGroup, "g-alias-group")
			Same(t, "group of /shared", shared.ProcessGroup, sharedGroup)
			Same(t, "group of /embedded", embedded.ProcessGroup, "")
			if own.PID == shared.PID || own.PID == embedded.PID || shared.PID == embedded.PID {
				t.Errorf("processes are %d, %d and %d, want three", own.PID, shared.PID, embedded.PID)
			}
			Same(t, "multithread with threads=1", own.Multithread, false)
			Same(t, "multiprocess with processes=1", own.Multiprocess, true)
			Same(t, "multithread of the shared group", shared.Multithread, true)
			Same(t, "multiprocess of the shared group", shared.Multiprocess, false)
		}},
		{Name: "parallel-processes", App: "gated", Modes: []Mode{Daemon}, Daemon: "processes=2 threads=1", Ours: true, Do: twoProcesses},
	}
}

// applicationGroups checks that interpreters are told apart by their names.
func applicationGroups(t *T) {
	for path, want := range map[string]string{
		"/one": "one", "/two": "two", "/main": "", "/env": "by-environment",
		"/server":   fmt.Sprintf("groups.test:%d", t.Server.Port),
		"/resource": fmt.Sprintf("groups.test:%d|/resource", t.Server.Port),
	} {
		first := placedAt(t, path)
		Same(t, "application group at "+path, first.ApplicationGroup, want)
		Same(t, "requests counted at "+path, first.Count, 1)
	}
	Same(t, "requests counted at /one again", placedAt(t, "/one").Count, 2)
}

// twoProcesses holds one request in each of two processes with one thread: the
// second must not wait behind the first.
func twoProcesses(t *T) {
	notes := t.notes()
	first, second := t.Dial(), t.Dial()
	t.Send(first, Request{Path: "/before"})
	t.Wait("the first request to begin", func() bool { return exists(filepath.Join(notes, "before")) })
	one, _ := os.ReadFile(filepath.Join(notes, "before"))
	t.Send(second, Request{Path: "/before"})
	t.Wait("the second request to begin in the other process", func() bool {
		two, err := os.ReadFile(filepath.Join(notes, "before"))
		return err == nil && len(two) > 0 && string(two) != string(one)
	})
	t.open("go")
	for _, c := range []*Conn{first, second} {
		r, err := c.Read("GET")
		if err != nil {
			t.Fatalf("%v", err)
		}
		t.check(Request{Path: "/before"}, Want{Match: `^done \d+$`}, r)
	}
}

// notes makes the folder in which the application gated leaves its notes.
func (t *T) notes() string {
	dir := filepath.Join(t.Dir, "notes")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // the daemon's user writes there
		t.Fatalf("%v", err)
	}
	return dir
}

// open makes a file that an application waits for.
func (t *T) open(gate string) {
	if err := os.WriteFile(filepath.Join(t.Dir, gate), nil, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
