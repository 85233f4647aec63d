// Package distro tells which system this is and what a person types on it to
// install something. It knows how package managers are called, not what the
// packages are: their names come from those who need them. It installs nothing.
package distro

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"slices"
	"strings"

	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// System is one operating system.
type System struct {
	ID      string `json:"id"`      // "debian", "ubuntu", "fedora", …; "" unknown
	Name    string `json:"name"`    // "Debian GNU/Linux 12 (bookworm)"
	Version string `json:"version"` // "12"
	Family  string `json:"family"`  // one of the constants below
}

// Families share a package manager and package names.
const (
	Debian  = "debian"
	Fedora  = "fedora"
	SUSE    = "suse"
	Alpine  = "alpine"
	Arch    = "arch"
	FreeBSD = "freebsd"
	MacOS   = "macos"
	Unknown = ""
)

// family says what an ID or ID_LIKE of os-release belongs to.
var family = map[string]string{
	"debian": Debian, "ubuntu": Debian, "raspbian": Debian, "linuxmint": Debian, "devuan": Debian,
	"fedora": Fedora, "rhel": Fedora, "centos": Fedora, "rocky": Fedora, "almalinux": Fedora, "ol": Fedora, "amzn": Fedora,
	"suse": SUSE, "opensuse": SUSE, "sles": SUSE, "opensuse-leap": SUSE, "opensuse-tumbleweed": SUSE,
	"alpine": Alpine, "postmarketos": Alpine,
	"arch": Arch, "archarm": Arch, "manjaro": Arch,
	"freebsd": FreeBSD,
}

// installers are the commands that install packages, one per family: with the
// word that keeps them from asking, and without it for a person to type.
var installers = map[string]struct{ quiet, typed []string }{
	Debian:  {[]string{"apt-get", "install", "-y", "--no-install-recommends"}, []string{"apt-get", "install"}},
	Fedora:  {[]string{"dnf", "install", "-y"}, []string{"dnf", "install"}},
	SUSE:    {[]string{"zypper", "--non-interactive", "install"}, []string{"zypper", "install"}},
	Alpine:  {[]string{"apk", "add"}, []string{"apk", "add"}},
	Arch:    {[]string{"pacman", "-S", "--needed", "--noconfirm"}, []string{"pacman", "-S", "--needed"}},
	FreeBSD: {[]string{"pkg", "install", "-y"}, []string{"pkg", "install"}},
	MacOS:   {[]string{"brew", "install"}, []string{"brew", "install"}},
}

// Here is the system we run on.
func Here() System {
	switch runtime.GOOS {
	case "darwin":
		return System{ID: "macos", Name: "macOS", Family: MacOS}
	case "freebsd":
		return System{ID: "freebsd", Name: "FreeBSD", Family: FreeBSD}
	}
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if data, err := os.ReadFile(path); err == nil {
			return Parse(data)
		}
	}
	return System{}
}

// Parse reads the text of an os-release file. Lines it does not understand are
// passed over: nothing may fail because a vendor wrote odd ones.
func Parse(data []byte) System {
	vars := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		key, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if list, err := words.Split(value); err == nil {
			vars[key] = strings.Join(list, " ")
		}
	}
	s := System{ID: strings.ToLower(vars["ID"]), Name: vars["PRETTY_NAME"], Version: vars["VERSION_ID"]}
	if s.Name == "" {
		s.Name = vars["NAME"]
	}
	for _, id := range append([]string{s.ID}, strings.Fields(strings.ToLower(vars["ID_LIKE"]))...) {
		if f, ok := family[id]; ok {
			s.Family = f
			break
		}
	}
	return s
}

// Package picks the name for this system of what names has one for each family
// of; that of [Unknown] serves where there is none.
func (s System) Package(names map[string]string) string {
	if name, ok := names[s.Family]; ok {
		return name
	}
	return names[Unknown]
}

// Install is the command that installs packages without asking, nil where none
// is known. A name may hold several packages parted by blanks; each is
// installed once.
func (s System) Install(packages ...string) []string {
	c, ok := installers[s.Family]
	list := each(packages)
	if !ok || len(list) == 0 {
		return nil
	}
	return append(slices.Clone(c.quiet), list...)
}

// InstallLine is what a person types to install packages: "apt-get install gcc".
// On an unknown system it is a sentence without a command.
func (s System) InstallLine(packages ...string) string {
	list := each(packages)
	if len(list) == 0 {
		return ""
	}
	if c, ok := installers[s.Family]; ok {
		return run.Line(c.typed[0], append(slices.Clone(c.typed[1:]), list...)...)
	}
	return "install with your system's package manager: " + strings.Join(packages, ", ")
}

func each(packages []string) []string {
	var list []string
	for _, p := range packages {
		for _, name := range strings.Fields(p) {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}
