package installer

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// built is a world with a build in it and an empty modules folder.
type built struct {
	*csrctest.World
	options csrc.Options
	from    Layout
	modules string
}

func newBuilt(t *testing.T) *built {
	t.Helper()
	w := csrctest.New(t)
	b := &built{World: w, options: w.Options("build"), modules: filepath.Join(w.Root, "modules")}
	b.options.Runtime = Runtime()
	w.Build(b.options)
	b.locate(t)
	if err := os.Mkdir(b.modules, 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *built) locate(t *testing.T) {
	t.Helper()
	var err error
	if b.from, err = Locate(b.options.Dir); err != nil {
		t.Fatal(err)
	}
}

// install installs and wants success.
func (b *built) install(t *testing.T) Layout {
	t.Helper()
	l, err := Install(t.Context(), b.from, b.modules)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestInstall(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	want := csrctest.Sums(t, b.options.Dir)

	l := b.install(t)
	got := csrctest.Sums(t, b.modules)
	if _, ok := got["mod_wsgi/manifest.json"]; !ok {
		t.Error("no manifest")
	}
	delete(got, "mod_wsgi/manifest.json")
	if !maps.Equal(got, want) {
		t.Errorf("installed %q\nbuilt %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if l.Module != filepath.Join(b.modules, "mod_wsgi.so") || l.Default != csrctest.ABI311 || len(l.Halves) != 2 {
		t.Errorf("%+v", l)
	}
	for path, mode := range map[string]fs.FileMode{l.Module: 0o644, l.Supervisor: 0o755, l.Halves[0].Host: 0o755, l.Folder: fs.ModeDir | 0o755, l.Halves[0].Dir: fs.ModeDir | 0o755} {
		if fi, err := os.Stat(path); err != nil || fi.Mode() != mode {
			t.Errorf("%s: %v, %v; want %v", path, fi.Mode(), err, mode)
		}
	}
	wantNoLeftovers(t, b.modules)

	// Again: nothing changes, not even a time.
	before := stat(t, l.Folder)
	if _, changed, err := InstallWith(t.Context(), b.from, b.modules, Options{}); changed || err != nil {
		t.Errorf("again: changed %v, %v", changed, err)
	}
	if after := stat(t, l.Folder); !after.ModTime().Equal(before.ModTime()) || !os.SameFile(after, before) {
		t.Error("a second install changed the folder")
	}

	// What Python itself writes there is nobody's reason to stop.
	if err := os.MkdirAll(filepath.Join(l.Python, "mod_wsgi", "__pycache__"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Python, "mod_wsgi", "__pycache__", "x.pyc"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b.Edit("wsgi_relay.c", "return x", "return x + 1")
	b.options.Source = b.Source
	b.Build(b.options)
	b.locate(t)
	open, err := os.Open(l.Module) // as an Apache that runs has it
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	old := stat(t, l.Module)
	b.install(t)
	if os.SameFile(old, stat(t, l.Module)) {
		t.Error("the module was written into")
	}
	if fi, err := open.Stat(); err != nil || fi.Size() != old.Size() || !fi.ModTime().Equal(old.ModTime()) {
		t.Error("the old module changed under who has it open")
	}
	wantNoLeftovers(t, b.modules)
}

// Whoever installs with a private umask: processes of other users must be able
// to run what is installed. Not parallel: the umask is the process's.
func TestInstallWithPrivateUmask(t *testing.T) {
	b := newBuilt(t)
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	b.options.Dir = filepath.Join(b.Root, "private")
	b.Build(b.options)
	b.locate(t)
	b.install(t)
	for _, root := range []string{b.from.Folder, filepath.Join(b.modules, "mod_wsgi")} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.Type()&fs.ModeSymlink != 0 {
				return err
			}
			if fi := stat(t, path); fi.Mode()&0o444 != 0o444 || fi.IsDir() && fi.Mode()&0o111 != 0o111 {
				t.Errorf("%s: %v", path, fi.Mode())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

// wantNoLeftovers fails if dir holds more than an installation.
func wantNoLeftovers(t *testing.T, dir string, more ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(append(more, "mod_wsgi.so", "mod_wsgi"), e.Name()) {
			t.Errorf("left over: %s", e.Name())
		}
	}
}

// A half that is there already stays beside the new one, with the default.
func TestInstallBesideAnotherPython(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	b.install(t)
	other := b.options
	other.Dir, other.Python = filepath.Join(b.Root, "other"), b.Pythons[1:]
	b.Build(other)
	b.options = other
	b.locate(t)
	if l := b.install(t); len(l.Halves) != 2 || l.Default != csrctest.ABI311 {
		t.Errorf("%d halves, default %s", len(l.Halves), l.Default)
	}

	// One that speaks another interface is of no use to the new module.
	b.Edit("wsgi_wire.h", "VERSION 7", "VERSION 8")
	b.options.Source = b.Source
	b.Build(b.options)
	b.locate(t)
	if l := b.install(t); len(l.Halves) != 1 || l.Default != csrctest.ABI313 {
		t.Errorf("%d halves, default %s", len(l.Halves), l.Default)
	}
}

// Whatever happens on the way, what was there is there again.
func TestInstallRollback(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	broken := errors.New("broken on purpose")
	try := func(what string, o Options) {
		t.Helper()
		before := csrctest.Sums(t, b.modules)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if o.after == nil {
			cancel()
		}
		if _, _, err := InstallWith(ctx, b.from, b.modules, o); !errors.Is(err, broken) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
		if !maps.Equal(before, csrctest.Sums(t, b.modules)) {
			t.Errorf("%s: not as before", what)
		}
		wantNoLeftovers(t, b.modules)
	}
	failAt := func(n int) Options {
		return Options{after: func(step int) error {
			if step == n {
				return broken
			}
			return nil
		}}
	}
	for _, first := range []bool{true, false} {
		try("interrupted", Options{})
		try("after the folder", failAt(1))
		try("after the module", failAt(2))
		if first {
			b.install(t)
			b.Edit("wsgi_relay.c", "return x", "return x + 1")
			b.options.Source = b.Source
			b.Build(b.options)
			b.locate(t)
		}
	}
}

// Nothing of anybody else's is replaced.
func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	module := filepath.Join(b.modules, "mod_wsgi.so")

	// A package manager that owns the file behind the link.
	bin := filepath.Join(b.Root, "bin")
	packaged := filepath.Join(b.modules, "mod_wsgi.so-3.11")
	script := "#!/bin/sh\nif [ \"$2\" = '" + strings.ReplaceAll(packaged, "'", `'\''`) + "' ]; then echo \"libapache2-mod-wsgi-py3: $2\"; else exit 1; fi\n"
	err := errors.Join(
		os.Mkdir(bin, 0o755),
		os.WriteFile(filepath.Join(bin, "dpkg-query"), []byte(script), 0o755),
		os.WriteFile(packaged, []byte("x"), 0o644),
		os.Symlink("mod_wsgi.so-3.11", module),
	)
	if err != nil {
		t.Fatal(err)
	}
	r := &run.Runner{Env: []string{"PATH=" + bin}}
	refuse := func(what, text, advice string) {
		t.Helper()
		before := csrctest.Sums(t, b.modules)
		_, _, err := InstallWith(t.Context(), b.from, b.modules, Options{Runner: r})
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(hint.Of(err), advice) || hint.Code(err) != hint.Refused {
			t.Errorf("%s: %v (hint %q, status %d)", what, err, hint.Of(err), hint.Code(err))
		}
		if !maps.Equal(before, csrctest.Sums(t, b.modules)) {
			t.Errorf("%s: something changed", what)
		}
	}
	refuse("a package's", "belongs to the package libapache2-mod-wsgi-py3 and is not replaced", "remove that package")
	if err := errors.Join(os.Remove(module), os.WriteFile(module, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	refuse("somebody's module", "was not installed by this program", "move it away")
	if err := errors.Join(os.Remove(module), os.Mkdir(filepath.Join(b.modules, "mod_wsgi"), 0o755)); err != nil {
		t.Fatal(err)
	}
	refuse("somebody's folder", "was not installed by this program", "move it away")
	if err := os.Remove(filepath.Join(b.modules, "mod_wsgi")); err != nil {
		t.Fatal(err)
	}

	l := b.install(t)
	own := filepath.Join(l.Folder, "notes.txt")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse("a file among ours", "notes.txt was not installed by this program", "move it away")
	if err := errors.Join(os.Remove(own), os.WriteFile(module, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	refuse("a module put over ours", "mod_wsgi.so is not as it was installed", "move it away")

	for what, dir := range map[string]string{"no folder": filepath.Join(b.Root, "none"), "the build folder": b.options.Dir} {
		if _, err := Install(t.Context(), b.from, dir); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// A copy that is not what it should be never takes its place.
func TestInstallVerifies(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	apache := *b.Apache
	apache.MMN.Major++
	_, _, err := InstallWith(t.Context(), b.from, b.modules, Options{Apache: &apache})
	if hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "this Apache has AP24 20120212") {
		t.Errorf("%v", err)
	}

	// An Apache that cannot load it, and one that can.
	httpd := filepath.Join(b.Root, "httpd")
	fake := func(status string) {
		t.Helper()
		// Both the machine of a real program and the behaviour of a script are
		// needed, so only the load check is asked.
		text := "#!/bin/sh\nwhile [ \"$1\" != -f ]; do shift; done\ngrep -q '^LoadModule wsgi_module \"' \"$2\" || exit 7\necho 'Syntax error' >&2\nexit " + status + "\n"
		if err := os.WriteFile(httpd, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	apache = *b.Apache
	apache.Httpd = httpd
	r := b.Runner()
	fake("1")
	check := VerifyLoad(t.Context(), r, b.from, apache)
	if err := Failures([]Check{check}); hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "exit status 1\nSyntax error") {
		t.Errorf("%v", err)
	}
	fake("0")
	if check := VerifyLoad(t.Context(), r, b.from, apache); check.Err != nil || check.NotRun != "" {
		t.Errorf("%+v", check)
	}
	apache.Httpd = ""
	if check := VerifyLoad(t.Context(), r, b.from, apache); check.NotRun == "" {
		t.Errorf("%+v", check)
	}
	wantNoLeftovers(t, b.modules)
}
