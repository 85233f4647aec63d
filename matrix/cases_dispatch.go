package matrix

import (
	"slices"
	"strings"
)

// dispatchCases are about WSGIDispatchScript, asked in a child and in a daemon
// group.
func dispatchCases() []Case {
	var cases []Case
	for _, where := range []string{"", doors} {
		suffix, option := "", ""
		if where != "" {
			suffix, option = "-process", " process-group="+where
		}
		c := Case{
			Name: "dispatch" + suffix, Covers: "MP22 MP23", App: "dispatch", Own: true, Ours: true, Mount: "/app", Interpreter: "configured",
			Global: []string{"WSGIDaemonProcess " + doors + " threads=2", "WSGIDaemonProcess green threads=2", "WSGIDaemonProcess blue threads=2"},
			Conf: slices.Concat(
				[]string{`WSGIDispatchScript "@APP@/dispatch.py"` + option, `WSGIScriptAlias /option "@APP@/app.wsgi" application-group=option process-group=green`},
				[]string{"<Location /app/missing>", `WSGIDispatchScript "@APP@/nowhere.py"` + option, "</Location>"},
				[]string{"<Location /app/wrong>", `WSGIDispatchScript "@APP@/wrong.py"` + option, "</Location>"},
				[]string{"<Location /app/some>", `WSGIDispatchScript "@APP@/some.py"` + option, "</Location>"},
				[]string{"<Location /app/named>", `WSGIDispatchScript "@APP@/dispatch.py" application-group=%{SERVER}` + option, "</Location>"},
				[]string{"<Location /app/bounded>", "WSGIRestrictProcess green", "</Location>"},
				[]string{"<Location /app/facts>", "SetEnv FROM_SETENV yes", "SetEnv wsgi.input spoof", "WSGIPassAuthorization On", "WSGIPassApacheRequest On", "</Location>"},
				[]string{"SetEnv CHOSEN blue", "SetEnv HANDLER other"},
			),
			Announced: slices.Concat(frames("RuntimeError: went wrong on purpose"), frames("UnicodeEncodeError"), frames("FileNotFoundError: "), frames("ValueError: not ready on purpose"), Announce{
				`WSGIM0640: .*(process_group|application_group|callable_object)\(\)`, `WSGIM0642: .* returned (int|list|str); it must return None`,
				`WSGIM0601: .*nowhere.py' cannot be loaded: FileNotFoundError`, `WSGIM0601: .*wrong.py'`,
				`?WSGIM0602`, `?WSGIM0407`, `?WSGIM0412`, `?WSGIM0413`, `?WSGIM0590`, `?daemon 'doors'\]`, `WSGIM0217`, `WSGIM0208`, `WSGIM0614`,
			}),
			Do: func(t *T) { dispatched(t, where) },
		}
		c.AtStop = c.Announced.optional()
		cases = append(cases, c)
	}
	return cases
}

func dispatched(t *T, where string) {
	configured := map[Mode]string{Embedded: "", Daemon: sharedGroup}[t.Mode]
	for _, row := range []struct{ path, process, application, callable string }{
		{"/app", configured, "configured", "application"},
		{"/app?pg=green", "green", "configured", "application"},
		{"/app?pg=bytes", "green", "configured", "application"},
		{"/app?ag=mine", configured, "mine", "application"},
		{"/app?ag=latin", configured, "\u00fc", "application"},
		{"/app?pg=blue&ag=", "blue", "", "application"},
		{"/app?pg=%25{GLOBAL}&ag=%25{GLOBAL}", "", "", "application"},
		{"/app?pg=", "", "configured", "application"},
		{"/app?pg=%25{ENV:CHOSEN}&ag=%25{ENV:CHOSEN}", "blue", "blue", "application"},
		{"/app?co=%25{ENV:NOSUCH}", configured, "configured", "application"},
		{"/option", "green", "option", "application"},
		{"/option?pg=blue&ag=mine", "blue", "mine", "application"},
		{"/app/missing?pg=green", configured, "configured", "application"},
		{"/app/wrong?pg=green", configured, "configured", "application"},
		{"/app/bounded?pg=green", "green", "configured", "application"},
	} {
		p := placedAt(t, row.path)
		Same(t, "process group at "+row.path, p.ProcessGroup, row.process)
		Same(t, "application group at "+row.path, p.ApplicationGroup, row.application)
		Same(t, "callable at "+row.path, p.Callable, row.callable)
	}
	for _, path := range []string{"/app?co=other", "/app?co=%25{ENV:HANDLER}", "/app/some", "/app/some?pg=nosuch"} {
		Same(t, "body at "+path, string(t.Get(path).Body), "the other callable")
	}
	for path, want := range map[string]int{
		"/app?pg=one": 500, "/app?ag=list": 500, "/app?co=one": 500, "/app?pg=euro": 500, "/app?ag=line": 500, "/app?pg=boom": 500, "/app?co=boom": 500,
		"/app?pg=nosuch": 500, "/app/bounded?pg=blue": 500, "/app/bounded": 500, "/app?co=nosuch": 404,
	} {
		Same(t, "status at "+path, t.Get(path).Status, want)
	}
	dispatchFacts(t, where)
	t.rewrite("dispatch.py", `"none": None`, `"none": None, "new": "changed"`)
	Same(t, "application group after a change", placedAt(t, "/app?ag=new").ApplicationGroup, "changed")
}

// dispatchFacts looks at the environ of the functions.
func dispatchFacts(t *T, where string) {
	facts := func(path string) []string {
		var p struct {
			ApplicationGroup string `json:"application_group"`
		}
		t.decode(Request{Path: path, Header: []string{basicAuth("a", "b")}}, &p)
		return strings.Split(p.ApplicationGroup, "|")
	}
	capsule := map[bool]string{true: "PyCapsule", false: "NoneType"}[where == ""]
	want := []string{"FROM_SETENV", "HTTP_AUTHORIZATION", "apache.request_rec", "apache.version", "mod_wsgi.application_group", "mod_wsgi.process_group", "mod_wsgi.version",
		"wsgi.errors", "<" + where + ">", "<>", "<wsgi.errors>", capsule}
	if where != "" {
		want = slices.DeleteFunc(want, func(s string) bool { return s == "apache.request_rec" })
	}
	Same(t, "environ", strings.Join(facts("/app/facts"), "|"), strings.Join(want, "|"))
}
