package apxs

import (
	"context"
	"path/filepath"
	"slices"

	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// Packages by family of system: the server, what modules are built with, and a
// C compiler with the headers of the C library.
var (
	serverPackage = map[string]string{
		distro.Debian: "apache2", distro.Fedora: "httpd", distro.SUSE: "apache2", distro.Alpine: "apache2",
		distro.Arch: "apache", distro.FreeBSD: "apache24", distro.MacOS: "httpd",
		distro.Unknown: "the Apache web server",
	}
	devPackage = map[string]string{
		distro.Debian: "apache2-dev", distro.Fedora: "httpd-devel", distro.SUSE: "apache2-devel", distro.Alpine: "apache2-dev",
		distro.Arch: "apache", distro.FreeBSD: "apache24", distro.MacOS: "httpd",
		distro.Unknown: "Apache's development files (apxs and headers; apache2-dev or httpd-devel)",
	}
	compilerPackage = map[string]string{
		distro.Debian: "gcc libc6-dev", distro.Fedora: "gcc", distro.SUSE: "gcc", distro.Alpine: "gcc musl-dev",
		distro.Arch: "gcc", distro.FreeBSD: "llvm", distro.MacOS: "gcc",
		distro.Unknown: "a C compiler",
	}
)

// Missing names the packages of sys that this machine lacks for building and
// running a module of Apache: server, development files, compiler. A usable
// apxs or server that is there, however it came, needs no package. For
// [distro.System.InstallLine].
func Missing(ctx context.Context, r *run.Runner, sys distro.System) []string {
	f := newFinder(r)
	f.sys = sys
	return f.missing(ctx)
}

func (f *finder) missing(ctx context.Context) []string {
	var server, dev bool
	if name, _ := f.asked(""); name != "" {
		info, err := f.find(ctx, "")
		server, dev = err == nil && info.Httpd != "", err == nil
	} else {
		for _, c := range f.candidates(ctx) {
			server = server || c.Httpd != ""
			dev = dev || c.Usable
		}
	}
	var list []string
	add := func(have bool, names map[string]string) {
		if name := f.sys.Package(names); !have && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	add(server, serverPackage)
	add(dev, devPackage)
	add(f.hasCompiler(), compilerPackage)
	return list
}

func (f *finder) hasCompiler() bool {
	// A compiler without the C library's headers compiles nothing.
	if !fsx.IsFile(filepath.Join(f.root, "/usr/include/stdio.h")) && f.sys.Family != distro.MacOS {
		return false
	}
	return slices.ContainsFunc([]string{"cc", "gcc", "clang"}, func(name string) bool {
		_, err := f.r.LookPath(name)
		return err == nil
	})
}
