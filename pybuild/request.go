package pybuild

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"modwsgi/internal/pattern"
)

// request is what somebody asked for (rule P-1): a place, a version, or an
// environment of conda.
type request struct {
	place string // a path, or a command to look up; "" for a version
	conda string // the name of an environment of conda, in place of the two
	terms []term // all must hold

	free, debug bool // builds that are never taken without being asked for
}

// term compares a version with one of one to three numbers.
type term struct {
	op      string // "==", ">=", ">", "<=", "<", "!="
	numbers []int
}

var (
	versionText = pattern.New(`^(==|>=|<=|!=|>|<)?\s*(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?$`)
	tagText     = pattern.New(`^cp(3)(\d{1,2})(t?)(d?)$`)
	flaggedText = pattern.New(`^(.*\d)(t?)(d?)$`)
)

// parseRequest reads what was asked for. What has a slash or is no version is a
// place.
func parseRequest(s string) (request, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return request{}, errors.New("nothing is asked for")
	case strings.HasPrefix(s, "conda:"):
		name := s[len("conda:"):]
		if strings.Contains(name, "/") {
			return request{place: name}, nil
		}
		if name == "" {
			return request{}, fmt.Errorf("%s names no environment", s)
		}
		return request{conda: name}, nil
	case strings.HasPrefix(s, "venv:"):
		dir := s[len("venv:"):]
		if dir == "" {
			return request{}, fmt.Errorf("%s names no folder", s)
		}
		return request{place: folder(dir)}, nil
	case strings.Contains(s, "/"):
		return request{place: s}, nil
	}
	if m := tagText.FindStringSubmatch(s); m != nil {
		minor, _ := strconv.Atoi(m[2])
		return request{terms: []term{{"==", []int{3, minor}}}, free: m[3] != "", debug: m[4] != ""}, nil
	}
	req, ok, err := parseVersion(strings.TrimPrefix(s, "cpython-"))
	if ok || err != nil {
		return req, err
	}
	return request{place: s}, nil
}

// folder makes a bare name a path, so that it is not looked up as a command.
func folder(dir string) string {
	if !strings.Contains(dir, "/") {
		return "./" + dir
	}
	return dir
}

// parseVersion reads "3.12", "3.13t", ">=3.11,<3.14", "3.13+freethreaded". ok is
// false for what does not look like a version at all.
func parseVersion(s string) (req request, ok bool, err error) {
	text, variants, _ := strings.Cut(s, "+")
	if m := flaggedText.FindStringSubmatch(text); m != nil {
		text, req.free, req.debug = m[1], m[2] != "", m[3] != ""
	}
	for part := range strings.SplitSeq(text, ",") {
		m := versionText.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			if strings.IndexAny(s, "<>=!") == 0 {
				return req, false, fmt.Errorf("%q is not a version", s)
			}
			return req, false, nil
		}
		t := term{op: m[1]}
		if t.op == "" {
			t.op = "=="
		}
		for _, digits := range m[2:] {
			if digits != "" {
				n, _ := strconv.Atoi(digits)
				t.numbers = append(t.numbers, n)
			}
		}
		req.terms = append(req.terms, t)
	}
	if variants == "" {
		return req, true, nil
	}
	for v := range strings.SplitSeq(variants, "+") {
		switch v {
		case "freethreaded":
			req.free = true
		case "debug":
			req.debug = true
		case "gil":
			req.free = false
		default:
			return req, false, fmt.Errorf("%q: builds are +freethreaded, +debug or +gil, not +%s", s, v)
		}
	}
	return req, true, nil
}

// isVersion tells whether a version is asked for.
func (req request) isVersion() bool { return req.place == "" && req.conda == "" }

// matches tells whether a is a version that was asked for. Free-threaded and
// debug builds match only a request that names them.
func (req request) matches(a ABI) bool {
	if a.Free != req.free || a.Debug != req.debug {
		return false
	}
	for _, t := range req.terms {
		if !t.holds([]int{a.Major, a.Minor, a.Micro}) {
			return false
		}
	}
	return true
}

func (t term) holds(version []int) bool {
	order := 0 // of version against t, in as many numbers as t has
	for i, n := range t.numbers {
		if version[i] != n {
			order = 1
			if version[i] < n {
				order = -1
			}
			break
		}
	}
	switch t.op {
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	case "<=":
		return order <= 0
	case "<":
		return order < 0
	case "!=":
		return order != 0
	}
	return order == 0
}
