package layouts

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"

	"modwsgi/internal/pattern"
)

var pep440 = pattern.New(`^([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:(a|b|rc)([0-9]+)|\.dev([0-9]+))?$`)

// semantic is the version v of PEP 440 as one that semver can compare: 6.0.5rc1
// is v6.0.5-rc.1, and 6.0.5.dev1 is v6.0.5-0.dev.1, which comes before it.
func semantic(v string) (string, error) {
	m := pep440.FindStringSubmatch(v)
	if m == nil {
		return "", fmt.Errorf("%q is no version of mod_wsgi", v)
	}
	number := func(s string) string { // semver knows no leading zeros
		if s = strings.TrimLeft(s, "0"); s == "" {
			return "0"
		}
		return s
	}
	out := "v" + number(m[1]) + "." + number(m[2]) + "." + number(m[3])
	switch {
	case m[4] != "":
		return out + "-" + m[4] + "." + number(m[5]), nil
	case m[6] != "":
		return out + "-0.dev." + number(m[6]), nil
	}
	return out, nil
}

// Compare orders two versions of mod_wsgi: negative if a is older.
func Compare(a, b string) (int, error) {
	x, err := semantic(a)
	if err != nil {
		return 0, err
	}
	y, err := semantic(b)
	if err != nil {
		return 0, err
	}
	return semver.Compare(x, y), nil
}

// release is the number that a version leads to: 6.0.5 of 6.0.5rc1.
func release(version string) string {
	if m := pep440.FindStringSubmatch(version); m != nil {
		return strings.TrimRight(strings.Join(m[1:4], "."), ".")
	}
	return version
}
