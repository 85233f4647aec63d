package expressgen

import (
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/pattern"
)

var servicePattern = pattern.New(`^[A-Za-z0-9_.-]+$`)

// logs are the names of logs.
func (c *checker) logs(o *Options) {
	c.logName("error-log-name", o.ErrorLogName)
	c.logName("access-log-name", o.AccessLogName)
	c.logName("startup-log-name", o.StartupLogName)
	for _, p := range o.ServiceLogFile {
		c.logName("service-log-file", p.Value)
	}
	if o.terminal() {
		for _, l := range []struct{ option, name, usual string }{{"error-log-name", o.ErrorLogName, "error_log"}, {"access-log-name", o.AccessLogName, "access_log"}} {
			if l.name != l.usual {
				c.bad(l.option, l.name, "it has no effect where logs go to the terminal: --log-directory has them in files")
			}
		}
	}
}

// logName reports what is no file below the folder of logs, nor an absolute one.
func (c *checker) logName(option, name string) {
	switch {
	case name == "" || strings.HasSuffix(name, "/"):
		c.bad(option, name, "not the name of a file")
	case !filepath.IsAbs(name) && !filepath.IsLocal(name):
		c.bad(option, name, "must be below the folder of logs, or an absolute path")
	case strings.HasPrefix(name, "|"):
		c.bad(option, name, "a log cannot be piped here; use --include-file")
	}
}

// services are names that have a script, once each.
func (c *checker) services(o *Options) {
	seen := map[string]bool{}
	for _, p := range o.ServiceScript {
		switch {
		case !servicePattern.MatchString(p.Key):
			c.bad("service-script", p.Key, "not the name of a service: letters, digits, _ . and - are")
		case seen[p.Key]:
			c.bad("service-script", p.Key, "there are two services of this name")
		case p.Key == telemetryName && o.EnableTelemetry:
			c.bad("service-script", p.Key, "--enable-telemetry has a service of this name")
		}
		seen[p.Key] = true
	}
	of := func(option string, list Pairs, account bool) {
		for _, p := range list {
			if !seen[p.Key] && len(o.ServiceScript) > 0 {
				c.bad(option, p.Key, "there is no service of this name")
			}
			if account && !userPattern.MatchString(p.Value) {
				c.bad(option, p.Value, "neither a name nor #NUMBER")
			}
		}
	}
	of("service-user", o.ServiceUser, true)
	of("service-group", o.ServiceGroup, true)
	of("service-log-file", o.ServiceLogFile, false)
}

// disregarded are the options that do nothing in debug mode, which people switch
// on for a while on top of what they have.
func disregarded(o *Options) []string {
	var out []string
	for f, v := range fields(o) {
		_, daemon := f.Tag.Lookup("daemon")
		if (daemon || slices.Contains([]string{"Processes", "Threads", "ServerMPM", "EmbeddedMode", "MaximumRequests", "ReloadOnChanges"}, f.Name)) && isSet(f, v) {
			out = append(out, "--"+FlagName(f))
		}
	}
	return out
}
