package expressgen

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/pattern"
)

var (
	overridePattern  = pattern.New(`(?i)^(all|none|authconfig|fileinfo|indexes|limit|options(=[a-z]+(,[a-z]+)*)?|nonfatal=(override|unknown|all))$`)
	extensionPattern = pattern.New(`^\.?[A-Za-z0-9_+-]+$`)
	headerPattern    = pattern.New(`^[A-Za-z0-9-]+$`)
	socketPattern    = pattern.New(`^unix:/.*[^/]$`)
	telemetryWords   = pattern.New(`[^ ]+`)
	telemetryPattern = pattern.New(`^([+-][A-Za-z]+|None|All)$`)
)

// socketMost is the longest path of a socket.
const socketMost = 107

// files are what is served besides the application.
func (c *checker) files(o *Options) {
	for _, word := range o.AllowOverride {
		c.match("allow-override", word, overridePattern, "must be All, None, AuthConfig, FileInfo, Indexes, Limit, Options or Nonfatal=Override, Unknown or All")
	}
	for _, p := range o.ErrorDocument {
		c.errorDocument(p)
	}
	seen := map[string]bool{}
	for _, p := range o.AddHandler {
		c.match("add-handler", p.Key, extensionPattern, "not an extension, such as .tmpl")
		name := strings.ToLower(extension(p.Key))
		if p.Key == "" || seen[name] {
			c.bad("add-handler", p.Key, "an extension has one script")
		}
		seen[name] = true
	}
	if o.AuthGroup == "" {
		c.bad("auth-group", "", "must not be empty")
	}
}

// errorDocument reports a status without a page, and text that Apache would not
// take literally.
func (c *checker) errorDocument(p Pair) {
	status, err := strconv.Atoi(p.Key)
	known := status >= 300 && status <= 308 || status >= 400 && status <= 417 || status >= 500 && status <= 508 ||
		slices.Contains([]int{421, 422, 423, 424, 426, 428, 429, 431, 451, 510, 511}, status)
	if err != nil || !known || p.Key != strconv.Itoa(status) {
		c.bad("error-document", p.Key, "out of range, must be the status of an error: 400 to 599")
	}
	switch {
	case p.Value == "":
		c.bad("error-document", p.Key, "it needs a URL path, an address or a text")
	case p.Key == "401" && strings.Contains(p.Value, "://") && !strings.ContainsAny(p.Value, " \""):
		c.bad("error-document", p.Value, "Apache sends nobody elsewhere for 401, which asks for a password: name a URL path or a text")
	case strings.Contains(p.Value, "%{"):
		c.bad("error-document", p.Value, "%%{ cannot be used here: Apache would replace it")
	}
}

// proxies are those behind this server and in front of it.
func (c *checker) proxies(o *Options) {
	if o.HealthPath != "" {
		c.url("health-path", o.HealthPath)
		if strings.ContainsAny(o.HealthPath, mountRefused) || o.HealthPath == "/" {
			c.bad("health-path", o.HealthPath, "must be a path of its own, without the characters %s", mountRefused)
		}
	}
	for _, p := range o.ProxyMountPoint {
		c.url("proxy-mount-point", p.Key)
		if strings.ContainsAny(p.Key, mountRefused) {
			c.bad("proxy-mount-point", p.Key, "the characters %s cannot be used here", mountRefused)
		}
		if o.HealthPath != "" && strings.HasPrefix(p.Key+"/", strings.TrimRight(o.HealthPath, "/")+"/") {
			c.bad("proxy-mount-point", p.Key, "--health-path %s takes all that is below it", o.HealthPath)
		}
		c.target("proxy-mount-point", p.Value)
	}
	names := map[string]bool{}
	for _, name := range append(slices.Clone(o.ServerAlias), o.ServerName, o.withoutWWW()) {
		names[strings.ToLower(name)] = name != ""
	}
	for _, p := range o.ProxyVirtualHost {
		if !hostPattern.MatchString(p.Key) {
			c.bad("proxy-virtual-host", p.Key, "not a host name")
		}
		if names[strings.ToLower(p.Key)] {
			c.bad("proxy-virtual-host", p.Key, "the name is taken: it would never be reached")
		}
		names[strings.ToLower(p.Key)] = true
		c.target("proxy-virtual-host", p.Value)
	}
	for _, name := range o.TrustProxyHeader {
		if !headerPattern.MatchString(name) {
			c.bad("trust-proxy-header", name, "not the name of a header")
		}
	}
	for _, address := range o.TrustProxy {
		if _, err := netip.ParsePrefix(address); net.ParseIP(address) == nil && err != nil {
			c.bad("trust-proxy", address, "neither an address nor a network")
		}
	}
}

var socketTarget = pattern.New(`^unix:(/[^|]*)\|(.*)$`)

// addressOf is what is talked to of an address that is passed on to: without the
// socket that leads there, if one does.
func addressOf(target string) string {
	if m := socketTarget.FindStringSubmatch(target); m != nil {
		return m[2]
	}
	return target
}

// target reports what nothing can be passed on to.
func (c *checker) target(option, text string) {
	address := addressOf(text)
	u, err := url.Parse(address)
	const why = "must be an address such as http://host:port/, https://, ws:// or wss://, or unix:PATH|http://host/"
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(address, `"\ %$`):
		c.bad(option, text, why)
	case !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme):
		c.bad(option, text, why)
	case u.User != nil:
		c.bad(option, text, "a password cannot be part of the address")
	}
}

// metrics are where numbers go.
func (c *checker) metrics(o *Options) {
	if o.TelemetryService != "" {
		path, _ := strings.CutPrefix(o.TelemetryService, "unix:")
		switch {
		case o.EnableTelemetry:
			c.bad("telemetry-service", o.TelemetryService, "it cannot be used together with --enable-telemetry, which has a service of its own")
		case !socketPattern.MatchString(o.TelemetryService):
			c.bad("telemetry-service", o.TelemetryService, "must be unix: and an absolute path")
		case len(path) > socketMost:
			c.bad("telemetry-service", o.TelemetryService, "the path of a socket has at most %d bytes", socketMost)
		}
	}
	if o.EnableTelemetry && (o.TelemetryUIPort == o.Port || o.https() && o.TelemetryUIPort == *o.HTTPSPort) {
		c.bad("telemetry-ui-port", strconv.Itoa(o.TelemetryUIPort), "it is the port of the server, too")
	}
	for _, text := range o.TelemetryOptions {
		for _, word := range splitWords(text, "telemetry-options", c) {
			c.match("telemetry-options", word, telemetryPattern, "must be +NAME or -NAME, All or None")
		}
	}
}
