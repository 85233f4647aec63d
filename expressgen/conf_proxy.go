package expressgen

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// proxy is what is passed on to another server.
type proxy struct {
	URL    string // the beginning of the path here, without a slash behind it
	Target string // there, with one slash at its end
}

// target is url with one slash behind it.
func target(url string) string { return strings.TrimRight(url, "/") + "/" }

// proxies are the --proxy-mount-point options, in the order of their paths.
func (g *generator) proxies() []proxy {
	var out []proxy
	for _, p := range g.o.ProxyMountPoint {
		out = append(out, proxy{strings.TrimRight(p.Key, "/"), target(p.Value)})
	}
	slices.SortStableFunc(out, func(a, b proxy) int { return strings.Compare(a.URL, b.URL) })
	return out
}

func (g *generator) proxying() bool {
	return len(g.o.ProxyMountPoint)+len(g.o.ProxyVirtualHost) > 0
}

// proxied is whether an address that is passed on to has one of schemes, in any
// case and behind a socket too, as Apache takes it.
func (g *generator) proxied(schemes ...string) bool {
	return slices.ContainsFunc(slices.Concat(g.o.ProxyMountPoint, g.o.ProxyVirtualHost), func(p Pair) bool {
		scheme, _, _ := strings.Cut(addressOf(p.Value), "://")
		return slices.Contains(schemes, strings.ToLower(scheme))
	})
}

// proxySections are what is passed on to other servers. Of ProxyPass the first
// that fits is taken, of Location the last.
func (g *generator) proxySections(c *conf) {
	if !g.proxying() {
		return
	}
	if g.o.ProxyTimeout != nil {
		c.set("ProxyTimeout", num(*g.o.ProxyTimeout))
	}
	if g.proxied("https", "wss") {
		c.set("SSLProxyEngine", "On")
	}
	if g.o.HealthPath != "" {
		c.set("ProxyPass", c.text(g.o.HealthPath), "!") // it is about the processes here
	}
	list := g.proxies()
	for _, p := range slices.Backward(list) {
		g.pass(c, p)
		if p.URL != "" {
			c.set("RedirectMatch", "302", c.text("^"+regexp.QuoteMeta(p.URL)+"$"), c.text(p.URL+"/"))
		}
	}
	for _, p := range list {
		c.in("Location", c.path(p.URL+"/"), func() {
			forwarded(c)
			if p.URL != "" {
				c.set("RequestHeader", "set", "X-Forwarded-Prefix", c.text(p.URL))
			}
		})
	}
	for _, p := range g.o.ProxyVirtualHost {
		c.in("VirtualHost", word("*:"+strconv.Itoa(g.o.Port)), func() {
			c.set("ServerName", c.bare(p.Key))
			g.pass(c, proxy{"", target(p.Value)})
			forwarded(c)
		})
	}
}

// pass passes on what is below p's path, web sockets too where this Apache can.
func (g *generator) pass(c *conf, p proxy) {
	args := []word{c.text(p.URL + "/"), c.text(p.Target)}
	if g.f.atLeast(2, 4, 47) {
		args = append(args, "upgrade=websocket")
	}
	c.set("ProxyPass", args...)
	c.set("ProxyPassReverse", c.text(p.URL+"/"), c.text(addressOf(p.Target)))
}

// forwarded tells the other server how we were reached, whatever the client said
// of that.
func forwarded(c *conf) {
	c.set("RequestHeader", "set", "X-Forwarded-Port", `"expr=%{SERVER_PORT}"`)
	c.set("RequestHeader", "set", "X-Forwarded-Scheme", `"expr=%{REQUEST_SCHEME}"`)
	c.set("RequestHeader", "unset", "X-Forwarded-Prefix")
}

// atLeast is whether the Apache is of a version or a later one.
func (f *Facts) atLeast(major, minor, patch int) bool {
	var have [3]int
	if n, _ := fmt.Sscanf(f.Apache, "%d.%d.%d", &have[0], &have[1], &have[2]); n < 3 {
		return true // one that does not tell is new
	}
	return slices.Compare(have[:], []int{major, minor, patch}) >= 0
}

// trust is what is believed of the proxies in front.
func (g *generator) trust(c *conf) {
	if len(g.o.TrustProxyHeader) > 0 {
		c.set("WSGITrustedProxyHeaders", list(g.o.TrustProxyHeader, c.bare)...)
	}
	if len(g.o.TrustProxy) > 0 {
		c.set("WSGITrustedProxies", list(g.o.TrustProxy, c.bare)...)
	}
}
