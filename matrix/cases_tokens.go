package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// named is a path of a case and the name of a group that a request there is to
// have; an empty status is 200.
type named struct {
	path, host, want string
	status           int
}

// tokenRules are one <Location> per token: at /x/NAME the directive has it.
func tokenRules(directive string) []string {
	var lines []string
	for _, row := range [][2]string{
		{"global", "%{GLOBAL}"}, {"server", "%{SERVER}"}, {"host", "%{HOST}"}, {"resource", "%{RESOURCE}"},
		{"env", "%{ENV:WORD}"}, {"twice", "%{ENV:TOKEN}"}, {"thrice", "%{ENV:ENV}"}, {"empty", "%{ENV:EMPTIED}"},
		{"unset", "%{ENV:NOTHING_OF_THIS_NAME}"}, {"unknown", "%{WHAT}"}, {"inside", "a%{SERVER}"}, {"open", "%{ENV:WORD"},
		{"note", "%{ENV:alias-forced-type}"}, {"header", "%{ENV:HEADER}"}, {"rule", "%{ENV:RULE}"}, {"process", "%{ENV:PATH}"},
	} {
		lines = append(lines, "<Location /x/"+row[0]+">", directive+" "+row[1], "</Location>")
	}
	return append(lines, "SetEnv WORD word", "SetEnv TOKEN %{SERVER}", "SetEnv ENV %{ENV:WORD}", "SetEnv EMPTIED %{GLOBAL}",
		"SetEnv alias-forced-type the-environment", `SetEnvIf X-Header (.+) HEADER=$1`,
		"RewriteEngine On", "RewriteRule ^/x/rule - [E=RULE:by-rule]")
}

// tokenCases are about the names of groups that a request decides, and about
// what a request may not choose.
func tokenCases() []Case {
	listed := Case{Name: "restrict-process", Covers: "MP19", App: "groups", Mount: "-", Own: true, Ours: true, Announced: Announce{
		`WSGIM0217: WSGIRestrictProcess does not list the daemon process group 'c', .*app\.wsgi`, `WSGIM0217: .* embedded mode \(%\{GLOBAL\}\)`, `WSGIM0217: .*'[abA]'`, `WSGIM0217: .*'nosuch'`, `WSGIM0208: .*'nosuch'`,
	}, Do: restrictProcess, Conf: []string{`WSGIScriptAlias / "@APP@/app.wsgi"`, `WSGIScriptAlias /option "@APP@/app.wsgi"`, "WSGIRestrictProcess c", "WSGIRestrictProcess a b", `SetEnvIf X-Group (.+) GROUP=$1`, "WSGIProcessGroup %{ENV:GROUP}"}}
	for _, name := range []string{"a", "b", "c", "A"} {
		listed.Global = append(listed.Global, "WSGIDaemonProcess "+name+" threads=2")
	}
	listed.Conf = append(listed.Conf, section("/embedded", "WSGIRestrictProcess %{GLOBAL}")...)
	listed.Conf = append(listed.Conf, section("/wide", "WSGIRestrictProcess a %{GLOBAL} nosuch")...)

	groups := Case{Name: "tokens-process", Covers: "MP16", App: "groups", Mount: "-", Own: true, Ours: true, Announced: Announce{`WSGIM0208`}, Do: processTokens,
		Conf: append([]string{`WSGIScriptAlias /x "@APP@/app.wsgi"`, "ServerAlias alias.test"}, tokenRules("WSGIProcessGroup")...)}
	for _, name := range []string{"word", "by-rule", "by-header", "wsgi-script", "alias.test:8080", "tokens-process.test:8080", "tokens-process.test", "tokens-process.test|/x"} {
		groups.Global = append(groups.Global, "WSGIDaemonProcess "+name+" threads=1")
	}
	return []Case{
		{Name: "tokens", Covers: "MP16", App: "groups", Mount: "-", Conf: append([]string{`WSGIScriptAlias /x "@APP@/app.wsgi"`, "ServerAlias alias.test"}, tokenRules("WSGIApplicationGroup")...), Do: applicationTokens},
		groups,
		{Name: "tokens-default", Covers: "MP15", App: "groups", Mount: "-", Own: true, Ours: true, Global: []string{"WSGIDaemonProcess d threads=2", `Include "@APP@/second.conf"`},
			Prepare: secondPort(map[string][]string{
				"embedded.test": {`WSGIScriptAlias /app "@APP@/app.wsgi"`, `WSGIScriptAlias /Mixed "@APP@/app.wsgi"`},
				"daemon.test":   {`WSGIScriptAlias /app "@APP@/app.wsgi"`, `WSGIScriptAlias /Mixed "@APP@/app.wsgi"`, "WSGIProcessGroup d"},
			}), Do: func(t *T) {
				host := string(t.Mode) + ".test"
				real := fmt.Sprintf("%s:%d", host, t.secondPort())
				for _, row := range []named{
					{"/app", real, real + "|/app", 0}, {"/app/x", real, real + "|/app", 0},
					// A port that a client made up names no interpreter.
					{"/app", host + ":1", real + "|/app", 0},
					{"/Mixed", host, host + "|/Mixed", 0}, {"/app", host + ":443", host + "|/app", 0},
				} {
					p := t.placedOn(t.secondPort(), row)
					Same(t, "application group at "+row.path+" of "+row.host, p.ApplicationGroup, row.want)
					Same(t, "process group", p.ProcessGroup, map[Mode]string{Embedded: "", Daemon: "d"}[t.Mode])
				}
			}},
		listed,
		{Name: "callable", Covers: "MP13 MP14", App: "groups", Mount: "-", Conf: []string{
			`WSGIScriptAlias /option "@APP@/app.wsgi" callable-object=other`,
			`WSGIScriptAlias /literal "@APP@/app.wsgi" callable-object=%{ENV:X}`,
			`WSGIScriptAlias /missing "@APP@/app.wsgi" callable-object=nosuch`,
			`WSGIScriptAlias / "@APP@/app.wsgi"`, "SetEnv X other", "SetEnv TOKEN %{GLOBAL}",
			"<Location /directive>", "WSGICallableObject other", "</Location>",
			"<Location /env>", "WSGICallableObject %{ENV:X}", "</Location>",
			"<Location /unset>", "WSGICallableObject %{ENV:NOTHING_OF_THIS_NAME}", "</Location>",
			"<Location /unknown>", "WSGICallableObject %{SERVER}", "</Location>",
			"<Location /token>", "WSGICallableObject %{ENV:TOKEN}", "</Location>",
		}, Ours: true, Announced: Announce{`WSGIM0614.*'nosuch'`, `WSGIM0614.*'%\{ENV:X\}'`}, Steps: []Exchange{
			{Request{Path: "/option"}, Want{Body: "the other callable"}},
			{Request{Path: "/directive"}, Want{Body: "the other callable"}},
			{Request{Path: "/env"}, Want{Body: "the other callable"}},
			{Request{Path: "/unset"}, Want{Match: `"callable": "application"`}},
			{Request{Path: "/unknown"}, Want{Match: `"callable": "application"`}},
			{Request{Path: "/token"}, Want{Match: `"callable": "application"`}},
			{Request{Path: "/literal"}, Want{Status: 404}},
			{Request{Path: "/missing"}, Want{Status: 404}},
		}},
		// With one of the two names there is nothing to load ahead, and nothing is asked of the group.
		{Name: "alias-undeclared", Covers: "CF14", App: "groups", Mount: "-", Conf: []string{`WSGIScriptAlias / "@APP@/app.wsgi" process-group=undeclared`},
			Ours: true, Announced: Announce{`WSGIM0208.*'undeclared'`}, Steps: []Exchange{{Request{}, Want{Status: 500}}}},
		{Name: "group-visible", Covers: "MP18", App: "groups", Modes: []Mode{Daemon}, Own: true, Mount: "/", Announced: Announce{`WSGIM0209.*'own'`},
			Global: []string{`Include "@APP@/second.conf"`}, Conf: []string{"WSGIProcessGroup own"},
			Prepare: secondPort(map[string][]string{
				"group-visible.test": {"WSGIDaemonProcess own threads=1", `WSGIScriptAlias / "@APP@/app.wsgi"`},
				"stranger.test":      {"WSGIProcessGroup own", `WSGIScriptAlias / "@APP@/app.wsgi"`},
			}), Do: func(t *T) {
				Same(t, "process group of the same name on another port", placedAt(t, "/").ProcessGroup, "own")
				Same(t, "status from another virtual host", t.At(t.secondPort(), Request{Host: "stranger.test"}).Status, 500)
			}},
		{Name: "restrict-embedded", Covers: "MP20", App: "groups", Own: true, Mount: "-", Global: []string{"WSGIRestrictEmbedded Off", "WSGIRestrictEmbedded On", "WSGIDaemonProcess d"},
			Conf:      []string{`WSGIScriptAlias /daemon "@APP@/app.wsgi" process-group=d`, `WSGIScriptAlias /embedded "@APP@/app.wsgi" process-group=%{GLOBAL}`},
			Announced: Announce{`WSGIM0210`}, Ours: true, Do: func(t *T) {
				Same(t, "process group", placedAt(t, "/daemon").ProcessGroup, "d")
				Same(t, "status embedded", t.Get("/embedded").Status, 500)
			}},
		{Name: "restrict-embedded-undone", App: "groups", Modes: []Mode{Embedded}, Own: true, Ours: true, Global: []string{"WSGIRestrictEmbedded On", "WSGIRestrictEmbedded Off"},
			Steps: []Exchange{{Request{}, Want{Match: `"process_group": ""`}}}},
		{Name: "case-modules-off", App: "directives", Own: true, Ours: true, Mount: "-", Global: []string{"WSGICaseSensitivity Off"}, Prepare: mixedCase, Conf: mixedCaseMounts,
			Do: func(t *T) {
				Same(t, "module of the same file in other letters", string(t.Get("/two/name").Body), string(t.Get("/one/name").Body))
			}},
		{Name: "case-modules", App: "directives", Ours: true, Mount: "-", Prepare: mixedCase, Conf: mixedCaseMounts, Do: func(t *T) {
			if one, two := t.Get("/one/name"), t.Get("/two/name"); string(one.Body) == string(two.Body) {
				t.Errorf("two scripts are one module: %s", one.Body)
			}
		}},
		{Name: "preload", App: "preloaded", Modes: []Mode{Daemon}, Own: true, Ours: true, Mount: "/", Daemon: "threads=1", Prepare: notesFolder,
			Conf: []string{
				`WSGIScriptAlias /alias "@APP@/app.wsgi" process-group=@GROUP@ application-group=alias`,
				`WSGIScriptAliasMatch "^/match" "@APP@/app.wsgi" process-group=@GROUP@ application-group=match`,
				`WSGIScriptAliasMatch "^/(groups)" "@APP@/app.wsgi$2" process-group=@GROUP@ application-group=dollar`,
				`WSGIScriptAlias /token "@APP@/app.wsgi" process-group=@GROUP@ application-group=%{SERVER}`,
				`WSGIScriptAlias /half "@APP@/app.wsgi" application-group=half`,
				`WSGIImportScript "@APP@/app.wsgi" process-group=@GROUP@ application-group=import`,
			}, Do: preloaded},
	}
}

// placedOn asks the application groups on another port.
func (t *T) placedOn(port int, row named) placed {
	r := t.At(port, Request{Host: row.host, Path: row.path})
	return t.placed(row, r)
}

var mixedCaseMounts = []string{`WSGIScriptAlias /one "@APP@/app.wsgi"`, `WSGIScriptAlias /two "@APP@/App.wsgi"`}

// mixedCase gives the script a second name that differs in case, as a file
// system that does not look at case would.
func mixedCase(dir string) error {
	err := os.Link(filepath.Join(dir, "app.wsgi"), filepath.Join(dir, "App.wsgi"))
	if os.IsExist(err) {
		return nil // it is such a file system
	}
	return err
}

func notesFolder(dir string) error {
	notes := filepath.Join(dir, "notes")
	if err := os.Mkdir(notes, 0o777); err != nil {
		return err
	}
	return os.Chmod(notes, 0o777) // the daemon's user writes there
}

// preloaded wants the scripts with two plain names to be loaded, before any
// request, in the order of the configuration, and no others.
func preloaded(t *T) {
	notes := filepath.Join(t.Dir, "notes")
	for _, name := range []string{"alias", "match", "import"} {
		t.Wait("the script to be loaded in "+name, func() bool { return exists(filepath.Join(notes, name)) })
	}
	r := t.Get("/") // one process: by now it has loaded what it will
	var names []string
	entries, err := os.ReadDir(notes)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
		if text, err := os.ReadFile(filepath.Join(notes, e.Name())); err != nil || string(text) != string(r.Body)+"\n" {
			t.Errorf("%s was loaded by %q, want %s once (%v)", e.Name(), text, r.Body, err)
		}
	}
	Same(t, "interpreters with the script", strings.Join(names, " "), "alias import main match")
}

// placed reads what the application groups said, or wants the status.
func (t *T) placed(row named, r Response) (p placed) {
	status := row.status
	if status == 0 {
		status = 200
	}
	if t.check(Request{Path: row.host + row.path}, Want{Status: status}, r); r.Status == 200 {
		t.parse(row.path, r, &p)
	}
	return p
}

func applicationTokens(t *T) {
	here := fmt.Sprintf("tokens.test:%d", t.Server.Port)
	for _, row := range []named{
		{"/x/global", "", "", 0}, {"/x/server", "", here, 0}, {"/x/host", "", here, 0}, {"/x/resource/more", "", here + "|/x", 0}, {"//x//resource", "", here + "|/x", 0},
		{"/x/server", "tokens.test:8080", "tokens.test:8080", 0}, {"/x/server", "tokens.test", "tokens.test", 0}, {"/x/server", "Tokens.test:443", "tokens.test", 0},
		{"/x/host", "ALIAS.test:8080", "alias.test:8080", 0}, {"/x/server", "ALIAS.test:8080", "tokens.test:8080", 0}, {"/x/host", "alias.test:80", "alias.test", 0},
		{"/x/env", "", "word", 0}, {"/x/twice", "", here, 0}, {"/x/thrice", "", "%{ENV:WORD}", 0}, {"/x/empty", "", "", 0},
		{"/x/unset", "", "%{ENV:NOTHING_OF_THIS_NAME}", 0}, {"/x/unknown", "", "%{WHAT}", 0}, {"/x/inside", "", "a%{SERVER}", 0}, {"/x/open", "", "%{ENV:WORD", 0},
		// A note is looked at before the environment of the request, that before
		// the environment of the process.
		{"/x/note", "", "wsgi-script", 0}, {"/x/header", "", "by-header", 0}, {"/x/rule", "", "by-rule", 0}, {"/x/process", "", t.Server.getenv("PATH"), 0},
	} {
		p := t.placed(row, t.Do(Request{Path: row.path, Host: row.host, Header: []string{"X-Header: by-header"}}))
		Same(t, "application group at "+row.host+row.path, p.ApplicationGroup, row.want)
	}
}

// getenv is what httpd's environment has for a name.
func (s *Server) getenv(name string) string {
	for _, line := range slices.Backward(s.Conf.Target.Env) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return os.Getenv(name)
}

func processTokens(t *T) {
	const name = "tokens-process.test"
	for _, row := range []named{
		{"/x/global", name, "", 0}, {"/x/server", name, name, 0}, {"/x/server", name + ":8080", name + ":8080", 0}, {"/x/host", "Alias.test:8080", "alias.test:8080", 0},
		{"/x/resource", name + ":80", name + "|/x", 0}, {"/x/env", name, "word", 0}, {"/x/twice", name, name, 0}, {"/x/empty", name, "", 0},
		{"/x/note", name, "wsgi-script", 0}, {"/x/header", name, "by-header", 0}, {"/x/rule", name, "by-rule", 0},
		{"/x/server", name + ":8081", "", 500}, {"/x/thrice", name, "", 500}, {"/x/unset", name, "", 500}, {"/x/unknown", name, "", 500}, {"/x/process", name, "", 500},
	} {
		p := t.placed(row, t.Do(Request{Path: row.path, Host: row.host, Header: []string{"X-Header: by-header"}}))
		Same(t, "process group at "+row.host+row.path, p.ProcessGroup, row.want)
	}
	t.WaitLog(`WSGIM0208.*'%\{ENV:NOTHING_OF_THIS_NAME\}'`)
}

// restrictProcess lets the client name the group: the list bounds it.
func restrictProcess(t *T) {
	for _, row := range []struct {
		path, group string
		status      int
	}{
		{"/", "a", 200}, {"/", "b", 200}, {"/", "c", 500}, {"/", "A", 500}, {"/", "%{GLOBAL}", 500}, {"/", "nosuch", 500},
		{"/embedded", "%{GLOBAL}", 200}, {"/embedded", "a", 500}, {"/wide", "a", 200}, {"/wide", "%{GLOBAL}", 200}, {"/wide", "b", 500},
	} {
		p := t.placed(named{path: row.path, host: row.group, status: row.status}, t.Do(Request{Path: row.path, Header: []string{"X-Group: " + row.group}}))
		if row.status == 200 {
			Same(t, "process group at "+row.path, p.ProcessGroup, strings.TrimPrefix(row.group, "%{GLOBAL}"))
		}
	}
	// On the list and not there: the next check has its own words.
	Same(t, "status of a group that is listed and not declared", t.Do(Request{Path: "/wide", Header: []string{"X-Group: nosuch"}}).Status, 500)
	t.WaitLog(`WSGIM0208.*'nosuch'`)
}

// handlerCases are about scripts that are bound to the name of a handler.
func handlerCases() []Case {
	return []Case{
		{Name: "handler-script", Covers: "MP21", App: "contexts", Mount: "-", Prepare: func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, "page.foo"), []byte("a page"), 0o644); err != nil {
				return err
			}
			return handlers(dir)
		}, Conf: []string{
			`WSGIHandlerScript h "@APP@/h1.py"`, "AddHandler h .foo", `WSGIHandlerScript other "@APP@/h2.py" application-group=option pass-authorization=On`,
			"<Location /options>", "SetHandler other", "</Location>",
			// A scope's own entries lie over those around it, which stay.
			"<Location /laid>", `WSGIHandlerScript other "@APP@/h1.py"`, `WSGIHandlerScript more "@APP@/h2.py"`, "</Location>",
			"<LocationMatch ^/laid/outer>", "SetHandler h", "</LocationMatch>", "<LocationMatch ^/laid/other>", "SetHandler other", "</LocationMatch>", "<LocationMatch ^/laid/more>", "SetHandler more", "</LocationMatch>",
		}, Do: handlerScript},
		{Name: "handler-path-info", App: "contexts", Mount: "-", Prepare: handlers, Announced: Announce{`WSGIM0203`},
			Conf: []string{`WSGIHandlerScript h "@APP@/h1.py"`, `<FilesMatch "\.wsgi$">`, "SetHandler h", "</FilesMatch>", "<Location /app.wsgi>", "AcceptPathInfo Off", "</Location>"},
			Steps: []Exchange{
				{Request{Path: "/app.wsgi"}, Want{Match: `"handler": "h1.py"`}}, {Request{Path: "/app.wsgi/more"}, Want{Status: 404}},
			}},
	}
}

func handlerScript(t *T) {
	for _, row := range []struct {
		path, file, script, handler string
	}{
		{"/page.foo", "page.foo", "h1.py", "h"}, {"/missing.foo", "missing.foo", "h1.py", "h"}, {"/laid/outer", "laid", "h1.py", "h"},
		{"/laid/other", "laid", "h1.py", "other"}, {"/laid/more", "laid", "h2.py", "more"}, {"/options", "options", "h2.py", "other"},
	} {
		facts := map[string]string{}
		t.decode(Request{Path: row.path, Header: []string{"Authorization: Basic eDp5"}}, &facts)
		Same(t, "SCRIPT_FILENAME at "+row.path, facts["filename"], filepath.Join(t.Dir, row.file))
		Same(t, "mod_wsgi.handler_script at "+row.path, facts["handler_script"], filepath.Join(t.Dir, row.script))
		Same(t, "mod_wsgi.request_handler at "+row.path, facts["handler_name"], row.handler)
		Same(t, "callable at "+row.path, facts["callable"], "handle_request")
		Same(t, "process group at "+row.path, facts["process"], map[Mode]string{Embedded: "", Daemon: sharedGroup}[t.Mode])
		group, authorization := "", ""
		if row.path == "/options" {
			group, authorization = "option", "Basic eDp5"
		}
		Same(t, "application group at "+row.path, facts["interpreter"], group)
		Same(t, "HTTP_AUTHORIZATION at "+row.path, facts["authorization"], authorization)
	}
}
