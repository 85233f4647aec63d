package expressgen

import "fmt"

// guards are who may come in.
func (g *generator) guards(c *conf) {
	if g.o.HostAccessScript != "" {
		c.in("Location", `"/"`, func() { c.set("WSGIAccessScript", g.guard(c, g.o.HostAccessScript)...) })
	}
	if g.o.AuthUserScript == "" {
		return
	}
	c.in("Location", `"/"`, func() {
		c.set("AuthType", word(g.o.AuthType))
		c.set("AuthName", c.text(fmt.Sprintf("%s:%d", g.o.hostname(), g.o.Port)))
		c.set("Auth"+g.o.AuthType+"Provider", "wsgi")
		c.set("WSGIAuthUserScript", g.guard(c, g.o.AuthUserScript)...)
		if g.o.AuthGroupScript != "" {
			c.set("WSGIAuthGroupScript", g.guard(c, g.o.AuthGroupScript)...)
		}
		c.in("RequireAll", "", func() {
			c.set("Require", "valid-user")
			if g.o.AuthGroupScript != "" {
				c.set("Require", "wsgi-group", c.text(g.o.AuthGroup))
			}
		})
	})
}

// guard is a script that is asked, and where it runs: in the application's
// processes where there are such, so that no Python is in Apache's own.
func (g *generator) guard(c *conf, script string) []word {
	out := []word{c.text(script)}
	if g.daemon() && !g.f.Older {
		out = append(out, c.option("process-group", g.groupName()))
	}
	return out
}

// guarded is whether a script is asked about requests.
func (g *generator) guarded() bool { return g.o.HostAccessScript != "" || g.o.AuthUserScript != "" }

// health is the page for load balancers, which cannot log in.
func (g *generator) health(c *conf) {
	if g.o.HealthPath == "" {
		return
	}
	g.capable("health-path", "wsgi-health")
	c.in("Location", c.path(g.o.HealthPath), func() {
		c.set("SetHandler", "wsgi-health")
		c.set("Require", "all granted")
	})
}

// status is Apache's page of what it does. Whoever has to log in has to for this
// too.
func (g *generator) status(c *conf) {
	if !g.o.ServerStatus {
		return
	}
	c.in("Location", `"/server-status"`, func() {
		c.set("SetHandler", "server-status")
		c.set("AuthMerging", "And")
		c.set("Require", "local")
	})
}
