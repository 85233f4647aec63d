package verbs

import (
	"strings"
	"testing"

	"modwsgi/installer"
)

// V-8: what is wrong is explained where the doctor knows its words, with what to
// type; advice that is there already stays alone.
func TestExplain(t *testing.T) {
	const gone = "httpd: Syntax error on line 3 of /tmp/x/httpd.conf: Cannot load /usr/lib/apache2/modules/mod_wsgi.so into server: libpython3.11.so.1.0: cannot open shared object file: No such file or directory"
	for name, c := range map[string]struct {
		level installer.LevelReport
		want  []string // the beginnings of its advice
	}{
		"a library":       {installer.LevelReport{Wrong: []string{"letting Apache load it: " + gone}}, []string{"MW201: "}},
		"two things":      {installer.LevelReport{Wrong: []string{gone, "[core:error] Fatal Python error: init_fs_encoding: failed"}}, []string{"MW201: ", "MW301: "}},
		"nothing known":   {installer.LevelReport{Wrong: []string{"nobody knows this"}}, nil},
		"nothing wrong":   {installer.LevelReport{Looked: []string{gone}}, nil},
		"advised already": {installer.LevelReport{Wrong: []string{gone}, Advice: []string{"do it"}}, []string{"do it"}},
	} {
		explain(&c.level)
		ok := len(c.level.Advice) == len(c.want)
		for i, want := range c.want {
			ok = ok && strings.HasPrefix(c.level.Advice[i], want)
		}
		if !ok {
			t.Errorf("%s: %q, want %q", name, c.level.Advice, c.want)
		}
	}
}
