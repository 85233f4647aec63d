package distro

import (
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		want     System
	}{
		{"debian", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
			System{"debian", "Debian GNU/Linux 12 (bookworm)", "12", Debian}},
		{"derivative", "ID=pop\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=22.04\nNAME='Pop!_OS'\n", System{"pop", "Pop!_OS", "22.04", Debian}},
		{"rhel clone", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n", System{"rocky", "", "9.4", Fedora}},
		{"suse", "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", System{ID: "opensuse-leap", Family: SUSE}},
		{"alpine", "ID=alpine\nVERSION_ID=3.20.1\n", System{ID: "alpine", Version: "3.20.1", Family: Alpine}},
		{"arch", "ID=arch\n", System{ID: "arch", Family: Arch}},
		{"unheard of", "ID=plan9\n", System{ID: "plan9"}},
		{"odd lines", "# ID=fedora\nnonsense\nNAME=\"open\nID=arch\n", System{ID: "arch", Family: Arch}},
		{"empty", "", System{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Parse([]byte(tt.in)); got != tt.want {
				t.Errorf("Parse = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestInstallLine(t *testing.T) {
	tests := []struct{ family, want string }{
		{Debian, "apt-get install gcc libc6-dev perl"},
		{Fedora, "dnf install gcc libc6-dev perl"},
		{SUSE, "zypper install gcc libc6-dev perl"},
		{Alpine, "apk add gcc libc6-dev perl"},
		{Arch, "pacman -S --needed gcc libc6-dev perl"},
		{Unknown, "install with your system's package manager: gcc libc6-dev, perl, gcc"},
	}
	for _, tt := range tests {
		s := System{Family: tt.family}
		if got := s.InstallLine("gcc libc6-dev", "perl", "gcc"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.family, got, tt.want)
		}
		if got := s.Install("gcc"); (got == nil) != (tt.family == Unknown) || got != nil && got[len(got)-1] != "gcc" {
			t.Errorf("%s: Install = %q", tt.family, got)
		}
	}
	if got := (System{Family: Debian}).InstallLine(); got != "" {
		t.Errorf("nothing to install: %q", got)
	}
}

// Every family that a system can be of has a command, and a call leaves the
// table as it was.
func TestInstallers(t *testing.T) {
	for id, f := range family {
		s := System{Family: f}
		first, second := s.Install("a"), s.Install("b", "c")
		if first == nil || slices.Contains(second, "a") || slices.Contains(first, "b") {
			t.Errorf("%s: %q, %q", id, first, second)
		}
	}
}
