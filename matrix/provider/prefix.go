package provider

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// Prefix makes releases of httpd 2.4 into the cache, each below a prefix of its own,
// with all MPMs as modules. apxs finds them there.
type Prefix struct {
	Maker
	From map[string]string // by version: the URL of an archive with its checksum, or a file
}

// Name is "prefix".
func (p *Prefix) Name() string { return PrefixName }

// Lacks says whether nothing was made and nothing can be.
func (p *Prefix) Lacks(ctx context.Context) error {
	if p.Store.any(apachesRoom) {
		return nil
	}
	return p.ready(ctx, httpdRecipe("2.4"))
}

// httpdVersion is what may be asked for: a release, or the youngest there is.
var httpdVersion = pattern.New(`^2\.4(\.[0-9]{1,3})?$`)

// Machine is this machine with a release of httpd: "2.4.66", or "2.4" for the
// youngest that the distribution's suites have.
func (p *Prefix) Machine(ctx context.Context, version string) (Machine, error) {
	if !httpdVersion.MatchString(version) {
		return nil, hint.Exit(hint.New(fmt.Errorf("%q is no release of httpd to make", version), "as 2.4.66, or 2.4 for the youngest"), hint.Usage)
	}
	r := httpdRecipe(version)
	dir, stamp, ok := p.Store.Have(r.room, r.name)
	if !ok {
		if err := p.ready(ctx, r); err != nil {
			return nil, err
		}
		var err error
		if dir, stamp, err = p.make(ctx, r, p.bring("apache2", version, p.From[version])); errors.Is(err, errNoSource) {
			err = hint.New(err, "name an archive of it in matrix.toml, below [archives.apache]")
		}
		if err != nil {
			return nil, err
		}
	}
	return &prefixed{Host{p.R.With("APXS=" + filepath.Join(dir, "bin", "apxs"))}, PrefixName + "-" + version, stamp}, nil
}

// mpms are those that a server of this kind of system can load.
var mpms = []string{"event", "worker", "prefork"}

// httpdRecipe is how an httpd is made, against the libraries that the system has.
func httpdRecipe(version string) recipe {
	return recipe{
		room: apachesRoom, name: version,
		configure: func(prefix string) []string {
			return []string{
				"--prefix=" + prefix, "--enable-mpms-shared=" + strings.Join(mpms, " "), "--enable-mods-shared=reallyall",
				"--enable-so", "--with-pcre",
				"--disable-lua", "--disable-luajit", "--disable-md", "--disable-http2", "--disable-brotli", "--disable-proxy-html", "--disable-xml2enc",
			}
		},
		targets:  [][]string{{"all"}},
		needs:    []string{"pcre2posix.h", "expat.h"},
		packages: []string{"build-essential", "libapr1-dev", "libaprutil1-dev", "libpcre2-dev", "libexpat1-dev", "zlib1g-dev", "libssl-dev"},
		proof:    "bin/apxs", header: "include/ap_release.h", version: version,
	}
}

// prefixed is this machine with another httpd, which APXS names in the environment.
type prefixed struct {
	Host
	id    string
	stamp Stamp
}

// ID is "prefix-2.4.66".
func (m *prefixed) ID() string { return m.id }

// Stamp says what the httpd was made of.
func (m *prefixed) Stamp() Stamp { return m.stamp }
