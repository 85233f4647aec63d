package verbs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/options"
	"modwsgi/internal/run"
)

// A compiler is started when something that its program is made of, or the
// program, is another; not for tests and results.
func TestCompiledOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a "b"`)
	place := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	place("go.mod", "module x\n")
	place("a/a.go", "package a\n")
	place("a/text.md", "embedded\n")
	made := filepath.Join(dir, "bin", "x")
	p := Program{Cmd: run.Cmd{Dir: dir, Path: "sh", Args: []string{"-c", "mkdir -p bin && echo x > bin/x"}}, Made: made, Of: dir}
	compile := func(when string, runs bool, environ ...string) {
		t.Helper()
		set, err := options.Resolve("build", nil, append([]string{"PATH=" + os.Getenv("PATH"), "MODWSGI_CACHE=" + filepath.Join(t.TempDir(), "..", "cache")}, environ...), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var ran strings.Builder
		j := &Job{Set: set, Dir: dir, R: set.Runner(), Err: io.Discard}
		j.R.Log = &ran
		if err := j.Compiled(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if got := ran.Len() > 0; got != runs {
			t.Errorf("%s: compiled %v, want %v", when, got, runs)
		}
	}
	compile("at first", true)
	compile("again", false)
	place("a/a_test.go", "package a\n")
	place("build/mod_wsgi.so", "x")
	place(".git/index", "x")
	compile("a test and a result", true) // the folder has one entry more
	place("a/a_test.go", "package a // longer\n")
	place("build/mod_wsgi.so", "longer")
	compile("another test and result", false)
	place("a/text.md", "embedded, longer\n")
	compile("what is embedded", true)
	place("a/b.go", "package a\n")
	compile("a new file", true)
	if err := os.Remove(made); err != nil {
		t.Fatal(err)
	}
	compile("the program is gone", true)
	compile("other flags", true, "GOFLAGS=-race")
	compile("and again", false, "GOFLAGS=-race")

	p.Cmd.Args = []string{"-c", "exit 1"}
	set, err := options.Resolve("build", nil, []string{"PATH=" + os.Getenv("PATH")}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	j := &Job{Set: set, Dir: dir, R: set.Runner(), Err: io.Discard}
	if err := j.Compiled(t.Context(), p); err == nil {
		t.Error("a compiler that fails is no error")
	}
}
