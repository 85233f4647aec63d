package pack

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"path"
	"strings"
)

// documents are the files that a package of that name has for people to read:
// the licence, and whatever the format asks for besides.
func (d *describer) documents(name string, licence []byte) []File {
	if d.format == "deb" {
		doc := path.Dir(fmt.Sprintf(d.licence, name))
		files := []File{
			{Path: fmt.Sprintf(d.licence, name), Kind: Licence, Mode: 0o644, Data: d.copyright()},
			{Path: doc + "/changelog.Debian.gz", Kind: Doc, Mode: 0o644, Data: d.changelog(name)},
		}
		if name == d.apache {
			files = append(files, tests(doc+"/examples/debian/tests")...)
		}
		return files
	}
	place := fmt.Sprintf(d.licence, name)
	return []File{{Path: path.Dir(place), Kind: Folder, Mode: 0o755}, {Path: place, Kind: Licence, Mode: 0o644, Data: licence}}
}

//go:embed autopkgtest/control
var testsControl []byte

//go:embed autopkgtest/run
var testsRun []byte

// tests are what autopkgtest runs on the installed packages (rule E-5): for the
// source package of whoever makes one of them.
func tests(folder string) []File {
	return []File{
		{Path: folder + "/control", Kind: Doc, Mode: 0o644, Data: testsControl},
		{Path: folder + "/run", Kind: Doc, Mode: 0o755, Data: testsRun},
	}
}

// copyright is Debian's file of that name, in its format for machines. The
// licence itself is on every such system.
func (d *describer) copyright() []byte {
	upstream, holder := "modwsgi", "2026 the modwsgi authors"
	if d.b.Classic != nil {
		upstream, holder = "mod_wsgi\nSource: "+original, "2007-2026 Graham Dumpleton"
	}
	return fmt.Appendf(nil, `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: %s

Files: *
Copyright: %s
License: Apache-2.0

License: Apache-2.0
 Licensed under the Apache License, Version 2.0 (the "License"); you may not
 use this file except in compliance with the License. On Debian systems, the
 full text of the License is in /usr/share/common-licenses/Apache-2.0.
`, upstream, holder)
}

// changelog is Debian's: one entry, for the version that is packed.
func (d *describer) changelog(name string) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // without name and time
	if err != nil {
		panic(err) // the level is one
	}
	source := strings.TrimSuffix(name, d.debug)
	fmt.Fprintf(z, "%s (%s) unstable; urgency=medium\n\n  * Package of version %s.\n\n -- %s  %s\n", source, d.v.Deb(), d.v.upstream(),
		d.o.Contact, d.o.Date.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	if err := z.Close(); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
