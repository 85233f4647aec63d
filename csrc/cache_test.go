package csrc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/fsx"
)

// cached builds the tiny release of the original in a folder, with the cache of
// the world.
func cached(w *csrctest.World, dir string) csrc.Options {
	o := w.Classic(dir, 0)
	o.Cache = filepath.Join(w.Root, "cache")
	return o
}

// wantReused builds in dir and compares how much of it the cache had: two objects
// and a target are all there is.
func wantReused(t *testing.T, w *csrctest.World, dir string, want int) csrc.Options {
	t.Helper()
	o := cached(w, dir)
	if a := w.Build(o); a.Reused != want || a.Compiled != 2 || a.Linked != 1 {
		t.Errorf("%s: %d of the cache, want %d; %d compiled, %d linked", dir, a.Reused, want, a.Compiled, a.Linked)
	}
	return o
}

// K-1: what one build folder made, another one takes, and it is the same; other
// headers, sources and flags are other entries.
func TestCache(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	first := wantReused(t, w, "one", 0)
	w.Lines()
	second := wantReused(t, w, "a second", 3)
	for _, line := range w.Lines() {
		if strings.Contains(line, " -c ") || strings.Contains(line, "-shared") && strings.Contains(line, "mod_wsgi") {
			t.Errorf("ran %s", line)
		}
	}
	if !maps.Equal(csrctest.Sums(t, first.Dir), csrctest.Sums(t, second.Dir)) {
		t.Error("the results differ")
	}
	header := filepath.Join(w.Pythons[0].Include[0], "Python.h")
	text := must(os.ReadFile(header))
	if err := os.WriteFile(header, append([]byte("int Py_New(void);\n"), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	wantReused(t, w, "another header", 1) // which wsgi_other.c does not read
	if err := os.WriteFile(header, text, 0o644); err != nil {
		t.Fatal(err)
	}
	wantReused(t, w, "the old header", 3)
	o := cached(w, "another source")
	tree := csrctest.ClassicSource()
	tree["src/server/wsgi_other.c"] = &fstest.MapFile{Data: []byte("int other(void);\nint other(void) { return 2; }\n")}
	o.Source = tree
	if a := w.Build(o); a.Reused != 1 {
		t.Errorf("another source: %d of the cache", a.Reused)
	}
	o = cached(w, "other flags")
	o.Defines = []string{"-DOTHER"}
	if a := w.Build(o); a.Reused != 0 {
		t.Errorf("other flags: %d of the cache", a.Reused)
	}
}

// entries are the files of a cache that have something in them.
func entries(t *testing.T, w *csrctest.World) []string {
	t.Helper()
	var list []string
	for _, kind := range []string{"objects", "modules"} {
		found, err := filepath.Glob(filepath.Join(globbed(w.Root), "cache", kind, "*"))
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		list = append(list, found...)
	}
	return list
}

// globbed is a path as a pattern.
func globbed(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// K-2: what is not whole, or not this user's own, is not taken, goes away, and is
// made again.
func TestCacheDistrusts(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(path string) error{
		"torn":  func(path string) error { return os.Truncate(path, int64(len(must(os.ReadFile(path)))/2)) },
		"empty": func(path string) error { return os.Truncate(path, 0) },
		"a bit": func(path string) error {
			data := must(os.ReadFile(path))
			data[len(data)-2] ^= 1
			return os.WriteFile(path, data, 0o600)
		},
		"others may write": func(path string) error { return os.Chmod(path, 0o620) },
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		},
	}
	if os.Geteuid() == 0 {
		spoil["another user's"] = func(path string) error { return os.Chown(path, 4242, -1) }
	}
	for name, change := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := csrctest.New(t)
			wantReused(t, w, "one", 0)
			for _, path := range entries(t, w) {
				if err := change(path); err != nil {
					t.Fatal(err)
				}
			}
			wantReused(t, w, "two", 0)
			wantReused(t, w, "three", 3)
		})
	}
}

// K-2: the folder is this user's alone, and another's is refused.
func TestCacheFolder(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	wantReused(t, w, "one", 0)
	for _, room := range []string{"objects", "modules", "locks"} {
		if fi, err := os.Stat(filepath.Join(w.Root, "cache", room)); err != nil || fi.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", room, fi.Mode(), err)
		}
	}
	for _, path := range entries(t, w) {
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
	}
	objects := filepath.Join(w.Root, "cache", "objects")
	if err := os.Chmod(objects, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := csrc.Build(t.Context(), w.Runner(), cached(w, "two")); !errors.Is(err, fsx.ErrNotOurs) {
		t.Errorf("a folder that everybody may write: %v", err)
	}
	if err := os.Chmod(filepath.Join(w.Root, "cache"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, ok := csrc.LookCache(filepath.Join(w.Root, "cache")); ok {
		t.Error("a cache that everybody may write is looked at")
	}
}

// slowCompiler is a compiler that stops once at a source while the file block
// lies beside it, until somebody writes to the pipe go.
func slowCompiler(t *testing.T, w *csrctest.World, source string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
for last; do :; done
case $last in *%s) if rm %[2]s/block 2>/dev/null; then echo $$ > %[2]s/pid.new; mv %[2]s/pid.new %[2]s/pid; echo x > %[2]s/reached; read x < %[2]s/go; fi;; esac
exec cc "$@"
`, source, dir)
	if err := os.WriteFile(filepath.Join(dir, "slow-cc"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reached", "go"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "block"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Env = append(os.Environ(), "CC="+filepath.Join(dir, "slow-cc"))
	return dir
}

// TestCacheHelper is no test: it is the other process of TestCacheKilled.
func TestCacheHelper(t *testing.T) {
	root := os.Getenv("MODWSGI_TEST_CACHE_WORLD")
	if root == "" {
		t.Skip("the other process of TestCacheKilled")
	}
	w := csrctest.At(t, root)
	w.Env = os.Environ()
	w.Build(cached(w, "killed"))
}

// K-3: whoever needs what another process is making is told which, and waits for
// it; one that is killed in the middle takes nothing with it and leaves nothing
// that is believed.
func TestCacheKilled(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell")
	}
	w := csrctest.New(t)
	dir := slowCompiler(t, w, "mod_wsgi.c")
	other := exec.Command(os.Args[0], "-test.run=^TestCacheHelper$")
	other.Env = append(w.Env, "MODWSGI_TEST_CACHE_WORLD="+w.Root)
	var said bytes.Buffer
	other.Stdout, other.Stderr = &said, &said
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "reached")); err != nil { // it compiles now
		t.Fatal(err)
	}

	o := cached(w, "mine")
	waits := ""
	o.Progress = func(_, _ int, what string) {
		if !strings.HasPrefix(what, "waiting") {
			return
		}
		waits = what
		if err := other.Process.Kill(); err != nil { // SIGKILL
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := csrc.Build(ctx, w.Runner(), o)
	_ = other.Process.Kill() // it was, unless nobody was told of it
	_ = other.Wait()
	letGo(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("waiting for process %d, which makes mod_wsgi.c for %s", other.Process.Pid, csrctest.ABI311); waits != want {
		t.Errorf("said %q, want %q; the other said %s", waits, want, &said)
	}
	if a.Compiled != 2 || a.Linked != 1 {
		t.Errorf("%+v", a)
	}
	wantReused(t, w, "later", 3)
	// And the folder in which it was killed is taken up again.
	if a := w.Build(cached(w, "killed")); a.Linked != 1 {
		t.Errorf("%+v", a)
	}
}

// letGo ends the compiler that outlived who started it.
func letGo(t *testing.T, dir string) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "pid"))))))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
}

// K-3: what dead writers left goes after a day; entries by age, and by size the
// longest unused first; what is used stays. Archives and trees are entries too.
func TestCacheTrim(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "c")
	c, err := csrc.OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	place := func(name string, size int, age time.Duration) {
		t.Helper()
		path := filepath.Join(dir, name)
		when := now.Add(-age)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, bytes.Repeat([]byte{1}, size), 0o600), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	place("objects/.x.12-0.tmp", 10, 25*time.Hour)
	place("objects/.y.13-0.tmp", 10, 23*time.Hour) // somebody may still be at it
	place("objects/old", 1000, 40*day)
	place("modules/middle", 1000, 20*day)
	place("sources/tree/a.c", 500, 10*day)
	place("archives/new", 1000, day)
	place("locks/free", 4, 2*day)
	place("locks/young", 4, time.Hour)
	place("apache-2.4/mod_wsgi.so", 10000, 99*day) // a build, not an entry
	release, err := fsx.Lock(t.Context(), filepath.Join(dir, "locks", "held"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	place("locks/held", 0, 2*day)

	left := func() string {
		var names []string
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
			if !e.IsDir() {
				names = append(names, filepath.Base(path))
			}
			return nil
		})
		return strings.Join(names, " ")
	}
	all := left()
	dry, err := c.Trim(csrc.Keep{Age: 30 * day, Dry: true}, now)
	if err != nil || left() != all || dry.Removed != 3 {
		t.Errorf("dry: %+v, %v: %s", dry, err, left())
	}
	for _, step := range []struct {
		keep  csrc.Keep
		want  string
		freed int64
	}{
		{csrc.Keep{Age: 30 * day}, "mod_wsgi.so new held young middle .y.13-0.tmp a.c", 1014},
		{csrc.Keep{Size: 2000}, "mod_wsgi.so new held young .y.13-0.tmp a.c", 1000},
		{csrc.Keep{}, "mod_wsgi.so new held young .y.13-0.tmp a.c", 0},
		{csrc.Keep{Size: 1}, "mod_wsgi.so held young .y.13-0.tmp", 1500},
	} {
		done, err := c.Trim(step.keep, now)
		if err != nil || left() != step.want || done.Freed != step.freed {
			t.Errorf("%+v: %+v, %v: left %s, want %s", step.keep, done, err, left(), step.want)
		}
	}

	// What is taken out counts as used.
	c.Put("objects", "k", []byte("data"))
	old := now.Add(-40 * day)
	if err := os.Chtimes(filepath.Join(dir, "objects/k"), old, old); err != nil {
		t.Fatal(err)
	}
	if data, ok := c.Get("objects", "k"); !ok || string(data) != "data" {
		t.Errorf("%q, %v", data, ok)
	}
	if _, err := c.Trim(csrc.Keep{Age: 30 * day}, now); err != nil || !strings.Contains(left(), " k") {
		t.Errorf("%v: %s", err, left())
	}
}
