package pybuild

import (
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	gil := func(minor, micro int) ABI { return ABI{Impl: "cpython", Major: 3, Minor: minor, Micro: micro} }
	free := gil(13, 0)
	free.Free = true
	debug := gil(12, 1)
	debug.Debug = true
	tests := []struct {
		in       string
		place    string
		yes, not []ABI
	}{
		{"3", "", []ABI{gil(9, 1), gil(13, 0)}, []ABI{free, debug}},
		{"3.12", "", []ABI{gil(12, 0), gil(12, 4)}, []ABI{gil(1, 2), gil(13, 0), debug}},
		{"3.12.4", "", []ABI{gil(12, 4)}, []ABI{gil(12, 0)}},
		{"3.13t", "", []ABI{free}, []ABI{gil(13, 0)}},
		{"3.13+freethreaded", "", []ABI{free}, []ABI{gil(13, 0)}},
		{"3.13t+gil", "", []ABI{gil(13, 0)}, []ABI{free}},
		{"3.12d", "", []ABI{debug}, []ABI{gil(12, 1)}},
		{"3.12+debug", "", []ABI{debug}, []ABI{gil(12, 1)}},
		{">=3.11,<3.14", "", []ABI{gil(11, 0), gil(13, 9)}, []ABI{gil(10, 9), gil(14, 0), free}},
		{" >= 3.11 , != 3.12 ", "", []ABI{gil(11, 0), gil(13, 9)}, []ABI{gil(12, 3)}},
		{">3.11", "", []ABI{gil(12, 0)}, []ABI{gil(11, 9)}},
		{"<=3.11", "", []ABI{gil(11, 9)}, []ABI{gil(12, 0)}},
		{"cp313t", "", []ABI{free}, []ABI{gil(13, 0)}},
		{"cp312", "", []ABI{gil(12, 3)}, []ABI{gil(13, 0)}},
		{"cpython-3.12", "", []ABI{gil(12, 3)}, []ABI{gil(13, 0)}},
		{"python3.12", "python3.12", nil, nil},
		{"pypy3", "pypy3", nil, nil},
		{"/opt/my python/bin/python3", "/opt/my python/bin/python3", nil, nil},
		{"venv:env", "./env", nil, nil},
		{"venv:/srv/env", "/srv/env", nil, nil},
		{"./3.12", "./3.12", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			req, err := parseRequest(tt.in)
			if err != nil || req.place != tt.place {
				t.Fatalf("parseRequest = %+v, %v", req, err)
			}
			for _, a := range tt.yes {
				if !req.matches(a) {
					t.Errorf("does not match %s.%d", a.ID(), a.Micro)
				}
			}
			for _, a := range tt.not {
				if req.matches(a) {
					t.Errorf("matches %s.%d", a.ID(), a.Micro)
				}
			}
		})
	}
	for _, in := range []string{"", "  ", "conda:", "venv:", ">=x", "3.12+fast", ">=3.11,x"} {
		if req, err := parseRequest(in); err == nil {
			t.Errorf("%q: %+v, no error", in, req)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{"3.13t", ">=3.11,<3.14", "cp313td", "cpython-3.9", "3.12+debug+freethreaded", "/a b", "conda:x", "<", "3.999.999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		req, err := parseRequest(s)
		if err != nil {
			return
		}
		if req.isVersion() == (len(req.terms) == 0) {
			t.Errorf("%q is neither a place nor a version, or both: %+v", s, req)
		}
		if strings.Contains(s, "/") && req.isVersion() {
			t.Errorf("%q has a slash and is no place", s)
		}
		req.matches(ABI{Major: 3, Minor: 12})
	})
}
