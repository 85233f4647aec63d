package pack

import (
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// each format writes a version so that it sorts as it should.
func TestVersion(t *testing.T) {
	for _, c := range []struct{ version, revision, deb, apk, arch, pep440 string }{
		{"6.0.5", "1", "6.0.5-1", "6.0.5-r0", "6.0.5-1", "6.0.5"},
		{"6.0.5rc1", "1", "6.0.5~rc1-1", "6.0.5_rc1-r0", "6.0.5rc1-1", "6.0.5rc1"},
		{"6.0.5-rc.2", "3", "6.0.5~rc2-3", "6.0.5_rc2-r2", "6.0.5rc2-3", "6.0.5rc2"},
		{"0.1.0", "1~bookworm1", "0.1.0-1~bookworm1", "0.1.0-r0", "0.1.0-1", "0.1.0"},
		{"5.0.0.dev2", "1", "5.0.0~dev2-1", "5.0.0_dev2-r0", "5.0.0dev2-1", "5.0.0.dev2"},
		{"5.0beta1", "1", "5.0~beta1-1", "5.0_beta1-r0", "5.0beta1-1", "5.0b1"},
	} {
		v, err := ParseVersion(c.version, c.revision)
		if err != nil || v.Deb() != c.deb || v.Apk() != c.apk || v.Arch() != c.arch || v.PEP440() != c.pep440 {
			t.Errorf("%s, %s: %s %s %s %s, %v", c.version, c.revision, v.Deb(), v.Apk(), v.Arch(), v.PEP440(), err)
		}
	}
	for _, bad := range [][2]string{{"", "1"}, {"6.0 5", "1"}, {"6.0.5-evil;", "1"}} {
		if v, err := ParseVersion(bad[0], bad[1]); err == nil {
			t.Errorf("%q is read as %+v", bad, v)
		}
	}
	for _, bad := range []string{"", "x", "1-2", "1 2", "1~"} {
		if _, err := ParseVersion("1.0", bad); hint.Code(err) != hint.Usage {
			t.Errorf("the revision %q: %v", bad, err)
		}
	}
}

// Y-4: whatever is taken for a version is one word in every format.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"6.0.5", "6.0.5rc1", "1..2", "1.0-dev.7", "1\n2", "1~rc1"} {
		f.Add(seed, "1")
	}
	f.Add("1", "1~bookworm1")
	f.Fuzz(func(t *testing.T, version, revision string) {
		v, err := ParseVersion(version, revision)
		if err != nil {
			return
		}
		for _, s := range []string{v.Deb(), v.Apk(), v.Arch(), v.PEP440()} {
			if s == "" || strings.ContainsAny(s, " \t\r\n:;/\\\"'$`&|") || s[0] < '0' || s[0] > '9' {
				t.Errorf("%q, %q: %q", version, revision, s)
			}
		}
		if again, err := ParseVersion(v.joined("-"), revision); err != nil || again != v {
			t.Errorf("%q: %+v, again %+v, %v", version, v, again, err)
		}
	})
}
