package expressgen

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// listen is the argument of Listen for port.
func (g *generator) listen(port int) string {
	if g.o.Host == "" {
		return strconv.Itoa(port)
	}
	return net.JoinHostPort(g.o.Host, strconv.Itoa(port))
}

// url is where the site is, over TLS or not; the port is left out where browsers
// know it.
func (g *generator) url(name string, tls bool) string {
	scheme, port, known := "http://", g.o.Port, 80
	if tls {
		scheme, port, known = "https://", *g.o.HTTPSPort, 443
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port != known {
		name += ":" + strconv.Itoa(port)
	}
	return scheme + name
}

// hosts are the virtual hosts of the site. The first of a port is the one for
// names that no other has.
func (g *generator) hosts(c *conf) {
	g.hostsOf(c, g.o.Port, false)
	if g.o.https() {
		g.hostsOf(c, *g.o.HTTPSPort, true)
	}
}

func (g *generator) hostsOf(c *conf, port int, tls bool) {
	host := func(address, name string, body func()) {
		c.in("VirtualHost", word(fmt.Sprintf("%s:%d", address, port)), func() {
			if name != "" {
				c.set("ServerName", c.bare(name))
			}
			body()
			if tls {
				g.certificates(c)
			}
		})
	}
	if g.o.ServerName == "" {
		host("_default_", "", func() { g.site(c, "%{SERVER_NAME}", tls) })
		return
	}
	host("_default_", "_wsgi_", func() { g.otherNames(c) })
	host("*", g.o.ServerName, func() {
		if len(g.o.ServerAlias) > 0 {
			c.set("ServerAlias", list(g.o.ServerAlias, c.bare)...)
		}
		g.site(c, g.o.ServerName, tls)
	})
	if plain := g.o.withoutWWW(); plain != "" {
		host("*", plain, func() {
			c.set("Redirect", "permanent", "/", word(g.url(g.o.ServerName, tls || g.o.HTTPSOnly)+"/"))
		})
	}
}

// site is what is said of the host that the application is reached by; name is
// what a redirect to it names.
func (g *generator) site(c *conf, name string, tls bool) {
	switch {
	case !tls && g.o.HTTPSOnly:
		c.set("RewriteEngine", "On")
		if g.o.HealthPath != "" { // who asks for it takes no redirect for an answer
			c.set("RewriteCond", "%{REQUEST_URI}", c.notBelow(g.o.HealthPath))
		}
		c.set("RewriteRule", "^", word(g.url(name, true)+"%{REQUEST_URI}"), "[R=301,L]")
	case tls:
		if g.o.HSTSPolicy != "" {
			c.set("Header", "always", "set", "Strict-Transport-Security", c.text(strings.ReplaceAll(g.o.HSTSPolicy, "%", "%%")))
		}
		if g.o.SSLEnvironment {
			c.set("SSLOptions", "+StdEnvVars")
		}
	}
}

// otherNames is the host of all names that are not the site's. Its name can be
// nobody's. Load balancers ask it by its address whether the site is well, and get
// to see that alone.
func (g *generator) otherNames(c *conf) {
	c.in("Location", `"/"`, func() {
		if !g.o.AllowLocalhost {
			c.set("Require", "all", "denied")
			return
		}
		c.set("AuthMerging", "And") // who has to log in still has to
		c.in("RequireAny", "", func() {
			c.set("Require", "local")
			c.set("Require", "host", "localhost")
		})
	})
	if g.o.HealthPath != "" {
		c.in("Location", c.path(g.o.HealthPath), func() { c.set("Require", "all granted") })
	}
}

// certificates are the server's, and the client's where the whole site needs one.
// They are asked for by the host, before there is a request: with HTTP/2 nobody
// can be asked later.
func (g *generator) certificates(c *conf) {
	c.set("SSLEngine", "On")
	c.set("SSLCertificateFile", c.text(g.o.certificate()))
	c.set("SSLCertificateKeyFile", c.text(g.o.key()))
	if g.o.SSLCertificateChainFile != "" {
		c.set("SSLCertificateChainFile", c.text(g.o.SSLCertificateChainFile))
	}
	if g.o.SSLCACertificateFile == "" {
		return
	}
	c.set("SSLCACertificateFile", c.text(g.o.SSLCACertificateFile))
	if len(g.o.SSLVerifyClient) > 0 {
		c.set("SSLVerifyClient", "none")
		return
	}
	requireCertificate(c)
}

func requireCertificate(c *conf) {
	c.set("SSLVerifyClient", "require")
	c.set("SSLVerifyDepth", "1")
}

// clientPaths are the parts of the site that need a client's certificate.
func (g *generator) clientPaths(c *conf) {
	for _, url := range slices.Backward(slices.Sorted(slices.Values(g.o.SSLVerifyClient))) {
		c.in("Location", c.path(url), func() { requireCertificate(c) })
	}
}
