package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"modwsgi/internal/run"
)

// Refusal is a configuration that `httpd -t` must refuse (or accept), with
// what it must say.
type Refusal struct {
	Name    string
	Lines   []string // of the main server
	Wants   []string // regular expressions on what httpd says
	Accept  bool     // it is fine, after all
	Prepare func(root string) error
	Root    bool // only where httpd changes its user
}

// Refusals are the configurations that must not start, each with the directive
// or option at fault named.
func Refusals() []Refusal {
	option := func(name, text string, wants ...string) Refusal {
		return Refusal{Name: name, Lines: []string{"WSGIDaemonProcess d " + text}, Wants: append(wants, "WSGIDaemonProcess")}
	}
	line := func(name, text string, wants ...string) Refusal {
		return Refusal{Name: name, Lines: []string{text}, Wants: wants}
	}
	fine := func(name string, lines ...string) Refusal {
		return Refusal{Name: name, Lines: lines, Accept: true, Wants: []string{"Syntax OK"}}
	}
	cases := []Refusal{
		fine("empty"),
		fine("ifmodule", "<IfModule mod_wsgi.c>", "<IfModule wsgi_module>", "Define SEEN", "</IfModule>", "</IfModule>", "<IfDefine !SEEN>", "Nonsense", "</IfDefine>"),
		fine("flags", "WSGIScriptReloading oN", "WSGIPassAuthorization OFF", "WSGIRestrictEmbedded On"),
		fine("daemon", "WSGIDaemonProcess d threads=3 processes=2 umask=0022 display-name=%{GROUP} request-timeout=60 queue-timeout=45"),
		fine("socket-prefix", "WSGISocketPrefix run/wsgi"),
		option("threads-negative", "threads=-1", "threads"),
		option("threads-text", "threads=many", "threads"),
		option("threads-trailing", "threads=5x", "threads"),
		option("processes-zero", "processes=0", "processes"),
		option("umask-nine", "umask=9", "umask"),
		option("home-relative", "home=rel", "home"),
		option("option-unknown", "thread=5", `thread\b`, `threads`),
		option("option-without-value", "threads=", "threads"),
		option("word-without-option", "threads", "threads"),
		option("user-root", "user=root", "user"),
		option("user-zero", "user=#0", "user"),
		line("name-missing", "WSGIDaemonProcess", "WSGIDaemonProcess"),
		line("alias-short", "WSGIScriptAlias /x", "WSGIScriptAlias"),
		line("alias-option", "WSGIScriptAlias / /f.wsgi bogus=1", "WSGIScriptAlias", "bogus"),
		line("alias-empty", "WSGIScriptAlias / /f.wsgi process-group=", "process-group"),
		line("alias-match-short", "WSGIScriptAliasMatch /x", "WSGIScriptAliasMatch"),
		line("alias-match-regex", `WSGIScriptAliasMatch "(" /f.wsgi`, "WSGIScriptAliasMatch", `'\('`, "regular expression"),
		line("alias-match-option", "WSGIScriptAliasMatch ^/ /f.wsgi bogus=1", "WSGIScriptAliasMatch", "bogus"),
		line("alias-match-preload", "WSGIScriptAliasMatch ^/ /f.wsgi process-group=nosuch application-group=%{GLOBAL}", "nosuch"),
		fine("alias-match-groups", "WSGIScriptAliasMatch ^/([a-z]+) /$1.wsgi process-group=nosuch application-group=%{GLOBAL}"),
		line("map-head-sometimes", "WSGIMapHEADToGET Sometimes", "WSGIMapHEADToGET", "'Sometimes'", "On, Off or Auto"),
		fine("map-head", "WSGIMapHEADToGET AUTO", "WSGIErrorOverride on", "WSGIChunkedRequest OFF", "WSGIEnableSendfile On", "WSGICaseSensitivity off"),
		{Name: "group-twice", Lines: []string{"WSGIDaemonProcess d", "WSGIDaemonProcess d threads=2"}, Wants: []string{"WSGIDaemonProcess", `\bd\b`}},
		{Name: "group-twice-vhosts", Lines: []string{
			"<VirtualHost *:1>", "ServerName a", "WSGIDaemonProcess d", "</VirtualHost>",
			"<VirtualHost *:2>", "ServerName b", "WSGIDaemonProcess d", "</VirtualHost>",
		}, Wants: []string{"WSGIDaemonProcess", `\bd\b`}},
		line("preload-undeclared", "WSGIScriptAlias / /f.wsgi process-group=nosuch application-group=%{GLOBAL}", "nosuch"),
		{Name: "home-unreadable", Root: true, Prepare: unreadableHome,
			Lines: []string{`WSGIDaemonProcess d user=nobody python-home="@ROOT@/private/venv"`},
			Wants: []string{"python-home", "/private", "nobody"}},
		{Name: "global-home-unreadable", Root: true, Prepare: unreadableHome,
			Lines: []string{`WSGIPythonHome "@ROOT@/private/venv"`}, Wants: []string{"WSGIPythonHome", "/private", `www-data|apache|wwwrun|http|www|nobody`}},
		{Name: "base-unreadable", Root: true, Prepare: closedBase,
			Lines: []string{`WSGIDaemonProcess d user=nobody python-home="@ROOT@/open"`},
			Wants: []string{"WSGIM0304", "python-home .*/open was made with the Python in", "'nobody'", "/closed'"}},
		{Name: "home-is-a-file", Lines: []string{"WSGIDaemonProcess d home=/etc/passwd"}, Wants: []string{"home /etc/passwd: it is not a folder"}},
		{Name: "home-of-another-python", Prepare: foreignHome,
			Lines: []string{`WSGIDaemonProcess d python-home="@ROOT@/other"`}, Wants: []string{"WSGIDaemonProcess d", "/other is Python 2.7", "3\\.", "mod_wsgi-express build"}},
	}
	for _, d := range []string{"WSGIScriptReloading", "WSGIPassAuthorization", "WSGIRestrictEmbedded", "WSGIErrorOverride", "WSGIChunkedRequest", "WSGIEnableSendfile", "WSGICaseSensitivity"} {
		cases = append(cases, line("flag-"+d, d+" maybe", d, "(?i)on", "(?i)off"))
	}
	for _, d := range []string{"WSGIPythonHome /usr", "WSGIPythonPath /tmp", "WSGIRestrictEmbedded On", "WSGISocketPrefix run/wsgi", "WSGICaseSensitivity Off"} {
		cases = append(cases, Refusal{Name: "global-" + d, Lines: []string{"<VirtualHost *:1>", d, "</VirtualHost>"}, Wants: []string{regexp.QuoteMeta(d[:len("WSGIPython")])}})
	}
	return append(cases, proxyRefusals()...)
}

// unreadableHome makes the classic: a virtual environment in a folder that
// only its owner may enter.
func unreadableHome(root string) error {
	venv := filepath.Join(root, "private", "venv")
	if err := os.MkdirAll(filepath.Join(venv, "bin"), 0o755); err != nil {
		return err
	}
	text := "home = /usr/bin\nversion = 3.11.2\n"
	if err := os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte(text), 0o644); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(root, "private"), 0o700)
}

// closedBase makes a virtual environment that everybody can read, of a Python
// that only its owner can.
func closedBase(root string) error {
	base, venv := filepath.Join(root, "closed", "bin"), filepath.Join(root, "open")
	for _, dir := range []string{base, filepath.Join(venv, "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("home = %s\nversion = 3.11.2\n", base)
	if err := os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte(text), 0o644); err != nil {
		return err
	}
	return os.Chmod(filepath.Dir(base), 0o700)
}

// foreignHome makes a virtual environment of a Python that nobody builds for.
func foreignHome(root string) error {
	venv := filepath.Join(root, "other")
	if err := os.MkdirAll(filepath.Join(venv, "bin"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte("home = /nowhere/bin\nversion = 2.7.18\n"), 0o644)
}

// RunRefusal asks httpd about one configuration.
func RunRefusal(ctx context.Context, r *run.Runner, target Target, mpm string, c Refusal) (o Outcome) {
	began := time.Now()
	o = Outcome{Name: target.python() + "/config/" + c.Name, Status: Fail}
	defer func() { o.Took = time.Since(began) }()
	if c.Root && os.Geteuid() != 0 {
		o.Status, o.Why = Skip, []string{"not root: httpd keeps its user"}
		return o
	}
	server, err := NewServer(ctx, r, target, mpm)
	if err != nil {
		o.Why = []string{err.Error()}
		return o
	}
	said, err := c.try(ctx, server)
	if closeErr := server.Close(); closeErr != nil {
		o.Why = append(o.Why, closeErr.Error())
	}
	var refused *run.Error
	switch {
	case err != nil && !errors.As(err, &refused):
		o.Why = append(o.Why, err.Error())
	case c.Accept && err != nil:
		o.Why = append(o.Why, "refused: "+said)
	case !c.Accept && err == nil:
		o.Why = append(o.Why, "accepted: "+said)
	}
	for _, want := range c.Wants {
		if !regexp.MustCompile(want).MatchString(said) {
			o.Why = append(o.Why, fmt.Sprintf("httpd's answer does not match %s: %s", want, said))
		}
	}
	if len(o.Why) == 0 {
		o.Status = Pass
	}
	return o
}

// try runs `httpd -t` with the lines of the case.
func (c Refusal) try(ctx context.Context, server *Server) (string, error) {
	if c.Prepare != nil {
		if err := c.Prepare(server.Root); err != nil {
			return "", err
		}
	}
	s := Session{Server: server}
	for _, l := range c.Lines {
		server.Conf.Global = append(server.Conf.Global, s.expand(l, Site{}))
	}
	return server.Check(ctx)
}
