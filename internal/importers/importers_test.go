package importers

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"modwsgi/expressgen"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

var update = flag.Bool("update", false, "write the golden files anew")

// read imports the file at path.
func read(t testing.TB, q Request) (Import, error) {
	t.Helper()
	if strings.HasSuffix(q.Path, ".py") {
		if _, err := exec.LookPath("python3"); err != nil {
			t.Skip("there is no python3 here")
		}
	}
	if q.Option == nil {
		q.Option = expressOption
	}
	return Run(context.Background(), &run.Runner{}, q)
}

// manyOf tells of each option of the command whether each use of it counts.
var manyOf = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, o := range expressgen.Table() {
		out[o.Name] = o.Many
	}
	return out
})

// expressOption is what the command says of its options.
func expressOption(name string) (there, many bool) {
	many, there = manyOf()[name]
	return there, many
}

// Each file of testdata becomes the command line and the list beside it.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.*.*")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, ".txt") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			got, err := read(t, Request{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			text, golden := got.Text(), path+".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || text != string(want) {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// What was asked for cannot always be read.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	loop := write("loop.ini", "[uwsgi]\nini = loop.ini\n")
	for _, test := range []struct {
		q    Request
		want string
		code int
	}{
		{Request{Path: "x.conf"}, "what it is of is not clear from its name", hint.Usage},
		{Request{Path: "x.ini", Format: "php"}, "no such format: php", hint.Usage},
		{Request{Path: "/nowhere/x.ini"}, "no such file", hint.Failed},
		{Request{Path: dir, Format: UWSGI}, "it is no file", hint.Failed},
		{Request{Path: "/dev/zero", Format: UWSGI}, "it is no file", hint.Failed},
		{Request{Path: write("big.ini", strings.Repeat("#", maxFile+1))}, "it is larger than", hint.Failed},
		{Request{Path: loop}, "includes itself", hint.Failed},
		{Request{Path: write("a.json", "[]")}, "it is no JSON object", hint.Failed},
		{Request{Path: write("b.json", "{} {}")}, "more than one document", hint.Failed},
		{Request{Path: write("c.json", "{")}, "unexpected EOF", hint.Failed},
		{Request{Path: write("bad.py", "workers = (\n")}, "SyntaxError: ", hint.Failed},
		{Request{Path: write("raises.py", "raise KeyError('mine')\n"), Execute: true}, "KeyError: 'mine'", hint.Failed},
	} {
		_, err := read(t, test.q)
		if err == nil || !strings.Contains(err.Error(), test.want) || hint.Code(err) != test.code {
			t.Errorf("%s: %v, status %d", test.q.Path, err, hint.Code(err))
		}
	}
}

// Nothing of a gunicorn.conf.py runs unless that is said, and then not for ever.
func TestExecute(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it's.conf.py")
	text := "import os\nopen(__file__ + '.ran', 'w').close()\nprint('noise')\nworkers = len('abc')\ndef when_ready(server): pass\nobject_ = object()\nfrom os import path\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, execute := range []bool{false, true} {
		got, err := read(t, Request{Path: path, Execute: execute})
		if err != nil {
			t.Fatal(err)
		}
		_, err = os.Stat(path + ".ran")
		if ran := !errors.Is(err, os.ErrNotExist); ran != execute {
			t.Errorf("asked to run it %v, it ran %v", execute, ran)
		}
		command := strings.Join(got.Words, " ")
		if strings.Contains(command, "--processes 3") != execute {
			t.Errorf("execute %v: %s", execute, command)
		}
		for name, want := range map[string]Verdict{"workers": map[bool]Verdict{false: NoEqual, true: Taken}[execute], "when_ready": NoEqual, "object_": NoEqual} {
			if f := find(got, name); f == nil || f.Verdict != want {
				t.Errorf("execute %v: %s is %+v", execute, name, f)
			}
		}
	}
	endless := filepath.Join(t.TempDir(), "endless.py")
	if err := os.WriteFile(endless, []byte("while True: pass\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, &run.Runner{}, Request{Path: endless, Execute: true}); err == nil {
		t.Error("it was not ended")
	}
}

func find(i Import, name string) *Finding {
	for n := range i.Findings {
		if i.Findings[n].Setting == name {
			return &i.Findings[n]
		}
	}
	return nil
}

// A setting that another one outdoes is told of, with the one that holds.
func TestOutdone(t *testing.T) {
	for _, test := range []struct{ name, text, command, told string }{
		{"x.ini", "[uwsgi]\nprocesses = 4\nworkers = 8\nmodule = a\nthreads = 1\nL = 1\n", "--processes 8 --application-type module --threads 1 a",
			"processes same: workers = 8 holds in place of its --processes"},
		{"x.ini", "[uwsgi]\nharakiri = 3\nharakiri = 5\nmodule = a\nthreads = 1\nL = 1\n", "--request-timeout 5 --application-type module --threads 1 a",
			"harakiri same: the process is replaced, its other requests end first; harakiri = 5 holds in place of its --request-timeout"},
		{"x.ini", "[uwsgi]\nmodule = a:x\ncallable = z\nthreads = 1\nL = 1\n", "--application-type module --callable-object x --threads 1 a",
			"callable same: module = a:x holds in place of its --callable-object"},
		{"x.ini", "[uwsgi]\ncallable = x\nmodule = a:x\nthreads = 1\nL = 1\n", "--callable-object x --application-type module --threads 1 a", "callable taken: "},
		{"x.ini", "[uwsgi]\nmodule = a:x\nwsgi-file = b.py\nthreads = 1\nL = 1\n", "--application-type script --threads 1 b.py", "module no equal: one more application: each"},
		{"x.ini", "[uwsgi]\nmodule = a\nmount = /m=b.py\nthreads = 1\nL = 1\n", "--application-type script --mount-point /m --threads 1 b.py", "module no equal: one more application: each"},
		{"x.json", `{"listeners": {"*:1": {"pass": "routes"}}, "routes": [{"match": {"uri": "/a/*"}, "action": {"proxy": "http://a"}}, {"match": {"uri": "/b/*"}, "action": {"proxy": "http://b"}}, ` +
			`{"action": {"pass": "applications/c"}}], "applications": {"c": {"type": "python", "module": "m"}}}`,
			"--port 1 --proxy-mount-point /a http://a/a --proxy-mount-point /b http://b/b --application-type module m", "proxy taken: "},
	} {
		got, err := read(t, Request{Path: test.name, Read: func(string) ([]byte, error) { return []byte(test.text), nil }})
		if err != nil {
			t.Fatal(err)
		}
		if command := strings.Join(got.Words[1:], " "); command != test.command {
			t.Errorf("%s\ngot  %s\nwant %s", test.text, command, test.command)
		}
		setting, _, _ := strings.Cut(test.told, " ")
		f := find(got, setting)
		if told := fmt.Sprintf("%s %s: %s", f.Setting, f.Verdict, f.Why); !strings.HasPrefix(told, test.told) || (f.Verdict == Taken) != (len(f.Words) > 0) {
			t.Errorf("%s\ngot  %s %q\nwant %s", test.text, told, f.Words, test.told)
		}
	}
}

// An option that this release does not have is told as such.
func TestOptionsThatAreNotThere(t *testing.T) {
	got, err := read(t, Request{Path: "testdata/flask-http.uwsgi.ini", Option: func(name string) (there, many bool) { return name != "url-alias", true }})
	if err != nil {
		t.Fatal(err)
	}
	if f := find(got, "static-map"); f.Verdict != NoEqual || f.Why != "it would be --url-alias, which this release does not have" {
		t.Errorf("%+v", f)
	}
	if strings.Contains(strings.Join(got.Words, " "), "url-alias") {
		t.Error(got.Words)
	}
}

// What is pasted into a shell is the command and comments, whatever is in the
// file.
func TestTextCannotBeLeft(t *testing.T) {
	got, err := read(t, Request{Path: "x.json", Read: func(string) ([]byte, error) {
		return []byte(`{"a\nrm -rf /": "b\ntouch c", "applications": {"x": {"type": "python", "module": "m", "user": "u\nv $HOME ${X} '", "environment": {"K": "1\n2'"}}}}`), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/bin/sh", "-c", "mod_wsgi() { :; }; rm() { echo REMOVED; }; touch() { echo TOUCHED; }; alias x=y\n"+
		strings.Replace(got.Text(), "mod_wsgi-express", "printf '[%s]'", 1)).CombinedOutput()
	want := "[start-server][--user][u\nv $$HOME $${X} '][--application-type][module][--envvars-script][envvars.sh][m]"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
