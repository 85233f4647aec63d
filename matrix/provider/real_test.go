package provider

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// realStore is the store of a cache that outlives the test: what it has takes
// minutes to make.
func realStore(t *testing.T, setting string) (*run.Runner, *Store, []string) {
	t.Helper()
	names := strings.FieldsFunc(os.Getenv(setting), func(c rune) bool { return c == ',' })
	if len(names) == 0 {
		t.Skipf("%s names nothing to make, which takes minutes and the network", setting)
	}
	r := &run.Runner{}
	store, err := OpenStore(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, store, names
}

// theProgram is mod_wsgi-express as it is carried to machines.
func theProgram(t *testing.T) string {
	t.Helper()
	return compiled(t, "build", "modwsgi/cmd/mod_wsgi-express")
}

// compiled is a program that needs no library.
func compiled(t *testing.T, verb ...string) string {
	t.Helper()
	verb, what := verb[:len(verb)-1], verb[len(verb)-1]
	path := filepath.Join(t.TempDir(), filepath.Base(what))
	c := exec.Command("go", append(verb, "-trimpath", "-o", path, what)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// proved builds the module on a machine for what it has there, and takes it through
// all levels of verify.
func proved(t *testing.T, m Machine, program string) {
	t.Helper()
	offer, err := Offered(t.Context(), m, program)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range offer.Apaches {
		t.Logf("%s %t %s", a.Apxs, a.Usable, a.Why)
	}
	for _, c := range offer.Pythons {
		t.Logf("%s %s %t %s", c.Executable, c.ID, c.Usable, c.Why)
	}
	cache := t.TempDir()
	for _, verb := range []string{"build", "verify"} {
		began := time.Now()
		c := Command{Program: program, Args: []string{verb}, Env: []string{"MODWSGI_CACHE=" + cache}, Dir: cache, Write: []string{cache}, Timeout: 5 * time.Minute}
		if verb == "build" {
			c.Args = append(c.Args, "--output", filepath.Join(cache, "built"))
		}
		res, err := m.Run(t.Context(), c)
		t.Logf("%s: %.1f s\n%s%s", verb, time.Since(began).Seconds(), res.Stdout, res.Stderr)
		if err != nil {
			t.Error(err)
		}
	}
	if !slices.ContainsFunc(offer.Pythons, func(c pybuild.Candidate) bool { return c.Usable }) {
		t.Error("no Python of it is usable")
	}
}

// M-16: in the tree of each suite the module is built for its Apache and Python,
// and proved through all levels, without a network.
func TestRealRootfs(t *testing.T) {
	r, store, suites := realStore(t, "MODWSGI_MATRIX_ROOTFS")
	program := theProgram(t)
	p := &Rootfs{R: r, Store: store, Mirror: Mirror{R: r}, Log: func(line string) { t.Log(line) }}
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			m, err := p.Machine(t.Context(), suite)
			if err != nil {
				t.Fatal(err)
			}
			stamp := m.Stamp()
			t.Logf("%s, made in %.0f s: apache2 %s, python3 %s, gcc %s, libc6 %s", stamp.From, stamp.Seconds,
				stamp.Packages["apache2-bin"], stamp.Packages["python3"], stamp.Packages["gcc"], stamp.Packages["libc6"])
			proved(t, m, program)
			if left, err := filepath.Glob(filepath.Join(os.TempDir(), "modwsgi-root-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// M-16: so it is in a container of each image, of which none is left.
func TestRealContainer(t *testing.T) {
	r, _, names := realStore(t, "MODWSGI_MATRIX_CONTAINERS")
	program := theProgram(t)
	p := &Container{R: r, Log: func(line string) { t.Log(line) }}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m, err := p.Machine(t.Context(), name)
			if err != nil {
				t.Fatalf("%v\nhint: %s", err, hint.Of(err))
			}
			proved(t, m, program)
			engine := m.(*container)
			calledOff(t, m, aScript(t, "echo ready\nsleep 60"))
			res, err := engine.tell(t.Context(), "ps", "--all", "--format", "{{.Names}}", "--filter", "name=^modwsgi-")
			if err != nil || strings.TrimSpace(res.Stdout) != "" {
				t.Errorf("left behind: %s, %v", res.Stdout, err)
			}
		})
	}
}

// calledOff runs a program until it has said something.
func calledOff(t *testing.T, m Machine, program string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said := make(chan struct{})
	go func() {
		select {
		case <-said:
			stop()
		case <-ctx.Done():
		}
	}()
	_, err := m.Run(ctx, Command{Program: program, Stdout: &closer{said}, Timeout: time.Minute})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The cases of the matrix, as many as MODWSGI_MATRIX_RUN matches, in the tree of
// each suite: what they need comes with their program.
func TestRealCases(t *testing.T) {
	pattern := os.Getenv("MODWSGI_MATRIX_RUN")
	r, store, suites := realStore(t, "MODWSGI_MATRIX_ROOTFS")
	if pattern == "" {
		t.Skip("MODWSGI_MATRIX_RUN names no cases, as TestMatrix/.*/event/daemon")
	}
	program := compiled(t, "test", "-c", "modwsgi/matrix")
	p := &Rootfs{R: r, Store: store, Mirror: Mirror{R: r}}
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			m, err := p.Machine(t.Context(), suite)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			c := Command{Program: program, Args: []string{"-test.v", "-test.timeout=30m", "-test.run=" + pattern}, Dir: dir, Write: []string{dir}, Env: []string{"MODWSGI_CACHE=" + dir}, Timeout: 30 * time.Minute}
			res, err := m.Run(t.Context(), c)
			t.Logf("%s%s", res.Stdout, res.Stderr)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
