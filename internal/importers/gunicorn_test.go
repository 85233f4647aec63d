package importers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is plain is evaluated and nothing else is, however large it would get.
func TestGunicornExpressions(t *testing.T) {
	t.Setenv("IMPORTERS_TEST", "from the environment")
	for _, test := range []struct{ text, want string }{
		{"proc_name = 'a' 'b' + 'c'", "abc"},
		{"n = 2\nproc_name = f'x{n}y'", "x2y"},
		{"proc_name = str(2 * 3 + 1 // 1 - 7 % 4)", "4"},
		{"import os\nproc_name = os.environ['IMPORTERS_TEST']", "from the environment"},
		{"import os\nproc_name = os.environ.get('IMPORTERS_NOT', 'else')", "else"},
		{"import os\nproc_name = os.getenv('IMPORTERS_NOT') or 'or'", "or"},
		{"proc_name = 'yes' if 1 else 'no'", "yes"},
		{"proc_name: str = 'typed'", "typed"},
		{"proc_name = 'a'\nproc_name += 'b'", "ab"},
		{"proc_name = other = 'both'", "both"},
		{"import os\nproc_name = os.path.basename(__file__)", ""},
		{"proc_name = __import__('os').getcwd()", ""},
		{"proc_name = [x for x in 'ab'][0]", ""},
		{"proc_name = 'a' * 10 ** 9", ""},
		{"proc_name = '%s' % 1", ""},
		{"proc_name = unknown", ""},
		{"n = 9 ** 9 ** 9\nproc_name = str(n)", ""},
		{"n = 'x'\n" + strings.Repeat("n = n + n\n", 60) + "proc_name = n", ""},
		{"n = [1]\n" + strings.Repeat("n = [n, n]\n", 60) + "proc_name = n", ""},
		{"n = 7\n" + strings.Repeat("n = n * n\n", 60) + "proc_name = str(n)", ""},
	} {
		path := filepath.Join(t.TempDir(), "gunicorn.conf.py")
		if err := os.WriteFile(path, []byte(test.text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := read(t, Request{Path: path})
		if err != nil {
			t.Errorf("%.60s: %v after %v", test.text, err, time.Since(began))
			continue
		}
		f := find(got, "proc_name")
		for n := range got.Findings { // the last one counts
			if got.Findings[n].Setting == "proc_name" && got.Findings[n].Verdict != Same {
				f = &got.Findings[n]
			}
		}
		switch {
		case f == nil:
			t.Errorf("%.60s: proc_name is dropped", test.text)
		case test.want == "" && f.Verdict != NoEqual, test.want != "" && (f.Verdict != Taken || f.Value != test.want):
			t.Errorf("%.60s: %+v, want %q", test.text, *f, test.want)
		}
	}
}

// A log format of gunicorn in Apache's terms.
func TestGunicornFormat(t *testing.T) {
	for _, test := range []struct{ in, want, bad string }{
		{`%(h)s %(t)s "%(r)s" %(s)s %(D)s%%`, `%h %t "%r" %>s %D%%`, ""},
		{`%({x-real-ip}i)s %({server}o)s %({wsgi.url_scheme}e)s`, `%{x-real-ip}i %{server}o %{wsgi.url_scheme}e`, ""},
		{`%(L)s`, "", "%(L)s"},
		{`100%`, "100", "%"},
		{`%({a b}i)s`, "", "%({a b}i)s"},
	} {
		if out, bad := gunicornFormat(test.in); out != test.want || bad != test.bad {
			t.Errorf("%s: %q %q, want %q %q", test.in, out, bad, test.want, test.bad)
		}
	}
}
