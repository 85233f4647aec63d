package expressgen

import (
	"strconv"
	"strings"
)

// service is a script in a process of its own.
type service struct{ Name, Script, User, Group, Log string }

// services are those that were asked for, and the one of --enable-telemetry.
func (g *generator) services() []service {
	var out []service
	of := func(list Pairs, name string) string {
		value := ""
		for _, p := range list {
			if p.Key == name {
				value = p.Value
			}
		}
		return value
	}
	for _, p := range g.o.ServiceScript {
		out = append(out, service{p.Key, p.Value, of(g.o.ServiceUser, p.Key), of(g.o.ServiceGroup, p.Key), of(g.o.ServiceLogFile, p.Key)})
	}
	if g.o.EnableTelemetry {
		out = append(out, service{Name: telemetryName, Script: g.s.Path("telemetry-service.py")})
	}
	return out
}

// serviceSections are a process group for each service. One with a log of its own
// is in a virtual host that has it, whose name nobody can ask for.
func (g *generator) serviceSections(c *conf) {
	for _, s := range g.services() {
		c.blank()
		if s.Log == "" {
			g.serviceGroup(c, s)
			continue
		}
		c.in("VirtualHost", word("*:"+strconv.Itoa(g.o.Port)), func() {
			c.set("ServerName", c.bare("_wsgi_service_"+s.Name+"_"))
			c.in("Location", `"/"`, func() { c.set("Require", "all", "denied") })
			c.set("ErrorLog", g.logTarget(c, g.logFile(s.Log)))
			g.serviceGroup(c, s)
		})
	}
}

func (g *generator) serviceGroup(c *conf, s service) {
	options := []word{`display-name="%{GROUP}"`}
	if g.s.Super { // nobody else can be anybody else
		options = append(options, c.owner("user", s.User), c.owner("group", s.Group))
	}
	options = append(options, c.option("home", g.o.WorkingDirectory), c.option("threads", "0"))
	if len(g.o.PythonPath) > 0 {
		options = append(options, c.option("python-path", strings.Join(g.o.PythonPath, ":")))
	}
	options = append(options, c.option("python-eggs", g.eggs()), c.option("lang", g.f.Locale), c.option("locale", g.f.Locale),
		c.option("server-metrics", string(onOff(g.metrics()))))
	c.long("WSGIDaemonProcess", c.text("service:"+s.Name), options)
	c.set("WSGIImportScript", c.text(s.Script), c.option("process-group", "service:"+s.Name), `application-group="%{GLOBAL}"`)
}

// owner is the user or group of a service: a name, else that of the server.
func (c *conf) owner(what, name string) word {
	if name == "" {
		return word(what + `="${MOD_WSGI_` + strings.ToUpper(what) + `}"`)
	}
	return c.option(what, name)
}
