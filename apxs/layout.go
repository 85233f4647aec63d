package apxs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// Families of layouts: where configuration and modules lie and how a module is
// enabled. Most are those of package distro.
const (
	FamilyDebian   = distro.Debian
	FamilyFedora   = distro.Fedora // RHEL and its rebuilds, software collections
	FamilySUSE     = distro.SUSE
	FamilyAlpine   = distro.Alpine
	FamilyArch     = distro.Arch
	FamilyGentoo   = "gentoo"
	FamilyFreeBSD  = distro.FreeBSD
	FamilyHomebrew = "homebrew"
	FamilyConda    = "conda"
	FamilySource   = "source" // built by somebody, all below one prefix
)

// usualModules are the folders of modules of the systems' own Apaches.
var usualModules = map[string][]string{
	FamilyDebian:  {"/usr/lib/apache2/modules"},
	FamilyFedora:  {"/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"},
	FamilySUSE:    {"/usr/lib64/apache2", "/usr/lib/apache2"},
	FamilyAlpine:  {"/usr/lib/apache2"},
	FamilyArch:    {"/usr/lib/httpd/modules"},
	FamilyGentoo:  {"/usr/lib64/apache2/modules", "/usr/lib/apache2/modules"},
	FamilyFreeBSD: {"/usr/local/libexec/apache24"},
}

// classify tells the family: by what lies in the configuration, then by the
// prefix, then by the system's own word; an Apache with none of these is one
// somebody built (rule A-11).
func (d *draft) classify() {
	conf, prefix := d.info.ConfDir, d.info.Prefix
	d.from(FromGuess, "family")
	switch {
	case fsx.IsDir(filepath.Join(conf, "mods-available")):
		d.info.Family = FamilyDebian
	case fsx.IsDir(filepath.Join(conf, "conf.modules.d")), fsx.IsDir(filepath.Join(conf, "../conf.modules.d")):
		d.info.Family = FamilyFedora
	case fsx.IsDir(filepath.Join(conf, "modules.d")) && strings.HasPrefix(conf, filepath.Join(d.root, "/usr/local/etc")+"/"):
		d.info.Family = FamilyFreeBSD
	case fsx.IsDir(filepath.Join(conf, "modules.d")):
		d.info.Family = FamilyGentoo
	case d.systems() && fsx.Exists(filepath.Join(d.root, "/etc/sysconfig/apache2")):
		d.info.Family = FamilySUSE
	case strings.Contains(d.info.Apxs, "/Cellar/httpd/"), strings.Contains(prefix, "/opt/httpd") && fsx.IsDir(filepath.Join(prefix, "../../Cellar")):
		d.info.Family = FamilyHomebrew
	case prefix != "" && fsx.IsDir(filepath.Join(prefix, "conda-meta")):
		d.info.Family = FamilyConda
	case d.systems() && d.sys.Family != distro.Unknown && d.sys.Family != distro.MacOS:
		d.info.Family = d.sys.Family
	default:
		d.info.Family = FamilySource
	}
}

// systems tells whether this is the system's own Apache.
func (d *draft) systems() bool {
	for _, etc := range rooted(d.root, []string{"/etc", "/usr/local/etc/apache24"}) {
		for _, conf := range []string{d.info.ConfDir, d.sysconf} {
			if conf == etc || strings.HasPrefix(conf, etc+"/") {
				return true
			}
		}
	}
	return false
}

// modules finds where modules are put: as apxs says, if any are there; else
// where they are seen to be.
func (d *draft) modules(ctx context.Context) error {
	d.classify()
	said, from := d.w.ask(ctx, "LIBEXECDIR")
	if said != "" && hasModules(said) {
		d.info.ModulesDir = said
		d.from(from, "modules_dir")
		return nil
	}
	for _, dir := range d.moduleGuesses(ctx) {
		if !hasModules(dir) {
			continue
		}
		if said != "" {
			d.note("apxs names the modules folder %s, which has none; those of the server lie in %s", said, dir)
		}
		d.info.ModulesDir = dir
		d.from(FromGuess, "modules_dir")
		return nil
	}
	switch {
	case said != "" && creatable(said):
		if !fsx.IsDir(said) {
			d.note("the modules folder %s is not there", said)
		}
		d.info.ModulesDir = said
		d.from(from, "modules_dir")
	case said != "":
		return fmt.Errorf("the modules folder that apxs names, %s, is not there and cannot be made", said)
	case d.given != "":
		d.note("where the modules lie is not known: only headers were named")
	default:
		return errors.New("apxs does not say where modules lie (LIBEXECDIR)")
	}
	return nil
}

// creatable tells whether a folder is there or nothing that is no folder stands
// in its way.
func creatable(dir string) bool {
	for ; filepath.IsAbs(dir) && !fsx.IsDir(dir); dir = filepath.Dir(dir) {
		if fsx.Exists(dir) {
			return false
		}
	}
	return filepath.IsAbs(dir)
}

// moduleGuesses are where the modules of this Apache may be.
func (d *draft) moduleGuesses(ctx context.Context) []string {
	var list []string
	if d.info.Family == FamilyDebian && d.systems() {
		program := filepath.Join(d.root, "/usr/sbin/a2query")
		if res, err := d.r.Run(ctx, run.Cmd{Path: program, Args: []string{"-d"}, Timeout: queryTimeout}); err == nil {
			list = append(list, filepath.Clean(strings.TrimSpace(res.Stdout)))
		}
	}
	if d.info.Root != "" {
		list = append(list, filepath.Join(d.info.Root, "modules"))
	}
	if d.info.Family == FamilyHomebrew {
		list = append(list, filepath.Join(d.info.Prefix, "lib/httpd/modules"))
	}
	if d.systems() {
		list = append(list, rooted(d.root, usualModules[d.info.Family])...)
	}
	return list
}

// hasModules tells whether modules of Apache lie in a folder.
func hasModules(dir string) bool {
	found, _ := fsx.Glob(dir, "mod_*.so") // the pattern is ours
	return filepath.IsAbs(dir) && len(found) > 0
}
