package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
)

// tinyModule is all that levels load and config see of a module of either kind of
// tree: a record, and the directive of its snippet. What SAYS is, it writes when a
// configuration is read; with TAKES it takes a function that no server has, and EXTRA
// is a further directive.
const tinyModule = `#include <httpd.h>
#include <http_config.h>
#include <stdio.h>
#ifdef TAKES
extern int ap_no_such_function(void);
int taken(void);
int taken(void) { return ap_no_such_function(); }
#endif
static const char *home(cmd_parms *cmd, void *to, const char *path)
{
    (void)cmd; (void)to; (void)path;
#ifdef SAYS
    fprintf(stderr, "%s\n", SAYS);
#endif
    return NULL;
}
#ifndef EXTRA
#define EXTRA
#endif
static const command_rec commands[] = { EXTRA AP_INIT_TAKE1("WSGIPythonHome", home, NULL, RSRC_CONF, "x"), { NULL } };
module AP_MODULE_DECLARE_DATA wsgi_module = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, NULL };
`

// site is a made-up system for the real httpd of this machine: a configuration, and
// a running server's pid file, log and port.
type site struct {
	root, module string
	apache       apxs.Info
	r            *run.Runner
}

func newSite(t *testing.T) *site {
	t.Helper()
	r := &run.Runner{}
	apache, err := apxs.Find(t.Context(), r, "")
	switch {
	case err != nil:
		t.Skip("no Apache: ", err)
	case apache.Httpd == "":
		t.Skip("no server binary")
	}
	if _, err := r.LookPath("cc"); err != nil {
		t.Skip("no C compiler: ", err)
	}
	s := &site{root: filepath.Join(t.TempDir(), `a "system"`), apache: apache, r: r}
	for _, dir := range []string{"mods-enabled", "logs", "run"} {
		if err := os.MkdirAll(filepath.Join(s.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.module = s.compile(t, "mod_wsgi.so")
	port, err := net.Listen("tcp", "127.0.0.1:0") // the port of the server that runs
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	s.write(t, "run/httpd.pid", fmt.Sprintln(os.Getpid()))
	s.write(t, "logs/error.log", "as it was\n")
	text, err := loadConfig(s.root, nil, apache.ModulesDir)
	if err != nil {
		t.Fatal(err)
	}
	for old, own := range map[string]string{"httpd.pid": "run/httpd.pid", "error.log": "logs/error.log"} {
		text = strings.ReplaceAll(text, "/"+old+`"`, "/"+own+`"`)
	}
	s.write(t, "httpd.conf", text+fmt.Sprintf("Listen %s\nIncludeOptional mods-enabled/*.load\nIncludeOptional more.conf\n", port.Addr()))
	s.apache.Root, s.apache.ConfFile, s.apache.ConfDir = s.root, filepath.Join(s.root, "httpd.conf"), s.root
	return s
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.root, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compile makes a tiny module.
func (s *site) compile(t *testing.T, name string, args ...string) string {
	t.Helper()
	s.write(t, name+".c", tinyModule)
	to := filepath.Join(s.root, name)
	args = append(args, "-shared", "-fPIC", "-o", to, to+".c")
	for _, dir := range s.apache.IncludeDirs {
		args = append(args, "-I"+dir)
	}
	args = append(args, s.apache.Defines...)
	if _, err := s.r.Output(t.Context(), "", "cc", args...); err != nil {
		t.Skip("no headers of that Apache: ", err)
	}
	return to
}

// prove takes a module of either kind of tree through one level.
func (s *site) prove(t *testing.T, level Level, module, home string) LevelReport {
	t.Helper()
	v := &prover{ctx: t.Context(), r: s.r, s: Subject{Module: module, Apache: s.apache,
		Lines: []string{LoadModule(module), "WSGIPythonHome " + home}}}
	if level == Load {
		return v.level(level, v.load)
	}
	return v.level(level, v.config)
}

// V-4: the real server loads a module from a configuration of its own, or says why
// it does not. V-8: what it says is looked at although it succeeds.
func TestProofLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(t, "more.conf", "Nonsense on\n") // nothing of the system's configuration is read
	for _, c := range []struct {
		name   string
		args   []string
		module string
		want   string
	}{
		{name: "good"},
		{name: "says something", args: []string{`-DSAYS="mod_wsgi: all is well"`}},
		{name: "takes what is not there", args: []string{"-DTAKES"}, want: "undefined symbol: ap_no_such_function"},
		{name: "another name", args: []string{"-Dwsgi_module=perl_module"}, want: "Can't locate API module structure `wsgi_module'"},
		{name: "no file", module: "/nonexistent/mod_wsgi.so", want: "Cannot load /nonexistent/mod_wsgi.so into server"},
		{name: "fatal", args: []string{`-DSAYS="Fatal Python error: init_fs_encoding"`}, want: "Apache says: Fatal Python error: init_fs_encoding"},
		{name: "WSGI0001", args: []string{`-DSAYS="[wsgi:info] WSGI0001: it cannot start"`}, want: "Apache says: [wsgi:info] WSGI0001"},
		{name: "WSGI0036", args: []string{`-DSAYS="WSGI0036: x"`}, want: "Apache says: WSGI0036"},
		{name: "WSGI0100", args: []string{`-DSAYS="WSGI0100: x"`}, want: "Apache says: WSGI0100"},
		{name: "WSGI0101", args: []string{`-DSAYS="WSGI0101: x"`}, want: "Apache says: WSGI0101"},
		{name: "WSGI0210", args: []string{`-DSAYS="WSGI0210: x"`}, want: "Apache says: WSGI0210"},
		{name: "another number", args: []string{`-DSAYS="WSGI0102: x, WSGIM0001: y"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.module == "" {
				c.module = s.compile(t, "load.so", c.args...)
			}
			wantReport(t, s.prove(t, Load, c.module, "/usr"), c.want)
		})
	}
	v := &prover{ctx: t.Context(), r: s.r, s: Subject{Module: s.module, Apache: s.apache, Lines: []string{"# LoadModule is left out"}}}
	wantReport(t, v.level(Load, v.load), "no line loads it")
}

func wantReport(t *testing.T, l LevelReport, want string) {
	t.Helper()
	if wrong := strings.Join(l.Wrong, "\n"); !strings.Contains(wrong, want) || (want == "") != (wrong == "") || (l.Status == Passed) != (want == "") {
		t.Errorf("%s (%s): %s\nwant %q", l.Status, l.Reason, wrong, want)
	}
}

// V-5: the real server's configuration with the lines behind it, and what is wrong
// in it told from what the lines do. V-10: nothing of the server changes.
func TestProofConfig(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := s.compile(t, "mod_other.so")
	line := func(path string) string { return LoadModule(path) + "\n" }
	const accept = BrokenVariable + "=1"
	place := func(file string, n int) string { return fmt.Sprintf("%s:%d", filepath.Join(s.root, file), n) }
	for _, c := range []struct {
		name        string
		load, more  string // mods-enabled/wsgi.load, more.conf
		home        string // of the snippet; "": /usr
		env         string
		want        []string // in Wrong; none: it passes
		reason      string   // it is not run
		advice, say string
	}{
		{name: "not there yet"},
		{name: "in place", load: line(s.module)},
		{name: "in place, with its home", load: line(s.module) + "WSGIPythonHome /usr\n"},
		{name: "in place, relative", load: "LoadModule wsgi_module mod_wsgi.so\n"},
		{name: "in place, if there is no other", load: "<IfModule !wsgi_module>\n" + line(s.module) + "</IfModule>\n"}, // N-3
		{name: "under a condition that does not hold", load: "<IfDefine NEVER>\n" + line(s.module) + "</IfDefine>\n"},
		{name: "broken before", more: "Nonsense on\n", want: []string{"as it is, without the module: AH00526: Syntax error on line 1 of", "Invalid command 'Nonsense'"},
			advice: "mend that first"},
		{name: "broken before, accepted", more: "Nonsense on\n", env: accept, reason: "Invalid command 'Nonsense'"},
		{name: "directives are there before it", more: "WSGIPythonHome /usr\n", say: "the lines that do have to stand before them"},
		{name: "lines are refused", home: "a b", want: []string{"with the module: ", "WSGIPythonHome takes one argument"}},
		{name: "another is there", load: "# by hand\n" + line(other),
			want:   []string{place("mods-enabled/wsgi.load", 2) + " loads another wsgi_module, " + other, "AH01574", "Nothing is wrong with this module"},
			advice: "a2dismod wsgi (a2enmod wsgi undoes it)"},
		{name: "another is there, elsewhere", more: line(other), want: []string{place("more.conf", 1) + " loads another"}, advice: "take out " + place("more.conf", 1)},
		{name: "another is there, accepted", load: line(other), env: accept, say: "loads another wsgi_module"},
		{name: "another behind it", load: line(s.module), more: line(other), want: []string{place("more.conf", 1), "which Apache passes over, since this one is the first"},
			advice: "take out " + place("more.conf", 1)},
		{name: "another, which has directives of its own", load: line(other), more: "WSGIPythonHome /usr\nWSGINonsense On\n",
			want: []string{"as it is, without the module", "WSGINonsense"}, advice: "mend"},
		{name: "another under a condition", load: "<IfDefine NEVER>\n" + line(other) + "</IfDefine>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.write(t, "mods-enabled/wsgi.load", c.load)
			s.write(t, "more.conf", c.more)
			s.r = &run.Runner{Env: append(os.Environ(), c.env)}
			before := snapshot(t, s.root)
			home := c.home
			if home == "" {
				home = "/usr"
			}
			l := s.prove(t, Config, s.module, home)
			if after := snapshot(t, s.root); !slices.Equal(before, after) { // V-10
				t.Errorf("before %q\nafter  %q", before, after)
			}
			wrong := strings.Join(l.Wrong, "\n")
			for _, want := range c.want {
				if !strings.Contains(wrong, want) {
					t.Errorf("wrong: %s\nwant %q", wrong, want)
				}
			}
			status := Passed
			switch {
			case c.want != nil:
				status = Failed
			case c.reason != "":
				status = NotRun
			}
			if l.Status != status || (c.want == nil) != (wrong == "") || !strings.Contains(l.Reason, c.reason) {
				t.Errorf("%s (%s), want %s: %s", l.Status, l.Reason, status, wrong)
			}
			if said := strings.Join(l.Advice, "\n"); !strings.Contains(said, c.advice) || (c.advice == "") != (said == "") {
				t.Errorf("advice %q, want %q", said, c.advice)
			}
			if said := strings.Join(l.Warnings, "\n"); !strings.Contains(said, c.say) || (c.say == "") != (said == "") {
				t.Errorf("warnings %q, want %q", said, c.say)
			}
		})
	}
	s.write(t, "mods-enabled/wsgi.load", "")
	s.write(t, "more.conf", "")
	v := &prover{ctx: t.Context(), r: s.r, s: Subject{Module: s.module, Apache: s.apache}} // without any line
	wantReport(t, v.level(Config, v.config), "wsgi_module is listed 0 times among the loaded modules")
	s.apache.ConfFile = "" // V-1
	if l := s.prove(t, Config, s.module, "/usr"); l.Status != NotRun || l.Reason != "this Apache has no configuration of its own" {
		t.Errorf("%+v", l)
	}
}

// V-5: in the place of the other module the configuration can still be refused: it
// has what only that one knows.
func TestProofConfigInItsPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := s.compile(t, "mod_other.so", `-DEXTRA=AP_INIT_TAKE1("WSGIExtra", home, NULL, RSRC_CONF, "x"),`)
	s.write(t, "more.conf", LoadModule(other)+"\nWSGIExtra on\n")
	l := s.prove(t, Config, s.module, "/usr")
	wantReport(t, l, "in the other's place the configuration is refused: AH00526: Syntax error on line 2 of "+filepath.Join(s.root, "more.conf")+":\nInvalid command 'WSGIExtra'")
	if strings.Contains(strings.Join(l.Wrong, "\n"), "Nothing is wrong") || len(l.Advice) != 0 {
		t.Errorf("%q %q", l.Wrong, l.Advice)
	}
}

// snapshot is every file below a folder with its size and time.
func snapshot(t *testing.T, root string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		info, infoErr := e.Info()
		if err := errors.Join(err, infoErr); err != nil {
			return err
		}
		list = append(list, fmt.Sprint(path, info.Size(), info.ModTime()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
