package words

import "testing"

func TestNearest(t *testing.T) {
	list := []string{"apxs", "python", "allow_static", "jobs", "offline"}
	for name, want := range map[string]string{
		"pyhton": "python", "apx": "apxs", "apxss": "apxs", "apxz": "apxs", "allow-static": "allow_static",
		"allowstatik": "allow_static", "ofline": "offline", "job": "jobs", "jbos": "jobs", "zzz": "", "": "", "line": "",
	} {
		if got := Nearest(name, list); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	if got := distance("", "abc"); got != 3 {
		t.Errorf("distance to nothing is %d", got)
	}
}
