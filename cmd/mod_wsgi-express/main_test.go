package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"modwsgi/expressgen"
)

func TestMain(m *testing.M) {
	testscript.Main(cleaner{m}, map[string]func(){"mod_wsgi-express": main, telemetryTitle: main})
}

// cleaner runs the tests and takes away what they share.
type cleaner struct{ m *testing.M }

func (c cleaner) Run() int {
	defer dropCache()
	return c.m.Run()
}

// parser parses words that are in their one form.
func parser(t *testing.T) *kong.Kong {
	t.Helper()
	p, err := kong.New(&commandLine{}, kong.WithHyphenPrefixedParameters(true), helps(),
		kong.TypeMapper(reflect.TypeFor[expressgen.Pairs](), kong.MapperFunc(decodePair)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestScript(t *testing.T) {
	apache := lookAny("apxs", "apxs2")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("MODWSGI_STATE", filepath.Join(e.WorkDir, "state"))
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, "tmp"))
			return os.Mkdir(filepath.Join(e.WorkDir, "tmp"), 0o700)
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "apache":
				return apache, nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, errors.New("unknown condition")
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
		},
	})
}

// exits runs a command that must end with a status: exits 2 command [word...]
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS command [word...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func lookAny(names ...string) bool {
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}
