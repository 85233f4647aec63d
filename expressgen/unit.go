package expressgen

import "strconv"

// unit adds a unit for systemd. A server of root gives up its rights by itself,
// any other runs as whoever made it.
func (g *generator) unit() {
	if !g.o.Systemd {
		return
	}
	user, group := "", ""
	if !g.s.Super {
		user, group = strconv.Itoa(g.f.UID), strconv.Itoa(g.f.RunGID)
	}
	g.file("mod_wsgi.service", g.fill("mod_wsgi.service.tmpl", map[string]any{
		"Version": g.f.Version,
		"Port":    strconv.Itoa(g.o.Port),
		"Shell":   g.f.Shell,
		"Control": g.s.Path("apachectl"),
		"User":    user,
		"Group":   group,
		// Apache gives daemon processes --shutdown-timeout, and itself some seconds.
		"Stop": strconv.Itoa(2*g.o.ShutdownTimeout + 10),
	}), true)
}
