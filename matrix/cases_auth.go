package matrix

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// doors is the daemon group in which scripts are asked where a case says so.
const doors = "doors"

// mergedInAuth are directives of which no request of the application contexts
// can show two settings: the case auth-merged does.
var mergedInAuth = []string{"WSGIPassApacheRequest", "WSGIDispatchScript"}

// triedAgain is said when a script that cannot be loaded is asked for again: where
// it is asked in a daemon group a new process tries, on a slow machine before the
// case is over.
var triedAgain = Announce{`?WSGIM0602`, `?WSGIM0407`, `?WSGIM0412`, `?WSGIM0590`}

// turnedAway is what Apache's own modules say of whom they did not let in, and
// what the scripts of the cases print.
var turnedAway = Announce{`?AH01617`, `?AH01618`, `?AH01629`, `?AH01630`, `?AH01631`, `?AH017(87|88|89|90|91|92|94)`, `?asked about a user`}

// authModules are those of Apache's that ask our providers, or are asked beside
// them.
func authModules() []string {
	return loadModule("auth_basic", "auth_digest", "authn_file", "authz_user", "authz_host", "socache_shmcb", "authn_socache")
}

// authCases are about who may come in. Each question is asked in a child, and
// once more in a daemon group: httpd is then free of Python.
func authCases() []Case {
	cases := []Case{
		{Name: "auth-merged", App: "access", Own: true, Ours: true, Mount: "/app", Do: authMerged, Prepare: dispatchers, Global: authModules(),
			Announced: Announce{`WSGIM0260`},
			Conf: []string{
				"WSGIPassApacheRequest On", `WSGIDispatchScript "@APP@/yes.py"`,
				"<Location /app/inner>", `WSGIDispatchScript "@APP@/no.py"`, "WSGIPassApacheRequest Off", "</Location>",
				"<LocationMatch ^/app/deny>", `WSGIAccessScript "@APP@/no.py"`, "</LocationMatch>",
				"<Location /app/deny/not>", `WSGIAccessScript "@APP@/yes.py"`, "</Location>",
			}},
		{Name: "auth-htaccess", Covers: "IN25", App: "access", Own: true, Ours: true, Mount: "/app", Do: authHtaccess, Prepare: htaccessDoors,
			Global:    append(authModules(), "WSGIRestrictEmbedded On", "WSGIDaemonProcess "+doors+" threads=2"),
			Announced: append(Announce{`WSGIM0267`, `?WSGIM0210`, `process group 'nosuch' is not yet configured`}, turnedAway...),
			Conf:      []string{`Alias /files "@APP@/files"`, `<Directory "@APP@/files">`, "AllowOverride AuthConfig", "</Directory>"}},
		{Name: "auth-example", App: "access", Own: true, Ours: true, Mount: "/app", Do: authExample, Prepare: authExampleFiles,
			Global: append(authModules(), `WSGIRestrictEmbedded On`, `WSGIDaemonProcess jobs threads=0`,
				`WSGIImportScript "@APP@/worker.py" process-group=jobs application-group=%{GLOBAL}`),
			Announced: append(Announce{`?WSGIM0210`}, turnedAway...),
			Conf: []string{`Alias /private "@APP@/files"`, "<Location /private>", "AuthType Basic", `AuthName "private"`, "AuthBasicProvider wsgi",
				`WSGIAuthUserScript "@APP@/users.py"`, `WSGIAuthGroupScript "@APP@/users.py"`, "Require wsgi-group staff", "</Location>"}},
		{Name: "request-rec", Covers: "EN18", App: "requestrec", Ours: true, Do: requestRec,
			Conf: []string{"<Location /on>", "WSGIPassApacheRequest On", "</Location>"}},
		{Name: "auth-django", App: "accessdjango", Own: true, Ours: true, Mount: "/app", Do: authDjango, Global: append(authModules(), "WSGIDaemonProcess "+doors+" threads=2"),
			Announced: turnedAway,
			Conf: []string{"<Location /app>", "AuthType Basic", "AuthName matrix", "AuthBasicProvider wsgi",
				`WSGIAuthUserScript "@APP@/auth.py" process-group=` + doors, `WSGIAuthGroupScript "@APP@/auth.py" process-group=` + doors,
				"Require wsgi-group editors", "</Location>"}},
	}
	for _, where := range []string{"", doors} {
		cases = append(cases, authCasesIn(where)...)
	}
	return append(cases, authLateCases()...)
}

// authCasesIn are those that hold wherever the scripts are asked.
func authCasesIn(group string) []Case {
	suffix, option, global := "", "", authModules()
	if group != "" {
		suffix, option = "-process", " process-group="+group
		global = append(global, "WSGIDaemonProcess "+group+` threads=3 home="@ROOT@/home"`)
	}
	location := func(path string, lines ...string) []string {
		return slices.Concat([]string{"<Location " + path + ">"}, lines, []string{"</Location>"})
	}
	bare := []string{"AuthType Basic", "AuthName matrix", `WSGIAuthUserScript "@APP@/users.py"` + option}
	basic := append(slices.Clone(bare), "AuthBasicProvider wsgi")
	grouped := append(slices.Clone(basic), `WSGIAuthGroupScript "@APP@/users.py"`+option)
	with := func(lines []string, more ...string) []string { return append(slices.Clone(lines), more...) }
	digest := []string{"AuthType Digest", "AuthName matrix", "AuthDigestProvider wsgi", `WSGIAuthUserScript "@APP@/users.py"` + option, "Require valid-user"}
	alias := []string{`<AuthzProviderAlias wsgi-group stafflike "staff admins">`, "</AuthzProviderAlias>", "<AuthnProviderAlias wsgi doorman>", `WSGIAuthUserScript "@APP@/users.py"` + option, "</AuthnProviderAlias>"}
	doing := func(do func(*T, string)) func(*T) { return func(t *T) { do(t, group) } }
	own := func(name, covers string, do func(*T, string), announced Announce, conf ...[]string) Case {
		return Case{Name: name + suffix, Covers: covers, App: "access", Own: true, Ours: true, Mount: "/app", Prepare: passwords, Global: slices.Concat(global, alias),
			Do: doing(do), Announced: slices.Concat(announced, turnedAway), Conf: slices.Concat(conf...)}
	}
	raised := func(number, function string) string { return number + ": .*" + function + `\(\)` }
	basicCase := own("auth-basic", "AU01 AU02 AU08", authBasic, slices.Concat(frames("RuntimeError: went wrong on purpose"), frames("UnicodeEncodeError"), Announce{
		raised("WSGIM0640", "check_password"), `WSGIM0640: .*SystemExit ignored`, `SystemExit: 3`, `WSGIM0641: .*bare.py' has no function check_password`,
		`WSGIM0642: check_password\(\) .* returned int; it must return True, False, None`, `WSGIM0642: .* returned bytes;`, `WSGIM0642: .* returned str;`,
		`WSGIM0601: .*wrong.py' cannot be loaded: ValueError: not ready on purpose`, `ValueError: not ready on purpose`, `WSGIM0261`, `?daemon 'doors'\]  `,
		`asked about a user`,
	}, triedAgain),
		location("/app/basic", with(basic, "Require valid-user")...),
		location("/app/next", with(bare, "AuthBasicProvider wsgi file", `AuthUserFile "@APP@/users"`, "Require valid-user")...),
		location("/app/alias", "AuthType Basic", "AuthName matrix", "AuthBasicProvider doorman", "Require valid-user"),
		location("/app/bare", with(basic, `WSGIAuthUserScript "@APP@/bare.py"`+option, "Require valid-user")...),
		location("/app/wrong", with(basic, `WSGIAuthUserScript "@APP@/wrong.py"`+option, "Require valid-user")...),
		location("/app/nobody", "AuthType Basic", "AuthName matrix", "AuthBasicProvider wsgi", "Require valid-user"),
		location("/app/shown", "WSGIPassAuthorization On"), location("/app/basic/shown", "WSGIPassAuthorization On"),
	)
	basicCase.MPMs, basicCase.AtStop = true, basicCase.Announced.optional()
	accessCase := own("auth-access", "AU05", authAccess, slices.Concat(frames("RuntimeError: went wrong on purpose"), Announce{
		raised("WSGIM0640", "allow_access"), `SystemExit: 3`, `WSGIM0642: allow_access\(\) .* returned (int|str); it must return True, False or None`, `WSGIM0260`,
		`WSGIM0641: .*bare.py' has no function allow_access`, `WSGIM0601: .*nowhere.py`, `FileNotFoundError`, `AH01630`,
	}, triedAgain),
		location("/app/access", `WSGIAccessScript "@APP@/users.py"`+option),
		location("/app/bare", `WSGIAccessScript "@APP@/bare.py"`+option),
		location("/app/nowhere", `WSGIAccessScript "@APP@/nowhere.py"`+option),
		location("/app/denied", `WSGIAccessScript "@APP@/users.py"`+option, "Require all denied"))
	accessCase.AtStop = accessCase.Announced.optional()
	return []Case{
		basicCase,
		own("auth-digest", "AU03", authDigest, append(frames("RuntimeError: went wrong on purpose"),
			raised("WSGIM0640", "get_realm_hash"), `WSGIM0642: get_realm_hash\(\) .* returned (int|str);`, `WSGIM0262`),
			location("/app/digest", digest...)),
		own("auth-groups", "AU04", authGroups, slices.Concat(frames("RuntimeError: went wrong .*on purpose"), frames("UnicodeEncodeError"), Announce{
			raised("WSGIM0640", "groups_for_user"), `WSGIM0642: groups_for_user\(\) .* returned (str|int|NoneType); it must return an iterable`,
			`WSGIM0641: .*bare.py' has no function groups_for_user`, `WSGIM0263`, `AH01631`,
		}),
			location("/app/staff", with(grouped, "Require wsgi-group staff admins")...),
			location("/app/latin", with(grouped, "Require wsgi-group gr\xfc\xdfe")...),
			location("/app/spaced", with(grouped, `Require wsgi-group "two words"`)...),
			location("/app/any", with(grouped, "<RequireAny>", "Require wsgi-group nosuch", "Require wsgi-group staff", "</RequireAny>")...),
			location("/app/forbid", with(grouped, "AuthzSendForbiddenOnFailure On", "Require wsgi-group staff")...),
			location("/app/not", with(grouped, "<RequireAll>", "Require valid-user", "Require not wsgi-group banned", "</RequireAll>")...),
			location("/app/none", with(grouped, "<RequireAll>", "Require valid-user", "<RequireNone>", "Require wsgi-group banned", "</RequireNone>", "</RequireAll>")...),
			location("/app/bare", with(grouped, `WSGIAuthGroupScript "@APP@/bare.py"`+option, "Require wsgi-group staff")...),
			location("/app/alias", with(grouped, "Require stafflike")...),
			location("/app/nogroups", with(basic, "Require wsgi-group staff")...)),
		accessCase,
		own("auth-environ", "AU06 AU07", authEnviron, nil,
			location("/app/main", with(basic, "Require valid-user", "WSGIPassApacheRequest On", "SetEnv FROM_SETENV yes", "CGIPassAuth On", "WSGIPassAuthorization On")...),
			location("/app/fixed", with(basic, `WSGIAuthUserScript "@APP@/users.py" application-group=fixed`+option, "Require valid-user", "WSGIScriptReloading Off")...),
			location("/app/named", with(basic, `WSGIAuthUserScript "@APP@/users.py" application-group=%{SERVER}`+option, "Require valid-user")...)),
		withTLS(own("auth-tls", "AU06", authTLS, nil, location("/app/main", with(basic, "Require valid-user")...))),
		own("auth-cache", "", authCache, nil,
			location("/app/main", with(bare, "AuthBasicProvider socache wsgi", "AuthnCacheProvideFor wsgi", "AuthnCacheContext here", "Require valid-user")...),
			location("/app/asked", with(basic, "Require valid-user")...)),
		own("auth-secrets", "", authSecrets, slices.Concat(frames("RuntimeError: went wrong on purpose"), Announce{`WSGIM0640`, `WSGIM0642`}),
			[]string{"LogLevel debug wsgi:trace8"},
			location("/app/basic", with(basic, "Require valid-user")...),
			location("/metrics", "SetHandler wsgi-metrics")),
	}
}

// basicAuth is the header of a login.
func basicAuth(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// login asks as a user, with the password "secret".
func (t *T) login(path, user string) Response {
	return t.Do(Request{Path: path, Header: []string{basicAuth(user, "secret")}})
}

// admitted is what the application says of who it has let in.
type admitted struct {
	User, Type, Authorization, Path string
	PID                             int
}

func (t *T) admits(path string, r Response) admitted {
	var a admitted
	if r.Status != 200 {
		t.Fatalf("%s: status %d: %s", path, r.Status, clip(r.Body))
	}
	t.parse(path, r, &a)
	return a
}

func authBasic(t *T, group string) {
	Same(t, "status without a login", t.Get("/app/basic").Status, 401)
	for user, want := range map[string]int{
		"good": 200, "false": 401, "none": 401, "nosuch": 401, "renamed": 200, "latin": 200, "boom": 500, "exit": 500,
		"empty": 500, "bytes": 500, "one": 500, "euro": 500, "nul": 500, "line": 500,
	} {
		Same(t, "status of "+user, t.login("/app/basic", user).Status, want)
	}
	Same(t, "status with a wrong password", t.Do(Request{Path: "/app/basic", Header: []string{basicAuth("good", "wrong")}}).Status, 401)
	Same(t, "status with an empty password", t.Do(Request{Path: "/app/basic", Header: []string{basicAuth("good", "")}}).Status, 401)
	a := t.admits("good", t.login("/app/basic", "good"))
	Same(t, "REMOTE_USER", a.User, "good")
	Same(t, "AUTH_TYPE", a.Type, "Basic")
	Same(t, "HTTP_AUTHORIZATION", a.Authorization, "")
	Same(t, "HTTP_AUTHORIZATION where it is asked for", t.admits("shown", t.login("/app/basic/shown", "good")).Authorization, strings.TrimPrefix(basicAuth("good", "secret"), "Authorization: "))
	Same(t, "REMOTE_USER of a renamed one", t.admits("renamed", t.login("/app/basic", "renamed")).User, "other")
	Same(t, "REMOTE_USER in latin-1", t.admits("latin", t.login("/app/basic", "latin")).User, "grüße")
	r := t.Do(Request{Path: "/app/basic", Header: []string{basicAuth("\xfcml\xe4ut", "\xdfecret\xff")}})
	Same(t, "REMOTE_USER as the client sent it", t.admits("umlaut", r).User, "ümläut")
	Same(t, "the next provider", t.admits("next", t.login("/app/next", "alice")).User, "alice")
	Same(t, "status of one whom the first provider denies", t.login("/app/next", "false").Status, 401)
	Same(t, "status of one whom no provider knows", t.login("/app/next", "nosuch").Status, 401)
	Same(t, "by an alias", t.admits("alias", t.login("/app/alias", "renamed")).User, "other")
	Same(t, "by an alias, status of an unknown one", t.login("/app/alias", "nosuch").Status, 401)
	for _, path := range []string{"/app/bare", "/app/wrong", "/app/wrong", "/app/nobody"} {
		Same(t, "status at "+path, t.login(path, "good").Status, 500)
	}
	// Whatever bytes a client makes up, it is told no.
	c := t.Dial()
	for b := range 256 {
		for _, login := range []string{"x" + string([]byte{byte(b)}), "x:" + string([]byte{byte(b)}), string([]byte{byte(b)})} {
			q := Request{Path: "/app/basic", Header: []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login))}}
			if r := t.Exchange(c, q); r.Status != 401 {
				t.Errorf("status of the login %q: %d", login, r.Status)
			}
		}
		if b%30 == 29 {
			c.Close()
			c = t.Dial() // httpd ends a connection after 100 requests
		}
	}
	long := t.Do(Request{Path: "/app/basic", Header: []string{basicAuth("good", strings.Repeat("x", 5000))}})
	Same(t, "status with a long password", long.Status, 401)
	if group != "" && t.Mode == Daemon {
		t.noPythonInHttpd()
	}
}

// noPythonInHttpd: whoever has mod_wsgi.so has no libpython.
func (t *T) noPythonInHttpd() {
	for _, p := range t.Server.Processes() {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.PID))
		if err == nil && strings.Contains(string(maps), "/mod_wsgi.so") && strings.Contains(string(maps), "libpython") {
			t.Errorf("there is a libpython in %s", p)
		}
	}
}

// digestAuth answers the challenge of a response.
func digestAuth(challenge Response, user, realm, password, method, path string) string {
	field := func(name string) string {
		m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(challenge.Header.Get("WWW-Authenticate"))
		if m == nil {
			return ""
		}
		return m[1]
	}
	hash := func(parts ...string) string { return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(parts, ":")))) }
	nonce := field("nonce")
	response := hash(hash(user, realm, password), nonce, "00000001", "c0ffee", "auth", hash(method, path))
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=MD5, qop=auth, nc=00000001, cnonce="c0ffee", response="%s"`,
		user, realm, nonce, path, response)
}

func authDigest(t *T, _ string) {
	const path = "/app/digest"
	try := func(user, password string) Response {
		header := digestAuth(t.Get(path), user, "matrix", password, "GET", path)
		return t.Do(Request{Path: path, Header: []string{header}})
	}
	for user, want := range map[string]int{"good": 200, "bytes": 200, "upper": 200, "nosuch": 401, "boom": 500, "one": 500, "empty": 500, "short": 500, "nul": 500} {
		Same(t, "status of "+user, try(user, "secret").Status, want)
	}
	Same(t, "status with a wrong password", try("good", "wrong").Status, 401)
	a := t.admits("good", try("good", "secret"))
	Same(t, "REMOTE_USER", a.User, "good")
	Same(t, "AUTH_TYPE", a.Type, "Digest")
	Same(t, "HTTP_AUTHORIZATION", a.Authorization, "")
}

func authGroups(t *T, _ string) {
	Same(t, "status without a login", t.Get("/app/staff").Status, 401)
	Same(t, "status with a wrong password", t.Do(Request{Path: "/app/staff", Header: []string{basicAuth("g-staff", "x")}}).Status, 401)
	for user, want := range map[string]int{
		"g-staff": 200, "g-bytes": 200, "g-set": 200, "g-gen": 200, "g-boom": 401, "g-none": 401, "g-text": 401, "g-mixed": 401,
		"g-empty": 401, "g-prefix": 401, "g-euro": 401, "g-half": 401, "g-nosuch": 401,
	} {
		Same(t, "status of "+user, t.login("/app/staff", user).Status, want)
	}
	for _, row := range []struct {
		path, user string
		want       int
	}{
		{"/app/latin", "g-latin", 200}, {"/app/latin", "g-staff", 401}, {"/app/any", "g-staff", 200}, {"/app/any", "g-empty", 401},
		{"/app/spaced", "g-spaced", 200}, {"/app/spaced", "g-staff", 401},
		{"/app/forbid", "g-staff", 200}, {"/app/forbid", "g-empty", 403}, {"/app/forbid", "g-boom", 403},
		// A group that nobody can name must not turn into being in no banned one.
		{"/app/not", "g-staff", 200}, {"/app/not", "g-banned", 401}, {"/app/not", "g-boom", 500}, {"/app/not", "g-text", 500},
		{"/app/none", "g-staff", 200}, {"/app/none", "g-banned", 401}, {"/app/none", "g-boom", 500}, {"/app/none", "g-none", 500},
		{"/app/alias", "g-staff", 200}, {"/app/alias", "g-empty", 401}, {"/app/alias", "g-boom", 500},
		{"/app/bare", "g-staff", 401}, {"/app/nogroups", "g-staff", 401},
	} {
		Same(t, "status of "+row.user+" at "+row.path, t.login(row.path, row.user).Status, row.want)
	}
}

func authAccess(t *T, _ string) {
	for query, want := range map[string]int{
		"allow=True": 200, "allow=None": 200, "allow=False": 403, "allow=one": 403, "allow=text": 403, "allow=boom": 403, "allow=exit": 403,
		"host=127.0.0.1": 200, "host=192.0.2.1": 403,
	} {
		Same(t, "status of "+query, t.Get("/app/access?"+query).Status, want)
	}
	Same(t, "status where others deny, None", t.Get("/app/denied?allow=None").Status, 403)
	Same(t, "status where others deny, True", t.Get("/app/denied?allow=True").Status, 403)
	Same(t, "status without the function", t.Get("/app/bare").Status, 403)
	for range 2 {
		Same(t, "status without the script", t.Get("/app/nowhere").Status, 403)
	}
	Same(t, "status elsewhere", t.Get("/app").Status, 200)
}

// authFacts is what a script says of the call it got.
type authFacts struct {
	Keys, Types                                        []string
	Host, Path, Capsule, Errors, Version, Type, Module string
	PID, Calls, HTTPS                                  int
	Long, Odd                                          string
	Protocol, Unknown                                  *string
	ProtocolBytes                                      *string `json:"protocol_bytes"`
	ProcessGroup                                       string  `json:"process_group"`
	ApplicationGroup                                   string  `json:"application_group"`
	WrongType                                          string  `json:"wrong_type"`
	LateHTTPS                                          string  `json:"late_https"`
}

func (t *T) authFacts(path string, r Response) authFacts {
	var f authFacts
	t.parse(path, Response{Body: []byte(t.admits(path, r).User)}, &f)
	return f
}

func authEnviron(t *T, group string) {
	header := []string{basicAuth("facts", "secret"), "Proxy-Authorization: Basic eDp5", "X-One: 1", "Proxy: x", "X_Two: 2"}
	ask := func(path string) authFacts { return t.authFacts(path, t.Do(Request{Path: path, Header: header})) }
	f := ask("/app/main/inner?q")
	for _, key := range []string{
		"HTTP_HOST", "HTTP_X_ONE", "SERVER_SIGNATURE", "SERVER_SOFTWARE", "SERVER_NAME", "SERVER_ADDR", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT",
		"DOCUMENT_ROOT", "SERVER_PROTOCOL", "REQUEST_METHOD", "QUERY_STRING", "REQUEST_URI", "SCRIPT_NAME", "PATH_INFO", "apache.version", "mod_wsgi.version",
		"mod_wsgi.process_group", "mod_wsgi.application_group", "wsgi.errors", "mod_ssl.is_https", "mod_ssl.var_lookup",
	} {
		if !slices.Contains(f.Keys, key) {
			t.Errorf("the environ lacks %s", key)
		}
	}
	for _, key := range f.Keys {
		if strings.Contains(key, "AUTHORIZATION") || strings.HasPrefix(key, "wsgi.") && key != "wsgi.errors" || strings.HasPrefix(key, "mod_wsgi.x") ||
			slices.Contains([]string{"FROM_SETENV", "HTTP_PROXY", "HTTP_X_TWO", "REMOTE_HOST", "mod_wsgi.callable_object"}, key) {
			t.Errorf("the environ has %s", key)
		}
	}
	Same(t, "types", strings.Join(f.Types, " "), "str")
	Same(t, "process group", f.ProcessGroup, group)
	Same(t, "application group", f.ApplicationGroup, "")
	Same(t, "apache.request_rec", f.Capsule, map[bool]string{true: "PyCapsule", false: "NoneType"}[group == ""])
	Same(t, "wsgi.errors", f.Errors, "TextIOWrapper")
	Same(t, "REMOTE_ADDR", f.Host, "127.0.0.1")
	Same(t, "type of the one that is asked back", f.Module+"."+f.Type, "mod_wsgi.Auth")
	Same(t, "is_https() without TLS", f.HTTPS, 0)
	if set := func(s *string) bool { return s != nil && *s != "" }; set(f.Protocol) || set(f.ProtocolBytes) || set(f.Unknown) {
		t.Errorf("var_lookup() knows of TLS where there is none")
	}
	Same(t, "var_lookup() of a number", f.WrongType, "TypeError")
	Same(t, "var_lookup() of a name too long", f.Long, "None")
	Same(t, "var_lookup() of a name that is not latin-1", f.Odd, "UnicodeEncodeError")
	next := ask("/app/main")
	Same(t, "is_https() after its request", next.LateHTTPS, "RuntimeError")
	Same(t, "process of the next call", next.PID, f.PID)
	large := header
	for i := range 12 {
		large = append(large, fmt.Sprintf("X-Large-%d: %s", i, strings.Repeat("x", 6000)))
	}
	f = t.authFacts("large", t.Do(Request{Path: "/app/main", Header: large}))
	Same(t, "the last of many large headers is there", slices.Contains(f.Keys, "HTTP_X_LARGE_11"), true)
	Same(t, "version with WSGIScriptReloading Off", ask("/app/fixed").Version, "first")
	named := ask("/app/named")
	Same(t, "application group of another interpreter", named.ApplicationGroup, fmt.Sprintf("%s:%d", t.Host, t.Server.Port))
	t.rewrite("users.py", `VERSION = "first"`, `VERSION = "second"`)
	changed := ask("/app/main")
	Same(t, "version after a change", changed.Version, "second")
	Same(t, "process after a change", changed.PID, f.PID)
	Same(t, "calls of the new module", changed.Calls, 1)
	Same(t, "version after a change with WSGIScriptReloading Off", ask("/app/fixed").Version, "first")
}

// rewrite replaces a text in a file beside the application.
func (t *T) rewrite(name, from, to string) {
	path := filepath.Join(t.Dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %s", name, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
}

func authTLS(t *T, _ string) {
	c := t.dialTLS()
	f := t.authFacts("/app/main", t.Exchange(c, Request{Path: "/app/main", Header: []string{basicAuth("facts", "secret")}}))
	Same(t, "is_https() over TLS", f.HTTPS, 1)
	if f.Protocol == nil || !strings.HasPrefix(*f.Protocol, "TLSv1") || f.ProtocolBytes == nil || *f.ProtocolBytes != *f.Protocol {
		t.Errorf("var_lookup() does not know the protocol")
	}
	if f.Unknown != nil && *f.Unknown != "" {
		t.Errorf("var_lookup() of an unknown name is %q", *f.Unknown)
	}
}

// authCache: mod_authn_socache keeps what was right, as with Apache's own
// providers, and nothing else does.
func authCache(t *T, _ string) {
	calls := func() int { return t.authFacts("/app/asked", t.login("/app/asked", "facts")).Calls }
	if have := t.Server.Conf.Have; !have["mod_authn_socache.so"] || !have["mod_socache_shmcb.so"] {
		t.Skipf("this Apache has no mod_authn_socache")
	}
	before := calls()
	for range 4 {
		t.admits("/app/main", t.login("/app/main", "good"))
	}
	Same(t, "calls for four logins that are cached", calls()-before, 2) // the first of them, and calls itself
	Same(t, "status with a wrong password", t.Do(Request{Path: "/app/main", Header: []string{basicAuth("good", "wrong")}}).Status, 401)
	before = calls()
	for range 4 {
		t.admits("/app/asked", t.login("/app/asked", "good"))
	}
	Same(t, "calls for four logins that are not", calls()-before, 5)
}

// authSecrets: nothing of a login is found in any log at any level of ours, or on
// the metrics page.
func authSecrets(t *T, _ string) {
	const secret = "hunter2-pumpernickel"
	login := func(user, password string) {
		t.Do(Request{Path: "/app/basic", Header: []string{basicAuth(user, password)}})
	}
	for _, user := range []string{"good", "false", "nosuch", "boom", "renamed"} {
		login(user, secret)
	}
	t.login("/app/basic", "one")
	page := t.Get("/metrics")
	t.settle()
	said := string(page.Body)
	names, err := filepath.Glob(filepath.Join(t.Server.Root, "logs", "*"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, name := range names {
		said += t.Server.LogText(filepath.Base(name))
	}
	if !strings.Contains(said, "wsgi:debug") && !strings.Contains(said, "wsgi:trace") && !strings.Contains(said, "wsgi:info") {
		t.Errorf("the logs are empty")
	}
	for _, user := range []string{"good", "boom", "nosuch"} {
		if strings.Contains(said, strings.TrimPrefix(basicAuth(user, secret), "Authorization: Basic ")) {
			t.Errorf("the Authorization of %s is in a log", user)
		}
	}
	if strings.Contains(said, secret) {
		t.Errorf("the password is in a log")
	}
}
