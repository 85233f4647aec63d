package pack

import (
	"fmt"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// Version is one version, apart from how a format writes it (rule Q-2).
type Version struct {
	Base     string // "6.0.5"
	Pre      string // "rc1", or ""
	Revision string // of the packaging: "1", "1~bookworm1"
}

var (
	versionForm  = pattern.New(`^([0-9]+(?:\.[0-9]+)*)(?:[-.]?(a|b|rc|alpha|beta|dev)\.?([0-9]+))?$`)
	revisionForm = pattern.New(`^[0-9]+([.~+][0-9a-zA-Z]+)*$`)
)

// ParseVersion reads a version of this project or of the original, and the
// revision of a package of it.
func ParseVersion(text, revision string) (Version, error) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("%q is no version that packages could carry", text)
	}
	if !revisionForm.MatchString(revision) {
		return Version{}, hint.Exit(fmt.Errorf("%q is no revision of a package: it is a number, and what follows it begins with . ~ or +, as in 1~bookworm1", revision), hint.Usage)
	}
	return Version{m[1], m[2] + m[3], revision}, nil
}

// upstream is the version without the revision, as sorted by tilde: deb, rpm.
func (v Version) upstream() string { return v.joined("~") }

func (v Version) joined(mark string) string {
	if v.Pre == "" {
		return v.Base
	}
	return v.Base + mark + v.Pre
}

// Deb is as deb and rpm have it: 6.0.5~rc1-1.
func (v Version) Deb() string { return v.upstream() + "-" + v.Revision }

// Apk is as Alpine has it, whose revisions are numbers that begin at 0:
// 6.0.5_rc1-r0.
func (v Version) Apk() string { return v.joined("_") + "-r" + v.apkRevision() }

func (v Version) apkRevision() string {
	n := 0
	fmt.Sscanf(v.Revision, "%d", &n) // it begins with one
	return fmt.Sprint(max(n-1, 0))
}

// Arch is as pacman has it, in whose versions there is no hyphen: 6.0.5rc1-1.
func (v Version) Arch() string { return v.joined("") + "-" + v.number() }

// number is the revision without what is behind it for one distribution.
func (v Version) number() string {
	n, _, _ := strings.Cut(strings.NewReplacer("~", ".", "+", ".").Replace(v.Revision), ".")
	return n
}

// PEP440 is as wheels have it: 6.0.5rc1.
func (v Version) PEP440() string {
	return v.Base + strings.NewReplacer("alpha", "a", "beta", "b", "dev", ".dev").Replace(v.Pre)
}
