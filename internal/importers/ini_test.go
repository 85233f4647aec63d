package importers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ini reads text as /srv/my.site/x.conf.ini, with an environment and files.
func ini(t testing.TB, text string) (string, []finding, error) {
	t.Helper()
	files := map[string]string{
		"/srv/my.site/inc.ini": "[uwsgi]\nincluded = %s of %S\n[more]\nother = 1\n[again]\nini = x.conf.ini\n",
		"/etc/secret":          "s3cret\n",

		"/srv/my.site/x.conf.ini": text,
	}
	q := Request{
		Path: "/srv/my.site/x.conf.ini",
		Getenv: func(name string) (string, bool) {
			value, there := map[string]string{"HOME": "/root", "EMPTY": ""}[name]
			return value, there
		},
		Read: func(path string) ([]byte, error) {
			if data, there := files[path]; there {
				return []byte(data), nil
			}
			return nil, os.ErrNotExist
		},
		Exists: func(path string) (os.FileMode, bool) {
			_, there := files[path]
			return 0, there
		},
	}
	r, err := readINI(q, []byte(text))
	if err != nil {
		return "", nil, err
	}
	var out []string
	for _, s := range r.out {
		out = append(out, s.name+"="+s.value)
	}
	return strings.Join(out, "|"), r.odd, nil
}

// The rules of uWSGI's own INI files, as it shows them itself.
func TestINI(t *testing.T) {
	for _, test := range []struct{ name, text, want, lost string }{
		{"comments, blanks and other sections", "x = 0\n[uwsgi]\n# a = 1\n ; b = 2\n\n  c =  3  \n[other]\nd = 4\n[uwsgi]\ne = 5\n", "c=3|e=5", ""},
		{"blanks in the name of a section", "[ uwsgi ]\na = 1\n", "", ""},
		{"keys repeat", "[uwsgi]\na = 1\na = 2\n", "a=1|a=2", ""},
		{"a key alone", "[uwsgi]\nmaster\nempty =\n", "master=true|empty=true", ""},
		{"no quotes, no comments behind, no continuation", "[uwsgi]\na = \"1\" ; b\nb = x \\\nc = k = l\n", "a=\"1\" ; b|b=x \\|c=k = l", ""},
		{"of the file", "[uwsgi]\na = %d %p %s %n %e %c %x %0\n", "a=/srv/my.site/ /srv/my.site/x.conf.ini x.conf.ini x.conf ini my.site uwsgi srv", ""},
		{"percent, and a letter that is none", "[uwsgi]\na = 100%% 5% x\n", "a=100% 5x", ""},
		{"of the running server", "[uwsgi]\na = %v\n", "", "%v stands for"},
		{"another setting, set earlier or later", "[uwsgi]\na = %(b)-%(c)\nb = 1\nb = 2\nc = %(b)%(b)\n", "a=1-11|b=1|b=2|c=11", ""},
		{"in a circle", "[uwsgi]\na = %(a)x\n", "a=%(a)xxxxxxxxx", ""},
		{"nothing known", "[uwsgi]\na = %(nope) $(NOPE) %(a\n", "a=%(nope) $(NOPE) %(a", ""},
		{"the environment", "[uwsgi]\na = $(HOME)/x$(EMPTY)\n", "a=/root/x", ""},
		{"a file", "[uwsgi]\na = @(/etc/secret)!\nb = @(/nowhere)\n", "a=s3cret!", "what @(/nowhere) stands for"},
		{"never a program", "[uwsgi]\nb = @(exec://id)\n", "", "what @(exec://id) stands for"},
		{"a name of one's own", "[uwsgi]\nset-ph = p=5\nset = q=%(p)6\na = %(q)\n", "a=56", ""},
		{"for", "[uwsgi]\nfor = 1 2\na = x%(_)\nb = %(_)%(c)\nendfor =\nc = 3\n", "a=x1|a=x2|b=13|b=23|c=3", ""},
		{"if-env", "[uwsgi]\nif-env = HOME\na = %(_)\nendif =\nif-env = NOPE\nb = 1\nendif =\nif-not-env = NOPE\nc = 1\nendif =\n", "a=/root|c=1", ""},
		{"if-exists and its like", "[uwsgi]\nif-exists = /etc/secret\na = %(_)\nendif =\nif-file = /nope\nb = 1\nendif =\nif-not-dir = /etc/secret\nc = 1\nendif =\n", "a=/etc/secret|c=1", ""},
		{"if-opt", "[uwsgi]\no = 1\no = 2\nif-opt = o=1\na = 1\nendif =\nif-opt = o=2\nb = 1\nendif =\nif-not-opt = n\nc = 1\nendif =\n", "o=1|o=2|a=1|c=1", ""},
		{"what can only be told at run time", "[uwsgi]\nif-reload = x\na = 1\nendif =\n", "a=1", "taken as if it held"},
		{"left open", "[uwsgi]\nfor = 1\na = %(_)\n", "a=1", "it is not ended"},
		{"nothing to end", "[uwsgi]\nendif =\na = 1\n", "a=1", "it ends nothing"},
		{"within another", "[uwsgi]\nif-env = HOME\nfor = 1 2\na = %(_)\nendfor =\n", "a=1|a=2", "uWSGI refuses that"},
		{"another file", "[uwsgi]\na = 1\nini = inc.ini\nb = 2\n", "a=1|included=inc.ini of x.conf.ini|b=2", ""},
		{"another section", "[uwsgi]\ninherit = inc.ini:more\ninclude = :two\n[two]\nb = %x\n", "other=1|b=two", ""},
		{"a file that is not there", "[uwsgi]\nini = nope.ini\nini = http://x/y.ini\n", "", "it cannot be read"},
		{"DOS line ends", "[uwsgi]\r\na = 1\r\n", "a=1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, odd, err := ini(t, test.text)
			if err != nil || got != test.want {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, test.want)
			}
			if (len(odd) > 0) != (test.lost != "") || len(odd) > 0 && !strings.Contains(odd[0].why, test.lost) {
				t.Errorf("lost: %+v, want %q", odd, test.lost)
			}
		})
	}
	if _, _, err := ini(t, "[uwsgi]\nini = :uwsgi\n"); err == nil {
		t.Error("a file that includes itself was read")
	}
	if _, _, err := ini(t, "[uwsgi]\nfor ="+strings.Repeat(" x", 900)+strings.Repeat("\na = 1", 100)); err == nil {
		t.Error("settings without end were read")
	}
}

// uWSGI itself says the same, where there is one.
func TestINIAsUWSGI(t *testing.T) {
	uwsgi, err := exec.LookPath("uwsgi")
	if err != nil {
		t.Skip("there is no uwsgi here to ask (pip install uwsgi)")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := "[other]\nno = 1\n[uwsgi]\nset-placeholder = z=9\nbase = /srv\nbase = /two\nfoo = %(base)/y ; x\nq = \"1\"\nd = %d %p %s %n %e %c\nu = %(unknown) $(UNKNOWN)\n" +
		"pc = 100%% 5% x\nfor = 1 2\ns = %(base)-%(_)\nendfor =\nif-env = NOPE\nhidden = 1\nendif =\nif-opt = base=/two\no = 1\nendif =\nlater = %(last)\nini = inc.ini\nlast = 7\n[uwsgi]\nagain = %(z)\n"
	path := filepath.Join(dir, "x.conf.ini")
	for name, text := range map[string]string{path: text, filepath.Join(dir, "inc.ini"): "[uwsgi]\ninc = %s %S\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, uwsgi, "--show-config", "--ini", "x.conf.ini")
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput() // it has nothing to serve and ends
	_, shown, _ := strings.Cut(string(out), "ini = x.conf.ini\n")
	shown, _, _ = strings.Cut(shown, ";end of configuration")
	var want []string
	for _, line := range strings.Split(strings.TrimSpace(shown), "\n") {
		key, value, _ := strings.Cut(line, " = ")
		switch key {
		case "for", "endfor", "endif", "ini", "set-placeholder", "if-env", "if-opt", "z", "endfor =", "endif =":
		default:
			want = append(want, key+"="+value)
		}
	}
	r, err := readINI(Request{Path: path}.withDefaults(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range r.out {
		got = append(got, s.name+"="+s.value)
	}
	if len(want) == 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nuwsgi has\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), out)
	}
}

// accounted checks that every setting of the source is told of.
func accounted(t *testing.T, i Import, names map[string]bool) {
	t.Helper()
	for name := range names {
		if find(i, name) == nil {
			t.Errorf("%q is dropped", name)
		}
	}
	for _, f := range i.Findings {
		if f.Verdict == Taken && len(f.Words) == 0 && f.Why == "" {
			t.Errorf("%s = %q is taken, and nothing came of it", f.Setting, f.Value)
		}
	}
	command := true
	for _, line := range strings.Split(i.Text(), "\n") {
		if command && !strings.HasSuffix(line, "\\") && strings.Count(i.Text(), "'") == 0 {
			command = false
			continue
		}
		if !command && line != "" && line[0] != '#' {
			t.Errorf("a line that is no comment: %q", line)
		}
	}
}

func FuzzUWSGI(f *testing.F) {
	for _, name := range []string{"django-nginx", "flask-http"} {
		data, err := os.ReadFile("testdata/" + name + ".uwsgi.ini")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("[uwsgi]\nfor = 1 2\na=%(_)%(a)\nendfor\nini = :uwsgi\nmount = /x=y\nhttps = :1,a,b,c,d,e\nif-exists = %d")
	f.Fuzz(func(t *testing.T, text string) {
		q := Request{Path: "/srv/x.ini", Read: func(string) ([]byte, error) { return []byte(text), nil }, Exists: func(string) (os.FileMode, bool) { return 0, false }}
		r, err := readINI(q.withDefaults(), []byte(text))
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, s := range r.out {
			names[s.name] = true
		}
		for _, s := range r.odd {
			names[s.name] = true
		}
		got, err := read(t, q)
		if err != nil {
			t.Fatal(err)
		}
		accounted(t, got, names)
	})
}

func FuzzUnit(f *testing.F) {
	for _, name := range []string{"netbox", "targets"} {
		data, err := os.ReadFile("testdata/" + name + ".unit.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(`{"listeners":{"*:1":{"pass":"routes/a"}},"routes":{"a":[{"action":{"pass":"routes/a"}}]},/* x */"applications":{"":{"type":"python"}},"~/":[[]]}`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := parseUnit([]byte(text))
		if err != nil {
			return
		}
		q := Request{Path: "x.json", Read: func(string) ([]byte, error) { return []byte(text), nil }}
		got, err := read(t, q)
		if err != nil {
			return
		}
		// Each innermost value is at, or below, a place that is told of.
		places := map[string]bool{}
		for _, each := range got.Findings {
			if each.Setting != "default" { // what no setting asked for has no place
				places[each.Place] = true
			}
		}
		for _, leaf := range (node{doc: doc, value: doc.root}).unseen() {
			told := false
			for at := leaf.path; ; at = at[:strings.LastIndexByte(at, '/')] {
				if told = told || places[at]; told || at == "" {
					break
				}
			}
			if !told && leaf.value != nil {
				t.Errorf("%s = %s is dropped: %s", leaf.path, leaf.text(), fmt.Sprint(got.Findings))
			}
		}
		accounted(t, got, nil)
	})
}
