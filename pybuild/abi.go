package pybuild

import (
	"fmt"
	"strings"
)

// ID is the short name of the ABI: "cp312", "cp313t", "cp314td".
func (a ABI) ID() string {
	impl := a.Impl
	if impl == "cpython" {
		impl = "cp"
	}
	return impl + a.digits()
}

// Folder is the name of everything built for the ABI:
// "cpython-313t-x86_64-linux-gnu".
func (a ABI) Folder() string {
	return fmt.Sprintf("%s-%s-%s", a.Impl, a.digits(), a.Triplet)
}

// digits is the version with its flags: "313t".
func (a ABI) digits() string {
	return fmt.Sprintf("%d%d%s", a.Major, a.Minor, a.flags())
}

func (a ABI) flags() string {
	flags := ""
	if a.Free {
		flags += "t"
	}
	if a.Debug {
		flags += "d"
	}
	return flags
}

// abiOf makes the record of what p says. The error is a table of what said what
// where a build contradicts itself (rules F-1, F-4).
func abiOf(p *probe) (ABI, error) {
	a := ABI{
		Impl:  p.Implementation,
		Major: p.VersionInfo[0], Minor: p.VersionInfo[1], Micro: p.VersionInfo[2],
		Triplet: triplet(p),
	}
	a.Libc = "glibc"
	switch {
	case strings.Contains(a.Triplet, "musl"):
		a.Libc = "musl"
	case p.Platform == "darwin":
		a.Libc = "darwin"
	case strings.Contains(p.Platform, "bsd"):
		a.Libc = "bsd"
	}
	var err error
	if a.Free, err = agree(p, "Py_GIL_DISABLED", "t"); err != nil {
		return a, err
	}
	a.Debug, err = agree(p, "Py_DEBUG", "d")
	return a, err
}

// agree tells whether p was built with the feature that variable name and the
// letter flag in names stand for. All that say something must say the same.
func agree(p *probe, name, flag string) (bool, error) {
	on := p.on(name)
	said := []struct{ what, value string }{
		{"sys.abiflags", p.ABIFlags},
		{"ABIFLAGS", p.text("ABIFLAGS")},
		{"LDVERSION", strings.TrimPrefix(p.text("LDVERSION"), p.xy())},
		{"SOABI", soabiFlags(p)},
	}
	for _, s := range said {
		if s.what == "LDVERSION" && p.text(s.what) == "" || s.what == "SOABI" && p.text(s.what) == "" {
			continue
		}
		if strings.Contains(s.value, flag) == on {
			continue
		}
		return on, fmt.Errorf("this Python contradicts itself: %s=%q, sys.abiflags=%q, ABIFLAGS=%q, LDVERSION=%q, SOABI=%q",
			name, p.text(name), p.ABIFlags, p.text("ABIFLAGS"), p.text("LDVERSION"), p.text("SOABI"))
	}
	return on, nil
}

// soabiFlags are the letters behind the version in SOABI: "t" of
// "cpython-313t-x86_64-linux-gnu".
func soabiFlags(p *probe) string {
	parts := strings.SplitN(p.text("SOABI"), "-", 3)
	if len(parts) < 2 {
		return ""
	}
	return strings.TrimLeft(parts[1], "0123456789")
}

// triplet names the platform as extension modules of this Python do.
func triplet(p *probe) string {
	if parts := strings.SplitN(p.text("SOABI"), "-", 3); len(parts) == 3 {
		return parts[2]
	}
	if multi := p.text("MULTIARCH"); multi != "" {
		return multi
	}
	os, machine, ok := strings.Cut(p.SysPlatform, "-")
	if ok && os == "linux" {
		return machine + "-linux-gnu"
	}
	return strings.ReplaceAll(p.SysPlatform, " ", "-")
}
