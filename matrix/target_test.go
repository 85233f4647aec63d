package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// made is the target of all tests of one run, or why there is none.
type made struct {
	target Target
	skip   string
	err    error
}

// buildDir is removed when all tests have run; "" when nothing was built.
var buildDir string

// makeTarget builds the module once for all tests.
var makeTarget = sync.OnceValue(func() made {
	ctx, r := context.Background(), &run.Runner{}
	apache, err := apxs.Find(ctx, r, "")
	if err != nil {
		return made{skip: "no Apache: " + err.Error()}
	}
	if peer := os.Getenv("MODWSGI_MATRIX_PEER"); peer != "" {
		return made{target: Target{Apache: apache, Module: peer, Foreign: true, Long: longRun(), Python: pybuild.Info{ABI: pybuild.ABI{Major: 3, Minor: 11}}}}
	}
	python, err := pybuild.Find(ctx, r, "")
	if err != nil {
		return made{skip: "no Python: " + err.Error()}
	}
	module := os.Getenv("MODWSGI_MATRIX_MODULE")
	if module == "" {
		if module, err = build(ctx, r, apache, python); err != nil {
			return made{err: fmt.Errorf("building the module: %w", err)}
		}
	}
	target := Target{Apache: apache, Python: python, Module: module, Long: longRun()}
	if env := os.Getenv("MODWSGI_MATRIX_ENV"); env != "" {
		target.Env = strings.Split(env, "\n")
	}
	for _, line := range installer.Snippet(installer.Layout{Module: module}, python) {
		if !strings.HasPrefix(line, "LoadModule") {
			target.Lines = append(target.Lines, line)
		}
	}
	return made{target: target}
})

// build builds our module and returns its path.
func build(ctx context.Context, r *run.Runner, apache apxs.Info, python pybuild.Info) (string, error) {
	dir, err := buildFolder()
	if err != nil {
		return "", err
	}
	artifact, err := csrc.Build(ctx, r, csrc.Options{
		Apache: &apache, Python: []pybuild.Info{python}, Dir: dir, Runtime: installer.Runtime(),
	})
	return artifact.Module, err
}

// buildFolder is MODWSGI_MATRIX_BUILD, which is kept for the next run, or a
// temporary one. The server's user executes what is in it.
func buildFolder() (string, error) {
	if dir := os.Getenv("MODWSGI_MATRIX_BUILD"); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "modwsgi-matrix-build-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	return dir, os.Chmod(dir, 0o755)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := errors.Join(promised.tell(), os.RemoveAll(buildDir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// theTarget is what the tests run against: our module, built here; with
// MODWSGI_MATRIX_MODULE=/path/of/mod_wsgi.so one of ours that is built already;
// MODWSGI_MATRIX_ENV holds lines KEY=value for httpd's environment;
// with MODWSGI_MATRIX_PEER=/path/of/mod_wsgi.so another implementation of it.
func theTarget(t *testing.T, _ *run.Runner) Target {
	t.Helper()
	m := makeTarget()
	if m.err != nil {
		t.Fatal(m.err)
	}
	if m.skip != "" {
		t.Skip(m.skip)
	}
	return m.target
}

// theMPMs are those that the Apache can load, of which there must be one.
func theMPMs(t *testing.T, r *run.Runner, apache apxs.Info) []string {
	t.Helper()
	mpms := LoadableMPMs(t.Context(), r, apache)
	if len(mpms) == 0 {
		t.Fatalf("no MPM of %s can be loaded", apache.Httpd)
	}
	return mpms
}

// theScale is a number of the long tier, if that is asked for, or of the short one.
func theScale(long, short int) int { return Target{Long: longRun()}.scaled(long, short) }

// longRun tells whether the long tier is asked for: MODWSGI_MATRIX_LONG.
func longRun() bool { return os.Getenv("MODWSGI_MATRIX_LONG") != "" }
