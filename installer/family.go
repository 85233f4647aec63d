package installer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/pybuild"
)

// Enabling is how a family's Apache comes to read a configuration file.
type Enabling string

const (
	ByA2enmod  Enabling = "a2enmod"  // links from mods-enabled
	ByPresence Enabling = "presence" // the folder is included as a whole
	ByInclude  Enabling = "include"  // by a line of the main configuration file
	ByDefine   Enabling = "define"   // its content counts with -D WSGI
	ByName     Enabling = "name"     // the module's name is in a list of those that are loaded: a2enmod of SUSE, for a module of the usual name
	ByHand     Enabling = "print"    // there is no place for a file: the lines are printed
)

// Family is how a kind of system lays out its Apache and loads modules into it.
// The folders are what is expected: what is discovered holds (rule I-1).
type Family struct {
	Name    string
	Modules []string // the folder of modules; none: it is anywhere
	Conf    string   // the folder of the main configuration file; "": anywhere
	// File is the configuration file for a module, from Conf. {-} stands for the
	// name of a Python: nothing for the one module that serves all, "-py313t" for a
	// release of the original; {_} is the same with an underscore.
	File    string
	Own     string // in place of File where the one module serves all
	Module  string // the file of a release of the original
	Enable  Enabling
	Service string // the name of the service
	User    string // that requests run as
	Sockets string // WSGISocketPrefix, of a release of the original; "" for the default
}

// Families are the rows of what is known; those of package apxs.
func Families() []Family {
	return []Family{
		{Name: apxs.FamilyDebian, Modules: []string{"/usr/lib/apache2/modules"}, Conf: "/etc/apache2", File: "mods-available/wsgi{-}.load", Module: "mod_wsgi{-}.so",
			Enable: ByA2enmod, Service: "apache2", User: "www-data"},
		// Own sorts before the distribution's 10-wsgi-python3.conf (rule N-3).
		{Name: apxs.FamilyFedora, Modules: []string{"/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"}, Conf: "/etc/httpd/conf", File: "../conf.modules.d/10-wsgi{-}.conf",
			Own: "../conf.modules.d/10-mod_wsgi.conf", Module: "mod_wsgi{_}.so", Enable: ByPresence, Service: "httpd", User: "apache", Sockets: "/var/run/wsgi"},
		{Name: apxs.FamilySUSE, Modules: []string{"/usr/lib64/apache2", "/usr/lib/apache2"}, Conf: "/etc/apache2", File: "conf.d/wsgi{-}.conf", Module: "mod_wsgi{-}.so",
			Enable: ByPresence, Service: "apache2", User: "wwwrun"},
		{Name: apxs.FamilyAlpine, Modules: []string{"/usr/lib/apache2"}, Conf: "/etc/apache2", File: "conf.d/wsgi-module{-}.conf", Module: "mod_wsgi{-}.so",
			Enable: ByPresence, Service: "apache2", User: "apache"},
		{Name: apxs.FamilyArch, Modules: []string{"/usr/lib/httpd/modules"}, Conf: "/etc/httpd/conf", File: "extra/httpd-wsgi{-}.conf", Module: "mod_wsgi{-}.so",
			Enable: ByInclude, Service: "httpd", User: "http"},
		{Name: apxs.FamilyGentoo, Modules: []string{"/usr/lib64/apache2/modules", "/usr/lib/apache2/modules"}, Conf: "/etc/apache2", File: "modules.d/70_mod_wsgi{_}.conf", Module: "mod_wsgi{-}.so",
			Enable: ByDefine, Service: "apache2", User: "apache"},
		{Name: apxs.FamilyFreeBSD, Modules: []string{"/usr/local/libexec/apache24"}, Conf: "/usr/local/etc/apache24", File: "modules.d/270_mod_wsgi{_}.conf", Module: "mod_wsgi{-}.so",
			Enable: ByPresence, Service: "apache24", User: "www"},
		{Name: apxs.FamilyHomebrew, File: "extra/httpd-wsgi{-}.conf", Module: "mod_wsgi{-}.so", Enable: ByInclude, Service: "httpd", User: "_www"},
		{Name: apxs.FamilyConda, File: "extra/httpd-wsgi{-}.conf", Module: "mod_wsgi{-}.so", Enable: ByInclude},
		{Name: apxs.FamilySource, File: "extra/httpd-wsgi{-}.conf", Module: "mod_wsgi{-}.so", Enable: ByInclude},
	}
}

// FamilyNamed is the row of that name.
func FamilyNamed(name string) (Family, bool) {
	i := slices.IndexFunc(Families(), func(f Family) bool { return f.Name == name })
	if i < 0 {
		return Family{}, false
	}
	return Families()[i], true
}

// FamilyOf is the family of an Apache. One whose files nobody may change, or of
// which nothing is known, has no place for a file.
func FamilyOf(a apxs.Info) Family {
	f, ok := FamilyNamed(a.Family)
	if !ok || a.ConfFile == "" || strings.HasPrefix(a.ConfFile, "/nix/") || strings.HasPrefix(a.ModulesDir, "/nix/") {
		return Family{Enable: ByHand, Module: "mod_wsgi{-}.so"}
	}
	return f
}

// Unexpected says where the Apache lies otherwise than its family does, a sentence
// each (rule I-1).
func (f Family) Unexpected(a apxs.Info) []string {
	var list []string
	if len(f.Modules) > 0 && !slices.Contains(f.Modules, a.ModulesDir) {
		list = append(list, fmt.Sprintf("the modules of this Apache lie in %s, on %s they are in %s", a.ModulesDir, f.Name, f.Modules[0]))
	}
	if conf := filepath.Dir(a.ConfFile); f.Conf != "" && f.Enable != ByHand && conf != f.Conf {
		list = append(list, fmt.Sprintf("the configuration of this Apache lies in %s, on %s it is in %s", conf, f.Name, f.Conf))
	}
	return list
}

// Flavour names the module of a release of the original for a Python, "py313t",
// and is "" for the one that serves all.
type Flavour string

// FlavourOf is that of a release of the original for a Python.
func FlavourOf(python pybuild.Info) Flavour {
	name := fmt.Sprintf("py%d%d", python.ABI.Major, python.ABI.Minor)
	if python.ABI.Free {
		name += "t"
	}
	if python.ABI.Debug {
		name += "d"
	}
	return Flavour(name)
}

func (v Flavour) in(pattern string) string {
	dash, low := "", ""
	if v != "" {
		dash, low = "-"+string(v), "_"+string(v)
	}
	return strings.NewReplacer("{-}", dash, "{_}", low).Replace(pattern)
}

// ModuleFile is the name of the module's file.
func (f Family) ModuleFile(v Flavour) string {
	if v == "" {
		return moduleFile
	}
	return v.in(f.Module)
}

// ConfFile is the path of the configuration file for the module, conf being the
// folder of the main one; "" where there is no place.
func (f Family) ConfFile(conf string, v Flavour) string {
	switch {
	case f.Enable == ByHand:
		return ""
	case v == "" && f.Own != "":
		return filepath.Join(conf, f.Own)
	}
	return filepath.Join(conf, v.in(f.File))
}

// Load is what a2enmod calls the module: "wsgi", "wsgi-py313t".
func (v Flavour) Load() string { return v.in("wsgi{-}") }
