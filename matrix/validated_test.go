package matrix

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// checkers are the modules that look at both sides of WSGI between the server
// and an application. Debian's package of the second is python3-webtest.
var checkers = []string{"wsgiref.validate", "webtest.lint"}

// forCheckers are the conversations of the corpus in which a checker sees
// something else than in the others.
var forCheckers = regexp.MustCompile(`^(GET|HEAD|OPTIONS|PURGE|POST with a body|PUT with a body|empty POST) |chunk`)

// violation is what a checker found, as the application "validated" notes it.
type violation struct {
	App     string `json:"-"`
	Request string `json:"request"`
	By      string `json:"by"` // the function that checked
	Says    string `json:"says"`
}

func (v violation) String() string {
	return fmt.Sprintf("%s %s: %s: %s", v.App, v.Request, v.By, v.Says)
}

// checkedMounts are all applications of testdata/apps that can be asked without
// further ado: with the paths of the parity corpus, or "/".
func checkedMounts(t *testing.T) []parityMount {
	t.Helper()
	mounts := slices.DeleteFunc(parityMounts(), func(m parityMount) bool { return len(m.Conf) > 0 && !m.chunked || m.Name == "limited" })
	known := map[string]bool{}
	for _, m := range mounts {
		known[m.app()] = true
	}
	entries, err := fs.ReadDir(apps, "testdata/apps")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if _, not := unasked[name]; not || known[name] {
			continue
		}
		paths := otherPaths[name]
		if paths == nil {
			paths = []string{"/"}
		}
		mounts = append(mounts, parityMount{Case: Case{Name: name}, paths: paths})
		known[name] = true
	}
	for name := range unasked {
		if _, err := fs.Stat(apps, "testdata/apps/"+name); err != nil || known[name] {
			t.Errorf("%s is listed as not asked, and is asked or not there", name)
		}
	}
	return mounts
}

// checkedCase puts the wrapper in front of the application of a mount.
func checkedCase(m parityMount, checker string) Case {
	c, app := m.Case, m.app()
	c.App, c.Conf = "validated", append([]string{"SetEnv MATRIX_CHECKER " + checker}, c.Conf...)
	if app == "djangosite" {
		c.Interpreter = "%{RESOURCE}" // for settings of its own
	}
	c.Prepare = func(dir string) error {
		checked := filepath.Join(dir, "checked")
		if err := copyApp(app, checked); err != nil || filesOf[app] == nil {
			return err
		}
		return filesOf[app](checked)
	}
	return c
}

// TestValidated serves every application behind the checkers of WSGI. What they
// say is the server's fault, unless the application is listed with what it does
// on purpose.
func TestValidated(t *testing.T) {
	for _, checker := range checkers {
		t.Run(checker, func(t *testing.T) { validated(t, checker) })
	}
}

func validated(t *testing.T, checker string) {
	r := &run.Runner{}
	python := theTarget(t, r).Python.Executable
	if has, err := importsOf(t.Context(), r, python, map[string]string{checker: ""}); err != nil || !has[checker] {
		t.Skipf("%s has no %s", python, checker)
	}
	mounts := checkedMounts(t)
	var cases []Case
	for _, m := range mounts {
		cases = append(cases, checkedCase(m, checker))
	}
	asked := slices.DeleteFunc(corpusOf(mounts), func(x exact) bool { return !forCheckers.MatchString(x.name) || len(x.requests) > 1 })
	inBothModes(t, cases, func(servers []*Session) {
		for _, s := range servers {
			for _, x := range asked {
				if _, err := converse(t.Context(), s.Server.Port, x); err != nil {
					t.Errorf("%s: %s: %s %s: %v", s.Cell.Mode, x.mount, x.proto, x.name, err)
				}
			}
			if err := s.Server.Stop(); err != nil { // all is logged then
				t.Error(err)
			}
			found := violations(t, s, cases)
			judged := judgeViolations(onPurpose, found, checker)
			for _, complaint := range judged {
				t.Errorf("%s: %s", s.Cell.Mode, complaint)
			}
			t.Logf("note: %s, %s: %d applications, %d requests, %d violations, %d of them not on purpose",
				checker, s.Cell.Mode, len(cases), len(asked), len(found), len(judged))
		}
	})
}

// violations reads the logs of a stopped server.
func violations(t *testing.T, s *Session, cases []Case) []violation {
	t.Helper()
	var found []violation
	for _, c := range cases {
		for _, r := range ParseLog(s.Server.LogText(hostOf(c) + ".log")) {
			if strings.Contains(r.Text, "garbage collected without being closed") {
				found = append(found, violation{App: c.Name, By: "__del__", Says: r.Text})
			}
			_, text, noted := strings.Cut(r.Text, "violation: ")
			if !noted {
				continue
			}
			v := violation{App: c.Name}
			// httpd writes a backslash as two.
			if err := json.Unmarshal([]byte(strings.ReplaceAll(text, `\\`, `\`)), &v); err != nil {
				t.Errorf("%v in %s", err, r.Line)
			}
			found = append(found, v)
		}
	}
	return found
}

// judgeViolations compares what was found with the list of what is done on
// purpose. An entry that nothing was found for is a complaint, too.
func judgeViolations(list []purpose, found []violation, checker string) []string {
	var complaints []string
	used := make([]bool, len(list))
	for _, v := range found {
		known := false
		for i, p := range list {
			if p.matches(v) && p.of(checker) {
				used[i], known = true, true
			}
		}
		if text := v.String(); !known && !slices.Contains(complaints, text) {
			complaints = append(complaints, text)
		}
	}
	for i, p := range list {
		if p.of(checker) && !used[i] {
			complaints = append(complaints, fmt.Sprintf("%s %s is listed as wrong (%s), and nothing was found", p.apps, p.paths, p.why))
		}
	}
	return complaints
}

// purpose is what an application of the tests does against the rules, because
// that is what it is for.
type purpose struct {
	apps, paths string // regular expressions on the whole of both; paths without the query
	says        string // regular expression on what the checker says
	checker     string // both when empty
	why         string
}

func (p purpose) of(checker string) bool { return p.checker == "" || p.checker == checker }

func (p purpose) matches(v violation) bool {
	_, path, _ := strings.Cut(v.Request, " ")
	whole := func(expr, text string) bool { return regexp.MustCompile(`^(?:` + expr + `)$`).MatchString(text) }
	return whole(p.apps, v.App) && whole(p.paths, path) && regexp.MustCompile(p.says).MatchString(v.By+": "+v.Says)
}

// unasked are the applications that cannot be asked like this.
var unasked = map[string]string{
	"forking":   "forks beside sub-interpreters, which CPython clears in the child, and may wait for ever there",
	"gated":     "waits for files that its cases make",
	"stalling":  "waits for files that its cases make",
	"validated": "is the wrapper",
}

// filesOf makes the files that an application serves.
var filesOf = map[string]func(dir string) error{
	"filewrap":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "content"), fileContent(), 0o644) },
	"werkzeug":   contentOf,
	"djangosite": djangoFiles,
}

// otherPaths are those of applications that are not in the parity corpus, where
// "/" says little.
var otherPaths = map[string][]string{
	"directives": {"/sevens", "/caught", "/method", "/name", "/404", "/503", "/401", "/200"},
	"django":     {"/", "/form", "/upload", "/download/1", "/redirect", "/boom"},
	"djangosite": {"/environ", "/seen", "/w%C3%B6rter/x/", "/upload", "/body", "/streamed", "/session", "/token", "/guarded", "/moved", "/file", "/stream",
		"/conditional", "/awaited", "/hello/", "/cookies", "/none", "/denied", "/boom", "/static/sub/a.css"},
	"flask":   {"/", "/form", "/upload", "/download/1", "/redirect", "/boom"},
	"gateway": {"/still", "/strange"},
	"logging": {"/lines", "/odd", "/logging", "/object"},
	"nested":  {"/page", "/part?5", "/fail"},
	"werkzeug": {"/testapp", "/environ", "/seen", "/form", "/limited", "/body", "/cookies", "/moved/303", "/file", "/plain", "/conditional", "/stream", "/empty",
		"/branch", "/boom"},
}

// onPurpose are the rules that applications of the tests break, so that it is
// seen what the server makes of it.
var onPurpose = []purpose{
	// Not rules of WSGI, and more than one application takes the liberty.
	{".*", ".*", `^read: assert_\(len\(args\) == 1\)$`, "wsgiref.validate", "calls read() without a size"},
	{".*", ".*", "^check_content_type: No Content-Type header", "wsgiref.validate", "sends no type"},

	{"output", "/write_str", "^__call__: .*type\\(s\\) is bytes", "", "calls write() with text, and catches the TypeError"},
	{"output", "/empty_blocks", "start_response has not yet been called", "", "gives empty blocks before it calls start_response"},
	{"failing", "/no_start", "start_response has not yet been called", "", "never calls start_response"},
	{"failing", "/none", "must return an iterator", "", "returns None"},
	{"failing", "/(text|text_later|number|array)", "non-(bytestring|<class 'bytes'>)", "", "gives blocks that are not bytes"},
	{"failing", "/raw_bytes", "^check_iterator: ", "", "returns bytes and not a list of them"},
	{"response|werkzeug|djangosite", "/(no-content|empty|none)", "Content-Type header found in a 204", "wsgiref.validate", "sends a type with a 204, as frameworks do"},
	{"response", "/status-header", "The Status header cannot be used", "", "sends a header called Status"},
	{"response", "/bare", "^check_status: ", "webtest.lint", "sends a status without a reason"},
	{"refused", "/(bare-status|status-wide)", "^check_status: ", "webtest.lint", "sends a status that is too short for this checker"},
	{"refused", "/(status-int|status-word)", "^check_(status|string_type): ", "", "calls start_response with a bad status"},
	{"refused", "/(headers-tuple|item-three|name-colon|name-empty|value-crlf|value-nul)", "^check_headers: ", "", "calls start_response with bad headers"},
	{"refused", "/value-wide", "^_assert_latin1_str: ", "webtest.lint", "calls start_response with a value beyond latin-1"},
	{"refused", "/exc-info-str", "^check_exc_info: ", "webtest.lint", "calls start_response with a third argument that is no tuple"},
	{"body(-chunked)?", "/closed", `input.close\(\) must not be called`, "", "closes its input"},
}

// TestJudgeViolations holds that neither what is not listed nor a listing that
// is out of date is passed over.
func TestJudgeViolations(t *testing.T) {
	list := []purpose{
		{"a", "/x", "^read: $", "", "reads"},
		{"b", "/.*", "anything", "webtest.lint", "looks at another checker"},
	}
	listed := violation{App: "a", Request: "GET /x", By: "read"}
	for _, c := range []struct {
		name  string
		found []violation
		want  string // in the one complaint
	}{
		{"listed", []violation{listed, listed}, ""},
		{"another application", []violation{listed, {App: "ab", Request: "GET /x", By: "read"}}, "ab GET /x: read"},
		{"another path", []violation{listed, {App: "a", Request: "GET /x/y", By: "read"}}, "a GET /x/y: read"},
		{"the server's fault", []violation{listed, {App: "a", Request: "GET /x", By: "check_environ", Says: "missing"}}, "check_environ: missing"},
		{"no longer wrong", nil, "a /x is listed as wrong (reads), and nothing was found"},
	} {
		got := judgeViolations(list, c.found, "wsgiref.validate")
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
