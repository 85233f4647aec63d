package expressgen

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// alias is one --url-alias: a folder, or with File set one file in it.
type alias struct{ URL, Target, Folder, File string }

// documents is the document root: files that are there are served, and the rest
// goes to the application.
func (g *generator) documents(c *conf) {
	root := g.documentRoot()
	c.set("DocumentRoot", c.text(root))
	c.in("Directory", c.path(root), func() {
		g.granted(c)
		if g.o.DirectoryListing {
			c.set("Options", "+Indexes")
		}
		if g.o.WithCGI {
			c.set("Options", "+ExecCGI")
		}
		if names := strings.Fields(g.o.DirectoryIndex); len(names) > 0 {
			c.set("DirectoryIndex", list(names, c.text)...)
		}
		c.set("RewriteEngine", "On")
		c.set("RewriteOptions", "InheritDownBefore")
		c.set("Include", c.path(g.rewriteRules()))
		if g.handler != "" {
			g.dispatch(c, root)
		}
	})
}

// granted opens a folder of files.
func (g *generator) granted(c *conf) {
	if len(g.o.AllowOverride) > 0 {
		c.set("AllowOverride", list(g.o.AllowOverride, c.bare)...)
	} else {
		c.set("AllowOverride", "None")
	}
	c.set("Require", "all granted")
}

// dispatch is the rule by which the application gets what is no file.
func (g *generator) dispatch(c *conf, root string) {
	if mount := g.o.MountPoint; mount != "/" {
		c.note("The mount point itself has a slash behind it, as a folder would.")
		c.set("RewriteCond", "%{REQUEST_URI}", c.exactly(mount))
		c.set("RewriteCond", "%{REQUEST_METHOD}", `"^(GET|HEAD)$"`)
		c.set("RewriteRule", ".*", word(`"`+mount+`/"`), "[R=301,L]")
		c.set("RewriteCond", "%{REQUEST_URI}", c.below(mount))
	}
	for _, url := range g.aliasesInside(root) {
		c.set("RewriteCond", "%{REQUEST_URI}", c.notBelow(url))
	}
	if g.o.ServerStatus {
		c.set("RewriteCond", "%{REQUEST_URI}", c.notBelow("/server-status"))
	}
	if g.o.HealthPath != "" {
		c.set("RewriteCond", "%{REQUEST_URI}", c.notBelow(g.o.HealthPath))
	}
	if g.o.DirectoryIndex != "" {
		c.set("RewriteCond", "%{REQUEST_FILENAME}", "!-d")
	}
	c.set("RewriteCond", "%{REQUEST_FILENAME}", "!-f")
	c.set("RewriteRule", ".*", "-", "[H=wsgi-handler]")
}

// handlerGroup is the process group in which handlers run.
func (g *generator) handlerGroup() string {
	if !g.o.Daemon() {
		return "%{GLOBAL}"
	}
	return g.groupName()
}

func (g *generator) handlerScript(c *conf) {
	if g.handler == "" {
		return
	}
	where := []word{c.text(g.handler), c.option("process-group", g.handlerGroup()), c.option("application-group", g.o.ApplicationGroup)}
	c.set("WSGIHandlerScript", append([]word{"wsgi-handler"}, where...)...)
	if g.preload() {
		c.set("WSGIImportScript", where...)
	}
}

func (g *generator) aliasSections(c *conf) {
	for _, a := range g.aliases() {
		c.blank()
		c.set("Alias", c.text(a.URL), c.text(a.Target))
		c.in("Directory", c.path(a.Folder), func() {
			if a.File != "" {
				c.in("Files", c.path(a.File), func() { c.set("Require", "all granted") })
				return
			}
			g.granted(c)
		})
	}
}

// docs is the documentation, where this release has one.
func (g *generator) docs(c *conf) {
	for _, name := range g.docFolders() {
		dir := g.s.Path("runtime/_mwe_runtime/" + name)
		c.set("Alias", c.text("/__wsgi__/"+name), c.text(dir))
		c.in("Directory", c.path(dir), func() {
			c.set("AllowOverride", "None")
			c.set("Require", "all granted")
			c.set("DirectoryIndex", "index.html")
		})
	}
}

// docFolders are the folders of the runtime that --enable-docs serves; of a server
// without an application they are served anyway.
func (g *generator) docFolders() []string {
	var out []string
	for _, name := range []string{"docs", "images"} {
		if _, err := fs.Stat(g.f.Runtime, "mod_wsgi/"+name); err == nil && (g.o.EnableDocs || g.welcome) {
			out = append(out, name)
		}
	}
	return out
}

// resources are the handlers of files by their extension.
func (g *generator) resources(c *conf) {
	if len(g.o.AddHandler) > 0 {
		group := "%{GLOBAL}"
		if g.preload() || g.handler == "" {
			group = g.o.ApplicationGroup
		}
		c.set("WSGIHandlerScript", "wsgi-resource", c.text(g.s.Path("resource.wsgi")), c.option("process-group", g.handlerGroup()),
			c.option("application-group", group))
		for _, p := range g.o.AddHandler {
			c.set("AddHandler", "wsgi-resource", c.bare(extension(p.Key)))
		}
	}
	if g.o.WithCGI {
		c.set("AddHandler", "cgi-script", ".cgi")
	}
}

// extension is with a dot in front.
func extension(text string) string { return "." + strings.TrimPrefix(text, ".") }

// aliases are the --url-alias options, longer URL paths before their own
// beginnings: Apache takes the first that fits.
func (g *generator) aliases() []alias {
	list := slices.Clone(g.o.URLAlias)
	slices.SortStableFunc(list, func(a, b Pair) int {
		return -cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
	})
	var out []alias
	for _, p := range list {
		a := alias{URL: p.Key, Target: p.Value, Folder: p.Value}
		if g.f.PlainFiles[p.Value] {
			a.Folder, a.File = filepath.Split(p.Value)
		}
		out = append(out, a)
	}
	return out
}

// aliasesInside are the URL paths of aliases that lead below the document root,
// where the rule that calls the application holds too: what is missing under an
// alias is missing.
func (g *generator) aliasesInside(root string) []string {
	var out []string
	for _, a := range g.o.URLAlias {
		if strings.HasPrefix(a.Value, strings.TrimSuffix(root, "/")+"/") {
			if url := strings.TrimRight(a.Key, "/"); url != "" {
				out = append(out, url)
			}
		}
	}
	return out
}
