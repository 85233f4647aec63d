package matrix

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// authLateCases: a daemon process that hangs, or dies, opens no door.
func authLateCases() []Case {
	conf := []string{
		"<Location /app/access>", `WSGIAccessScript "@APP@/users.py" process-group=late`, "</Location>",
		"<Location /app/basic>", "AuthType Basic", "AuthName matrix", "AuthBasicProvider wsgi", `WSGIAuthUserScript "@APP@/users.py" process-group=late`, "Require valid-user", "</Location>",
		"<Location /app/dispatch>", `WSGIDispatchScript "@APP@/hang.py" process-group=late`, "</Location>",
	}
	c := Case{Name: "auth-late", App: "access", Own: true, Ours: true, Mount: "/app", Prepare: hangingDispatch, Conf: conf,
		Global:    append(authModules(), "WSGIDaemonProcess late threads=4 request-deadline=1 shutdown-timeout=1"),
		Announced: slices.Concat(Announce{`WSGIM0247`, `WSGIM0229`, `WSGIM0401`, `?WSGIM0511`, `?WSGIM0403`, `?thread \d+:   `}, turnedAway),
		Do: func(t *T) {
			timely := func(what, path, user string, want int) {
				began := time.Now()
				Same(t, "status of "+what, t.login(path, user).Status, want)
				if took := time.Since(began); took > 2500*time.Millisecond {
					t.Errorf("%s took %s, and the deadline is 1 s", what, took)
				}
			}
			timely("an access script that hangs", "/app/access?allow=hang3", "", 504)
			timely("a password script that hangs", "/app/basic", "hang3", 500)
			timely("a dispatch script that hangs", "/app/dispatch", "", 504)
			Same(t, "status of an access script that is killed", t.Get("/app/access?allow=kill").Status, 502)
			Same(t, "status of the next one", t.Get("/app/access?allow=True").Status, 200)
			Same(t, "status of the next login", t.login("/app/basic", "good").Status, 200)
		}}
	c.AtStop = c.Announced.optional()
	return []Case{c}
}

func hangingDispatch(dir string) error {
	return os.WriteFile(filepath.Join(dir, "hang.py"), []byte("import time\n\n\ndef process_group(environ):\n    time.sleep(3)\n"), 0o644)
}

// dispatchers are two scripts that say who is asked, by letting in or not.
func dispatchers(dir string) error {
	for name, allow := range map[string]string{"yes": "True", "no": "False"} {
		text := fmt.Sprintf("def allow_access(environ, host):\n    return %s\n\n\ndef application_group(environ):\n    return %q + ('-' + type(environ['apache.request_rec']).__name__ if 'apache.request_rec' in environ else '')\n", allow, name)
		if err := os.WriteFile(filepath.Join(dir, name+".py"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	text := "import json\n\n\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [environ['mod_wsgi.application_group'].encode()]\n"
	return os.WriteFile(filepath.Join(dir, "app.wsgi"), []byte(text), 0o644)
}

// authMerged: a narrower place has its own script, and its own setting of
// WSGIPassApacheRequest; elsewhere the one that lies around it holds.
func authMerged(t *T) {
	for path, want := range map[string]string{"/app": "yes-PyCapsule", "/app/inner": "no", "/app/inner/more": "no", "/app/deny/not/x": "yes-PyCapsule"} {
		Same(t, "dispatched at "+path, string(t.Get(path).Body), want)
	}
	Same(t, "status of what is denied", t.Get("/app/deny").Status, 403)
}

// htaccessDoors puts a .htaccess with a login beside files.
func htaccessDoors(dir string) error {
	for folder, option := range map[string]string{"files": "", "files/daemon": " process-group=" + doors, "files/nosuch": " process-group=nosuch"} {
		at := filepath.Join(dir, folder)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		text := fmt.Sprintf("AuthType Basic\nAuthName matrix\nAuthBasicProvider wsgi\nWSGIAuthUserScript %q%s\nRequire valid-user\n", filepath.Join(dir, "users.py"), option)
		for name, content := range map[string]string{".htaccess": text, "x.txt": "a file"} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(content), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// authHtaccess: a .htaccess cannot bring Python into a child that has none. The
// child says so, and lives; a daemon group is another matter.
func authHtaccess(t *T) {
	pids := func() string { return fmt.Sprint(slices.Sorted(maps.Keys(t.children()))) }
	Same(t, "status without a login", t.Get("/files/x.txt").Status, 401) // so a child has been started
	before := pids()
	Same(t, "status of a login", t.login("/files/x.txt", "good").Status, 500)
	Same(t, "status of a login once more", t.login("/files/x.txt", "good").Status, 500)
	Same(t, "status of a login by a daemon group", t.login("/files/daemon/x.txt", "good").Status, 200)
	Same(t, "status of a wrong one", t.login("/files/daemon/x.txt", "false").Status, 401)
	Same(t, "status of a group that is not there", t.login("/files/nosuch/x.txt", "good").Status, 500)
	Same(t, "status of the application", t.Get("/app").Status, map[Mode]int{Embedded: 500, Daemon: 200}[t.Mode])
	Same(t, "children", pids(), before)
	t.noPythonInHttpd()
}

func authExampleFiles(dir string) error {
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "worker.py"), []byte("import time\n\nwhile True:\n    time.sleep(0.1)\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "files", "x.txt"), []byte("a file"), 0o644)
}

// authExample is the one of the documents, with its lines as they are.
func authExample(t *T) {
	Same(t, "status without a login", t.Get("/private/x.txt").Status, 401)
	r := t.login("/private/x.txt", "g-staff")
	Same(t, "the file", string(r.Body), "a file")
	Same(t, "status of one who is in no group", t.login("/private/x.txt", "g-empty").Status, 401)
	Same(t, "status of one whom nobody knows", t.login("/private/x.txt", "nosuch").Status, 401)
	Same(t, "status of the application", t.Get("/app").Status, map[Mode]int{Embedded: 500, Daemon: 200}[t.Mode])
}

// requestRec: what the capsule holds is good for its request alone.
func requestRec(t *T) {
	type capsule struct{ Type, Now, Before string }
	want := map[Mode]capsule{Embedded: {"PyCapsule", "a pointer", ""}, Daemon: {Type: "NoneType"}}[t.Mode]
	for i := range 3 {
		var c capsule
		t.JSON("/on", &c)
		w := want
		if i > 0 && t.Mode == Embedded {
			w.Before = "ValueError"
		}
		Same(t, "capsule", c, w)
	}
	var c capsule
	t.JSON("/", &c)
	Same(t, "without WSGIPassApacheRequest", c.Type, "NoneType")
}

// authDjango: Django's own handler decides, in a daemon process.
func authDjango(t *T) {
	t.needs("django")
	Same(t, "status without a login", t.Get("/app").Status, 401)
	for user, want := range map[string]int{"editor": 200, "reader": 401, "inactive": 401, "nosuch": 401} {
		Same(t, "status of "+user, t.login("/app", user).Status, want)
	}
	Same(t, "status with a wrong password", t.Do(Request{Path: "/app", Header: []string{basicAuth("editor", "wrong")}}).Status, 401)
}

// authRefusals are the mistakes in these directives that httpd refuses when it
// reads them.
func authRefusals() []Refusal {
	var cases []Refusal
	add := func(name, covers string, wants []string, lines ...string) {
		cases = append(cases, Refusal{Name: name, Covers: covers, Lines: lines, Wants: wants})
	}
	section := func(line string) []string { return []string{"<Location /x>", line, "</Location>"} }
	add("auth-at-server-level", "CF26", []string{"WSGIAuthUserScript not allowed here"}, "WSGIAuthUserScript /a.py")
	add("auth-at-vhost-level", "CF26", []string{"WSGIAuthUserScript not allowed in <VirtualHost> context"}, "<VirtualHost *:1>", "WSGIAuthUserScript /a.py", "</VirtualHost>")
	for _, d := range []string{"WSGIAccessScript", "WSGIAuthUserScript", "WSGIAuthGroupScript", "WSGIDispatchScript"} {
		for name, row := range map[string][2]string{
			"no-file":     {`""`, d + " needs a script"},
			"option":      {"/a.py callable-object=x", d + ": invalid option callable-object=x; the options are process-group and application-group"},
			"empty":       {"/a.py application-group=", d + ": option application-group= has no value"},
			"empty-group": {`/a.py process-group=""`, d + ": option process-group= has no value"},
			"word":        {"/a.py x", d + ": 'x' is not an option"},
			"nosuch":      {"/a.py process-group=nosuch", d + ": process group 'nosuch' is not yet configured; WSGIDaemonProcess nosuch must stand before"},
			"token":       {"/a.py process-group=%{ENV:X}", d + `: option process-group: '%\{ENV:X\}' is no name of a group`},
		} {
			add("auth-"+name+"-"+d, "", []string{row[1]}, section(d+" "+row[0])...)
		}
		add("auth-service-"+d, "", []string{d + ": process group 'jobs' has no request threads"}, append([]string{"WSGIDaemonProcess jobs threads=0"}, section(d+" /a.py process-group=jobs")...)...)
	}
	add("auth-invisible", "", []string{"WSGIM0308", "WSGIAuthUserScript /a.py"}, "<VirtualHost *:1>", "ServerName a", "WSGIDaemonProcess d", "</VirtualHost>",
		"<VirtualHost *:2>", "ServerName b", "<Location /x>", "WSGIAuthUserScript /a.py process-group=d", "</Location>", "</VirtualHost>")
	add("auth-no-group", "", []string{"Require wsgi-group needs the name of at least one group"}, section("Require wsgi-group")...)
	cases = append(cases, Refusal{Name: "auth-fine", Accept: true, Wants: []string{"Syntax OK"}, Lines: append([]string{"WSGIDaemonProcess d"},
		append(section(`WSGIAuthUserScript "/a b.py" process-group=d application-group="x y"`), section("Require wsgi-group a b")...)...)})
	return cases
}
