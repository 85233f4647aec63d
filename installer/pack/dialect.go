package pack

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
)

// dialect is how a family of systems names and places things: what one format
// of packages does otherwise than another. All of them are rows of dialects.
type dialect struct {
	format string

	// Names of packages. NAME is what the format's own name begins with; a Python
	// is "313t" and "3.13t".
	apache  string
	half    func(p python) string
	classic func(p python) string
	debug   string // what is added for debug files

	family  string             // of the systems: where their Apache has what (rule N-1)
	enable  installer.Enabling // how a package enables the module of ours, if otherwise than the installer
	runtime string             // where the folder of the other parts lies
	script  func(s steps) Scripts

	section, debugSection string
	licence               string            // folder of the licence of a package, with %s for its name
	arch                  map[string]string // as the format says it, by Go's name
	version               func(v Version) string

	// Relations.
	exactly   func(name, version string) string
	provide   func(name string) string // a name of no package
	apacheAPI func(f apacheFacts) []string
	libc      func(f Facts) []string
	libpython func(p python, f Facts) []string // of Python
	conflicts []string                         // the same files, of others
	provides  []string                         // what a package that serves provides
	shell     string                           // what a package with scripts needs, where its manager has to be told
	own       func(p *Description, py python)  // adds what holds for the Python that is the system's python3
}

// python is what a package says of the Python that it is for.
type python struct {
	csrc.BuildInfo
	Digits  string // "313t"
	Dotted  string // "3.13t"
	Next    string // "3.14"
	Package string // of libpython, by this system's manager; "" if it belongs to none
}

// packaged says whether a system's packages bring that Python.
func (p python) packaged() bool { return p.Package != "" || p.Prefix == "/usr" }

// pythonOf reads the names of a Python from the record of its half.
func pythonOf(info csrc.BuildInfo, owner string) (python, error) {
	p := python{BuildInfo: info}
	p.Package, _, _ = strings.Cut(owner, ":") // dpkg adds the architecture
	parts := strings.Split(info.ABI, "-")
	if len(parts) > 1 {
		p.Digits = parts[1]
	}
	number := p.number()
	flags := p.Digits[len(number):]
	if len(number) < 2 {
		return p, fmt.Errorf("the ABI %q names no version of Python", info.ABI)
	}
	minor, err := strconv.Atoi(number[1:])
	if err != nil {
		return p, fmt.Errorf("the ABI %q names no version of Python", info.ABI)
	}
	p.Dotted = fmt.Sprintf("%c.%d%s", number[0], minor, flags)
	p.Next = fmt.Sprintf("%c.%d", number[0], minor+1)
	return p, nil
}

// number is "313", whatever the flags.
func (p python) number() string { return strings.TrimRight(p.Digits, "td") }

// minor is "3.13", whatever the flags.
func (p python) minor() string { return strings.TrimRight(p.Dotted, "td") }

// apacheFacts are what a module needs of Apache.
type apacheFacts struct {
	Major int    // of the module magic number
	Text  string // what RPM packages require as httpd-mmn
}

var (
	goToDeb   = map[string]string{"amd64": "amd64", "arm64": "arm64", "386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "s390x": "s390x", "riscv64": "riscv64"}
	goToUname = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "arm": "armv7hl", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}
	goToApk   = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "x86", "arm": "armv7", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}
	goToArch  = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "arm": "armv7h"}
)

// fedoraPackages are those of Fedora, RHEL and its rebuilds.
var fedoraPackages = dialect{
	format:  "rpm",
	apache:  "mod_wsgi-any",
	half:    func(p python) string { return "python" + p.Dotted + "-mod_wsgi" },
	classic: func(p python) string { return "python" + p.Dotted + "-mod_wsgi-classic" },
	debug:   "-debuginfo",
	family:  apxs.FamilyFedora,
	// Programs below Apache's modules have a label of SELinux with which httpd may
	// not execute them; these are where programs of daemons are.
	runtime: "/usr/libexec/" + csrc.RuntimeFolder,
	script:  plainScripts, section: "System Environment/Daemons", debugSection: "Development/Debug", licence: "/usr/share/licenses/%s/LICENSE",
	arch: goToUname, version: Version.Deb,
	exactly:   func(name, version string) string { return name + " = " + version },
	provide:   func(name string) string { return name },
	apacheAPI: func(f apacheFacts) []string { return []string{"httpd-mmn = " + f.Text} },
	libc: func(f Facts) []string {
		list := []string{"rtld(GNU_HASH)"}
		for _, so := range f.Needed {
			if f.GLIBC != "" && so == "libc.so.6" {
				list = append(list, so+"(GLIBC_"+f.GLIBC+")(64bit)")
			}
		}
		return list
	},
	libpython: func(p python, _ Facts) []string { return []string{p.SONAME + "()(64bit)"} },
	shell:     "/bin/sh",
	own: func(p *Description, _ python) {
		p.Provides = append(slices.Clone(p.Provides), "mod_wsgi = "+p.Version.Deb())
	},
}

// susePackages are rpms with the names, places and scripts of SUSE in place of
// Fedora's (rule Q-6).
func susePackages(d dialect) dialect {
	d.family = apxs.FamilySUSE
	d.apache = "apache2-mod_wsgi-any"
	d.half = func(p python) string { return "python" + p.Digits + "-mod_wsgi" }
	d.classic = func(p python) string { return "apache2-mod_wsgi-py" + p.Digits + "-classic" }
	d.enable, d.script = installer.ByName, suseScripts
	d.section = "Productivity/Networking/Web/Servers"
	d.apacheAPI = func(f apacheFacts) []string { return []string{fmt.Sprintf("apache_mmn_%d", f.Major)} }
	d.conflicts = []string{"apache2-mod_wsgi", "apache2-mod_wsgi-python3"} // the same file
	return d
}

// dialects are the formats of distributions. The first of a format is what is meant
// where nobody says which systems its packages are for.
var dialects = []dialect{
	{
		format:  "deb",
		apache:  "libapache2-mod-wsgi-any",
		half:    func(p python) string { return "libapache2-mod-wsgi-py" + p.Digits },
		classic: func(p python) string { return "libapache2-mod-wsgi-py" + p.Digits + "-classic" },
		debug:   "-dbgsym",
		family:  apxs.FamilyDebian,
		// What lies below Apache's modules is held for one of them.
		runtime: "/usr/lib/" + csrc.RuntimeFolder, script: debianScripts,
		section: "httpd", debugSection: "debug", licence: "/usr/share/doc/%s/copyright",
		arch: goToDeb, version: Version.Deb,
		exactly:   func(name, version string) string { return name + " (= " + version + ")" },
		provide:   func(name string) string { return name },
		apacheAPI: func(f apacheFacts) []string { return []string{fmt.Sprintf("apache2-api-%d", f.Major)} },
		libc: func(f Facts) []string {
			if f.Musl || f.GLIBC == "" {
				return nil
			}
			return []string{"libc6 (>= " + f.GLIBC + ")"}
		},
		libpython: func(p python, _ Facts) []string {
			return []string{fmt.Sprintf("%s (>= %s.0)", cmp.Or(p.Package, "libpython"+p.Dotted), p.minor())}
		},
		conflicts: []string{"libapache2-mod-wsgi", "libapache2-mod-wsgi-py3"},
		provides:  []string{"httpd-wsgi3"},
		own: func(p *Description, py python) {
			p.Depends = append(p.Depends, "python3 (>= "+py.minor()+")", "python3 (<< "+py.Next+")")
		},
	},
	fedoraPackages,
	susePackages(fedoraPackages),
	{
		format:  "apk",
		apache:  "apache2-mod-wsgi-any",
		half:    func(p python) string { return "apache2-mod-wsgi-py" + p.Digits },
		classic: func(p python) string { return "apache2-mod-wsgi-py" + p.Digits + "-classic" },
		debug:   "-dbg",
		family:  apxs.FamilyAlpine, runtime: "/usr/lib/apache2/" + csrc.RuntimeFolder,
		script: plainScripts, section: "net", debugSection: "devel", licence: "/usr/share/licenses/%s/LICENSE",
		arch: goToApk, version: Version.Apk,
		exactly:   func(name, version string) string { return name + "=" + version },
		provide:   func(name string) string { return name },
		apacheAPI: func(apacheFacts) []string { return []string{"apache2"} },
		libc: func(f Facts) []string {
			var list []string
			for _, so := range f.Needed {
				if strings.HasPrefix(so, "libc.") {
					list = append(list, "so:"+so)
				}
			}
			return list
		},
		libpython: func(p python, _ Facts) []string { return []string{"so:" + p.SONAME} },
		conflicts: []string{"apache2-mod-wsgi"},
	},
	{
		format:  "arch",
		apache:  "mod_wsgi-any",
		half:    func(p python) string { return "mod_wsgi-py" + p.Digits },
		classic: func(p python) string { return "mod_wsgi-py" + p.Digits + "-classic" },
		debug:   "-debug",
		family:  apxs.FamilyArch, runtime: "/usr/lib/httpd/modules/" + csrc.RuntimeFolder,
		script: plainScripts, section: "", debugSection: "", licence: "/usr/share/licenses/%s/LICENSE",
		arch: goToArch, version: Version.Arch,
		exactly:   func(name, version string) string { return name + "=" + version },
		provide:   func(name string) string { return name },
		apacheAPI: func(apacheFacts) []string { return []string{"apache"} },
		libc: func(f Facts) []string {
			if f.GLIBC == "" {
				return nil
			}
			return []string{"glibc>=" + f.GLIBC}
		},
		libpython: func(p python, _ Facts) []string { return []string{"python>=" + p.minor(), "python<" + p.Next} },
		conflicts: []string{"mod_wsgi"},
	},
}

// dialectOf is the dialect of a format, on the systems of a family; "" for any.
func dialectOf(format, family string) (dialect, error) {
	i := slices.IndexFunc(dialects, func(d dialect) bool { return d.format == format && (family == "" || d.family == family) })
	if i < 0 {
		return dialect{}, fmt.Errorf("%q is no format of a distribution, or not of %s", format, cmp.Or(family, "any"))
	}
	return dialects[i], nil
}
