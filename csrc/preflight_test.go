package csrc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
)

// C-2: headers that are not those that were looked at end a build before a
// source is compiled, with the doctor's code and what the compiler said.
func TestPreflight(t *testing.T) {
	t.Parallel()
	const python, apache = "py3.11/include/Python.h", "apache/include/httpd.h"
	for _, c := range []struct {
		name, file, old, replacement string // no replacement: the file is removed
		code, raw                    string
		exit                         int
	}{
		{"another Python", python, "MINOR_VERSION 11", "MINOR_VERSION 12", "MW104", "not the headers of Python 3.11", hint.NotFound},
		{"free threading", python, "int Py_Fake", "#define Py_GIL_DISABLED 1\nint Py_Fake", "MW117", "with free threading", hint.Refused},
		{"debug", python, "int Py_Fake", "#define Py_DEBUG 1\nint Py_Fake", "MW117", "with debug checks", hint.Refused},
		{"Apache 2.2", apache, "MINORVERSION_NUMBER 4", "MINORVERSION_NUMBER 2", "MW103", "Apache before 2.4", hint.Refused},
		{"no threads", "apache/include/apr.h", "THREADS 1", "THREADS 0", "MW118", "without threads", hint.Refused},
		{"no Python.h", python, "", "", "MW104", "fatal error", hint.NotFound},
		{"no http_config.h", "apache/include/http_config.h", "", "", "MW103", "fatal error", hint.NotFound},
		{"no apr_version.h", "apache/include/apr_version.h", "", "", "MW102", "fatal error", hint.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := csrctest.New(t)
			path := filepath.Join(w.Root, c.file)
			text := string(must(os.ReadFile(path)))
			err := os.Remove(path)
			if c.old != "" {
				if !strings.Contains(text, c.old) {
					t.Fatalf("%s has no %q", c.file, c.old)
				}
				err = os.WriteFile(path, []byte(strings.Replace(text, c.old, c.replacement, 1)), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			o := w.Classic("build", 0)
			o.Jobs = 1
			w.Lines()
			_, err = csrc.Build(t.Context(), w.Runner(), o)
			var tool *csrc.ToolError
			if !errors.As(err, &tool) || tool.Code != c.code || !strings.HasPrefix(tool.Doing, "checking the headers of Python 3.11.0 and of Apache") {
				t.Fatalf("%v", err)
			}
			first, rest, _ := strings.Cut(err.Error(), "\n")
			if !strings.Contains(first, "("+c.code+")") || !strings.Contains(rest, c.raw) || hint.Of(err) == "" || hint.Code(err) != c.exit {
				t.Errorf("%v\nhint %q, status %d", err, hint.Of(err), hint.Code(err))
			}
			if line := strings.Join(w.Lines(), "\n"); strings.Contains(line, " -c wsgi_other.c") {
				t.Errorf("a source was compiled: %s", line)
			}
		})
	}
}

// C-2: pointers of another size than the server's. The compiler makes them where
// it can; where it cannot, the code is tried on what it would say.
func TestPreflightSize(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	w.Env = append(os.Environ(), "CC=cc -m32")
	o := w.Classic("build", 0)
	_, err := csrc.Build(t.Context(), w.Runner(), o)
	var tool *csrc.ToolError
	if err == nil {
		t.Fatal("a module of another size was built")
	}
	if !errors.As(err, &tool) || tool.Code != "MW113" {
		t.Skipf("this compiler makes nothing for 32 bits: %v", err)
	}
}

// Headers that passed are not looked at again until they change.
func TestPreflightOnce(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Classic("build", 0)
	flights := func() (n int) {
		for _, line := range w.Lines() {
			if strings.Contains(line, "-fsyntax-only") {
				n++
			}
		}
		return n
	}
	w.Build(o)
	if n := flights(); n != 1 {
		t.Errorf("%d looks at the headers", n)
	}
	tree := csrctest.ClassicSource()
	tree["src/server/wsgi_other.c"].Data = []byte("int another(void);\nint another(void) { return 1; }\n")
	o.Source = tree
	if a := w.Build(o); a.Compiled != 1 || flights() != 0 {
		t.Errorf("one file changed: %+v", a)
	}
	header := filepath.Join(w.Root, "apache/include/http_config.h") // which no source includes
	if err := os.WriteFile(header, []byte("/* new */\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree = csrctest.ClassicSource()
	o.Source = tree
	if w.Build(o); flights() != 1 {
		t.Error("a header changed, and nobody looked")
	}
}
