package expressgen

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// What options say together.

// Daemon says whether the application runs in processes of its own.
func (o *Options) Daemon() bool { return !o.EmbeddedMode && !o.debugging() }

// debugging says whether there is one process at the terminal.
func (o *Options) debugging() bool {
	return o.DebugMode || o.EnableDebugger || o.EnableCoverage || o.EnableProfiler || o.EnableRecorder || o.EnableGDB
}

// newRelic says whether the application runs under New Relic's agent.
func (o *Options) newRelic() bool { return o.WithNewRelic || o.WithNewRelicAgent }

// rotating says whether logs are cut into files of a size.
func (o *Options) rotating() bool { return o.RotateLogs && !o.terminal() }

// processes is --processes with its default.
func (o *Options) processes() int {
	if o.Processes == nil {
		return 1
	}
	return *o.Processes
}

// reloading says whether a changed application file is noticed.
func (o *Options) reloading() bool { return !o.DisableReloading && o.Daemon() }

// monitoring says whether a thread watches all files that were loaded.
func (o *Options) monitoring() bool { return o.ReloadOnChanges && o.reloading() }

// terminal says whether the error log goes to standard error.
func (o *Options) terminal() bool { return o.LogToTerminal && o.LogDirectory == "" }

// hostname is the name the server listens by.
func (o *Options) hostname() string {
	if o.Host == "" {
		return "localhost"
	}
	return o.Host
}

// siteName is the name the site goes by.
func (o *Options) siteName() string {
	if o.ServerName != "" {
		return o.ServerName
	}
	return o.hostname()
}

// https says whether the server speaks TLS.
func (o *Options) https() bool { return o.HTTPSPort != nil }

// certificate and key are the files of the server's certificate.
func (o *Options) certificate() string {
	if o.SSLCertificate != "" {
		return o.SSLCertificate + ".crt"
	}
	return o.SSLCertificateFile
}

func (o *Options) key() string {
	if o.SSLCertificate != "" {
		return o.SSLCertificate + ".key"
	}
	return o.SSLCertificateKeyFile
}

// withoutWWW is the name that is redirected to one with www. in front.
func (o *Options) withoutWWW() string {
	if len(o.ServerName) > 4 && strings.EqualFold(o.ServerName[:4], "www.") {
		return o.ServerName[4:]
	}
	return ""
}

// shown is a value as the tag of its default has it.
func shown(v reflect.Value) string {
	if v.Kind() == reflect.Float64 {
		text := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	if v.Kind() == reflect.Int && v.Int() == 0 {
		return "0"
	}
	return fmt.Sprint(v.Interface())
}
