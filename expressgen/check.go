package expressgen

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// OptionError is one option whose value cannot be used.
type OptionError struct {
	Option, Value string
	Why           string
}

func (e *OptionError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("--%s: %s", e.Option, e.Why)
	}
	return fmt.Sprintf("--%s %s: %s", e.Option, printable(e.Value), e.Why)
}

// printable is s as a person can read it on one line: quoted where that is
// needed to see its ends.
func printable(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` || strings.ContainsAny(s, " ") {
		return q
	}
	return s
}

var (
	hostPattern   = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	aliasPattern  = pattern.New(`^[A-Za-z0-9*?]([A-Za-z0-9*?.-]*[A-Za-z0-9*?])?$`)
	identifier    = pattern.New(`^[\pL_][\pL\pN_]*$`)
	modulePattern = pattern.New(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)
	localePattern = pattern.New(`^[A-Za-z0-9_.@-]+$`)
	envPattern    = pattern.New(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	userPattern   = pattern.New(`^(#[0-9]+|[A-Za-z0-9._][A-Za-z0-9._@-]*)$`)
	levelPattern  = pattern.New(`^([A-Za-z0-9_.]+:)?(emerg|alert|crit|error|warn|notice|info|debug|trace[1-8])$`)
)

// mountRefused are the characters that mean something in one of the places a
// mount point is written to: a rewrite rule, its pattern, a URL.
const mountRefused = `*?[]"\$%#&`

// checker collects what is wrong with the options.
type checker struct{ errs []error }

func (c *checker) bad(option, value, format string, args ...any) {
	c.errs = append(c.errs, &OptionError{Option: option, Value: value, Why: fmt.Sprintf(format, args...)})
}

// match reports value unless it is empty or matches.
func (c *checker) match(option, value string, pattern *pattern.Late, want string) {
	if value != "" && !pattern.MatchString(value) {
		c.bad(option, value, "%s", want)
	}
}

// noPatterns reports a value that ends up in a <Directory> line, where Apache
// would take these characters for wildcards.
func (c *checker) noPatterns(option, value string) {
	if strings.ContainsAny(value, "*?[]") {
		c.bad(option, value, "the characters * ? [ ] cannot be used here")
	}
}

// Check reports every option of o that cannot be used, joined, each as an
// *OptionError; nil when all is well. It looks at the values alone, not at the
// machine. The error ends a program with hint.Usage.
func (o *Options) Check() error {
	c := &checker{}
	c.declared(o)
	c.application(o)
	c.names(o)
	c.server(o)
	c.files(o)
	c.proxies(o)
	c.metrics(o)
	c.logs(o)
	c.services(o)
	c.environment(o)
	return hint.Exit(errors.Join(c.errs...), hint.Usage)
}

func (c *checker) application(o *Options) {
	if o.ApplicationType == "module" {
		c.match("entry-point", o.EntryPoint, modulePattern, "not the name of a Python module")
	}
	if o.ApplicationType == "static" {
		c.noPatterns("entry-point", o.EntryPoint)
	}
	if !identifier.MatchString(o.CallableObject) {
		c.bad("callable-object", o.CallableObject, "not a Python identifier")
	}
	if o.ApplicationType == "static" && o.MountPoint != "/" {
		c.bad("mount-point", o.MountPoint, "it has no effect with --application-type static")
	}
	if o.CallableObject != "application" && (o.ApplicationType == "static" || o.ApplicationType == "paste") {
		c.bad("callable-object", o.CallableObject, "it has no effect with --application-type %s", o.ApplicationType)
	}
	if slices.Contains(strings.Split(o.MountPoint, "/"), "..") {
		c.bad("mount-point", o.MountPoint, "must not contain ..")
	}
	if strings.ContainsAny(o.MountPoint, mountRefused) {
		c.bad("mount-point", o.MountPoint, "the characters %s cannot be used here", mountRefused)
	}
	if o.ApplicationGroup == "" {
		c.bad("application-group", "", "must not be empty")
	}
	if strings.HasPrefix(o.ProcessGroup, "service:") || strings.Contains(o.ProcessGroup, "%{") {
		c.bad("process-group", o.ProcessGroup, "must not begin with service: or contain %%{")
	}
}

// names are the hosts, ports and certificates.
func (c *checker) names(o *Options) {
	if o.Host != "" && net.ParseIP(o.Host) == nil {
		c.match("host", o.Host, hostPattern, "neither an address nor a host name")
	}
	c.match("server-name", o.ServerName, hostPattern, "not a host name")
	for _, name := range o.ServerAlias {
		c.match("server-alias", name, aliasPattern, "neither a host name nor one with * and ?")
	}
	if o.https() {
		port := strconv.Itoa(*o.HTTPSPort)
		if *o.HTTPSPort == o.Port {
			c.bad("https-port", port, "it is the port of HTTP, too")
		}
		if o.certificate() == "" || o.key() == "" {
			c.bad("https-port", port, "it needs --ssl-certificate, or --ssl-certificate-file and --ssl-certificate-key-file")
		}
	}
	c.urls("ssl-verify-client", o.SSLVerifyClient)
	c.urls("ignore-activity", o.IgnoreActivity)
}

// urls reports what is no URL path to make a section of.
func (c *checker) urls(option string, list []string) {
	for _, url := range list {
		c.url(option, url)
		c.noPatterns(option, url)
	}
}

func (c *checker) url(option, url string) {
	if !strings.HasPrefix(url, "/") {
		c.bad(option, url, "the URL path must begin with /")
	}
}

func (c *checker) server(o *Options) {
	for _, level := range splitWords(o.LogLevel, "log-level", c) {
		c.match("log-level", level, levelPattern, "not a level: emerg, alert, crit, error, warn, notice, info, debug, trace1 to trace8, each after module: if it is for one module")
	}
	if o.HeaderMaxTimeout != 0 && o.HeaderMaxTimeout < o.HeaderTimeout {
		c.bad("header-max-timeout", strconv.Itoa(o.HeaderMaxTimeout), "must be 0 or at least --header-timeout %d", o.HeaderTimeout)
	}
	for _, t := range []struct {
		name                               string
		base, most, rate, usual, usualRate int
	}{{"header", o.HeaderTimeout, o.HeaderMaxTimeout, o.HeaderMinRate, 30, 500}, {"body", o.BodyTimeout, o.BodyMaxTimeout, o.BodyMinRate, 0, 500}} {
		if t.base == 0 && t.most != t.usual {
			c.bad(t.name+"-max-timeout", strconv.Itoa(t.most), "it has no effect with --%s-timeout 0", t.name)
		}
		if t.base == 0 && t.rate != t.usualRate {
			c.bad(t.name+"-min-rate", strconv.Itoa(t.rate), "it has no effect with --%s-timeout 0", t.name)
		}
	}
	if o.BodyMaxTimeout != 0 && o.BodyMaxTimeout < o.BodyTimeout {
		c.bad("body-max-timeout", strconv.Itoa(o.BodyMaxTimeout), "must be 0 or at least --body-timeout %d", o.BodyTimeout)
	}
	c.noPatterns("document-root", o.DocumentRoot)
	c.noPatterns("server-root", o.ServerRoot)
	c.noPatterns("rewrite-rules", o.RewriteRules)
	for _, a := range o.URLAlias {
		c.url("url-alias", a.Key)
		c.noPatterns("url-alias", a.Value)
	}
	for _, name := range strings.Fields(o.DirectoryIndex) {
		if strings.Contains(name, "/") {
			c.bad("directory-index", name, "must be a file name without a folder")
		}
	}
}

func (c *checker) environment(o *Options) {
	c.match("user", o.User, userPattern, "neither a name nor #NUMBER")
	c.match("group", o.Group, userPattern, "neither a name nor #NUMBER")
	c.match("locale", o.Locale, localePattern, "not the name of a locale")
	c.match("lang", o.Lang, localePattern, "not the name of a locale")
	for _, dir := range o.PythonPath {
		if strings.Contains(dir, ":") {
			c.bad("python-path", dir, "a folder with a colon in its name cannot be used")
		}
	}
	for _, p := range o.SetEnv {
		if !envPattern.MatchString(p.Key) {
			c.bad("setenv", p.Key, "not the name of a variable")
		}
	}
	for _, key := range o.PassEnv {
		if !envPattern.MatchString(key) {
			c.bad("passenv", key, "not the name of a variable")
		}
	}
}

// splitWords is strings.Fields, and reports a value without any word.
func splitWords(value, option string, c *checker) []string {
	list := strings.Fields(value)
	if len(list) == 0 {
		c.bad(option, value, "must not be empty")
	}
	return list
}

// Absolute makes the paths of o absolute, as seen from cwd, and gives what can be
// written in several ways its one spelling. A trailing slash of an alias target stays, since it
// means something to Apache.
func (o *Options) Absolute(cwd string) {
	abs := func(path string) string {
		switch {
		case path == "":
			return ""
		case !filepath.IsAbs(path):
			path = filepath.Join(cwd, path)
		}
		return filepath.Clean(path)
	}
	for f, value := range fields(o) {
		if value.Kind() == reflect.Slice { // the caller keeps its own
			value.Set(reflect.AppendSlice(reflect.MakeSlice(f.Type, 0, value.Len()), value))
		}
		if f.Tag.Get("kind") == "" {
			continue
		}
		if value.Kind() == reflect.String {
			value.SetString(abs(value.String()))
			continue
		}
		for i := range value.Len() {
			value.Index(i).SetString(abs(value.Index(i).String()))
		}
	}
	o.spell()
	for i := range o.ServiceScript {
		o.ServiceScript[i].Value = abs(o.ServiceScript[i].Value)
	}
	for i := range o.AddHandler {
		o.AddHandler[i].Value = abs(o.AddHandler[i].Value)
	}
	for i, a := range o.URLAlias {
		slash := ""
		if strings.HasSuffix(a.Value, "/") && a.Value != "/" {
			slash = "/"
		}
		o.URLAlias[i].Value = abs(a.Value) + slash
	}
	if o.ApplicationType != "module" {
		o.EntryPoint = abs(o.EntryPoint)
	}
	if o.WorkingDirectory == "" {
		o.WorkingDirectory = cwd
	}
	o.MountPoint = mountPoint(o.MountPoint)
	o.Host = strings.TrimSuffix(strings.TrimPrefix(o.Host, "["), "]")
}

// mountPoint is path with one slash in front, none behind and none doubled.
func mountPoint(path string) string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	return "/" + strings.Join(parts, "/")
}
