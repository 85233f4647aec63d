package pack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/goreleaser/chglog"
	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/apk"
	"github.com/goreleaser/nfpm/v2/arch"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

// natives write the formats of distributions.
var natives = map[string]nfpm.Packager{"deb": deb.Default, "rpm": rpm.DefaultRPM, "apk": apk.Default, "arch": arch.Default}

// writeNative makes the package of a description: its name as a file, and what
// is in that. dir takes what the writer wants as files.
func writeNative(d Description, format, dir string) (name string, data []byte, err error) {
	w, err := dialectOf(format, "")
	if err != nil {
		return "", nil, err
	}
	n := &native{d: d, format: format, dir: dir}
	info, err := n.info(w)
	if err != nil {
		return "", nil, fmt.Errorf("packing %s: %w", d.Name, err)
	}
	if err := nfpm.PrepareForPackager(info, map[bool]string{true: "archlinux", false: format}[format == "arch"]); err != nil {
		return "", nil, fmt.Errorf("packing %s: %w", d.Name, err)
	}
	var b bytes.Buffer
	if err := natives[format].Package(info, &b); err != nil {
		return "", nil, fmt.Errorf("packing %s: %w", d.Name, err)
	}
	if format != "apk" {
		return natives[format].ConventionalFileName(info), b.Bytes(), nil
	}
	if data, err = finishApk(b.Bytes(), d); err != nil {
		return "", nil, fmt.Errorf("packing %s: %w", d.Name, err)
	}
	return d.Name + "-" + d.Version.Apk() + ".apk", data, nil // as apk looks for it in a repository
}

// native is one package on its way to nfpm, which reads everything from files.
type native struct {
	d      Description
	format string
	dir    string
	n      int
}

// spill makes a file of data.
func (n *native) spill(data []byte, mode fs.FileMode) (string, error) {
	n.n++
	name := filepath.Join(n.dir, fmt.Sprintf("%s-%d", n.d.Name, n.n))
	err := os.WriteFile(name, data, mode)
	if err == nil {
		err = os.Chtimes(name, n.d.Date, n.d.Date) // goes into apks
	}
	return name, err
}

// script makes a file of a script; "" of none.
func (n *native) script(text string, err *error) string {
	if text == "" || *err != nil {
		return ""
	}
	name, e := n.spill([]byte(text), 0o755)
	*err = e
	return name
}

func (n *native) info(w dialect) (*nfpm.Info, error) {
	d := n.d
	info := &nfpm.Info{
		Name: d.Name, Arch: w.arch[d.Arch], Platform: "linux", VersionSchema: "none",
		Version: d.Version.Base, Prerelease: d.Version.Pre, Release: d.Version.Revision,
		Section: d.Section, Priority: "optional", Maintainer: d.Contact, Vendor: "modwsgi", Homepage: d.Homepage, License: d.License,
		Description: d.Summary + "\n" + d.Text, DisableGlobbing: true, MTime: d.Date,
	}
	info.Depends, info.Provides, info.Conflicts, info.Replaces = d.Depends, d.Provides, d.Conflicts, d.Replaces
	compress := cmp.Or(d.Compress, "gzip")
	info.Deb.Compression, info.Deb.Fields = compress, d.Fields
	info.RPM = nfpm.RPM{BuildHost: "localhost", Summary: d.Summary, Group: d.Section, Compression: compress, Packager: d.Contact}
	info.ArchLinux.Packager = d.Contact
	var err error
	if w.format != "deb" { // where it is about files; elsewhere others' packages would go
		info.Replaces = nil
	}
	switch w.format {
	case "apk":
		info.Release, info.Description = d.Version.apkRevision(), d.Summary
		info.Depends, info.Conflicts = apkDepends(d), nil
	case "arch":
		info.Version, info.Prerelease = d.Version.Base+d.Version.Pre, "" // it is left out of .PKGINFO otherwise
		info.Release, info.Description = d.Version.number(), d.Summary
	case "rpm":
		info.Priority = ""
		info.Description = d.Text
		var changes []byte
		if changes, err = d.changes(); err == nil {
			info.Changelog, err = n.spill(changes, 0o644)
		}
	}
	info.Scripts = nfpm.Scripts{
		PostInstall: n.script(d.Scripts.AfterInstall, &err),
		PreRemove:   n.script(d.Scripts.BeforeRemove, &err),
		PostRemove:  n.script(d.Scripts.AfterRemove, &err),
	}
	upgrade := n.script(d.Scripts.AfterUpgrade, &err)
	info.APK.Scripts.PostUpgrade, info.ArchLinux.Scripts.PostUpgrade = upgrade, upgrade
	for _, f := range d.Files {
		c, e := n.content(f)
		if e != nil {
			return nil, e
		}
		info.Contents = append(info.Contents, c)
	}
	return info, err
}

// content is a file as nfpm has it.
func (n *native) content(f File) (*files.Content, error) {
	c := &files.Content{Source: f.Source, Destination: f.Path, FileInfo: &files.ContentFileInfo{
		Owner: "root", Group: "root", Mode: f.Mode, MTime: n.d.Date}}
	switch f.Kind {
	case Folder:
		c.Type = files.TypeDir
		return c, nil
	case Link:
		c.Type, c.Source, c.FileInfo.Mode = files.TypeSymlink, f.Target, 0o777
		return c, nil
	case Config:
		c.Type = files.TypeConfigNoReplace
	case Licence:
		if n.format == "rpm" { // the others leave such files out
			c.Type = files.TypeRPMLicence
		}
	}
	var err error
	if c.Source == "" {
		c.Source, err = n.spill(f.Data, 0o644)
	}
	return c, err
}

// changes is the changelog of an rpm, as nfpm reads it: one entry.
func (d Description) changes() ([]byte, error) {
	return json.Marshal(chglog.ChangeLogEntries{{
		Semver: d.Version.Deb(), Date: d.Date, Packager: d.Contact,
		Changes: []*chglog.ChangeLogChange{{Note: "Package of version " + d.Version.upstream() + "."}},
	}})
}

// apkDepends are the relations of an apk: what it cannot be installed with is
// among them.
func apkDepends(d Description) []string {
	list := slices.Clone(d.Depends)
	for _, name := range d.Conflicts {
		list = append(list, "!"+name)
	}
	return list
}
